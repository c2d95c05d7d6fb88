/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker may use: rlimits set between fork and exec, and how its end
 * reads in words when it met one of them. The wall-clock deadline is kept by
 * supervise, not by the kernel.
 */
#ifndef CALVE_LIMITS_H
#define CALVE_LIMITS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include "common/err.h"
#include "common/job.h"

struct limits {           /* 0: none, but for core and nice */
	uint64_t memory;  /* bytes of address space */
	uint64_t cpu_ms;  /* rounded up to whole seconds */
	uint64_t files;   /* open descriptors */
	uint64_t output;  /* bytes of any one file written */
	uint64_t core;    /* bytes of a core dump */
	uint64_t wall_ms; /* deadline of a run */
	uint64_t nice;    /* 0..19 */
	uint64_t threads; /* that encode; 0: its share of the processors */
};

/*
 * In the child. Async-signal-safe: plain system calls only. NULL, or the name
 * of the limit that could not be set, with errno.
 */
const char *limits_apply(const struct limits *);

/*
 * The end of a worker that sent no report, as class and one line:
 * "memory limit of 1 GiB reached while writing", "killed by SIGSEGV while
 * ...". status is wait4's, used is its rusage.
 */
void limits_explain(const struct limits *, int status,
    const struct rusage *used, enum phase, struct err *);

/* What the worker itself reported, where that was a limit: names it likewise
 * and leaves any other report as it is. */
void limits_name(const struct limits *, enum phase, struct err *);

enum { LIMITS_TEXT = 64 }; /* bytes that hold any of these */
/* "1 GiB", "1536 MiB", "77 bytes". */
void size_words(uint64_t bytes, char out[LIMITS_TEXT]);
/* "1G", "1536M", "77"; "5m", "1h30m", "1500ms": the forms calve.yaml takes. */
void size_format(uint64_t bytes, char out[LIMITS_TEXT]);
void duration_format(uint64_t ms, char out[LIMITS_TEXT]);

#endif
