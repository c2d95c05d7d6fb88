/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames: every type there and back, cut at every byte, changed at every
 * byte, and random bytes. Whatever comes, nothing is read beyond the end and
 * nothing leaks (the sanitizers watch).
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/msg.h"
#include "common/xalloc.h"
#include "tests/unit/run_suite.h"

static char **
texts(size_t n)
{
	char **t = xcalloc(n, sizeof *t);

	for (size_t at = 0; at < n; at++)
		t[at] = xasprintf("text %zu", at);
	return t;
}

static void
fill_job(struct job *j)
{
	*j = (struct job){ .kind = JOB_OFFLOAD,
		.attempt = 3,
		.run_id = "0f0e0d0c-0b0a-4908-8706-050403020100",
		.name = xstrdup("trades"),
		.state = xstrdup("dbname=x"),
		.source_name = xstrdup("hot"),
		.source_kind = xstrdup("ck"),
		.url = xstrdup("http://h:1"),
		.conninfo = xstrdup("dbname=y"),
		.target_kind = xstrdup("iceberg"),
		.target_url = xstrdup("http://t:2"),
		.target_user = xstrdup("v"),
		.target_password = xstrdup("w"),
		.key = texts(2),
		.nkey = 2,
		.lookback_ms = 6,
		.slices = 7,
		.database = xstrdup("k2"),
		.table = xstrdup("t"),
		.user = xstrdup("u"),
		.password = xstrdup("\xff not utf-8"),
		.catalog_name = xstrdup("l"),
		.catalog_kind = xstrdup("hadoop"),
		.warehouse = xstrdup("/w"),
		.namespace_ = xstrdup("a.b"),
		.target_table = xstrdup("t2"),
		.timestamp = xstrdup("ts"),
		.sequence = NULL,
		.timezone = xstrdup("Asia/Kolkata"),
		.partition = texts(2),
		.npartition = 2,
		.include = texts(3),
		.ninclude = 3,
		.columns = xcalloc(2, sizeof *j->columns),
		.ncolumns = 2,
		.final = true,
		.start = xstrdup(""),
		.settle_ms = INT64_MIN,
		.step_ms = INT64_MAX,
		.step_rows = UINT64_MAX,
		.compression = xstrdup("zstd"),
		.compression_level = -7,
		.encoding = xstrdup("compat"),
		.file_size = 1,
		.row_group_size = 2,
		.row_group_rows = 3,
		.expire_ms = 6,
		.memory = 4,
		.wire = xstrdup("lz4"),
		.source_threads = 5,
		.timeout_s = UINT32_MAX };
	j->columns[0].name = xstrdup("c");
	j->columns[0].as = xstrdup("long");
	j->columns[0].timezone = xstrdup("UTC");
	j->columns[1].name = xstrdup("d");
	j->columns[1].metrics = xstrdup("none");
}

static void
fill(enum msg_type type, struct msg *m)
{
	*m = (struct msg){ .type = type };
	switch (type) {
	case MSG_JOB:
		fill_job(&m->u.job);
		break;
	case MSG_HELLO:
		m->u.hello = (struct msg_hello){ 1, 4711, xstrdup("0.1") };
		break;
	case MSG_PHASE:
		m->u.phase = PHASE_COMMIT;
		break;
	case MSG_PROGRESS:
		m->u.progress = (struct msg_progress){ 1, UINT64_MAX, 3, 4, 5 };
		break;
	case MSG_NOTE:
		m->u.note = (struct msg_note){ true, xstrdup("note") };
		break;
	case MSG_TALLY:
		m->u.tally = (struct msg_tally){ .scope = xstrdup("all"),
			.source_rows = 1,
			.target_rows = UINT64_MAX,
			.source_min = xstrdup("a"),
			.target_max = xstrdup("d"),
			.source_sum = xstrdup("e"),
			.equal = true };
		break;
	case MSG_COLUMN:
		m->u.column = (struct msg_column){ .name = xstrdup("c"),
			.source_type = xstrdup("UInt64") };
		break;
	case MSG_RESULT:
		m->u.result = (struct result){ .rows = 1,
			.snapshot_id = -2,
			.files = 3,
			.steps = UINT32_MAX,
			.adopted = true,
			.position = xstrdup("p/42"),
			.different = 9 };
		break;
	case MSG_ERROR:
		err_set(&m->u.error, ERR_SOURCE_LOST, "gone");
		m->u.error.sys = 104;
		break;
	}
}

