/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: standard error, one line an event, one write(2) a line, since
 * several processes share the stream. Form:
 *
 *   2026-01-31T04:05:06.789Z info calve[4711] bronze_trades: 12 files
 *
 * Where nobody reads it (outlet.h), lines are kept, then dropped and counted:
 * the log never keeps its process waiting. Never credentials, never row values.
 */
#ifndef CALVE_LOG_H
#define CALVE_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_init(const char *program, enum log_level most);
/* Called before each line is written, so that what stands on a terminal can
 * make room; NULL: nothing. It must not log. */
void log_set_before(void (*before)(void *arg), void *arg);
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
