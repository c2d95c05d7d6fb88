/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames between coordinator and worker. Each message's writer stands next to
 * its reader in msg.c.
 *
 *   header   u16 magic 0xCA17 | u16 type | u32 length | u32 sequence
 *   payload  `length` bytes, little-endian fields, strings u32 length + bytes
 *
 * Sequence counts from 0 per direction. Wrong magic, unknown type, wrong
 * sequence, length over MSG_MAX or bytes left over are ERR_PROTOCOL, which
 * fails that run only.
 *
 *   to the worker (its fd 3):  JOB, then the pipe stays open as life line:
 *                              end-of-file says that the coordinator is gone
 *   from it (its fd 4):        HELLO first; PHASE, PROGRESS (at most one a
 *                              second), NOTE, TALLY, COLUMN; at most one of
 *                              RESULT | ERROR, last
 */
#ifndef CALVE_MSG_H
#define CALVE_MSG_H

#include "common/buf.h"
#include "common/err.h"
#include "common/job.h"

enum { MSG_PROTOCOL = 3, MSG_HEADER = 12, MSG_MAX = 1 << 20 };
enum { FD_JOB = 3, FD_REPORT = 4 }; /* in the worker */

enum msg_type {
	MSG_JOB = 1,
	MSG_HELLO,
	MSG_PHASE,
	MSG_PROGRESS,
	MSG_NOTE,
	MSG_TALLY,
	MSG_COLUMN,
	MSG_RESULT,
	MSG_ERROR
};
const char *msg_type_name(enum msg_type);

struct msg_hello {
	uint32_t protocol;
	uint32_t pid;
	char *version;
};
struct msg_progress {
	uint64_t rows;          /* read so far in this run */
	uint64_t rows_expected; /* of this run, 0 unknown */
	uint64_t bytes_read, bytes_written;
	uint32_t files;
};
/* One line for the user about something decided or noticed. */
struct msg_note {
	bool warning;
	char *text;
};
/* One comparison of JOB_VERIFY. scope is a day "2026-11-21", a month "2026-11"
 * or "all". */
struct msg_tally {
	char *scope;
	uint64_t source_rows, target_rows;
	char *source_min, *source_max, *target_min, *target_max; /* or NULL */
	char *source_sum, *target_sum; /* of all values; or NULL */
	bool equal;
};
/* One column of JOB_CHECK. */
struct msg_column {
	char *name, *source_type, *target_type, *remark;
};

struct msg {
	enum msg_type type;
	union {
		struct job job;
		struct msg_hello hello;
		enum phase phase;
		struct msg_progress progress;
		struct msg_note note;
		struct msg_tally tally;
		struct msg_column column;
		struct result result;
		struct err error;
	} u;
};
void msg_clear(struct msg *);

/* Appends one whole frame; ERR_PROTOCOL when it is over MSG_MAX. */
int msg_put(
    struct buf *, uint32_t sequence, const struct msg *, struct err *) MUST_USE;
/* Takes one frame from the front of data: 1 with *out owned by the caller and
 * *used set, 0 when more bytes are needed, -1 malformed. */
int msg_get(const void *data, size_t n, uint32_t sequence, struct msg *out,
    size_t *used, struct err *) MUST_USE;

#endif
