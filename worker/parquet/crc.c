/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/parquet/crc.h"

#include <zlib.h>

uint32_t
crc32_add(uint32_t crc, const void *data, size_t n)
{
	return (uint32_t)crc32_z(crc, data, n);
}
