/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests and manifest lists of anybody. The first byte chooses how far the
 * input is on its own: a whole container; or a schema (up to the first NUL)
 * and a block of datums; or a block under calve's own schemas, which gets
 * deepest.
 */
#include <sys/mman.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "embedded/avsc.h"
#include "worker/iceberg/manifest.h"
#include "worker/iceberg/manifest_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static int
see(void *arg, const struct datafile *df)
{
	(void)arg;
	require(
	    df->path[0] == '/' && df->record_count >= 0 && df->file_size >= 0);
	return 0;
}

static void
put_bytes(struct buf *b, const void *p, size_t n)
{
	buf_put_zigzag(b, (int64_t)n);
	buf_put(b, p, n);
}

/* A container around one block: its number of datums is its first byte. */
static void
frame(struct buf *file, const char *schema, size_t nschema,
    const uint8_t *block, size_t n)
{
	static const uint8_t sync[16];

	buf_put(file, "Obj\1", 4);
	buf_put_zigzag(file, 1);
	put_bytes(file, "avro.schema", 11);
	put_bytes(file, schema, nschema);
	buf_put_zigzag(file, 0);
	buf_put(file, sync, 16);
	buf_put_zigzag(file, n > 0 ? block[0] % 8 : 0);
	put_bytes(file, block + (n > 0), n - (n > 0));
	buf_put(file, sync, 16);
}

static void
build(struct buf *file, const uint8_t *data, size_t n)
{
	uint8_t kind = n > 0 ? data[0] : 0;

	data += n > 0;
	n -= n > 0;
	const uint8_t *nul = n > 0 ? memchr(data, '\0', n) : NULL;
	size_t nschema = nul != NULL ? (size_t)(nul - data) : n;
	switch (kind % 4) {
	case 0:
		buf_put(file, data, n);
		break;
	case 1:
		frame(file, (const char *)data, nschema,
		    data + nschema + (nul != NULL),
		    n - nschema - (nul != NULL));
		break;
	case 2:
		frame(file, avsc_manifest_entry, strlen(avsc_manifest_entry),
		    data, n);
		break;
	default:
		frame(file, avsc_manifest_file, strlen(avsc_manifest_file),
		    data, n);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err err = { 0 };
	struct manifest_list list;
	struct buf file;
	char path[64];
	int fd = memfd_create("fuzz", 0);

	if (fd == -1)
		return 0;
	buf_init(&file, 0);
	build(&file, data, n);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (write(fd, file.data, file.len) == (ssize_t)file.len) {
		if (manifest_each_file(path, see, NULL, &err) == -1)
			require(err.cls == ERR_TABLE);
		err_clear(&err);
		if (manifest_list_read(path, &list, &err) == -1)
			require(err.cls == ERR_TABLE);
		manifest_list_clear(&list);
	}
	buf_clear(&file);
	close(fd);
	return 0;
}
