/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct err: what went wrong, as a class the program acts on and one line
 * the user reads.
 *
 * The caller owns it (usually on the stack, zeroed or err_clear()ed), the
 * callee fills it. Every fallible function returns 0/-1 (or pointer/NULL)
 * and takes `struct err *` last. A function reports or returns, never both:
 * only the two main loops (coordinator's commands, worker's main) log one.
 *
 * Text: lower case, cause first, subject in quotes, what to do next, no full
 * stop, one line, no secret ever. Setters replace control characters.
 */
#ifndef CALVE_ERR_H
#define CALVE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

/* Numbers are stable: the ERROR frame and the ledger carry them. */
enum err_class {
	ERR_NONE = 0,
	ERR_CONFIG = 1,      /* usage, calve.yaml: mend it, then run again */
	ERR_STATE = 2,       /* state database refused what we asked */
	ERR_STATE_LOST = 3,  /* state database out of reach or gone: heals */
	ERR_SOURCE = 4,      /* source refused: password, unknown table */
	ERR_SOURCE_LOST = 5, /* source out of reach, gone or cut: heals */
	ERR_DATA = 6,        /* source data breaks a rule: NULL timestamp,
				 * bad UTF-8, value out of range, corrupt
				 * stream */
	ERR_TYPE = 7,        /* column type not supported or incompatible */
	ERR_TABLE = 8,       /* the table needs the operator: rolled back,
				 * recreated, foreign schema, its watermark
				 * damaged */
	ERR_STORE = 9,       /* reading or writing files failed */
	ERR_CONFLICT = 10,   /* another writer committed first: heals */
	ERR_UNCLEAR = 11,    /* commit sent, outcome unknown */
	ERR_BUSY = 12,       /* another run holds the table's lock */
	ERR_LIMIT = 13,      /* a resource limit was reached */
	ERR_NOMEM = 14,
	ERR_CANCELLED = 15, /* asked to stop, or the coordinator is gone */
	ERR_PROTOCOL = 16,  /* a frame between coordinator and worker is
				 * malformed */
	ERR_BUG = 17,
	ERR_HANDLES = 18, /* no more files can be opened just now: heals */
	ERR_TARGET = 19,  /* target server refused: password, quota, rights */
	ERR_TARGET_LOST = 20, /* target server out of reach or gone: heals */
	ERR_NCLASSES
};

enum { ERR_TEXT_MAX = 1024 };

struct err {
	enum err_class cls;
	int sys; /* errno, or a server's own number of it, else 0 */
	char text[ERR_TEXT_MAX];
};

#define MUST_USE __attribute__((warn_unused_result))

void err_clear(struct err *);
/* All setters return -1, so that `return err_set(...)` reads as the failure. */
int err_set(struct err *, enum err_class, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int err_vset(struct err *, enum err_class, const char *fmt, va_list)
    __attribute__((format(printf, 3, 0)));
/* Appends ": <strerror(errno)>" and, for what a user can mend, what to do.
 * Whatever class is given, EMFILE and ENFILE are ERR_HANDLES, ENOMEM is
 * ERR_NOMEM. */
int err_sys(struct err *, enum err_class, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts "<text>: " before what is there. */
int err_prefix(struct err *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

const char *err_class_name(enum err_class); /* "source", "type", ... */
/* The only place that decides whether another attempt can heal it. */
bool err_is_retryable(enum err_class);

#endif