static void
same_text(const char *a, const char *b)
{
	ck_assert(a == NULL ? b == NULL : b != NULL && strcmp(a, b) == 0);
}

static void
same_job(const struct job *a, const struct job *b)
{
	ck_assert_int_eq(a->kind, b->kind);
	ck_assert_str_eq(a->run_id, b->run_id);
	ck_assert_uint_eq(a->attempt, b->attempt);
	same_text(a->name, b->name);
	same_text(a->state, b->state);
	same_text(a->source_name, b->source_name);
	same_text(a->source_kind, b->source_kind);
	same_text(a->url, b->url);
	same_text(a->conninfo, b->conninfo);
	same_text(a->target_kind, b->target_kind);
	same_text(a->target_url, b->target_url);
	same_text(a->target_user, b->target_user);
	same_text(a->target_password, b->target_password);
	ck_assert_uint_eq(a->nkey, b->nkey);
	for (size_t at = 0; at < a->nkey; at++)
		same_text(a->key[at], b->key[at]);
	ck_assert_int_eq(a->lookback_ms, b->lookback_ms);
	ck_assert_uint_eq(a->slices, b->slices);
	same_text(a->database, b->database);
	same_text(a->table, b->table);
	same_text(a->user, b->user);
	same_text(a->password, b->password);
	same_text(a->catalog_name, b->catalog_name);
	same_text(a->catalog_kind, b->catalog_kind);
	same_text(a->warehouse, b->warehouse);
	same_text(a->namespace_, b->namespace_);
	same_text(a->target_table, b->target_table);
	same_text(a->timestamp, b->timestamp);
	same_text(a->sequence, b->sequence);
	same_text(a->timezone, b->timezone);
	ck_assert_uint_eq(a->npartition, b->npartition);
	for (size_t at = 0; at < a->npartition; at++)
		same_text(a->partition[at], b->partition[at]);
	ck_assert_uint_eq(a->ninclude, b->ninclude);
	for (size_t at = 0; at < a->ninclude; at++)
		same_text(a->include[at], b->include[at]);
	ck_assert_uint_eq(b->nexclude, 0);
	ck_assert_uint_eq(a->ncolumns, b->ncolumns);
	for (size_t at = 0; at < a->ncolumns; at++) {
		same_text(a->columns[at].name, b->columns[at].name);
		same_text(a->columns[at].as, b->columns[at].as);
		same_text(a->columns[at].time, b->columns[at].time);
		same_text(a->columns[at].utf8, b->columns[at].utf8);
		same_text(a->columns[at].duplicates, b->columns[at].duplicates);
		same_text(a->columns[at].digits, b->columns[at].digits);
		same_text(a->columns[at].metrics, b->columns[at].metrics);
		same_text(a->columns[at].timezone, b->columns[at].timezone);
	}
	ck_assert(a->final == b->final);
	same_text(a->start, b->start);
	ck_assert_int_eq(a->settle_ms, b->settle_ms);
	ck_assert_int_eq(a->step_ms, b->step_ms);
	ck_assert_uint_eq(a->step_rows, b->step_rows);
	same_text(a->compression, b->compression);
	ck_assert_int_eq(a->compression_level, b->compression_level);
	same_text(a->encoding, b->encoding);
	ck_assert_uint_eq(a->file_size, b->file_size);
	ck_assert_uint_eq(a->row_group_size, b->row_group_size);
	ck_assert_uint_eq(a->row_group_rows, b->row_group_rows);
	ck_assert_int_eq(a->expire_ms, b->expire_ms);
	ck_assert_uint_eq(a->memory, b->memory);
	same_text(a->wire, b->wire);
	ck_assert_uint_eq(a->source_threads, b->source_threads);
	ck_assert_uint_eq(a->timeout_s, b->timeout_s);
}

