/* SPDX-License-Identifier: Apache-2.0 */
/* One table of settings; the rest compares it with what the server has. */
#include "worker/source/clickhouse_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/clickhouse/http.h"

enum {
	MUST = 1, /* otherwise rows could be missing, or misread */
	LZ4 = 2,  /* only where that goes over the wire */
	ZSTD = 4, /* "1" where that does */
	MOST = 8  /* a smaller one may stay, but 0 is none */
};

static const struct setting {
	const char *name, *value;
	int flags;
} wanted[] = {
	/* a limit that is reached ends the query instead of the data */
	{ "result_overflow_mode", "throw", MUST },
	{ "read_overflow_mode", "throw", MUST },
	{ "read_overflow_mode_leaf", "throw", MUST },
	{ "timeout_overflow_mode", "throw", MUST },
	{ "timeout_overflow_mode_leaf", "throw", MUST },
	{ "sort_overflow_mode", "throw", MUST },
	{ "group_by_overflow_mode", "throw", MUST },
	{ "distinct_overflow_mode", "throw", MUST },
	{ "set_overflow_mode", "throw", MUST },
	{ "transfer_overflow_mode", "throw", MUST },
	{ "limit", "0", MUST },
	{ "offset", "0", MUST },
	/* no partial, stale or remembered answers */
	{ "skip_unavailable_shards", "0", MUST },
	{ "fallback_to_stale_replicas_for_distributed_queries", "0", MUST },
	{ "use_query_cache", "0", MUST },
	{ SETTINGS_REPLICA_DELAY, "60", MOST },
	{ "apply_deleted_mask", "1", MUST },
	{ "apply_patch_parts", "1", MUST },
	/* the form of the answer */
	{ "http_write_exception_in_output_format", "0", MUST },
	{ "output_format_native_encode_types_in_binary_format", "0", MUST },
	{ "output_format_native_write_json_as_string", "1", 0 },
	{ "output_format_json_quote_64bit_integers", "0", 0 },
	{ "low_cardinality_allow_in_native_format", "1", 0 },
	{ "extremes", "0", 0 },
	{ "send_progress_in_http_headers", "0", 0 },
	{ "enable_http_compression", "0", ZSTD },
	{ "network_compression_method", "LZ4", LZ4 },
	{ "aggregate_functions_null_for_empty", "0", 0 },
	{ "empty_result_for_aggregation_by_empty_set", "0", 0 },
	{ "cast_keep_nullable", "0", 0 },
	{ "session_timezone", "UTC", 0 },
	{ "max_block_size", "65536", 0 },
	{ "preferred_block_size_bytes", "16777216", 0 },
	{ "max_query_size", "16777216", 0 },
	/* a slow reader is no dead reader; a dead one ends the query */
	{ "send_timeout", "900", 0 },
	{ "http_send_timeout", "900", 0 },
	{ "cancel_http_readonly_queries_on_client_close", "1", 0 },
};
enum { NWANTED = sizeof(wanted) / sizeof(*wanted) };

void
settings_names(struct buf *out)
{
	buf_put_str(out,
	    "'readonly', 'max_threads', "
	    "'optimize_read_in_order'");
	for (size_t i = 0; i < NWANTED; i++)
		buf_printf(out, ", '%s'", wanted[i].name);
}

static size_t
place(const struct setting_seen *seen, size_t n, const char *name)
{
	size_t i = 0;

	while (i < n && strcmp(seen[i].name, name) != 0)
		i++;
	return i;
}

static const struct setting_seen *
find(const struct setting_seen *seen, size_t n, const char *name)
{
	size_t i = place(seen, n, name);

	return i < n ? &seen[i] : NULL;
}

static void
put_parameter(struct buf *out, const char *name, const char *value)
{
	char *escaped = http_escape(value);

	buf_printf(out, "&%s=%s", name, escaped);
	free(escaped);
}

