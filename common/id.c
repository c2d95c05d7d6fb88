/* SPDX-License-Identifier: Apache-2.0 */
/* Random UUIDs and the snapshot ids derived from them. */
#include "common/id.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "common/xalloc.h"

void
uuid_format(const uint8_t in[16], char out[UUID_TEXT])
{
	snprintf(out, UUID_TEXT,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-"
	    "%02x%02x-%02x%02x%02x%02x%02x%02x",
	    in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7], in[8],
	    in[9], in[10], in[11], in[12], in[13], in[14], in[15]);
}

void
uuid_random(char out[UUID_TEXT])
{
	uint8_t id[16];

	/* up to 256 bytes getrandom never returns short once seeded */
	while (getrandom(id, sizeof id, 0) != (ssize_t)sizeof id)
		continue;
	id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);
	id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
	uuid_format(id, out);
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
uuid_parse(const char *text, uint8_t out[16])
{
	size_t n = 0;
	int high, low;

	if (strlen(text) != UUID_TEXT - 1)
		return false;
	for (size_t at = 0; at < UUID_TEXT - 1; at += 2) {
		if (at == 8 || at == 13 || at == 18 || at == 23)
			if (text[at++] != '-')
				return false;
		if ((high = hex_digit(text[at])) < 0 ||
		    (low = hex_digit(text[at + 1])) < 0)
			return false;
		out[n++] = (uint8_t)(high << 4 | low);
	}
	return true;
}

int64_t
snapshot_id_of(const char *run_uuid, unsigned step)
{
	uint8_t id[16] = { 0 };
	uint64_t high = 0, low = 0, mixed;

	uuid_parse(run_uuid, id);
	for (unsigned k = 0; k < 8; k++) {
		high = high << 8 | id[k];
		low = low << 8 | id[k + 8];
	}
	mixed = high ^ low;
	/* an odd multiplier of 2^64 scatters steps over the whole range */
	mixed ^= (uint64_t)step * 0x9e3779b97f4a7c15u;
	mixed &= INT64_MAX;
	return mixed != 0 ? (int64_t)mixed : 1;
}
