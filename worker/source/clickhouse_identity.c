/* SPDX-License-Identifier: Apache-2.0 */
/* Who a ClickHouse table is, whatever it is called. */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/source/clickhouse.h"

enum { ANSWER_MAX = 1 << 20, SQL_MAX = 1 << 20 };

/* Not granted (ACCESS_DENIED): then its uuid has to do, by which another
 * replica is another table. */
enum { ACCESS_DENIED = 497 };

/*
 * Replicas of one table have a uuid each, unless they were made ON CLUSTER,
 * and one path in one keeper (ClickHouse documentation, system.replicas,
 * zookeeper_path and zookeeper_name). A table that was dropped on all replicas
 * and made anew under the same explicit path is not told from it; the default
 * path has the uuid in it.
 */
int
clickhouse_replicated(struct clickhouse *s, struct err *err)
{
	struct buf sql, answer;
	struct cursor at;
	int rc;

	if (strncmp(s->engine, "Replicated", 10) != 0)
		return 0;
	buf_init(&sql, SQL_MAX);
	buf_init(&answer, ANSWER_MAX);
	buf_printf(&sql, "SELECT zookeeper_path, %s FROM system.replicas",
	    s->has[SYSTEM_KEEPER] ? "zookeeper_name" : "''");
	clickhouse_where_table(s, &sql, "table");
	buf_put_str(&sql, " FORMAT RowBinary");
	rc = clickhouse_ask(s, buf_cstr(&sql), &answer, &at, err);
	if (rc == 0 && cursor_left(&at) > 0) {
		char *path = clickhouse_text(&at);
		char *keeper = clickhouse_text(&at);

		if (at.bad) {
			rc = clickhouse_malformed(err);
		} else {
			free(s->identity);
			s->identity =
			    xasprintf("replicated:%s:%s", keeper, path);
		}
		free(path);
		free(keeper);
	} else if (rc == -1 && err->sys == ACCESS_DENIED) {
		rc = 0;
	}
	buf_clear(&sql);
	buf_clear(&answer);
	return rc;
}

static int
ask_uuid(struct clickhouse *s, struct err *err)
{
	struct buf sql, answer;
	struct cursor at;
	uint8_t uuid[16];
	char *text = NULL;
	int rc;

	buf_init(&sql, SQL_MAX);
	buf_init(&answer, ANSWER_MAX);
	buf_printf(&sql, "SELECT engine, %s FROM system.tables",
	    s->has[SYSTEM_UUID] ? "toString(uuid)" : "''");
	clickhouse_where_table(s, &sql, "name");
	buf_put_str(&sql, " FORMAT RowBinary");
	rc = clickhouse_ask(s, buf_cstr(&sql), &answer, &at, err);
	if (rc == 0 && cursor_left(&at) == 0) {
		rc = clickhouse_unknown_table(s, err);
	} else if (rc == 0) {
		free(s->engine);
		s->engine = clickhouse_text(&at);
		text = clickhouse_text(&at);
		free(s->identity);
		s->identity = NULL;
		if (at.bad)
			rc = clickhouse_malformed(err);
		else if (uuid_parse(text, uuid) &&
		    memcmp(uuid, (const uint8_t[16]){ 0 }, 16) != 0)
			s->identity = xstrdup(text);
		free(text);
	}
	buf_clear(&sql);
	buf_clear(&answer);
	return rc;
}

int
clickhouse_identity(struct source *source, char **out, struct err *err)
{
	struct clickhouse *s = clickhouse_of(source);

	*out = NULL;
	if (ask_uuid(s, err) == -1 || clickhouse_replicated(s, err) == -1)
		return -1;
	if (s->identity != NULL)
		*out = xstrdup(s->identity);
	return 0;
}
