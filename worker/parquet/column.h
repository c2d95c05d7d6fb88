/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One leaf's open column chunk: the pages already encoded, and the open page.
 *
 *   column_append -> column.c   cuts rows into pages, gathers values
 *                    page.c     encodes, compresses and frames a full page
 *   chunk_write   -> chunk.c    writes the chunk out, its metadata and index
 *
 * The open page keeps values in PLAIN form or, while the dictionary lasts, as
 * entries of it. The dictionary is given up early: after the first
 * DICTIONARY_SAMPLE values when nearly all are distinct (of 10,000 values that
 * come at random four in five are, then), after the first page when
 * that compresses better without it, later when it is full or new values keep
 * coming. Values that the open page holds as entries are expanded
 * then; finished pages keep theirs. What came of it is taken over by the
 * chunks that follow in the file, but for every CHUNKS_A_LOOK-th, which looks
 * at its data anew: a file of many partitions has many small row groups.
 *
 * Nothing is allocated before the first value, and chunk_write() frees all
 * but a few hundred bytes.
 */
#ifndef CALVE_PARQUET_COLUMN_H
#define CALVE_PARQUET_COLUMN_H

#include "common/buf.h"
#include "common/err.h"
#include "worker/batch.h"
#include "worker/parquet/dictionary.h"
#include "worker/parquet/encodings.h"
#include "worker/parquet/leaf.h"
#include "worker/parquet/statistics.h"
#include "worker/parquet/writer.h"

enum {
	DICTIONARY_SAMPLE = 4096,
	DICTIONARY_SIXTEENTHS = 15, /* distinct: more give it up */
	CHUNKS_A_LOOK = 8
};

/* Of the chunks before. */
enum verdict { VERDICT_NONE, VERDICT_DICTIONARY, VERDICT_OTHER };

/* A finished page as it will stand in the file: header and body. */
struct page {
	struct page *next;
	size_t size;
	uint8_t bytes[];
};

/* What the page index says of a data page; bounds lie in column.bounds. */
struct page_fact {
	uint32_t size; /* with header */
	bool all_null;
	int64_t first_row, nulls;
	uint32_t lower_at, lower_len, upper_at, upper_len;
};

struct column {
	const struct leaf *leaf;

	/* the open page */
	struct buf values; /* PLAIN form; booleans a byte each */
	struct buf index;  /* or uint32_t entries */
	struct buf def, rep;
	size_t rows, entries, nvalues;
	uint64_t cost;  /* bound of its encoded size */
	uint32_t known; /* dictionary entries when it began */
	struct stats page_stats;

	/* the open chunk */
	struct dictionary dict;
	bool dict_on;  /* for the values that come next */
	bool sampled;  /* or chosen before there was a sample: */
	size_t sample; /* values looked at, and their entries */
	uint32_t sample_entries;
	enum encoding other; /* where there is no dictionary */
	bool other_chosen;
	uint32_t dict_pages, other_pages, plain_pages;
	struct page *first_page, *last_page;
	struct page *dict_page; /* from chunk_end() on */
	struct page_fact *facts;
	size_t nfacts, facts_cap;
	struct buf bounds;
	bool no_index; /* some page has no bounds to give */
	int64_t chunk_rows, chunk_entries;
	uint64_t raw_bytes, page_bytes; /* of pages, headers included */
	struct stats chunk_stats;

	/* the file so far: what to expect, and its facts */
	enum verdict verdict;
	uint32_t chunks; /* since it was looked at */
	int64_t file_entries, file_bytes;
	struct stats file_stats;
};

void column_init(struct column *, const struct leaf *);
void column_clear(struct column *);
/* Rows of a batch that shred_check() found good. */
int column_append(struct column *, const struct parquet_options *,
    const struct batch *, size_t first, size_t n, struct err *) MUST_USE;
/* Bytes in the open page and the dictionary, roughly. */
uint64_t column_open(const struct column *);
size_t column_memory(const struct column *);

/* page.c. Ends the open page, which holds at least one row. */
int page_finish(
    struct column *, const struct parquet_options *, struct err *) MUST_USE;
/* page.c. The dictionary page; owned by the caller. */
struct page *page_dictionary(
    struct column *, const struct parquet_options *, struct err *) MUST_USE;

/* column.c, for page.c. No dictionary for what comes next; the open page's
 * entries become values. */
void column_drop_dictionary(struct column *);
/* column.c, for pack.c. The same where the values are there already. */
void column_forget_dictionary(struct column *);
/* column.c, for chunk.c. Frees the open page, which is empty. */
void column_close_page(struct column *);
/* column.c, for chunk.c. The next chunk begins. */
void column_reset(struct column *);

#endif
