/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Column kernels: n raw values of one fixed width as they lie on the wire,
 * turned into what a batch holds. What is to be done is data (struct
 * convert), chosen by the typemap; checks are part of it.
 *
 * Raw values are little-endian. skip may be NULL; where skip[i] != 0 the value
 * does not matter (it stands under a NULL): it is never an error, comes out
 * as 0 or as empty text, and raw is overwritten there.
 */
#ifndef CALVE_CONVERT_H
#define CALVE_CONVERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/batch.h"
#include "worker/source/utf8.h"

enum convert_kind {
	CONVERT_COPY,  /* the same bytes */
	CONVERT_BOOL,  /* 0 or not */
	CONVERT_INT,   /* integer or unscaled decimal to another
				 * width; `digits` and the target's range hold */
	CONVERT_FLOAT, /* float32 or bfloat16 to float or double */
	CONVERT_TICKS, /* 10^-scale seconds to microseconds */
	CONVERT_TIME,  /* the same, within one day */
	CONVERT_UUID,  /* two little-endian halves to big-endian */
	/* to text */
	CONVERT_DECIMAL_TEXT, /* integer or decimal of `scale` */
	CONVERT_UUID_TEXT,
	CONVERT_IPV4_TEXT,
	CONVERT_IPV6_TEXT,  /* RFC 5952 */
	CONVERT_TIME_TEXT,  /* -999:59:59.123 */
	CONVERT_FIXED_TEXT, /* FixedString as it is */
	CONVERT_TRIM_TEXT   /* FixedString without NULs at its end */
};

struct convert {
	enum convert_kind kind;
	uint32_t src_width;
	bool src_signed;
	uint32_t dst_width; /* 0: text */
	uint8_t digits;     /* |value| < 10^digits; 0: no such limit */
	uint8_t scale;
	bool floor;            /* digits below a microsecond are cut off,
				 * else they are an error */
	enum utf8_policy utf8; /* of what comes out as text */
	const char *problem;   /* for messages: "does not fit long; set ..." */
};

/* n values to dst (n * dst_width bytes). Returns n, or the first value that
 * cannot be converted. */
size_t convert_fixed(const struct convert *, uint8_t *raw, size_t n,
    const uint8_t *skip, uint8_t *dst);
/* The same into a VEC_BYTES; UTF-8 is not looked at here. Returns n, or
 * where the text would be over 4 GiB. */
size_t convert_text(const struct convert *, uint8_t *raw, size_t n,
    const uint8_t *skip, struct vec *dst);
/* raw of 1, 2, 4 or 8 bytes as 64-bit numbers that compare like the source's:
 * signed ones as they are. */
void convert_widen(
    const uint8_t *raw, uint32_t width, bool is_signed, size_t n, int64_t *dst);

#endif
