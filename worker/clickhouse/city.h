/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CityHash128 as of CityHash 1.0.2 (Google's, 2011; later releases give other
 * values): what ClickHouse puts before each compressed frame.
 */
#ifndef CALVE_CLICKHOUSE_CITY_H
#define CALVE_CLICKHOUSE_CITY_H

#include <stddef.h>
#include <stdint.h>

struct city128 {
	uint64_t low, high;
};

struct city128 city_hash128(const void *, size_t n);

#endif
