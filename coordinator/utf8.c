/* SPDX-License-Identifier: Apache-2.0 */
/* Well-formed UTF-8 as of RFC 3629: no overlong forms, no surrogates. */
#include "coordinator/utf8.h"

#include <stddef.h>

static size_t
sequence_length(const unsigned char *s)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		n = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		n = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t at = 2; at < n; at++)
		if (s[at] < 0x80 || s[at] > 0xbf)
			return 0;
	return n;
}

void
utf8_mend(char *text)
{
	unsigned char *s = (unsigned char *)text;

	while (s != NULL && *s != '\0') {
		size_t n = sequence_length(s);
		if (n == 0)
			*s = '?';
		s += n > 0 ? n : 1;
	}
}
