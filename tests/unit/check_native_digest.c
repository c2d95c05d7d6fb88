/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as numbers: the same for what is sent and what is read, however it came
 * in blocks; another for any other value, and for what a type cannot hold. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/xalloc.h"
#include "tests/unit/run_suite.h"
#include "worker/sink/native_digest.h"
#include "worker/sink/native_put.h"

static struct type incoming;
static struct err err;

static void
setup(void)
{
	err_clear(&err);
	incoming = (struct type){ .kind = TYPE_STRUCT };
}

static void
teardown(void)
{
	type_clear(&incoming);
}

static void
put_string(struct buf *b, const char *s, size_t n)
{
	buf_put_varint(b, n);
	buf_put(b, s, n);
}

static void
put_head(struct buf *b, const char *name, const char *type)
{
	put_string(b, name, strlen(name));
	put_string(b, type, strlen(type));
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
	struct native_digest *d = native_digest_new(&incoming, 0);
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

/* ---- rows of four columns --------------------------------------------------- */

struct row {
	int64_t ts;
	const char *text; /* NULL */
	uint8_t tiny;
	const char *list; /* elements, each a byte; "~" is a NULL */
};

static void
four_columns(void)
{
	type_add_field(&incoming, "ts", true, TYPE_LONG);
	type_add_field(&incoming, "text", false, TYPE_STRING);
	type_add_field(&incoming, "tiny", true, TYPE_INT);
	type_add_field(
	    &type_add_field(&incoming, "list", false, TYPE_LIST)->type,
	    "element", false, TYPE_STRING);
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
	buf_put_varint(b, 4);
	buf_put_varint(b, n);
	put_head(b, "ts", "Int64");
	for (size_t k = 0; k < n; k++)
		buf_put(b, &rows[k].ts, 8);
	put_head(b, "text", "Nullable(String)");
	for (size_t k = 0; k < n; k++)
		buf_put_u8(b, rows[k].text == NULL);
	for (size_t k = 0; k < n; k++)
		put_string(b, rows[k].text != NULL ? rows[k].text : "junk",
		    rows[k].text != NULL ? strlen(rows[k].text) : 0);
	put_head(b, "tiny", "UInt8");
	for (size_t k = 0; k < n; k++)
		buf_put_u8(b, rows[k].tiny);
	put_head(b, "list", "Array(Nullable(String))");
	put_lists(b, rows, n);
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

	four_columns();
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

	four_columns();
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

	four_columns();
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

	four_columns();
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

/* ---- a value and the types that hold it --------------------------------------- */

/* Of the source: a whole number, a double's bits, or bytes. */
struct value {
	struct type type;
	__int128 number;
	const char *bytes;
	size_t len;
};

#define INTEGER(k, v)                         \
	{                                     \
		{ .kind = (k) }, (v), NULL, 0 \
	}
#define DECIMAL(p, s, v)                                                       \
	{                                                                      \
		{ .kind = TYPE_DECIMAL, .precision = (p), .scale = (s) }, (v), \
		    NULL, 0                                                    \
	}
#define BYTES(k, v)                                    \
	{                                              \
		{ .kind = (k) }, 0, (v), sizeof(v) - 1 \
	}

/* A long and the value. */
static void
two_columns(const struct value *v)
{
	type_clear(&incoming);
	incoming = (struct type){ .kind = TYPE_STRUCT };
	type_add_field(&incoming, "ts", true, TYPE_LONG);
	type_add_field(&incoming, "c", false, TYPE_INT)->type = v->type;
}

static void
fill(struct batch *b, const struct value *v)
{
	const int64_t ts = 17;
	struct vec *c;

	batch_init(b, &incoming);
	b->nrows = 1;
	c = &b->cols[1];
	memcpy(vec_set_fixed(&b->cols[0], 8, 1), &ts, 8);
	if (v->bytes == NULL) {
		memcpy(vec_set_fixed(c, type_width(&v->type), 1), &v->number,
		    type_width(&v->type));
	} else if (v->type.kind == TYPE_UUID) {
		memcpy(vec_set_fixed(c, 16, 1), v->bytes, 16);
	} else {
		vec_set_offsets(c, VEC_BYTES, 1)[1] = (uint32_t)v->len;
		memcpy(vec_set_bytes(c, v->len), v->bytes, v->len);
	}
}

static uint64_t
number_at_source(const struct value *v)
{
	struct native_digest *d;
	struct batch b;
	uint64_t number;

	two_columns(v);
	d = native_digest_new(&incoming, 0);
	fill(&b, v);
	native_digest_batch(d, &b);
	ck_assert_int_eq(native_digest_timestamps(d)[0], 17);
	number = native_digest_rows(d)[0];
	native_digest_free(d);
	batch_clear(&b);
	return number;
}

static uint64_t
number_in_table(const char *type, const void *bytes, size_t n)
{
	const int64_t seventeen = 17;
	uint64_t number;
	int64_t ts;
	struct buf b;

	buf_init(&b, 0);
	buf_put_varint(&b, 2);
	buf_put_varint(&b, 1);
	put_head(&b, "ts", "Int64");
	buf_put(&b, &seventeen, 8);
	put_head(&b, "c", type);
	buf_put(&b, bytes, n);
	ck_assert_msg(read_bytes(b.data, b.len, &number, &ts) == 1, "%s: %s",
	    type, err.text);
	buf_clear(&b);
	return number;
}

/* The value as an insert would send it. */
static uint64_t
number_sent(const struct value *v, const char *type)
{
	static const char *const types[] = { "Int64", NULL };
	struct native_put put[2];
	struct ch_type to[2] = { { 0 }, { 0 } };
	struct batch b;
	struct buf block;
	uint64_t number;
	int64_t ts;

	two_columns(v);
	fill(&b, v);
	for (int k = 0; k < 2; k++) {
		const char *text = k == 0 ? types[0] : type;

		ck_assert_int_eq(
		    ch_type_parse(text, strlen(text), &to[k], &err), 0);
		ck_assert_msg(native_plan(&incoming.fields[k], &to[k], text,
				  &put[k], &err) == 0,
		    "%s", err.text);
	}
	buf_init(&block, 0);
	ck_assert_msg(native_put_block(&block, put, 2, &b, &err) == 0, "%s: %s",
	    type, err.text);
	ck_assert_int_eq(read_bytes(block.data, block.len, &number, &ts), 1);
	for (int k = 0; k < 2; k++) {
		native_put_clear(&put[k]);
		ch_type_clear(&to[k]);
	}
	buf_clear(&block);
	batch_clear(&b);
	return number;
}

START_TEST(what_is_sent_is_what_the_source_has)
{
	static const float narrow = 0.1f;
	static const double wide = 0.1;
	const struct {
		struct value value;
		const char *types[8];
	} cases[] = {
		{ INTEGER(TYPE_BOOLEAN, 1),
		    { "Bool", "UInt8", "Int8", "Nullable(Bool)", "Int64" } },
		{ INTEGER(TYPE_INT, -1),
		    { "Int32", "Int8", "Int16", "Int64", "Int128", "Int256",
			"Decimal(9, 2)", "Decimal(76, 18)" } },
		{ INTEGER(TYPE_INT, 200),
		    { "UInt8", "UInt16", "UInt32", "UInt64", "UInt128",
			"UInt256" } },
		{ INTEGER(TYPE_LONG, INT64_MIN),
		    { "Int64", "Int128", "Nullable(Int256)",
			"Decimal(38, 9)" } },
		{ INTEGER(TYPE_LONG, INT64_MAX), { "UInt64", "UInt256" } },
		{ DECIMAL(20, 0, (__int128)UINT64_MAX),
		    { "UInt64", "Int128", "Decimal(20, 0)", "UInt128" } },
		{ DECIMAL(9, 2, -12345),
		    { "Decimal(9, 2)", "Decimal(18, 2)", "Decimal(18, 4)",
			"Decimal(38, 20)", "Decimal(76, 2)" } },
		{ INTEGER(TYPE_DATE, 20000), { "Date", "Date32" } },
		{ INTEGER(TYPE_DATE, -20000), { "Date32" } },
		{ INTEGER(TYPE_TIMESTAMP, 1700000000000000),
		    { "DateTime", "DateTime64(0)", "DateTime64(3)",
			"DateTime64(6)", "DateTime64(9, 'UTC')",
			"DateTime('UTC')" } },
		{ INTEGER(TYPE_TIMESTAMPTZ, -1500000),
		    { "DateTime64(1)", "DateTime64(6, 'Asia/Tokyo')",
			"Nullable(DateTime64(9))" } },
		{ BYTES(TYPE_STRING, "ab"),
		    { "String", "FixedString(2)", "FixedString(5)",
			"Nullable(String)" } },
		{ BYTES(TYPE_BINARY, "a\0"), { "String", "FixedString(2)" } },
		{ BYTES(TYPE_UUID, "0123456789abcdef"), { "UUID" } },
	};
	struct value f = INTEGER(TYPE_FLOAT, 0), d = INTEGER(TYPE_DOUBLE, 0);

	for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++)
		for (size_t i = 0; i < 8 && cases[k].types[i] != NULL; i++)
			ck_assert_msg(
			    number_sent(&cases[k].value, cases[k].types[i]) ==
				number_at_source(&cases[k].value),
			    "case %zu: %s", k, cases[k].types[i]);
	memcpy(&f.number, &narrow, 4);
	memcpy(&d.number, &wide, 8);
	ck_assert_uint_eq(number_sent(&f, "Float32"), number_at_source(&f));
	ck_assert_uint_eq(number_sent(&f, "Float64"), number_at_source(&f));
	ck_assert_uint_eq(number_sent(&d, "Float64"), number_at_source(&d));
	ck_assert_uint_ne(number_at_source(&d), number_at_source(&f));
}
END_TEST

/* bytes: those of the table's value. */
#define TABLE(type, ...) type, __VA_ARGS__, sizeof(__VA_ARGS__) - 1

START_TEST(what_was_rounded_cut_or_moved_is_another_value)
{
	static const float narrow = 0.1f;
	static const double wide = 0.1;
	const struct {
		struct value value;
		const char *type, *bytes;
		size_t n;
	} cases[] = {
		/* 1.234567 s as 1.234; 1.9 s as 1; as 1.900001000 and 1 ns */
		{ INTEGER(TYPE_TIMESTAMP, 1234567),
		    TABLE("DateTime64(3)", "\xd2\4\0\0\0\0\0\0") },
		{ INTEGER(TYPE_TIMESTAMP, 1900000),
		    TABLE("DateTime", "\1\0\0\0") },
		{ INTEGER(TYPE_TIMESTAMP, 1),
		    TABLE("DateTime64(9)", "\xe9\3\0\0\0\0\0\0") },
		/* -0.5 s as 0 and as -1 */
		{ INTEGER(TYPE_TIMESTAMPTZ, -500000),
		    TABLE("DateTime64(0)", "\0\0\0\0\0\0\0\0") },
		{ INTEGER(TYPE_TIMESTAMPTZ, -500000),
		    TABLE(
			"DateTime64(0)", "\xff\xff\xff\xff\xff\xff\xff\xff") },
		/* 2106-02-07 06:28:16 once around; 1969 as 2106 */
		{ INTEGER(TYPE_TIMESTAMP, (__int128)4294967296000000),
		    TABLE("DateTime", "\0\0\0\0") },
		{ INTEGER(TYPE_TIMESTAMP, -1000000),
		    TABLE("DateTime", "\xff\xff\xff\xff") },
		{ INTEGER(TYPE_DATE, 65536), TABLE("Date", "\0\0") },
		{ INTEGER(TYPE_DATE, -1), TABLE("Date", "\xff\xff") },
		/* 1.005 as 1.00; 1.00 as 1.005 */
		{ DECIMAL(9, 3, 1005), TABLE("Decimal(9, 2)", "\x64\0\0\0") },
		{ DECIMAL(9, 2, 100), TABLE("Decimal(9, 3)", "\xed\3\0\0") },
		{ DECIMAL(9, 2, 150), TABLE("Int32", "\1\0\0\0") },
		{ INTEGER(TYPE_LONG, (__int128)1 << 32),
		    TABLE("UInt32", "\0\0\0\0") },
		{ INTEGER(TYPE_LONG, -1),
		    TABLE("UInt64", "\xff\xff\xff\xff\xff\xff\xff\xff") },
		{ INTEGER(TYPE_LONG, -1),
		    TABLE("UInt128",
			"\xff\xff\xff\xff\xff\xff\xff\xff"
			"\xff\xff\xff\xff\xff\xff\xff\xff") },
		{ INTEGER(TYPE_LONG, 0),
		    TABLE("Int256",
			"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
			"\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
		{ BYTES(TYPE_STRING, "abc"), TABLE("FixedString(2)", "ab") },
		{ BYTES(TYPE_STRING, "ab "), TABLE("String", "\2ab") },
		{ BYTES(TYPE_STRING, "ab"), TABLE("String", "\3ab\0") },
		{ BYTES(TYPE_STRING, ""), TABLE("Nullable(String)", "\1\0") },
		{ BYTES(TYPE_BINARY, "a"), TABLE("FixedString(2)", "a\0") },
		{ BYTES(TYPE_UUID, "0123456789abcdef"),
		    TABLE("UUID", "0123456789abcdef") },
	};
	struct value d = INTEGER(TYPE_DOUBLE, 0);

	for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
		uint64_t at_source = number_at_source(&cases[k].value);

		ck_assert_msg(number_in_table(cases[k].type, cases[k].bytes,
				  cases[k].n) != at_source,
		    "case %zu: %s", k, cases[k].type);
	}
	memcpy(&d.number, &wide, 8);
	two_columns(&d);
	ck_assert_uint_ne(
	    number_in_table("Float32", &narrow, 4), number_at_source(&d));
}
END_TEST

/* A block of one column, read as the timestamps of that type. */
static int
reads(enum type_kind kind, const char *type, const void *bytes, size_t n,
    int64_t *ts)
{
	uint64_t number;
	struct buf b;
	long rc;

	type_clear(&incoming);
	incoming = (struct type){ .kind = TYPE_STRUCT };
	type_add_field(&incoming, "ts", true, kind);
	buf_init(&b, 0);
	buf_put_varint(&b, 1);
	buf_put_varint(&b, 1);
	put_head(&b, "ts", type);
	buf_put(&b, bytes, n);
	rc = read_bytes(b.data, b.len, &number, ts);
	buf_clear(&b);
	return (int)rc;
}

START_TEST(timestamps_are_the_sources_units)
{
	static const int64_t ms = 1700000000123, minus_one = -1;
	static const uint32_t second = UINT32_MAX, day = (uint32_t)-3;
	static const uint16_t short_day = UINT16_MAX;
	int64_t ts;

	ck_assert_int_eq(reads(TYPE_LONG, "Int64", &ms, 8, &ts), 1);
	ck_assert_int_eq(ts, ms);
	ck_assert_int_eq(reads(TYPE_LONG, "UInt64", &ms, 8, &ts), 1);
	ck_assert_int_eq(ts, ms);
	ck_assert_int_eq(
	    reads(TYPE_TIMESTAMPTZ, "DateTime64(3, 'UTC')", &ms, 8, &ts), 1);
	ck_assert_int_eq(ts, ms * 1000);
	ck_assert_int_eq(reads(TYPE_TIMESTAMP, "DateTime", &second, 4, &ts), 1);
	ck_assert_int_eq(ts, (int64_t)UINT32_MAX * 1000000);
	/* a nanosecond before 1970 lies in the microsecond before */
	ck_assert_int_eq(
	    reads(TYPE_TIMESTAMP, "DateTime64(9)", &minus_one, 8, &ts), 1);
	ck_assert_int_eq(ts, -1);
	ck_assert_int_eq(reads(TYPE_DATE, "Date32", &day, 4, &ts), 1);
	ck_assert_int_eq(ts, -3);
	ck_assert_int_eq(reads(TYPE_DATE, "Date", &short_day, 2, &ts), 1);
	ck_assert_int_eq(ts, UINT16_MAX);
	/* beyond what 64 bits count */
	ck_assert_int_eq(reads(TYPE_LONG, "UInt64", &minus_one, 8, &ts), 1);
	ck_assert_int_eq(ts, INT64_MAX);
	ck_assert_int_eq(reads(TYPE_TIMESTAMP, "DateTime64(0)",
			     &(int64_t){ INT64_MIN / 10 }, 8, &ts),
	    1);
	ck_assert_int_eq(ts, INT64_MIN);
}
END_TEST

START_TEST(types_are_compared_not_their_texts)
{
	static const struct {
		enum type_kind kind;
		const char *type;
		int rc;
	} cases[] = {
		{ TYPE_TIMESTAMPTZ, "DateTime64(6, 'UTC')", 1 },
		{ TYPE_TIMESTAMPTZ, "DateTime64(6, 'Europe/Berlin')", 1 },
		{ TYPE_TIMESTAMP, "DateTime64(6)", 1 },
		{ TYPE_TIMESTAMP, "Int64", -1 },
		{ TYPE_TIMESTAMP, "DateTime64(x)", -1 },
		{ TYPE_LONG, "Int64 ", 1 },
		{ TYPE_LONG, "Decimal(18, 3)", 1 },
		{ TYPE_LONG, "Int64 of", -1 },
		{ TYPE_LONG, "", -1 },
		{ TYPE_LONG, "LowCardinality(Int64)", -1 },
		{ TYPE_LONG, "DateTime64(3)", -1 },
		{ TYPE_LONG, "Float64", -1 },
		{ TYPE_LONG, "String", -1 },
		{ TYPE_LONG, "Array(Int64)", -1 },
		{ TYPE_DATE, "DateTime", -1 },
		{ TYPE_DOUBLE, "Int64", -1 },
		{ TYPE_UUID, "FixedString(16)", -1 },
		{ TYPE_UUID, "UInt128", -1 },
		{ TYPE_STRING, "Enum8('a' = 1)", -1 },
	};
	static const uint8_t eight[8];
	int64_t ts;

	for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
		err_clear(&err);
		ck_assert_msg(reads(cases[k].kind, cases[k].type, eight, 8,
				  &ts) == cases[k].rc,
		    "%s", cases[k].type);
		if (cases[k].rc == -1)
			ck_assert_ptr_nonnull(strstr(err.text, "came as '"));
	}
	ck_assert_int_eq(reads(TYPE_LONG, "String", eight, 8, &ts), -1);
	ck_assert_str_eq(err.text,
	    "column 'ts' came as 'String' where 'long' was asked for; was the "
	    "table altered? run it again");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("native_digest");
	TCase *t = tcase_create("digest");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, blocks_make_no_difference);
	tcase_add_test(t, every_value_makes_one);
	tcase_add_test(t, what_is_cut_or_changed_is_refused);
	tcase_add_test(t, arrays_that_end_before_they_begin_are_refused);
	tcase_add_test(t, what_is_sent_is_what_the_source_has);
	tcase_add_test(t, what_was_rounded_cut_or_moved_is_another_value);
	tcase_add_test(t, timestamps_are_the_sources_units);
	tcase_add_test(t, types_are_compared_not_their_texts);
	suite_add_tcase(s, t);
	return run_suite(s);
}
