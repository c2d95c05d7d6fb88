/* SPDX-License-Identifier: Apache-2.0 */
/* The Parquet reader over arbitrary bytes, as a file in memory. The input's
 * first byte chooses whether a sound tail is put behind it. */
#include <sys/mman.h>

#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "worker/parquet/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int
look(void *arg, const int64_t *values, const uint8_t *null, size_t n)
{
	uint64_t *sum = arg;

	for (size_t k = 0; k < n; k++)
		*sum += null != NULL && null[k] ? 1 : (uint64_t)values[k];
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err err = { 0 };
	uint64_t sum = 0;
	uint32_t footer;
	char path[64];
	int fd = memfd_create("fuzz", 0);

	if (fd == -1)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	footer = n > 4 ? (uint32_t)n - 4 : 0;
	if (write(fd, data, n) != (ssize_t)n ||
	    (n > 4 && data[0] == 'F' && (write(fd, &footer, 4) != 4 ||
	    write(fd, "PAR1", 4) != 4))) {
		close(fd);
		return 0;
	}
	(void)!parquet_read_column(path, 1, look, &sum, &err);
	(void)!parquet_read_column(path, 3, look, &sum, &err);
	close(fd);
	return 0;
}
