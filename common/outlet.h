/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard output and standard error, for processes that must not wait for
 * whoever reads them: a terminal after Ctrl-S, a pager that stands at its first
 * page, a pipe into something that was stopped. write(2) to these blocks for as
 * long as they please, and nothing in POSIX lets one writer ask not to:
 * O_NONBLOCK belongs to the open file, which the shell and others share.
 *
 * After outlet_start() a thread of its own writes to each. What is put is there
 * when the call returns, as with write(2), unless that takes longer than
 * OUTLET_PATIENCE_MS: then it stays in memory, and so does what follows, without
 * any more waiting, until the reader has caught up. Beyond the most that is kept
 * (OUTLET_LOG_MOST, OUTLET_OUT_MOST) it is dropped; lines that are dropped are
 * counted, and told as soon as there is room.
 *
 * Before outlet_start(), and where it is never called, writing is plain write(2).
 */
#ifndef CALVE_OUTLET_H
#define CALVE_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	OUTLET_PATIENCE_MS = 100,
	OUTLET_LOG_MOST = 1 << 20, /* bytes for standard error */
	OUTLET_OUT_MOST = 16 << 20 /* for standard output */
};

void outlet_start(void); /* once more is harmless */
/* For a process that writes little and has no thread to spare: what would have
 * to wait is dropped. Opens the pipe or terminal anew, as a file of this
 * process alone; where the system forbids that, asks before each write whether
 * there is room, which somebody else may then take. */
void outlet_never_wait(int fd);

/* fd: STDOUT_FILENO or STDERR_FILENO. False: dropped. Up to PIPE_BUF bytes of a
 * line go out as one write(2), since several processes share the stream. */
bool outlet_line(int fd, const char *line, size_t n); /* counted if dropped */
bool outlet_put(int fd, const char *bytes, size_t n); /* not counted */
/* What was put last has not been written yet. */
bool outlet_is_behind(int fd);
/* Some write failed: the disk is full, nobody reads any more. */
bool outlet_has_failed(int fd);

/* How to tell of so many lines that were dropped: fills line, at most size
 * bytes, and returns its length. It must neither log nor put. NULL: untold. */
typedef size_t outlet_tell(uint64_t lost, char *line, size_t size);
void outlet_tell_with(int fd, outlet_tell *);

/* Waits until all is written; false when nothing of it was for so long (-1:
 * for ever). */
bool outlet_flush(int fd, int ms);

#endif
