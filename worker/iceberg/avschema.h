/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Avro schemas as a tree, parsed from the JSON in a file's header. Avro C's
 * parser drops every attribute it does not know, Iceberg's field ids among
 * them: this one keeps them. (Avro specification 1.11, "Schema Declaration";
 * Iceberg specification, Appendix A "Avro".)
 *
 * Named types are written out at each place that refers to them, so that the
 * result is a plain tree; a recursive schema is refused. Input is untrusted:
 * depth and number of nodes are bounded.
 */
#ifndef CALVE_ICEBERG_AVSCHEMA_H
#define CALVE_ICEBERG_AVSCHEMA_H

#include <jansson.h>

#include "common/err.h"

enum av_kind {
	AV_NULL,
	AV_BOOLEAN,
	AV_INT,
	AV_LONG,
	AV_FLOAT,
	AV_DOUBLE,
	AV_BYTES,
	AV_STRING,
	AV_RECORD,
	AV_ENUM,
	AV_ARRAY,
	AV_MAP,
	AV_UNION,
	AV_FIXED
};

struct av_node {
	enum av_kind kind;
	int field_id;          /* of a record's field; -1 none */
	char *name;            /* of a record's field, else NULL */
	size_t size;           /* AV_FIXED: bytes; AV_ENUM: symbols */
	size_t nchildren;      /* record: fields; union: branches; */
	struct av_node *child; /* array and map: the one element */
};

/* The tree of a schema, owned by the caller; NULL: ERR_TABLE. */
struct av_node *avschema_parse(const json_t *, struct err *) MUST_USE;
void avschema_free(struct av_node *);

/* Index of a record's field: by field id, else by name, else -1. */
int avschema_find(const struct av_node *record, int field_id, const char *name);

/* The same shape with made-up names and no attributes, for Avro C, which
 * neither takes every legal name nor an empty record. */
json_t *avschema_bare(const struct av_node *);

#endif
