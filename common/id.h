/* SPDX-License-Identifier: Apache-2.0 */
/* Identifiers: random (version 4) UUIDs, and the snapshot id of a run. */
#ifndef CALVE_ID_H
#define CALVE_ID_H

#include <stdbool.h>
#include <stdint.h>

enum { UUID_TEXT = 37 }; /* 36 characters and the NUL */

void uuid_random(char out[UUID_TEXT]);
/* Lower-case canonical form; false when text is not a UUID. */
bool uuid_parse(const char *text, uint8_t out[16]);
void uuid_format(const uint8_t in[16], char out[UUID_TEXT]);
/*
 * Positive and never 0: the halves of the run's UUID XORed, sign masked, as
 * Iceberg's Java writer derives them (format.md 1.4), mixed with the step so
 * that each step's commit has an id of its own. step 0 is the plain XOR.
 */
int64_t snapshot_id_of(const char *run_uuid, unsigned step);

#endif
