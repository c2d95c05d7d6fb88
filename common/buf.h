/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct buf: a growing byte buffer with a hard maximum, and struct cursor:
 * a bounds-checked reader over bytes from elsewhere.
 *
 * Both are sticky: a put beyond the maximum sets `over` and is dropped, a get
 * beyond the end sets `bad` and yields zero; callers check once at the end.
 * Integers are little-endian unless the name says otherwise.
 */
#ifndef CALVE_BUF_H
#define CALVE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
	uint8_t *data;
	size_t len, cap;
	size_t max; /* 0 reads as BUF_MAX_DEFAULT */
	bool over;  /* a put did not fit: contents are useless */
};

#define BUF_MAX_DEFAULT ((size_t)1 << 31)

void buf_init(struct buf *, size_t max);
void buf_clear(struct buf *); /* frees; usable again as after init */
void buf_reset(struct buf *); /* len = 0, keeps the memory */

/* Room for n more bytes; returns where they go, NULL (and over) past max.
 * The caller writes up to n bytes there and adds what it wrote to len. */
uint8_t *buf_reserve(struct buf *, size_t n);

void buf_put(struct buf *, const void *, size_t n);
void buf_put_str(struct buf *, const char *); /* without the NUL */
void buf_printf(struct buf *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
const char *buf_cstr(struct buf *); /* NUL-terminated view; NUL not in len */

void buf_put_u8(struct buf *, uint8_t);
void buf_put_u16(struct buf *, uint16_t);
void buf_put_u32(struct buf *, uint32_t);
void buf_put_u64(struct buf *, uint64_t);
void buf_put_varint(struct buf *, uint64_t); /* unsigned LEB128 */
void buf_put_zigzag(struct buf *, int64_t);  /* zigzag, then LEB128 */
/* u32 length, then bytes. NULL is written as length 0xffffffff. */
void buf_put_lstr(struct buf *, const char *);
void buf_put_lbytes(struct buf *, const void *, size_t n);

struct cursor {
	const uint8_t *p, *end;
	bool bad; /* a get ran past the end or was malformed */
};

struct cursor cursor_of(const void *, size_t n);
size_t cursor_left(const struct cursor *);
const uint8_t *cursor_take(struct cursor *, size_t n); /* NULL when short */
uint8_t cursor_u8(struct cursor *);
uint16_t cursor_u16(struct cursor *);
uint32_t cursor_u32(struct cursor *);
uint64_t cursor_u64(struct cursor *);
uint64_t cursor_varint(struct cursor *); /* at most 10 bytes */
int64_t cursor_zigzag(struct cursor *);
/* A fresh NUL-terminated copy of a buf_put_lstr() string, or NULL for NULL or
 * bad; longer than max, or an embedded NUL, is bad. */
char *cursor_lstr(struct cursor *, size_t max);

#endif
