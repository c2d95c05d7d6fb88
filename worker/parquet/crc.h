/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32 as in gzip (polynomial 0x04C11DB7, reflected), for page headers. */
#ifndef CALVE_PARQUET_CRC_H
#define CALVE_PARQUET_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Of n bytes, continuing crc; 0 to begin. */
uint32_t crc32_add(uint32_t crc, const void *, size_t n);

#endif