static void
same_result(const struct result *a, const struct result *b)
{
	ck_assert_uint_eq(a->rows, b->rows);
	ck_assert_uint_eq(a->files, b->files);
	ck_assert_uint_eq(a->steps, b->steps);
	ck_assert_int_eq(a->snapshot_id, b->snapshot_id);
	same_text(a->window_low, b->window_low);
	same_text(a->position, b->position);
	ck_assert(a->adopted == b->adopted);
	ck_assert_uint_eq(a->different, b->different);
}

static void
same_msg(const struct msg *a, const struct msg *b)
{
	ck_assert_int_eq(a->type, b->type);
	switch (a->type) {
	case MSG_JOB:
		same_job(&a->u.job, &b->u.job);
		break;
	case MSG_HELLO:
		ck_assert_uint_eq(a->u.hello.pid, b->u.hello.pid);
		ck_assert_uint_eq(a->u.hello.protocol, b->u.hello.protocol);
		same_text(a->u.hello.version, b->u.hello.version);
		break;
	case MSG_PHASE:
		ck_assert_int_eq(a->u.phase, b->u.phase);
		break;
	case MSG_PROGRESS:
		ck_assert_mem_eq(&a->u.progress, &b->u.progress,
		    offsetof(struct msg_progress, files) + 4);
		break;
	case MSG_NOTE:
		ck_assert(a->u.note.warning == b->u.note.warning);
		same_text(a->u.note.text, b->u.note.text);
		break;
	case MSG_TALLY:
		same_text(a->u.tally.scope, b->u.tally.scope);
		ck_assert_uint_eq(
		    a->u.tally.source_rows, b->u.tally.source_rows);
		ck_assert_uint_eq(
		    a->u.tally.target_rows, b->u.tally.target_rows);
		same_text(a->u.tally.source_min, b->u.tally.source_min);
		same_text(a->u.tally.source_max, b->u.tally.source_max);
		same_text(a->u.tally.target_min, b->u.tally.target_min);
		same_text(a->u.tally.target_max, b->u.tally.target_max);
		same_text(a->u.tally.source_sum, b->u.tally.source_sum);
		same_text(a->u.tally.target_sum, b->u.tally.target_sum);
		ck_assert(a->u.tally.equal == b->u.tally.equal);
		break;
	case MSG_COLUMN:
		same_text(a->u.column.name, b->u.column.name);
		same_text(a->u.column.source_type, b->u.column.source_type);
		same_text(a->u.column.target_type, b->u.column.target_type);
		same_text(a->u.column.remark, b->u.column.remark);
		break;
	case MSG_RESULT:
		same_result(&a->u.result, &b->u.result);
		break;
	case MSG_ERROR:
		ck_assert_int_eq(a->u.error.cls, b->u.error.cls);
		ck_assert_int_eq(a->u.error.sys, b->u.error.sys);
		same_text(a->u.error.text, b->u.error.text);
		break;
	}
}

/* A frame of the type with the number. */
static struct buf
frame_of(enum msg_type type, uint32_t sequence)
{
	struct msg m;
	struct buf b;
	struct err err = { 0 };

	buf_init(&b, 0);
	fill(type, &m);
	ck_assert_int_eq(msg_put(&b, sequence, &m, &err), 0);
	msg_clear(&m);
	return b;
}

START_TEST(every_type_comes_back_as_it_went)
{
	struct buf b = frame_of((enum msg_type)_i, 7);
	struct msg in, out;
	struct err err = { 0 };
	size_t used = 0, n = b.len;

	buf_put_u8(&b, 0xee); /* the next frame's first byte */
	ck_assert_int_eq(msg_get(b.data, b.len, 7, &out, &used, &err), 1);
	ck_assert_uint_eq(used, n);
	fill((enum msg_type)_i, &in);
	same_msg(&in, &out);
	msg_clear(&in);
	msg_clear(&out);
	buf_clear(&b);
}
END_TEST

START_TEST(cut_at_any_byte_waits_for_more)
{
	struct buf b = frame_of((enum msg_type)_i, 0);
	struct msg out;
	struct err err = { 0 };
	size_t used;

	for (size_t n = 0; n < b.len; n++) {
		/* A copy of that length: reading beyond it is caught. */
		void *cut = n > 0 ? xmemdup(b.data, n) : NULL;
		ck_assert_int_eq(
		    msg_get(cut != NULL ? cut : "", n, 0, &out, &used, &err),
		    0);
		free(cut);
	}
	buf_clear(&b);
}
END_TEST

