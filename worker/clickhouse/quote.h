/* SPDX-License-Identifier: Apache-2.0 */
/* Names and texts as they stand in ClickHouse's SQL. */
#ifndef CALVE_CLICKHOUSE_QUOTE_H
#define CALVE_CLICKHOUSE_QUOTE_H

#include "common/buf.h"

void sql_identifier(struct buf *, const char *name); /* `name` */
void sql_string(struct buf *, const char *text);     /* 'text' */

#endif
