/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Framing of Avro object container files: "Obj" 1, a map of metadata, 16
 * random bytes, then blocks of {number of datums, bytes, data, the 16 bytes}.
 *
 * Owns zlib's raw deflate of the blocks. The writer streams into the store,
 * so that a manifest of many files needs no more memory than a block.
 */
#include <sys/random.h>

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "common/xalloc.h"
#include "worker/iceberg/ocf.h"
#include "worker/store/store.h"

enum {
	SYNC = 16,
	BLOCK = 64000, /* of datums, as Avro's Java writer */
	INFLATED_MAX = 1 << 28,
	HEADER_KEYS_MAX = 256
};

/* ---- writing ---------------------------------------------------------- */

struct ocf_writer {
	struct store_file *file;
	struct buf block; /* datums not yet written */
	struct buf out;   /* scratch: a framed block */
	uint64_t ndatums; /* in block */
	uint8_t sync[SYNC];
};

static void
put_avro_bytes(struct buf *b, const void *p, size_t n)
{
	buf_put_zigzag(b, (int64_t)n);
	buf_put(b, p, n);
}

static void
put_pair(struct buf *b, const char *key, const char *value)
{
	put_avro_bytes(b, key, strlen(key));
	put_avro_bytes(b, value, strlen(value));
}

static void
writer_free(struct ocf_writer *w)
{
	buf_clear(&w->block);
	buf_clear(&w->out);
	free(w);
}

void
ocf_abort(struct ocf_writer *w)
{
	if (w == NULL)
		return;
	if (w->file != NULL)
		store_abort(w->file);
	writer_free(w);
}

struct ocf_writer *
ocf_create(const char *path, const char *schema, const struct ocf_meta *meta,
    size_t nmeta, struct err *err)
{
	struct ocf_writer *w = xcalloc(1, sizeof(*w));

	buf_init(&w->block, 0);
	buf_init(&w->out, 0);
	while (getrandom(w->sync, SYNC, 0) != SYNC)
		continue;
	w->file = store_create(path, err);
	if (w->file == NULL)
		goto fail;

	struct buf *b = &w->out;
	buf_put(b, "Obj\1", 4);
	buf_put_zigzag(b, (int64_t)nmeta + 2);
	for (size_t i = 0; i < nmeta; i++)
		put_pair(b, meta[i].key, meta[i].value);
	put_pair(b, "avro.codec", "deflate");
	put_pair(b, "avro.schema", schema);
	buf_put_zigzag(b, 0);
	buf_put(b, w->sync, SYNC);
	if (b->over) {
		err_set(err, ERR_LIMIT, "header of '%s' is too large", path);
		goto fail;
	}
	if (store_append(w->file, b->data, b->len, err) == -1)
		goto fail;
	return w;
fail:
	ocf_abort(w);
	return NULL;
}

struct buf *
ocf_block(struct ocf_writer *w)
{
	return &w->block;
}

/* Else zlib words want of memory as it words damage. */
static voidpf
allocate(voidpf arg, uInt n, uInt size)
{
	(void)arg;
	return xcalloc(n, size);
}

static void
release(voidpf arg, voidpf p)
{
	(void)arg;
	free(p);
}

/* Deflates all of in behind what out holds. */
static int
deflate_into(struct buf *out, const struct buf *in, struct err *err)
{
	z_stream z = { .zalloc = allocate, .zfree = release };

	if (in->len > INT32_MAX)
		return err_set(err, ERR_LIMIT, "avro block is too large");
	/* negative window bits: raw, as Avro wants it */
	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8,
		Z_DEFAULT_STRATEGY) != Z_OK)
		return err_set(err, ERR_NOMEM, "no memory to deflate");
	size_t room = deflateBound(&z, (uLong)in->len);
	uint8_t *to = buf_reserve(out, room);
	z.next_in = in->data;
	z.avail_in = (uInt)in->len;
	z.next_out = to;
	z.avail_out = (uInt)room;
	int rc = to != NULL ? deflate(&z, Z_FINISH) : Z_MEM_ERROR;
	if (rc == Z_STREAM_END)
		out->len += room - z.avail_out;
	(void)deflateEnd(&z);
	return rc == Z_STREAM_END
	    ? 0
	    : err_set(err, ERR_LIMIT, "avro block is too large to deflate");
}

