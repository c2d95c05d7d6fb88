/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of expressions as the server writes them: sorting keys, an engine's
 * arguments. */
#ifndef CALVE_CLICKHOUSE_KEY_H
#define CALVE_CLICKHOUSE_KEY_H

#include <stdbool.h>
#include <stddef.h>

/* Length of the expression that begins there, up to a comma or a closing
 * parenthesis outside of all parentheses and quotes, or the end. */
size_t sql_expression(const char *);
/* Is the expression of that length this column, quoted or not? */
bool sql_is_column(const char *expression, size_t len, const char *column);

/* Expressions of a sorting key: "a, `b c`, toDate(d)" has three. */
size_t sql_key_length(const char *sorting_key);
/* 0-based place of a column where it stands there as itself and ascending; -1
 * when it does not. */
int sql_key_position(const char *sorting_key, const char *column);

#endif
