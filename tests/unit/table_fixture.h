/* SPDX-License-Identifier: Apache-2.0 */
/* A table a.b.t in a folder of the test's own, and a link(2) whose next answer
 * can be chosen: the fixture's stands before libc's. */
#ifndef CALVE_TESTS_TABLE_FIXTURE_H
#define CALVE_TESTS_TABLE_FIXTURE_H

#include <stdint.h>

#include <jansson.h>

#include "worker/iceberg/table.h"

extern char *fixture_folder; /* the warehouse */
extern struct err fixture_err;
const char *fixture_path(const char *name); /* as scratch_path() */
void fixture_make(void);
void fixture_remove(void);

void fixture_clear(const char *name); /* a folder with all that is in it */
void fixture_empty(const char *name); /* only the files in it */

enum link_mode { LINK_WORKS, LINK_FAILS, LINK_LOSES_REPLY };
extern enum link_mode link_mode; /* of the next call only */
extern int link_errno;
/* called once, then forgotten */
extern void (*before_link)(void), (*after_link)(void);

/* Of tables made from now on, where there are any. */
extern const struct kv *fixture_properties;
extern size_t fixture_nproperties;

int create(const char *name, struct table **out);
struct table *load(void);
struct table *fresh_table(void); /* created */
/* Appends one file of one row named after the id; `more` gives what else. */
int append_to(const struct table *base, int64_t id, const struct append *more,
    struct table **out, struct err *);
void appends(int64_t id); /* to the newest version */
void links(json_t *root); /* as the newest version */

int names(const char *prefix); /* how many in the metadata folder */
int64_t hint(void);            /* -1: none */
void set_hint(const char *text);
int count_files(const struct table *); /* each at most once */

#endif
