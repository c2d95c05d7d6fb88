/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Avro object container files: the framing around datums. (Avro specification
 * 1.11, "Object Container Files".) The header carries the caller's schema
 * text as it is and any metadata keys, which Avro C cannot do.
 *
 * Reading takes a whole file in memory and trusts none of it; blocks may be
 * plain or deflated.
 */
#ifndef CALVE_ICEBERG_OCF_H
#define CALVE_ICEBERG_OCF_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/buf.h"
#include "common/err.h"

struct ocf_meta {
	const char *key, *value;
};

struct ocf_writer;

/* Creates path (which must not exist), writes the header; blocks are deflated.
 * schema is the text of avro.schema. */
struct ocf_writer *ocf_create(const char *path, const char *schema,
    const struct ocf_meta *, size_t nmeta, struct err *) MUST_USE;
/* Where the next datum is to be appended. */
struct buf *ocf_block(struct ocf_writer *);
/* One datum has been appended; full blocks are written. */
int ocf_commit(struct ocf_writer *, struct err *) MUST_USE;
/* Last block, fsync, close, free; *size is the file's. On an error the file is
 * removed. */
int ocf_close(struct ocf_writer *, uint64_t *size, struct err *) MUST_USE;
void ocf_abort(struct ocf_writer *); /* close, remove, free; NULL is fine */

struct ocf_reader;

/* data must outlive the reader. NULL: ERR_TABLE. */
struct ocf_reader *ocf_open(const void *data, size_t n, struct err *) MUST_USE;
void ocf_free(struct ocf_reader *);
const json_t *ocf_schema(const struct ocf_reader *);
/* Value of a header key, NULL when absent; NUL-terminated. */
const char *ocf_header(const struct ocf_reader *, const char *key);
/* The next block's datums: 1 with their bytes and number, 0 at the end of the
 * file, -1 ERR_TABLE. *out is good until the next call. */
int ocf_next(struct ocf_reader *, struct cursor *out, uint64_t *ndatums,
    struct err *) MUST_USE;

#endif