static int
flush_block(struct ocf_writer *w, struct err *err)
{
	struct buf packed;

	if (w->ndatums == 0)
		return 0;
	if (w->block.over)
		return err_set(err, ERR_LIMIT,
		    "avro block of '%s' is too "
		    "large",
		    store_path(w->file));
	buf_init(&packed, 0);
	int rc = deflate_into(&packed, &w->block, err);
	if (rc == 0) {
		buf_reset(&w->out);
		buf_put_zigzag(&w->out, (int64_t)w->ndatums);
		put_avro_bytes(&w->out, packed.data, packed.len);
		buf_put(&w->out, w->sync, SYNC);
		rc = store_append(w->file, w->out.data, w->out.len, err);
	}
	buf_clear(&packed);
	buf_reset(&w->block);
	w->ndatums = 0;
	return rc;
}

int
ocf_commit(struct ocf_writer *w, struct err *err)
{
	w->ndatums++;
	return w->block.len >= BLOCK ? flush_block(w, err) : 0;
}

int
ocf_close(struct ocf_writer *w, uint64_t *size, struct err *err)
{
	if (flush_block(w, err) == -1) {
		ocf_abort(w);
		return -1;
	}
	*size = store_size(w->file);
	int rc = store_close(w->file, err);
	writer_free(w);
	return rc;
}

/* ---- reading ---------------------------------------------------------- */

struct header_key {
	char *key, *value;
	size_t len;
};

struct ocf_reader {
	struct cursor c;
	struct header_key keys[HEADER_KEYS_MAX];
	size_t nkeys;
	json_t *schema;
	bool deflated;
	const uint8_t *sync;
	struct buf block; /* inflated */
};

void
ocf_free(struct ocf_reader *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->nkeys; i++) {
		free(r->keys[i].key);
		free(r->keys[i].value);
	}
	json_decref(r->schema);
	buf_clear(&r->block);
	free(r);
}

/* Avro string or bytes as a fresh NUL-terminated copy; NULL: malformed. */
static char *
get_avro_bytes(struct cursor *c, size_t *len)
{
	int64_t n = cursor_zigzag(c);

	if (c->bad || n < 0 || (uint64_t)n > cursor_left(c))
		return NULL;
	*len = (size_t)n;
	const uint8_t *p = cursor_take(c, *len);
	if (p == NULL && n > 0)
		return NULL;
	char *copy = xmalloc(*len + 1);
	if (n > 0)
		memcpy(copy, p, *len);
	copy[*len] = '\0';
	return copy;
}

static bool
read_pairs(struct ocf_reader *r)
{
	for (;;) {
		int64_t n = cursor_zigzag(&r->c);
		if (r->c.bad || n == INT64_MIN)
			return false;
		if (n == 0)
			return true;
		if (n < 0) {
			n = -n;
			(void)cursor_zigzag(&r->c);
		}
		for (; n > 0; n--) {
			if (r->nkeys == HEADER_KEYS_MAX)
				return false;
			struct header_key *k = &r->keys[r->nkeys];
			size_t len;
			if ((k->key = get_avro_bytes(&r->c, &len)) == NULL)
				return false;
			r->nkeys++;
			if ((k->value = get_avro_bytes(&r->c, &k->len)) == NULL)
				return false;
		}
	}
}

static const struct header_key *
find_key(const struct ocf_reader *r, const char *key)
{
	for (size_t i = 0; i < r->nkeys; i++)
		if (strcmp(r->keys[i].key, key) == 0)
			return &r->keys[i];
	return NULL;
}

