/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as numbers: the same however they came in blocks, another for any
 * other value. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "tests/unit/run_suite.h"
#include "worker/sink/native_digest.h"

enum { NCOLS = 4 };
static struct native_put put[NCOLS], element;
static struct err err;

static void
setup(void)
{
	static char int64[] = "Int64", text[] = "Nullable(String)",
		    tiny[] = "UInt8", list[] = "Array(Nullable(String))",
		    nullable[] = "Nullable(String)";

	err_clear(&err);
	element = (struct native_put){ .column = "list",
		.sent = nullable,
		.form = NATIVE_STRING,
		.nullable = true };
	put[0] = (struct native_put){ .column = "ts",
		.sent = int64,
		.form = NATIVE_COPY,
		.low = INT64_MIN,
		.dst = 8 };
	put[1] = (struct native_put){ .column = "text",
		.sent = text,
		.form = NATIVE_STRING,
		.nullable = true };
	put[2] = (struct native_put){
		.column = "tiny", .sent = tiny, .form = NATIVE_INT, .dst = 1
	};
	put[3] = (struct native_put){ .column = "list",
		.sent = list,
		.form = NATIVE_ARRAY,
		.child = &element };
}

struct row {
	int64_t ts;
	const char *text; /* NULL */
	uint8_t tiny;
	const char *list; /* elements, each a byte; "~" is a NULL */
};

static void
put_string(struct buf *b, const char *s, size_t n)
{
	buf_put_varint(b, n);
	buf_put(b, s, n);
}

static void
put_head(struct buf *b, size_t col)
{
	put_string(b, put[col].column, strlen(put[col].column));
	put_string(b, put[col].sent, strlen(put[col].sent));
}

static void
put_lists(struct buf *b, const struct row *rows, size_t n)
{
	uint64_t end = 0;

	for (size_t k = 0; k < n; k++) {
		end += strlen(rows[k].list);
		buf_put(b, &end, 8);
	}
	for (size_t k = 0; k < n; k++)
		for (const char *c = rows[k].list; *c != '\0'; c++)
			buf_put_u8(b, *c == '~');
	for (size_t k = 0; k < n; k++)
		for (const char *c = rows[k].list; *c != '\0'; c++)
			put_string(b, c, *c != '~');
}

static void
put_block(struct buf *b, const struct row *rows, size_t n)
{
	buf_put_varint(b, NCOLS);
	buf_put_varint(b, n);
	put_head(b, 0);
	for (size_t k = 0; k < n; k++)
		buf_put(b, &rows[k].ts, 8);
	put_head(b, 1);
	for (size_t k = 0; k < n; k++)
		buf_put_u8(b, rows[k].text == NULL);
	for (size_t k = 0; k < n; k++)
		put_string(b, rows[k].text != NULL ? rows[k].text : "junk",
		    rows[k].text != NULL ? strlen(rows[k].text) : 0);
	put_head(b, 2);
	for (size_t k = 0; k < n; k++)
		buf_put_u8(b, rows[k].tiny);
	put_head(b, 3);
	put_lists(b, rows, n);
}

static ssize_t
fetch(void *arg, uint8_t *dst, size_t n, struct err *e)
{
	struct cursor *at = arg;

	(void)e;
	if (n > cursor_left(at))
		n = cursor_left(at);
	if (n > 0)
		memcpy(dst, cursor_take(at, n), n);
	return (ssize_t)n;
}

/* Reads bytes as blocks: the rows' numbers, in order. -1: failed. */
static long
read_bytes(const uint8_t *p, size_t len, uint64_t *numbers, int64_t *ts)
{
	struct native_digest *d = native_digest_new(put, NCOLS, 0);
	struct cursor at = cursor_of(p, len);
	struct stream in;
	long total = 0;
	size_t n;
	int rc;

	stream_init(&in, fetch, &at, 1 << 20);
	while ((rc = native_digest_next(d, &in, &n, &err)) == 1) {
		memcpy(numbers + total, native_digest_rows(d), n * 8);
		memcpy(ts + total, native_digest_timestamps(d), n * 8);
		total += (long)n;
	}
	stream_clear(&in);
	native_digest_free(d);
	return rc == 0 ? total : -1;
}

static const struct row rows[] = {
	{ -1, "one", 255, "" },
	{ INT64_MAX, NULL, 0, "a~b" },
	{ 3, "", 7, "~" },
	{ 3, "a longer text of more than eight bytes", 7, "abc" },
};
enum { NROWS = 4 };

START_TEST(blocks_make_no_difference)
{
	uint64_t whole[NROWS], parts[NROWS];
	int64_t ts[NROWS];
	struct buf b;

	buf_init(&b, 0);
	put_block(&b, rows, NROWS);
	ck_assert_int_eq(read_bytes(b.data, b.len, whole, ts), NROWS);
	for (int k = 0; k < NROWS; k++)
		ck_assert_int_eq(ts[k], rows[k].ts);
	buf_reset(&b);
	put_block(&b, rows, 1);
	put_block(&b, rows, 0);
	put_block(&b, rows + 1, 3);
	ck_assert_int_eq(read_bytes(b.data, b.len, parts, ts), NROWS);
	ck_assert_mem_eq(whole, parts, sizeof(whole));
	buf_clear(&b);
}
END_TEST