/* The header's length says less than the fields need. */
START_TEST(shortened_payload_is_malformed)
{
	struct buf b = frame_of((enum msg_type)_i, 0);
	uint32_t length = (uint32_t)(b.len - MSG_HEADER);
	struct msg out;
	struct err err = { 0 };
	size_t used;

	for (uint32_t n = 0; n < length; n++) {
		memcpy(b.data + 4, &n, sizeof n);
		void *cut = xmemdup(b.data, MSG_HEADER + n);
		ck_assert_int_eq(
		    msg_get(cut, MSG_HEADER + n, 0, &out, &used, &err), -1);
		ck_assert_int_eq(err.cls, ERR_PROTOCOL);
		free(cut);
	}
	buf_clear(&b);
}
END_TEST

START_TEST(bytes_left_over_are_malformed)
{
	struct buf b = frame_of((enum msg_type)_i, 0);
	uint32_t length = (uint32_t)(b.len - MSG_HEADER) + 1;
	struct msg out;
	struct err err = { 0 };
	size_t used;

	buf_put_u8(&b, 0);
	memcpy(b.data + 4, &length, sizeof length);
	ck_assert_int_eq(msg_get(b.data, b.len, 0, &out, &used, &err), -1);
	ck_assert_int_eq(err.cls, ERR_PROTOCOL);
	buf_clear(&b);
}
END_TEST

START_TEST(any_byte_changed_never_harms)
{
	struct buf b = frame_of((enum msg_type)_i, 0);
	static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

	for (size_t at = 0; at < b.len; at++) {
		uint8_t kept = b.data[at];
		for (size_t v = 0; v < sizeof values; v++) {
			struct msg out;
			struct err err = { 0 };
			size_t used;
			b.data[at] = values[v];
			if (msg_get(b.data, b.len, 0, &out, &used, &err) == 1)
				msg_clear(&out);
		}
		b.data[at] = kept;
	}
	buf_clear(&b);
}
END_TEST

START_TEST(headers_that_lie_are_refused)
{
	struct buf b = frame_of(MSG_PHASE, 3);
	struct msg out;
	struct err err = { 0 };
	size_t used;
	uint32_t big = MSG_MAX + 1;

	ck_assert_int_eq(msg_get(b.data, b.len, 4, &out, &used, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "number 3, expected 4"));
	memcpy(b.data + 4, &big, sizeof big);
	ck_assert_int_eq(msg_get(b.data, b.len, 3, &out, &used, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "over the maximum"));
	b.data[2] = 0;
	ck_assert_int_eq(msg_get(b.data, b.len, 3, &out, &used, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "unknown frame type 0"));
	b.data[2] = MSG_ERROR + 1;
	ck_assert_int_eq(msg_get(b.data, b.len, 3, &out, &used, &err), -1);
	b.data[0] ^= 1;
	/* Told by the first byte, not waited for. */
	ck_assert_int_eq(msg_get(b.data, 1, 3, &out, &used, &err), -1);
	ck_assert_int_eq(
	    msg_get("Segmentation fault", 18, 0, &out, &used, &err), -1);
	buf_clear(&b);
}
END_TEST

START_TEST(counts_beyond_the_frame_take_no_memory)
{
	struct buf b = frame_of(MSG_JOB, 0);
	struct msg out;
	struct err err = { 0 };
	size_t used;
	uint32_t huge = UINT32_MAX, two = 2;

	/* Every place that looks like a count of two, npartition among it. */
	for (size_t at = MSG_HEADER; at + 4 <= b.len; at++) {
		if (memcmp(b.data + at, &two, sizeof two) != 0)
			continue;
		memcpy(b.data + at, &huge, sizeof huge);
		int got = msg_get(b.data, b.len, 0, &out, &used, &err);
		if (got == 1)
			msg_clear(&out);
		memcpy(b.data + at, &two, sizeof two);
	}
	buf_clear(&b);
}
END_TEST

