/* SPDX-License-Identifier: Apache-2.0 */
/* One entry of `tables`; for config.c alone. */
#ifndef CALVE_CONFIG_TABLE_H
#define CALVE_CONFIG_TABLE_H

#include <stdbool.h>

#include "coordinator/config_keys.h"

/*
 * Reads node into t, the last of c's tables so far, on top of what root says
 * in `defaults`. Sections but `tables` are known. After a failure t is still
 * to be cleared.
 */
int table_read(struct key_reader *, const struct node *node,
    const struct node *root, struct config *, struct config_table *t) MUST_USE;
void table_clear(struct config_table *);

/* One part of a dotted name; it may become a folder's name. */
bool table_is_name(const char *);

#endif
