/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unframe [zstd]: an answer's body from standard input, as calve's decoders
 * read it, to standard output: what a real server packed is compared with
 * what it sends plain.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "worker/clickhouse/frames.h"
#include "worker/clickhouse/unzstd.h"

static ssize_t
from_stdin(void *arg, uint8_t *dst, size_t n, struct err *err)
{
	ssize_t got = read(STDIN_FILENO, dst, n);

	(void)arg;
	return got == -1 ? err_sys(err, ERR_SOURCE_LOST, "cannot read") : got;
}

int
main(int argc, char **argv)
{
	static uint8_t some[1 << 18];
	struct unzstd *unzstd = unzstd_new(from_stdin, NULL);
	struct frames frames;
	struct err err = { 0 };
	bool zstd = argc > 1 && strcmp(argv[1], "zstd") == 0;
	ssize_t n;

	frames_init(&frames, from_stdin, NULL);
	while ((n = zstd ? unzstd_read(unzstd, some, sizeof(some), &err)
			 : frames_read(&frames, some, sizeof(some), &err)) > 0)
		if (fwrite(some, 1, (size_t)n, stdout) != (size_t)n)
			return 2;
	frames_clear(&frames);
	unzstd_free(unzstd);
	if (n == -1)
		fprintf(stderr, "unframe: %s\n", err.text);
	return n == -1 || fflush(stdout) == EOF;
}