START_TEST(too_long_is_refused_before_it_is_sent)
{
	struct msg m = { .type = MSG_NOTE };
	struct buf b;
	struct err err = { 0 };

	buf_init(&b, 0);
	m.u.note.text = xmalloc(MSG_MAX + 1);
	memset(m.u.note.text, 'x', MSG_MAX);
	m.u.note.text[MSG_MAX] = '\0';
	ck_assert_int_eq(msg_put(&b, 0, &m, &err), -1);
	ck_assert_int_eq(err.cls, ERR_PROTOCOL);
	ck_assert_uint_eq(b.len, 0);
	/* The longest that fits goes through. */
	m.u.note.text[MSG_MAX - 5] = '\0';
	ck_assert_int_eq(msg_put(&b, 0, &m, &err), 0);
	ck_assert_uint_eq(b.len, MSG_HEADER + MSG_MAX);
	struct msg out;
	size_t used;
	ck_assert_int_eq(msg_get(b.data, b.len, 0, &out, &used, &err), 1);
	msg_clear(&out);
	msg_clear(&m);
	buf_clear(&b);
}
END_TEST

START_TEST(embedded_nul_and_bad_enums_are_refused)
{
	struct buf b = frame_of(MSG_NOTE, 0);
	struct msg out;
	struct err err = { 0 };
	size_t used;

	b.data[b.len - 2] = '\0';
	ck_assert_int_eq(msg_get(b.data, b.len, 0, &out, &used, &err), -1);
	b.data[b.len - 2] = 't';
	b.data[MSG_HEADER] = 2; /* a boolean */
	ck_assert_int_eq(msg_get(b.data, b.len, 0, &out, &used, &err), -1);
	buf_clear(&b);
	b = frame_of(MSG_PHASE, 0);
	b.data[MSG_HEADER] = PHASE_N;
	ck_assert_int_eq(msg_get(b.data, b.len, 0, &out, &used, &err), -1);
	buf_clear(&b);
	b = frame_of(MSG_ERROR, 0);
	b.data[MSG_HEADER] = ERR_NCLASSES;
	ck_assert_int_eq(msg_get(b.data, b.len, 0, &out, &used, &err), -1);
	b.data[MSG_HEADER] = ERR_NONE;
	ck_assert_int_eq(msg_get(b.data, b.len, 0, &out, &used, &err), -1);
	buf_clear(&b);
}
END_TEST

START_TEST(random_payloads_never_harm)
{
	uint64_t seed = 42;

	for (int round = 0; round < 20000; round++) {
		struct buf b;
		struct msg out;
		struct err err = { 0 };
		size_t used;
		buf_init(&b, 0);
		buf_put_u16(&b, 0xca17);
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		uint32_t n = (uint32_t)(seed >> 40) % 300;
		buf_put_u16(&b, (uint16_t)(1 + (seed >> 33) % MSG_ERROR));
		buf_put_u32(&b, n);
		buf_put_u32(&b, 0);
		for (uint32_t at = 0; at < n; at++) {
			seed = seed * 6364136223846793005u + 1;
			/* Small numbers get further than large ones. */
			buf_put_u8(
			    &b, (uint8_t)((seed >> 60) < 12 ? 0 : seed >> 56));
		}
		int got = msg_get(b.data, b.len, 0, &out, &used, &err);
		ck_assert_int_ne(got, 0);
		if (got == 1)
			msg_clear(&out);
		buf_clear(&b);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("msg");
	TCase *t = tcase_create("frames");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(
	    t, every_type_comes_back_as_it_went, MSG_JOB, MSG_ERROR + 1);
	tcase_add_loop_test(
	    t, cut_at_any_byte_waits_for_more, MSG_JOB, MSG_ERROR + 1);
	tcase_add_loop_test(
	    t, shortened_payload_is_malformed, MSG_JOB, MSG_ERROR + 1);
	tcase_add_loop_test(
	    t, bytes_left_over_are_malformed, MSG_JOB, MSG_ERROR + 1);
	tcase_add_loop_test(
	    t, any_byte_changed_never_harms, MSG_JOB, MSG_ERROR + 1);
	tcase_add_test(t, headers_that_lie_are_refused);
	tcase_add_test(t, counts_beyond_the_frame_take_no_memory);
	tcase_add_test(t, too_long_is_refused_before_it_is_sent);
	tcase_add_test(t, embedded_nul_and_bad_enums_are_refused);
	tcase_add_test(t, random_payloads_never_harm);
	suite_add_tcase(s, t);
	return run_suite(s);
}
