/* SPDX-License-Identifier: Apache-2.0 */
/* Tuples of COPY's binary format: where each value is; nothing is copied. */
#include <string.h>

#include "worker/source/postgres.h"

enum { HEADER_BYTES = 19, CRITICAL_FLAGS = 0xffff << 16 };

static uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

static int
corrupt(struct err *err, const char *what)
{
	return err_set(err, ERR_DATA,
	    "corrupt stream: %s in the rows of the source; run it again", what);
}

/* 1: a tuple begins at *at, 0: the message ends there, -1 */
static int
take_header(struct postgres *s, const uint8_t *p, size_t len, size_t *at,
    struct err *err)
{
	static const uint8_t signature[11] = "PGCOPY\n\377\r\n";
	uint32_t flags, extension;

	if (len < HEADER_BYTES || memcmp(p, signature, sizeof(signature)) != 0)
		return corrupt(err, "no header");
	flags = be32(p + 11);
	extension = be32(p + 15);
	if ((flags & CRITICAL_FLAGS) != 0)
		return corrupt(err, "an unknown flag in the header");
	if (extension > len - HEADER_BYTES)
		return corrupt(err, "a header that is too short");
	s->header_seen = true;
	*at = HEADER_BYTES + extension;
	return *at < len;
}

int
postgres_take(struct postgres *s, const uint8_t *p, size_t len, struct err *err)
{
	size_t at = 0;

	if (!s->header_seen) {
		int rc = take_header(s, p, len, &at, err);

		if (rc != 1)
			return rc;
	}
	while (at < len) {
		if (s->trailer_seen)
			return corrupt(err, "bytes after the end");
		if (len - at < 2)
			return corrupt(err, "half a row");
		unsigned n = (unsigned)p[at] << 8 | p[at + 1];

		at += 2;
		if (n == 0xffff) {
			s->trailer_seen = true;
			continue;
		}
		if (n != s->nwire || s->nrows == POSTGRES_ROWS)
			return corrupt(err, "another number of columns");
		for (size_t k = 0; k < n; k++) {
			if (len - at < 4)
				return corrupt(err, "half a row");
			uint32_t size = be32(p + at);

			s->cells[k * POSTGRES_ROWS + s->nrows] = p + at;
			at += 4;
			if (size == UINT32_MAX)
				continue;
			if (size > INT32_MAX || size > len - at)
				return corrupt(err, "a length beyond the row");
			at += size;
		}
		s->nrows++;
	}
	return 0;
}
