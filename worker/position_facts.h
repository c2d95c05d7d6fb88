/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The facts that reconcile() decides by, gathered from their three places: the
 * watermark row, the source and the target's history.
 */
#ifndef CALVE_POSITION_FACTS_H
#define CALVE_POSITION_FACTS_H

#include "worker/origin_text.h"
#include "worker/reconcile.h"
#include "worker/source/source.h"
#include "worker/target.h"
#include "worker/watermark.h"

/* Texts behind the facts. */
struct position_owner {
	char *table, *source_uuid;
	struct origin_words words;
};
void position_owner_clear(struct position_owner *);

/* The row must have been read, the source described. Facts borrow of all that
 * is handed in; their history only until target_history() is called again. */
int position_read(struct watermark *, struct target *,
    const struct source_table *, const struct table *, struct reconcile_facts *,
    struct position_owner *, struct err *) MUST_USE;

#endif