static uint64_t
number_of(const struct row *row)
{
	uint64_t number;
	int64_t ts;
	struct buf b;

	buf_init(&b, 0);
	put_block(&b, row, 1);
	ck_assert_int_eq(read_bytes(b.data, b.len, &number, &ts), 1);
	buf_clear(&b);
	return number;
}

START_TEST(every_value_makes_one)
{
	static const struct row others[] = {
		{ 3, "abcdefgh", 7, "abc" },
		{ 4, "abcdefgh", 7, "abc" },
		{ 3, "abcdefg", 7, "abc" },
		{ 3, "abcdefghi", 7, "abc" },
		{ 3, "", 7, "abc" },
		{ 3, NULL, 7, "abc" },
		{ 7, "abcdefgh", 3, "abc" },
		{ 3, "abcdefgh", 7, "acb" },
		{ 3, "abcdefgh", 7, "ab~" },
		{ 3, "abcdefgh", 7, "ab" },
		{ 3, "abcdefgh", 7, "" },
	};
	enum { N = sizeof(others) / sizeof(*others) };

	for (int k = 0; k < N; k++)
		for (int i = 0; i < k; i++)
			ck_assert_uint_ne(
			    number_of(&others[k]), number_of(&others[i]));
}
END_TEST

START_TEST(what_is_cut_or_changed_is_refused)
{
	uint64_t numbers[NROWS];
	int64_t ts[NROWS];
	struct buf b;

	buf_init(&b, 0);
	put_block(&b, rows, NROWS);
	for (size_t len = 1; len < b.len; len++)
		ck_assert_int_eq(read_bytes(b.data, len, numbers, ts), -1);
	b.data[4]++; /* a column's name */
	ck_assert_int_eq(read_bytes(b.data, b.len, numbers, ts), -1);
	ck_assert_int_eq(err.cls, ERR_DATA);
	buf_clear(&b);
}
END_TEST

START_TEST(arrays_that_end_before_they_begin_are_refused)
{
	static const struct row two[] = { { 1, "a", 1, "abc" },
		{ 2, "b", 2, "d" } };
	static const uint64_t ends[] = { 3, 2 };
	uint64_t numbers[2];
	int64_t ts[2];
	uint8_t *at;
	struct buf b;

	buf_init(&b, 0);
	put_block(&b, two, 2);
	at = memmem(b.data, b.len, "\3\0\0\0\0\0\0\0\4", 9);
	ck_assert_ptr_nonnull(at);
	memcpy(at, ends, sizeof(ends));
	ck_assert_int_eq(read_bytes(b.data, b.len, numbers, ts), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "ends before it begins"));
	buf_clear(&b);
}
END_TEST

/* A block of one column of eight bytes, named and typed so. */
static int
reads_type(const char *sent, const char *type)
{
	char *wanted = strdup(sent);
	struct native_put one = { .column = "ts",
		.sent = wanted,
		.form = NATIVE_TICKS,
		.low = INT64_MIN,
		.dst = 8 };
	struct native_digest *d = native_digest_new(&one, 1, 0);
	struct cursor at;
	struct stream in;
	struct buf b;
	size_t n;
	int rc;

	buf_init(&b, 0);
	buf_put_varint(&b, 1);
	buf_put_varint(&b, 1);
	put_string(&b, "ts", 2);
	put_string(&b, type, strlen(type));
	buf_put(&b, "\1\0\0\0\0\0\0\0", 8);
	at = cursor_of(b.data, b.len);
	stream_init(&in, fetch, &at, 1 << 20);
	rc = native_digest_next(d, &in, &n, &err);
	stream_clear(&in);
	native_digest_free(d);
	buf_clear(&b);
	free(wanted);
	return rc;
}

START_TEST(types_are_compared_not_their_texts)
{
	ck_assert_int_eq(
	    reads_type("DateTime64(6)", "DateTime64(6, 'UTC')"), 1);
	ck_assert_int_eq(
	    reads_type("DateTime64(6)", "DateTime64(6, 'Europe/Berlin')"), 1);
	ck_assert_int_eq(reads_type("DateTime64(6)", "DateTime64(6)"), 1);
	ck_assert_int_eq(
	    reads_type("DateTime64(6)", "DateTime64(3, 'UTC')"), -1);
	ck_assert_ptr_nonnull(strstr(err.text,
	    "column 'ts' came as 'DateTime64(3, 'UTC')' where "
	    "'DateTime64(6)' was asked for"));
	ck_assert_int_eq(reads_type("Int64", "UInt64"), -1);
	ck_assert_int_eq(reads_type("Int64", "Nullable(Int64)"), -1);
	ck_assert_int_eq(reads_type("Int64", "LowCardinality(Int64)"), -1);
	ck_assert_int_eq(reads_type("Int64", "Int64 "), 1);
	ck_assert_int_eq(reads_type("Int64", "Int64 of"), -1);
	ck_assert_int_eq(reads_type("Int64", ""), -1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("native_digest");
	TCase *t = tcase_create("digest");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, blocks_make_no_difference);
	tcase_add_test(t, every_value_makes_one);
	tcase_add_test(t, what_is_cut_or_changed_is_refused);
	tcase_add_test(t, arrays_that_end_before_they_begin_are_refused);
	tcase_add_test(t, types_are_compared_not_their_texts);
	suite_add_tcase(s, t);
	return run_suite(s);
}