static int
read_header(struct ocf_reader *r, struct err *err)
{
	json_error_t why;
	const uint8_t *magic = cursor_take(&r->c, 4);

	if (magic == NULL || memcmp(magic, "Obj\1", 4) != 0)
		return err_set(err, ERR_TABLE, "not an avro file");
	if (!read_pairs(r) || (r->sync = cursor_take(&r->c, SYNC)) == NULL)
		return err_set(err, ERR_TABLE, "avro header is malformed");

	const char *codec = ocf_header(r, "avro.codec");
	r->deflated = codec != NULL && strcmp(codec, "deflate") == 0;
	if (codec != NULL && !r->deflated && strcmp(codec, "null") != 0)
		return err_set(err, ERR_TABLE,
		    "avro codec '%.40s' is not "
		    "supported; set write.avro.compression-codec to gzip and "
		    "rewrite the manifests",
		    codec);
	const struct header_key *schema = find_key(r, "avro.schema");
	if (schema == NULL)
		return err_set(err, ERR_TABLE, "avro header has no schema");
	r->schema = json_loadb(schema->value, schema->len,
	    JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &why);
	if (r->schema == NULL)
		return err_set(
		    err, ERR_TABLE, "avro schema is malformed: %s", why.text);
	return 0;
}

struct ocf_reader *
ocf_open(const void *data, size_t n, struct err *err)
{
	struct ocf_reader *r = xcalloc(1, sizeof(*r));

	r->c = cursor_of(data, n);
	buf_init(&r->block, INFLATED_MAX);
	if (read_header(r, err) == -1) {
		ocf_free(r);
		return NULL;
	}
	return r;
}

const json_t *
ocf_schema(const struct ocf_reader *r)
{
	return r->schema;
}

const char *
ocf_header(const struct ocf_reader *r, const char *key)
{
	const struct header_key *k = find_key(r, key);

	return k != NULL ? k->value : NULL;
}

static int
inflate_into(struct buf *out, const uint8_t *in, size_t n, struct err *err)
{
	z_stream z = { .zalloc = allocate, .zfree = release };
	int rc;

	if (inflateInit2(&z, -15) != Z_OK)
		return err_set(err, ERR_NOMEM, "no memory to inflate");
	union {
		const uint8_t *in;
		Bytef *z;
	} u = { in };
	z.next_in = u.z;
	z.avail_in = (uInt)n;
	do {
		/* grows by doubling, so a bomb costs no more than the limit */
		size_t room = out->len < 4096 ? 4096 : out->len;
		if (room > INFLATED_MAX - out->len)
			room = INFLATED_MAX - out->len;
		uint8_t *to = room > 0 ? buf_reserve(out, room) : NULL;
		if (to == NULL) {
			rc = Z_MEM_ERROR;
			break;
		}
		z.next_out = to;
		z.avail_out = (uInt)room;
		rc = inflate(&z, Z_NO_FLUSH);
		out->len += room - z.avail_out;
		/* no progress without an end: the input is cut */
		if (rc == Z_OK && z.avail_in == 0 && z.avail_out > 0)
			rc = Z_DATA_ERROR;
	} while (rc == Z_OK);
	bool whole = rc == Z_STREAM_END && z.avail_in == 0;
	(void)inflateEnd(&z);
	return whole ? 0
		     : err_set(err, ERR_TABLE, "avro block cannot be inflated");
}

int
ocf_next(struct ocf_reader *r, struct cursor *out, uint64_t *ndatums,
    struct err *err)
{
	if (cursor_left(&r->c) == 0)
		return 0;
	int64_t n = cursor_zigzag(&r->c);
	int64_t size = cursor_zigzag(&r->c);
	if (r->c.bad || n < 0 || size < 0 || size > INT32_MAX ||
	    (uint64_t)size > cursor_left(&r->c))
		goto bad;
	const uint8_t *p = cursor_take(&r->c, (size_t)size);
	const uint8_t *sync = cursor_take(&r->c, SYNC);
	if (sync == NULL || memcmp(sync, r->sync, SYNC) != 0)
		goto bad;
	*ndatums = (uint64_t)n;
	*out = cursor_of(p, (size_t)size);
	if (r->deflated) {
		buf_reset(&r->block);
		if (inflate_into(&r->block, p, (size_t)size, err) == -1)
			return -1;
		*out = cursor_of(r->block.data, r->block.len);
	}
	return 1;
bad:
	return err_set(err, ERR_TABLE, "avro block is malformed or cut short");
}