static int
cannot_change(
    const struct setting_seen *s, const struct setting *w, struct err *err)
{
	return err_set(err, ERR_SOURCE,
	    "the setting %s of the source is '%s', "
	    "which could lose rows without an error, and the user may not "
	    "change it; set it to '%s' in the user's profile, or give the "
	    "user readonly = 2",
	    s->name, s->value, w->value);
}

static bool
is_less(const char *value, const char *most)
{
	unsigned long n = strtoul(value, NULL, 10);

	return n > 0 && n < strtoul(most, NULL, 10);
}

/* NULL: as it is. */
static const char *
value_of(const struct setting *s, const struct settings_wanted *want)
{
	if (s->flags & LZ4)
		return want->lz4 ? s->value : NULL;
	if (s->flags & ZSTD)
		return want->zstd ? "1" : s->value;
	return s->value;
}

int
settings_choose(struct setting_seen *seen, size_t n,
    const struct settings_wanted *want, struct buf *out, struct err *err)
{
	const struct setting_seen *s = find(seen, n, "readonly");
	bool frozen = s != NULL && strcmp(s->value, "1") == 0;
	bool free_ = s == NULL || strcmp(s->value, "0") == 0;
	char threads[16];

	for (size_t i = 0; i < NWANTED; i++) {
		const char *value = value_of(&wanted[i], want);

		s = find(seen, n, wanted[i].name);
		if (s == NULL || value == NULL || strcmp(s->value, value) == 0)
			continue;
		if ((wanted[i].flags & MOST) && is_less(s->value, value))
			continue;
		if (!frozen && !s->locked) {
			struct setting_seen *mine =
			    &seen[place(seen, n, s->name)];

			put_parameter(out, s->name, value);
			mine->to_confirm = wanted[i].flags & MUST;
			mine->sent = value;
		} else if (wanted[i].flags & MUST) {
			return cannot_change(s, &wanted[i], err);
		}
	}
	s = find(seen, n, "max_threads");
	if (want->threads > 0 && s != NULL && !frozen && !s->locked) {
		snprintf(threads, sizeof(threads), "%u", want->threads);
		put_parameter(out, s->name, threads);
	}
	/* calve never writes to a source, and only read-only queries are
	 * cancelled when their client goes away */
	s = find(seen, n, "readonly");
	if (free_ && s != NULL && !s->locked)
		put_parameter(out, "readonly", "2");
	return 0;
}

int
settings_check(const struct setting_seen *seen, size_t n, struct err *err)
{
	for (size_t i = 0; i < NWANTED; i++) {
		const struct setting_seen *s = find(seen, n, wanted[i].name);

		if (s != NULL && (wanted[i].flags & MUST) &&
		    strcmp(s->value, wanted[i].value) != 0)
			return cannot_change(s, &wanted[i], err);
	}
	return 0;
}

/* system.settings has 0 and 1 for Bool, getSetting() false and true. */
static bool
same_value(const char *now, const char *wants)
{
	return strcmp(now, wants) == 0 ||
	    (strcmp(now, "false") == 0 && strcmp(wants, "0") == 0) ||
	    (strcmp(now, "true") == 0 && strcmp(wants, "1") == 0);
}

int
settings_confirm(
    const struct setting_seen *seen, const char *now, struct err *err)
{
	size_t i = 0;

	while (strcmp(wanted[i].name, seen->name) != 0)
		i++;
	return same_value(now, wanted[i].value)
	    ? 0
	    : cannot_change(seen, &wanted[i], err);
}

uint64_t
settings_replica_delay(const struct setting_seen *seen, size_t n)
{
	const struct setting_seen *s = find(seen, n, SETTINGS_REPLICA_DELAY);

	return s == NULL
	    ? SETTINGS_REPLICA_DELAY_DEFAULT
	    : strtoul(s->sent != NULL ? s->sent : s->value, NULL, 10);
}
