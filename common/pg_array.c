/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays as parameters. */
#include "common/buf.h"
#include "common/pg.h"

void
pg_put_array(struct buf *out, const char *const *texts, size_t n)
{
	buf_put_u8(out, '{');
	for (size_t k = 0; k < n; k++) {
		buf_put_str(out, k > 0 ? ",\"" : "\"");
		for (const char *p = texts[k]; *p != '\0'; p++) {
			if (*p == '"' || *p == '\\')
				buf_put_u8(out, '\\');
			buf_put_u8(out, (uint8_t)*p);
		}
		buf_put_u8(out, '"');
	}
	buf_put_u8(out, '}');
}
