/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short bounds for long values: a lower one that is not above, an upper one
 * that is not below the value. (PageIndex.md; format.md 2.5.)
 */
#ifndef CALVE_PARQUET_TRUNCATE_H
#define CALVE_PARQUET_TRUNCATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/* p has n > most bytes; appends to out, which is empty. Text that is UTF-8
 * stays so: cut at a character, the last one that can be is raised, and then
 * may be up to three bytes longer. */
void truncate_lower(
    const uint8_t *p, size_t n, size_t most, bool text, struct buf *out);
/* False when nothing in the first bytes can be raised (all 0xFF, all
 * U+10FFFF). */
bool truncate_upper(
    const uint8_t *p, size_t n, size_t most, bool text, struct buf *out);

#endif
