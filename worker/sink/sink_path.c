/* SPDX-License-Identifier: Apache-2.0 */
/* Names of folders and files; nothing is ever written over. */
#include "worker/sink/sink_path.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/iceberg/murmur3.h"

enum {
	COMPONENT_MAX = 255, /* NAME_MAX of every common file system */
	COMPONENT_KEPT = 200,
	SEQUENCE_MAX = 10000000
};

/* Values of any length make folder names that no file system takes: such a
 * name keeps its beginning and gets a hash of the whole. */
static char *
shorten_components(const char *path)
{
	struct buf out;
	char *result;

	buf_init(&out, 0);
	for (const char *p = path; *p != '\0';) {
		size_t n = strcspn(p, "/"), kept = COMPONENT_KEPT;

		if (n > COMPONENT_MAX) {
			while (p[kept - 1] == '%' || p[kept - 2] == '%')
				kept--;
			buf_put(&out, p, kept);
			buf_printf(&out, "~%08x",
			    murmur3_bytes((const uint8_t *)p, n));
		} else {
			buf_put(&out, p, n);
		}
		p += n;
		if (*p == '/') {
			buf_put_u8(&out, '/');
			p++;
		}
	}
	result = xstrdup(buf_cstr(&out));
	buf_clear(&out);
	return result;
}

char *
sink_folder(const struct sink_options *o, const struct partition_value *tuple,
    struct err *err)
{
	char *path = partition_path(o->spec, o->schema, tuple);
	char *shorter = shorten_components(path);
	char *folder = xasprintf(
	    "%s/data%s%s", o->folder, shorter[0] != '\0' ? "/" : "", shorter);

	free(path);
	free(shorter);
	if (store_mkdirs(folder, err) == 0)
		return folder;
	free(folder);
	return NULL;
}

/* An earlier attempt of the same run may have left files of this name: they
 * are never written over, the number goes on. Names bear the run's id, so
 * nobody else makes one that is free now. */
struct store_file *
sink_file(const struct sink_options *o, const char *folder, unsigned *sequence,
    struct err *err)
{
	for (;;) {
		struct store_file *file = NULL;
		char *path = xasprintf("%s/00000-%u-%s-%05u.parquet", folder,
		    o->step, o->run_id, (*sequence)++);
		int there = store_exists(path, err);

		if (there == 0)
			file = store_later(path);
		free(path);
		if (there != 1)
			return file;
		if (*sequence > SEQUENCE_MAX) {
			err_set(err, ERR_LIMIT,
			    "a step has more than %d data files; choose a "
			    "coarser partition",
			    SEQUENCE_MAX);
			return NULL;
		}
	}
}
