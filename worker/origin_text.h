/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as texts: words KEY=VALUE with a space between, in table properties
 * and in the watermark row. In a value all that is no letter, digit or one of
 * "-._:/" is written as %XX, so that names may hold anything.
 *
 *   timestamp= sequence= snapshot= parent=   the position and its commit
 *   number=                                  that one's sequence number
 *   source= uuid= table=                     whose it is (history.h)
 *   by= then= final=                         the columns of timestamp and
 *                                            sequence, and FINAL
 *
 * Earlier versions have the first line only. Unknown words are skipped.
 */
#ifndef CALVE_ORIGIN_TEXT_H
#define CALVE_ORIGIN_TEXT_H

#include "common/err.h"
#include "worker/history.h"

/* Fresh strings. */
char *record_text(const struct record *);
char *origin_columns_text(const struct origin *);

/* The texts that a record read from a text borrows: one allocation. */
struct origin_words {
	char *memory;
};
void origin_words_clear(struct origin_words *);

/* ERR_TABLE where position or snapshot cannot be read. */
int record_parse(const char *text, struct record *, struct origin_words *,
    struct err *) MUST_USE;
/* by=, then= and final= alone; what is missing is not recorded. */
void origin_columns_parse(
    const char *text, struct origin *, struct origin_words *);

#endif
