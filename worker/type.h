/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Iceberg's types as a tree, the vocabulary of batch, parquet and iceberg.
 * (Iceberg table specification, "Schemas and Data Types", format v2.)
 *
 * A field owns its name, doc and type. Field ids are unique over the whole
 * tree; 0 means "not assigned yet".
 */
#ifndef CALVE_TYPE_H
#define CALVE_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

enum type_kind {
	TYPE_BOOLEAN = 1,
	TYPE_INT,
	TYPE_LONG,
	TYPE_FLOAT,
	TYPE_DOUBLE,
	TYPE_DECIMAL,
	TYPE_DATE,
	TYPE_TIME,
	TYPE_TIMESTAMP,
	TYPE_TIMESTAMPTZ,
	TYPE_STRING,
	TYPE_UUID,
	TYPE_FIXED,
	TYPE_BINARY,
	TYPE_STRUCT,
	TYPE_LIST,
	TYPE_MAP
};

struct field;

struct type {
	enum type_kind kind;
	uint8_t precision, scale; /* TYPE_DECIMAL */
	uint32_t length;          /* TYPE_FIXED */
	size_t nfields;           /* struct: n; list: 1 (element); */
	struct field *fields;     /* map: 2 (key, value) */
};

struct field {
	int id;
	char *name;
	bool required;
	struct type type;
	char *doc; /* NULL: none */
};

bool type_is_nested(const struct type *);
bool type_equal(const struct type *, const struct type *); /* ids ignored,
			 * names of struct fields and required compared */
void type_copy(struct type *dst, const struct type *src);
void type_clear(struct type *);
void field_copy(struct field *dst, const struct field *src);
void field_clear(struct field *);

/* Adds an empty field at the end and returns it; valid until the next add. */
struct field *type_add_field(
    struct type *, const char *name, bool required, enum type_kind);

/* "decimal(20, 0)", "list<string>", "struct<a: int, b: map<string, long>>" */
void type_format(const struct type *, struct buf *out);

/* Bytes of one value in a batch and in Parquet's fixed physical form:
 * boolean 1, int/date 4, long/time/timestamps 8, float 4, double 8,
 * decimal 4 (P <= 9), 8 (P <= 18), 16 (little-endian, P <= 38), uuid 16
 * (big-endian), fixed its length; 0 for string, binary and nested. */
uint32_t type_width(const struct type *);

/* Leaves in depth-first schema order. */
size_t type_leaf_count(const struct type *);
/* The field with that id anywhere in the tree, or NULL. */
const struct field *type_find_id(const struct type *, int id);
/* The direct child with that name, or -1. */
int type_find_name(const struct type *, const char *name);
int type_highest_id(const struct type *);

/* 10^digits, digits 0 to 38: what a decimal's scale or precision counts. */
__int128 ten_to(unsigned digits);

#endif
