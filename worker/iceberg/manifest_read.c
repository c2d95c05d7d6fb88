/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading manifests of any writer, as far as calve needs them: which data
 * files are live and how large they are. Fields are found by id, then by
 * name; columns that calve does not need are decoded and ignored.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/xalloc.h"
#include "worker/iceberg/avro.h"
#include "worker/iceberg/location.h"
#include "worker/iceberg/manifest.h"
#include "worker/iceberg/ocf.h"
#include "worker/store/store.h"

enum { MANIFEST_MAX_BYTES = 1 << 30, STATUS_DELETED = 2 };

struct reading {
	int (*each)(void *arg, const struct datafile *);
	void *arg;
	struct err *err;
};

static int
missing(struct reading *r, const char *name)
{
	return err_set(r->err, ERR_TABLE, "manifest lacks a usable '%s'", name);
}

static int
get_long(struct reading *r, struct av_value v, int id, const char *name,
    int64_t *out)
{
	struct av_value field;

	if (!av_field(v, id, name, &field) || av_get_long(field, out) != 1 ||
	    *out < 0)
		return missing(r, name);
	return 0;
}

/* Text as a fresh string without NULs inside. */
static char *
get_text(struct reading *r, struct av_value v, int id, const char *name)
{
	struct av_value field;
	const void *p;
	size_t n;

	if (!av_field(v, id, name, &field) ||
	    av_get_bytes(field, &p, &n) != 1 || memchr(p, '\0', n) != NULL) {
		missing(r, name);
		return NULL;
	}
	return xstrndup(p, n);
}

static int
read_data_file(struct reading *r, struct av_value v, int64_t snapshot_id)
{
	struct datafile df = { .snapshot_id = snapshot_id };
	struct av_value field;
	int64_t content = 0;
	char *recorded = NULL, *format = NULL;
	int rc = -1;

	/* absent before format version 2 */
	if (av_field(v, 134, "content", &field) &&
	    av_get_long(field, &content) == -1) {
		missing(r, "content");
		goto out;
	}
	if (content != 0) {
		err_set(r->err, ERR_TABLE,
		    "rows deleted by another writer; "
		    "calve cannot read delete files, compact the table first");
		goto out;
	}
	if ((recorded = get_text(r, v, 100, "file_path")) == NULL ||
	    (format = get_text(r, v, 101, "file_format")) == NULL ||
	    get_long(r, v, 103, "record_count", &df.record_count) == -1 ||
	    get_long(r, v, 104, "file_size_in_bytes", &df.file_size) == -1)
		goto out;
	if (strcasecmp(format, "parquet") != 0) {
		err_set(r->err, ERR_TABLE,
		    "'%s' is a file of format '%.32s'; "
		    "calve reads Parquet only",
		    recorded, format);
		goto out;
	}
	const char *local;
	if (location_local_of(recorded, &local, r->err) == -1)
		goto out;
	df.path = xstrdup(local);
	rc = r->each(r->arg, &df);
out:
	datafile_clear(&df);
	free(recorded);
	free(format);
	return rc;
}

static int
read_entry(struct reading *r, struct av_value v)
{
	int64_t status, snapshot_id = 0;
	struct av_value data_file, field;

	if (get_long(r, v, 0, "status", &status) == -1)
		return -1;
	if (status > STATUS_DELETED)
		return missing(r, "status");
	if (status == STATUS_DELETED)
		return 0;
	if (!av_field(v, 2, "data_file", &data_file) ||
	    data_file.node->kind != AV_RECORD)
		return missing(r, "data_file");
	/* absent or null: inherited from the manifest */
	if (av_field(v, 1, "snapshot_id", &field) &&
	    av_get_long(field, &snapshot_id) != 1)
		snapshot_id = 0;
	return read_data_file(r, data_file, snapshot_id);
}

static int
read_all(struct reading *r, struct ocf_reader *file, struct av_codec *codec)
{
	struct cursor c;
	uint64_t n;
	int rc;

	while ((rc = ocf_next(file, &c, &n, r->err)) == 1) {
		for (; n > 0; n--) {
			if (av_decode(codec, &c, r->err) == -1)
				return -1;
			rc = read_entry(r, av_root(codec));
			if (rc != 0)
				return rc;
		}
		if (cursor_left(&c) != 0)
			return err_set(r->err, ERR_TABLE,
			    "manifest has a block with bytes left over");
	}
	return rc;
}

int
manifest_each_file(const char *path,
    int (*each)(void *arg, const struct datafile *), void *arg, struct err *err)
{
	struct reading r = { each, arg, err };
	struct buf data;
	struct ocf_reader *file = NULL;
	struct av_codec *codec = NULL;
	int rc = -1;

	buf_init(&data, 0);
	if (store_read(path, &data, MANIFEST_MAX_BYTES, err) == -1)
		goto out;
	if ((file = ocf_open(data.data, data.len, err)) == NULL ||
	    (codec = av_codec_new(ocf_schema(file), err)) == NULL)
		goto out;
	rc = read_all(&r, file, codec);
out:
	/* a callback's own stop needs no reason */
	if (rc == -1 && err->cls == ERR_TABLE)
		err_prefix(err, "'%s'", path);
	av_codec_free(codec);
	ocf_free(file);
	buf_clear(&data);
	return rc;
}
