/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text columns of which nothing is known but that they are bytes: are they
 * UTF-8, and if not, what is done about it.
 *
 * UTF-8 is that of Unicode 15, table 3-7: no surrogates, no overlong forms,
 * nothing above U+10FFFF. U+0000 is legal.
 */
#ifndef CALVE_UTF8_H
#define CALVE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/batch.h"

enum utf8_policy {
	UTF8_ERROR,   /* bytes that are not UTF-8 are an error */
	UTF8_BINARY,  /* the column is binary: anything goes */
	UTF8_REPLACE, /* each bad sequence becomes U+FFFD */
	UTF8_LATIN1   /* the column is ISO 8859-1: recoded as a whole */
};

/* Length of the longest valid prefix of p[0..n). */
size_t utf8_prefix(const uint8_t *p, size_t n);
/* Are all n values of a VEC_BYTES vec valid, each for itself? */
bool utf8_vec_valid(const struct vec *);
/* First value that is not valid, or n. */
size_t utf8_vec_first_bad(const struct vec *);
/* dst = src with bad sequences replaced, or with every byte taken as a
 * latin-1 character. False when dst would be over 4 GiB. Nulls are not
 * copied. */
bool utf8_vec_recode(struct vec *dst, const struct vec *src, enum utf8_policy);

#endif
