/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/clickhouse/quote.h"

static void
put_quoted(struct buf *b, const char *text, char quote)
{
	buf_put_u8(b, (uint8_t)quote);
	for (; *text != '\0'; text++) {
		if (*text == quote || *text == '\\')
			buf_put_u8(b, '\\');
		buf_put_u8(b, (uint8_t)*text);
	}
	buf_put_u8(b, (uint8_t)quote);
}

void
sql_identifier(struct buf *b, const char *name)
{
	put_quoted(b, name, '`');
}

void
sql_string(struct buf *b, const char *text)
{
	put_quoted(b, text, '\'');
}
