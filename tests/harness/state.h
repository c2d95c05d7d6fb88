/* SPDX-License-Identifier: Apache-2.0 */
/* A throw-away state database for one test program, by scripts/servers.sh. */
#ifndef CALVE_TEST_STATE_H
#define CALVE_TEST_STATE_H

#include <stddef.h>

/* Starts one in build/test/NAME; dies with a message when that fails. */
void state_start(const char *name);
/* Its connection string, valid until the end. */
const char *state_conninfo(void);
void state_stop(const char *how); /* "fast" or "immediate" */
void state_restart(void);
/* First column of the first row, "" when there is none; owned by the caller.
 * A connection of its own each time. */
char *state_ask(const char *sql);
/* Everything in it gone, tables not made. */
void state_wipe(void);

#endif
