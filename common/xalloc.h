/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocation that never returns NULL: on failure one hook runs (the worker's
 * sends a prepared ERROR frame) and the process ends with EXIT_NOMEM. Under
 * an address-space limit that is a normal event, not a bug.
 */
#ifndef CALVE_XALLOC_H
#define CALVE_XALLOC_H

#include <stddef.h>

enum { EXIT_NOMEM = 120 };

/* The hook must not allocate, and may be called by any thread. Default: one
 * line to standard error. */
void xalloc_set_hook(void (*hook)(size_t wanted));

void *xmalloc(size_t);
/* p, which a library gave, NULL for want of memory */
void *xchecked(void *p);
void *xcalloc(size_t n, size_t size);
void *xreallocarray(void *, size_t n, size_t size);
char *xstrdup(const char *);
char *xstrndup(const char *, size_t);
void *xmemdup(const void *, size_t);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
