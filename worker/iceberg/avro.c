/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datum codec over Avro C's generic values, and the walk that makes foreign
 * bytes safe for it.
 *
 * Avro C allocates what a length says before it looks whether the bytes are
 * there, counts an array's negative block of INT64_MIN items as many, and
 * builds zero-width items without end; so av_decode() first walks the datum
 * by our own tree (walk below) and hands over just the bytes that were found
 * good. Memory comes from xmalloc's family: a failure ends the process in the
 * one agreed way instead of somewhere inside the library.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <avro.h>

#include "common/xalloc.h"
#include "worker/iceberg/avro.h"

enum {
	VALUES_MAX = 1 << 20, /* values of a datum that take no bytes */
	DATUM_MAX = 1 << 28   /* bytes */
};

struct av_codec {
	struct av_node *node;
	avro_schema_t schema;
	avro_value_iface_t *iface;
	avro_value_t value;
	avro_reader_t reader;
	avro_writer_t writer;
};

static void *
allocate(void *user, void *ptr, size_t osize, size_t nsize)
{
	(void)user;
	(void)osize;
	if (nsize == 0) {
		free(ptr);
		return NULL;
	}
	return xreallocarray(ptr, 1, nsize);
}

/* Avro C parses text only. */
static int
make_class(struct av_codec *codec, struct err *err)
{
	json_t *bare = avschema_bare(codec->node);
	char *text = json_dumps(bare, JSON_COMPACT | JSON_ENCODE_ANY);

	json_decref(bare);
	if (text == NULL)
		return err_set(err, ERR_NOMEM, "no memory for an avro schema");
	int rc =
	    avro_schema_from_json_length(text, strlen(text), &codec->schema);
	free(text);
	if (rc != 0)
		return err_set(err, ERR_TABLE, "avro schema is not usable: %s",
		    avro_strerror());
	codec->iface = avro_generic_class_from_schema(codec->schema);
	if (codec->iface == NULL ||
	    avro_generic_value_new(codec->iface, &codec->value) != 0)
		return err_set(err, ERR_TABLE, "avro schema is not usable: %s",
		    avro_strerror());
	codec->reader = avro_reader_memory("", 0);
	codec->writer = avro_writer_memory("", 0);
	return 0;
}

struct av_codec *
av_codec_new(const json_t *schema, struct err *err)
{
	/* before its first allocation; again is harmless */
	avro_set_allocator(allocate, NULL);

	struct av_node *node = avschema_parse(schema, err);
	if (node == NULL)
		return NULL;
	struct av_codec *codec = xcalloc(1, sizeof(*codec));
	codec->node = node;
	if (make_class(codec, err) == -1) {
		av_codec_free(codec);
		return NULL;
	}
	return codec;
}

void
av_codec_free(struct av_codec *codec)
{
	if (codec == NULL)
		return;
	if (codec->reader != NULL)
		avro_reader_free(codec->reader);
	if (codec->writer != NULL)
		avro_writer_free(codec->writer);
	if (codec->value.iface != NULL)
		avro_value_decref(&codec->value);
	if (codec->iface != NULL)
		avro_value_iface_decref(codec->iface);
	if (codec->schema != NULL)
		avro_schema_decref(codec->schema);
	avschema_free(codec->node);
	free(codec);
}

struct av_value
av_root(const struct av_codec *codec)
{
	return (struct av_value){ codec->node, codec->value.iface,
		codec->value.self };
}

void
av_reset(struct av_codec *codec)
{
	avro_value_reset(&codec->value);
}

int
av_encode(struct av_codec *codec, struct buf *out, struct err *err)
{
	size_t size = 0;

	if (avro_value_sizeof(&codec->value, &size) != 0)
		return err_set(err, ERR_BUG, "cannot measure a datum: %s",
		    avro_strerror());
	uint8_t *to = buf_reserve(out, size + 1);
	if (to == NULL)
		return err_set(err, ERR_LIMIT,
		    "avro datum of %zu bytes is "
		    "too large",
		    size);
	avro_writer_memory_set_dest(codec->writer, (char *)to, (int64_t)size);
	if (avro_value_write(codec->writer, &codec->value) != 0)
		return err_set(
		    err, ERR_BUG, "cannot encode a datum: %s", avro_strerror());
	out->len += (size_t)avro_writer_tell(codec->writer);
	return 0;
}

/* ---- checking foreign bytes ------------------------------------------- */

struct walk {
	struct cursor *c;
	uint64_t nvalues; /* left */
};

static bool walk(struct walk *, const struct av_node *);

static bool
skip_bytes(struct walk *w)
{
	int64_t n = cursor_zigzag(w->c);

	return !w->c->bad && n >= 0 && (uint64_t)n <= cursor_left(w->c) &&
	    cursor_take(w->c, (size_t)n) != NULL;
}

/* Arrays and maps: blocks of items, ended by an empty one. A negative count
 * is followed by the block's size in bytes. */
