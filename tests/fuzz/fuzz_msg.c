/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker is another process: whatever comes over its pipe is taken as
 * frames or refused, and a frame that was taken, written and read again, is
 * the same.
 */
#include <stdlib.h>
#include <string.h>

#include "common/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static void
put(struct buf *b, uint32_t sequence, const struct msg *m)
{
	struct err err = { 0 };

	buf_init(b, 0);
	require(msg_put(b, sequence, m, &err) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	for (uint32_t sequence = 0;; sequence++) {
		struct msg m, again;
		struct err err = { 0 };
		struct buf once, twice;
		size_t used = 0;
		int got = msg_get(data, n, sequence, &m, &used, &err);

		require((got == -1) == (err.cls == ERR_PROTOCOL));
		if (got != 1)
			return 0;
		require(used >= MSG_HEADER && used <= n);
		put(&once, sequence, &m);
		require(msg_get(once.data, once.len, sequence, &again, &used,
			    &err) == 1 &&
		    used == once.len);
		put(&twice, sequence, &again);
		msg_clear(&again);
		/* An error's text is made one line of, spaces at its end go. */
		require(m.type == MSG_ERROR ||
		    (once.len == twice.len &&
			memcmp(once.data, twice.data, once.len) == 0));
		/* Frames follow each other: the next begins after this. */
		require(msg_get(data, n, sequence, &again, &used, &err) == 1);
		msg_clear(&again);
		msg_clear(&m);
		buf_clear(&once);
		buf_clear(&twice);
		data += used;
		n -= used;
	}
}
