/* SPDX-License-Identifier: Apache-2.0 */
/* Every length and offset is checked before a byte is moved. */
#include "worker/parquet/snappy.h"

#include <string.h>

struct in {
	const uint8_t *p;
	size_t left;
};

/* n bytes, little-endian; false where there are fewer. */
static bool
take(struct in *in, unsigned n, uint32_t *out)
{
	if (n > in->left)
		return false;
	*out = 0;
	for (unsigned k = 0; k < n; k++)
		*out |= (uint32_t)in->p[k] << 8 * k;
	in->p += n;
	in->left -= n;
	return true;
}

static bool
take_varint(struct in *in, uint64_t *out)
{
	uint32_t byte;

	*out = 0;
	for (unsigned shift = 0; shift < 35; shift += 7) {
		if (!take(in, 1, &byte))
			return false;
		*out |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

/* Lengths up to 60 stand in the tag, longer ones in 1 to 4 bytes behind it. */
static bool
take_literal(struct in *in, uint32_t tag, uint8_t *to, size_t room, size_t *len)
{
	uint32_t n = tag >> 2;

	if (n >= 60 && !take(in, n - 59, &n))
		return false;
	*len = (size_t)n + 1;
	if (*len > in->left || *len > room)
		return false;
	memcpy(to, in->p, *len);
	in->p += *len;
	in->left -= *len;
	return true;
}

/* A copy may reach into what it makes: the pattern repeats. */
static bool
take_copy(struct in *in, uint32_t tag, uint8_t *to, size_t done, size_t room,
    size_t *len)
{
	static const unsigned widths[] = { 0, 1, 2, 4 };
	uint32_t offset;

	if (!take(in, widths[tag & 3], &offset))
		return false;
	if ((tag & 3) == 1) {
		*len = (tag >> 2 & 7) + 4;
		offset |= (tag >> 5) << 8;
	} else {
		*len = (tag >> 2) + 1;
	}
	if (offset == 0 || offset > done || *len > room)
		return false;
	for (size_t k = 0; k < *len; k++)
		to[k] = to[k - offset];
	return true;
}

bool
decompress_snappy(const void *p, size_t n, void *out, size_t size)
{
	struct in in = { .p = p, .left = n };
	uint8_t *to = out;
	size_t done = 0, len;
	uint64_t said;
	uint32_t tag;

	if (!take_varint(&in, &said) || said != size)
		return false;
	while (in.left > 0) {
		if (!take(&in, 1, &tag) ||
		    !((tag & 3) == 0 ? take_literal(&in, tag, to + done,
					   size - done, &len)
				     : take_copy(&in, tag, to + done, done,
					   size - done, &len)))
			return false;
		done += len;
	}
	return done == size;
}