static bool
walk_blocks(struct walk *w, const struct av_node *node)
{
	for (;;) {
		int64_t n = cursor_zigzag(w->c), size = -1;
		if (w->c->bad || n == INT64_MIN)
			return false;
		if (n == 0)
			return true;
		if (n < 0) {
			n = -n;
			size = cursor_zigzag(w->c);
			if (w->c->bad || size < 0)
				return false;
		}
		size_t before = cursor_left(w->c);
		for (; n > 0; n--)
			if ((node->kind == AV_MAP && !skip_bytes(w)) ||
			    !walk(w, &node->child[0]))
				return false;
		if (size >= 0 && (uint64_t)size != before - cursor_left(w->c))
			return false;
	}
}

static bool
walk_children(struct walk *w, const struct av_node *node)
{
	for (size_t i = 0; i < node->nchildren; i++)
		if (!walk(w, &node->child[i]))
			return false;
	return true;
}

static bool
walk(struct walk *w, const struct av_node *node)
{
	struct cursor *c = w->c;
	int64_t n;

	if (w->nvalues-- == 0)
		return false;
	switch (node->kind) {
	case AV_NULL:
		return true;
	case AV_BOOLEAN:
		return cursor_u8(c) <= 1 && !c->bad;
	case AV_INT:
		n = cursor_zigzag(c);
		return !c->bad && n >= INT32_MIN && n <= INT32_MAX;
	case AV_LONG:
		(void)cursor_zigzag(c);
		return !c->bad;
	case AV_FLOAT:
		return cursor_take(c, 4) != NULL;
	case AV_DOUBLE:
		return cursor_take(c, 8) != NULL;
	case AV_BYTES:
	case AV_STRING:
		return skip_bytes(w);
	case AV_FIXED:
		return cursor_take(c, node->size) != NULL;
	case AV_ENUM:
		n = cursor_zigzag(c);
		return !c->bad && n >= 0 && (uint64_t)n < node->size;
	case AV_UNION:
		n = cursor_zigzag(c);
		return !c->bad && n >= 0 && (uint64_t)n < node->nchildren &&
		    walk(w, &node->child[n]);
	case AV_RECORD:
		return walk_children(w, node);
	case AV_ARRAY:
	case AV_MAP:
		return walk_blocks(w, node);
	}
	return false;
}

int
av_skip(const struct av_node *schema, struct cursor *c, struct err *err)
{
	struct walk w = { c, VALUES_MAX + (uint64_t)cursor_left(c) };

	return walk(&w, schema) && !c->bad
	    ? 0
	    : err_set(err, ERR_TABLE, "avro data is malformed");
}

int
av_decode(struct av_codec *codec, struct cursor *c, struct err *err)
{
	const uint8_t *from = c->p;

	if (av_skip(codec->node, c, err) == -1)
		return -1;
	size_t n = (size_t)(c->p - from);
	if (n > DATUM_MAX)
		return err_set(err, ERR_TABLE, "avro datum is too large");
	avro_reader_memory_set_source(
	    codec->reader, (const char *)from, (int64_t)n);
	avro_value_reset(&codec->value);
	if (avro_value_read(codec->reader, &codec->value) != 0)
		return err_set(err, ERR_TABLE, "cannot decode avro data: %s",
		    avro_strerror());
	return 0;
}

/* ---- looking ---------------------------------------------------------- */

static avro_value_t
raw(struct av_value v)
{
	return (avro_value_t){ v.iface, v.self };
}

static struct av_value
view(const struct av_node *node, avro_value_t v)
{
	return (struct av_value){ node, v.iface, v.self };
}

/* The value inside a union, itself otherwise. */
static struct av_value
unwrap(struct av_value v)
{
	if (v.node->kind != AV_UNION)
		return v;
	avro_value_t value = raw(v), branch;
	int which;
	if (avro_value_get_discriminant(&value, &which) != 0 || which < 0 ||
	    avro_value_get_current_branch(&value, &branch) != 0)
		return (struct av_value){ v.node, NULL, NULL };
	return view(&v.node->child[which], branch);
}

bool
av_field(
    struct av_value v, int field_id, const char *name, struct av_value *out)
{
	v = unwrap(v);
	int i = avschema_find(v.node, field_id, name);
	if (i == -1)
		return false;
	*out = av_at(v, (size_t)i);
	return true;
}

bool
av_is_null(struct av_value v)
{
	return unwrap(v).node->kind == AV_NULL;
}

int
av_get_long(struct av_value v, int64_t *out)
{
	v = unwrap(v);
	avro_value_t value = raw(v);
	int32_t small;

	switch (v.node->kind) {
	case AV_NULL:
		return 0;
	case AV_INT:
		if (avro_value_get_int(&value, &small) != 0)
			return -1;
		*out = small;
		return 1;
	case AV_LONG:
		return avro_value_get_long(&value, out) == 0 ? 1 : -1;
	default:
		return -1;
	}
}

