/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Avro datums by Apache Avro C, whose only home is avro.c: nothing of its
 * headers shows here. Containers are ocf.h's.
 *
 * A codec belongs to one schema and holds one datum at a time: set it and
 * encode, or decode and look at it. A struct av_value is a view of a part of
 * that datum, good until the next av_reset() or av_decode().
 *
 * Bytes to decode are untrusted: they are walked and checked against the
 * schema before Avro C sees them, since it neither bounds lengths, counts nor
 * depth itself.
 */
#ifndef CALVE_ICEBERG_AVRO_H
#define CALVE_ICEBERG_AVRO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/buf.h"
#include "common/err.h"
#include "worker/iceberg/avschema.h"

struct av_codec;
struct av_value {
	const struct av_node *node;
	void *iface, *self;
};

/* schema: Avro schema JSON with all its attributes. NULL: ERR_TABLE. */
struct av_codec *av_codec_new(const json_t *schema, struct err *) MUST_USE;
void av_codec_free(struct av_codec *);

struct av_value av_root(const struct av_codec *);
/* Empties the datum: zeros, empty texts and lists; unions have to be set. */
void av_reset(struct av_codec *);
/* Appends the datum. */
int av_encode(struct av_codec *, struct buf *out, struct err *) MUST_USE;
/* Reads one datum from the cursor, which then stands behind it. ERR_TABLE. */
int av_decode(struct av_codec *, struct cursor *, struct err *) MUST_USE;
/* Checks one datum without decoding it, for who copies it as it is; the cursor
 * then stands behind it. ERR_TABLE. */
int av_skip(
    const struct av_node *schema, struct cursor *, struct err *) MUST_USE;

/*
 * Looking. Unions are looked through. av_get_* return 1 with a value, 0 when
 * it is null, -1 when the schema has another type there.
 */
/* A record's field, by id or else by name; false: the schema has none. */
bool av_field(struct av_value record, int field_id, const char *name,
    struct av_value *out);
int av_get_long(struct av_value, int64_t *out); /* int or long */
int av_get_boolean(struct av_value, bool *out);
/* string, bytes or fixed; the bytes are the datum's */
int av_get_bytes(struct av_value, const void **out, size_t *n);
bool av_is_null(struct av_value);
size_t av_count(struct av_value array); /* 0 for null */
struct av_value av_item(struct av_value array, size_t i);

/*
 * Setting. A union takes its first branch that is not null (av_set_null: its
 * null). Values that do not fit the schema are our own mistake: assert.
 */
struct av_value av_at(struct av_value record, size_t i);
void av_set_null(struct av_value);
void av_set_long(struct av_value, int64_t);  /* int, long, float, double, */
void av_set_double(struct av_value, double); /* as the schema has it */
void av_set_boolean(struct av_value, bool);
void av_set_bytes(struct av_value, const void *, size_t n);
struct av_value av_set_array(struct av_value); /* an empty one */
struct av_value av_append(struct av_value array);

#endif
