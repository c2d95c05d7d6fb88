/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC-32, eight bytes a step ("slicing by eight"): table[k][b] is the effect
 * of byte b followed by k zero bytes.
 */
#include "worker/parquet/crc.h"

#include <pthread.h>
#include <string.h>

static uint32_t table[8][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
make_table(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t c = b;

		for (unsigned bit = 0; bit < 8; bit++)
			c = (c & 1) != 0 ? c >> 1 ^ 0xEDB88320 : c >> 1;
		table[0][b] = c;
	}
	for (unsigned k = 1; k < 8; k++)
		for (uint32_t b = 0; b < 256; b++)
			table[k][b] = table[k - 1][b] >> 8 ^
			    table[0][table[k - 1][b] & 0xff];
}

uint32_t
crc32_add(uint32_t crc, const void *data, size_t n)
{
	const uint8_t *p = data;

	pthread_once(&once, make_table);
	crc = ~crc;
	for (; n >= 8; n -= 8, p += 8) {
		uint64_t v;

		memcpy(&v, p, 8);
		v ^= crc;
		crc = table[7][v & 0xff] ^ table[6][v >> 8 & 0xff] ^
		    table[5][v >> 16 & 0xff] ^ table[4][v >> 24 & 0xff] ^
		    table[3][v >> 32 & 0xff] ^ table[2][v >> 40 & 0xff] ^
		    table[1][v >> 48 & 0xff] ^ table[0][v >> 56];
	}
	for (; n > 0; n--)
		crc = crc >> 8 ^ table[0][(crc ^ *p++) & 0xff];
	return ~crc;
}