int
av_get_boolean(struct av_value v, bool *out)
{
	v = unwrap(v);
	avro_value_t value = raw(v);
	int b;

	if (v.node->kind == AV_NULL)
		return 0;
	if (v.node->kind != AV_BOOLEAN ||
	    avro_value_get_boolean(&value, &b) != 0)
		return -1;
	*out = b != 0;
	return 1;
}

int
av_get_bytes(struct av_value v, const void **out, size_t *n)
{
	v = unwrap(v);
	avro_value_t value = raw(v);
	const char *text;

	switch (v.node->kind) {
	case AV_NULL:
		return 0;
	case AV_BYTES:
		return avro_value_get_bytes(&value, out, n) == 0 ? 1 : -1;
	case AV_FIXED:
		return avro_value_get_fixed(&value, out, n) == 0 ? 1 : -1;
	case AV_STRING:
		if (avro_value_get_string(&value, &text, n) != 0 || *n == 0)
			return -1;
		*out = text;
		*n -= 1; /* Avro C counts its NUL */
		return 1;
	default:
		return -1;
	}
}

size_t
av_count(struct av_value v)
{
	v = unwrap(v);
	avro_value_t value = raw(v);
	size_t n = 0;

	if (v.node->kind != AV_ARRAY || avro_value_get_size(&value, &n) != 0)
		return 0;
	return n;
}

struct av_value
av_item(struct av_value v, size_t i)
{
	v = unwrap(v);
	avro_value_t value = raw(v), child;
	int rc = avro_value_get_by_index(&value, i, &child, NULL);
	assert(rc == 0);
	return view(&v.node->child[0], child);
}

/* ---- setting ---------------------------------------------------------- */

struct av_value
av_at(struct av_value v, size_t i)
{
	avro_value_t value = raw(v), child;

	assert(v.node->kind == AV_RECORD && i < v.node->nchildren);
	int rc = avro_value_get_by_index(&value, i, &child, NULL);
	assert(rc == 0);
	return view(&v.node->child[i], child);
}

/* Chooses a union's branch: the null one, or the first other. */
static struct av_value
choose(struct av_value v, bool null)
{
	if (v.node->kind != AV_UNION)
		return v;
	size_t i = 0;
	while (
	    i < v.node->nchildren && (v.node->child[i].kind == AV_NULL) != null)
		i++;
	assert(i < v.node->nchildren);
	avro_value_t value = raw(v), branch;
	int rc = avro_value_set_branch(&value, (int)i, &branch);
	assert(rc == 0);
	return view(&v.node->child[i], branch);
}

void
av_set_null(struct av_value v)
{
	v = choose(v, true);
	avro_value_t value = raw(v);
	int rc = avro_value_set_null(&value);
	assert(rc == 0);
}

void
av_set_long(struct av_value v, int64_t n)
{
	v = choose(v, false);
	avro_value_t value = raw(v);
	assert(v.node->kind != AV_INT || (n >= INT32_MIN && n <= INT32_MAX));
	int rc = v.node->kind == AV_INT ? avro_value_set_int(&value, (int32_t)n)
					: avro_value_set_long(&value, n);
	assert(rc == 0);
}

void
av_set_double(struct av_value v, double d)
{
	v = choose(v, false);
	avro_value_t value = raw(v);
	int rc = v.node->kind == AV_FLOAT
	    ? avro_value_set_float(&value, (float)d)
	    : avro_value_set_double(&value, d);
	assert(rc == 0);
}

void
av_set_boolean(struct av_value v, bool b)
{
	v = choose(v, false);
	avro_value_t value = raw(v);
	int rc = avro_value_set_boolean(&value, b);
	assert(rc == 0);
}

/* Avro C copies the bytes; its parameter only lacks the const. */
static void *
unconst(const void *p)
{
	union {
		const void *in;
		void *out;
	} u = { p };

	return u.out;
}

void
av_set_bytes(struct av_value v, const void *p, size_t n)
{
	v = choose(v, false);
	avro_value_t value = raw(v);
	int rc;

	if (v.node->kind == AV_STRING) {
		/* it wants the NUL counted and there */
		char *text = xmalloc(n + 1);
		memcpy(text, p, n);
		text[n] = '\0';
		rc = avro_value_set_string_len(&value, text, n + 1);
		free(text);
	} else if (v.node->kind == AV_FIXED) {
		assert(n == v.node->size);
		rc = avro_value_set_fixed(&value, unconst(p), n);
	} else {
		/* NULL is no buffer to it, whatever the length */
		rc = avro_value_set_bytes(
		    &value, n > 0 ? unconst(p) : (void *)"", n);
	}
	assert(rc == 0);
}

struct av_value
av_set_array(struct av_value v)
{
	v = choose(v, false);
	avro_value_t value = raw(v);
	int rc = avro_value_reset(&value);
	assert(v.node->kind == AV_ARRAY && rc == 0);
	return v;
}

struct av_value
av_append(struct av_value v)
{
	avro_value_t value = raw(v), child;
	int rc = avro_value_append(&value, &child, NULL);
	assert(rc == 0);
	return view(&v.node->child[0], child);
}
