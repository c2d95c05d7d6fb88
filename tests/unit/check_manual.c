/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calve.yaml(5) says what the program does: every key of the tables of keys
 * with its type, default, range and choices, and no other; every type that
 * the typemap knows with its default and choices, and no other.
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/config_keys.h"
#include "tests/unit/run_suite.h"
#include "worker/typemap.h"

#define PAGE "man/calve.yaml.5"

static char *page;

static void
read_page(void)
{
	static char text[1 << 17];
	FILE *f = fopen(PAGE, "r");

	ck_assert_msg(f != NULL, "cannot open " PAGE);
	size_t n = fread(text, 1, sizeof text - 1, f);
	ck_assert_uint_lt(n, sizeof text - 1);
	fclose(f);
	text[n] = '\0';
	page = text;
}

/* ---- keys ---- */

/* A copy of what stands between two marks, the second or the page's end. */
static char *
cut(const char *from, const char *to)
{
	const char *end = strstr(from, to);

	return end != NULL ? strndup(from, (size_t)(end - from)) : strdup(from);
}

static char *
subsection(const char *title)
{
	char head[64];

	snprintf(head, sizeof head, "\n.Ss %s\n", title);
	const char *at = strstr(page, head);
	ck_assert_msg(at != NULL, "no subsection '%s'", title);
	return cut(at + 5, "\n.Ss ");
}

/* The item of a key, from its head to the next; NULL when there is none. */
static char *
item(const char *section, const char *name)
{
	char head[80];

	snprintf(head, sizeof head, "\n.It Cm %s Pq Ar ", name);
	const char *at = strstr(section, head);
	if (at == NULL)
		return NULL;
	ck_assert_msg(strstr(at + 1, head) == NULL, "'%s' twice", name);
	/* items in an item have their own list: none of ours has one */
	char *next = cut(at + 1, "\n.It Cm "), *end = cut(next, "\n.El\n");
	free(next);
	/* so that a mark may stand on the last line */
	char *whole = malloc(strlen(end) + 2);
	sprintf(whole, "%s\n", end);
	free(end);
	return whole;
}

static const char *
type_word(const struct key *k)
{
	switch (k->type) {
	case KEY_TEXT:
		return "text";
	case KEY_SECRET:
	case KEY_CONNINFO:
		return "secret";
	case KEY_CHOICE:
		return "choice";
	case KEY_PLAIN:
		return k->choices != NULL ? "choice" : "text";
	case KEY_TEXTS:
		return "list";
	case KEY_BOOL:
		return "boolean";
	case KEY_COUNT:
		return "number";
	case KEY_SIZE:
		return "size";
	case KEY_DURATION:
		return "duration";
	case KEY_SECTION:
		return strcmp(k->name, "tables") == 0 ? "list" : "map";
	default:
		return "map";
	}
}

/* The item has the text if and only if it should. */
static void
says(const char *text, const char *name, bool should, const char *what)
{
	bool does = strstr(text, what) != NULL;

	ck_assert_msg(does == should, "'%s' %s:\n%s", name,
	    should ? "does not say" : "wrongly says", what);
}

static void
check_range(const struct key *k, const char *text)
{
	char low[LIMITS_TEXT], high[LIMITS_TEXT], range[256];

	says(text, k->name, k->high > 0, "\nFrom ");
	if (k->high == 0)
		return;
	if (k->type == KEY_COUNT) {
		snprintf(low, sizeof low, "%" PRIu64, k->low);
		snprintf(high, sizeof high, "%" PRIu64, k->high);
	} else if (k->type == KEY_SIZE) {
		size_format(k->low, low);
		size_format(k->high, high);
	} else {
		duration_format(k->low, low);
		duration_format(k->high, high);
	}
	snprintf(range, sizeof range, "\nFrom %s to %s%s", low, high,
	    k->flags & KEY_NONE ? ", or\n.Cm none .\n" : ".\n");
	says(text, k->name, true, range);
}

/* Each choice as a literal of its own, among others or not. */
static void
check_choices(const struct key *k, const char *text)
{
	char *choices = strdup(k->choices), *save = NULL;

	for (char *word = strtok_r(choices, "|", &save); word != NULL;
	     word = strtok_r(NULL, "|", &save)) {
		char mark[64];
		snprintf(mark, sizeof mark, "\n.Cm %s", word);
		says(text, k->name, true, mark);
	}
	free(choices);
}

static void
check_key(const struct key *k, const char *text)
{
	char mark[128];

	snprintf(
	    mark, sizeof mark, ".It Cm %s Pq Ar %s\n", k->name, type_word(k));
	ck_assert_msg(strncmp(text, mark, strlen(mark)) == 0,
	    "wrong type:\n%.60s\nnot\n%s", text, mark);
	says(text, k->name, k->flags & KEY_NEEDED, "\nRequired.\n");
	says(text, k->name, k->flags & KEY_NOT_DEFAULT,
	    "\nNot in\n.Cm defaults .\n");
	says(text, k->name, k->fallback != NULL, "\nThe default is\n");
	if (k->fallback != NULL) {
		snprintf(mark, sizeof mark, "\nThe default is\n.Cm %s .\n",
		    k->fallback);
		says(text, k->name, true, mark);
	}
	check_range(k, text);
	if (k->choices != NULL)
		check_choices(k, text);
}

static bool
is_key(const struct section *s, const char *name, size_t len)
{
	for (size_t at = 0; at < s->nkeys; at++)
		if (strlen(s->keys[at].name) == len &&
		    memcmp(s->keys[at].name, name, len) == 0)
			return true;
	return false;
}

static const struct {
	const char *title;
	const struct section *section;
} sections[] = { { "Top level", &section_root }, { "Sources", &section_source },
	{ "PostgreSQL sources", &section_postgres },
	{ "Catalogs", &section_catalog }, { "Limits", &section_limits },
	{ "Retry", &section_retry }, { "Tables", &section_table },
	{ "Columns and types", &section_column } };
enum { NSECTIONS = sizeof sections / sizeof sections[0] };

START_TEST(every_key_stands_in_the_page_with_its_type_default_and_range)
{
	const struct section *s = sections[_i].section;
	char *text = subsection(sections[_i].title);

	for (size_t at = 0; at < s->nkeys; at++) {
		char *entry = item(text, s->keys[at].name);
		ck_assert_msg(entry != NULL, "key '%s' of '%s' is missing",
		    s->keys[at].name, sections[_i].title);
		check_key(&s->keys[at], entry);
		free(entry);
	}
	free(text);
}
END_TEST

START_TEST(no_other_key_stands_in_the_page)
{
	char *text = subsection(sections[_i].title);
	static const char head[] = "\n.It Cm ";

	for (const char *at = text; (at = strstr(at, head)) != NULL;) {
		at += sizeof head - 1;
		size_t len = strcspn(at, " \n");
		ck_assert_msg(is_key(sections[_i].section, at, len),
		    "'%.*s' is no key of '%s'", (int)len, at,
		    sections[_i].title);
	}
	free(text);
}
END_TEST

/* ---- types ---- */

enum { NKINDS = CH_OTHER + 1, CELL = 128 };

/* Types of the page that are no type texts by themselves. */
static const char *const samples[][2] = { { "Decimal(P,S), P <= 38",
					      "Decimal(20, 5)" },
	{ "Decimal(P,S), P > 38", "Decimal(60, 5)" },
	{ "FixedString(N)", "FixedString(3)" }, { "Enum8", "Enum8('a' = 1)" },
	{ "Enum16", "Enum16('a' = 1)" },
	{ "DateTime64(0) to (9)", "DateTime64(9)" }, { "Time64", "Time64(3)" },
	{ "Interval", "IntervalDay" }, { "Variant", "Variant(String, UInt64)" },
	{ "AggregateFunction", "AggregateFunction(uniq, UInt64)" },
	{ "any other", "QBit(Float32, 8)" }, { "Nullable(T)", NULL },
	{ "LowCardinality(T)", NULL },
	{ "SimpleAggregateFunction(f, T)", NULL }, { "Array(T)", NULL },
	{ "Nested", NULL }, { "Tuple", NULL }, { "Map(K, V)", NULL },
	{ "Point", NULL }, { "Ring", NULL }, { "LineString", NULL },
	{ "Polygon", NULL }, { "MultiLineString", NULL },
	{ "MultiPolygon", NULL } };
static const char *const as_words[] = { "boolean", "int", "long", "float",
	"double", "date", "time", "timestamptz", "string", "uuid", "binary",
	"decimal(20,0)", "decimal(38,0)", "decimal(38,S)", "decimal(Q,S)",
	"fixed", "trimmed" };

static const char *
sample_of(const char *name)
{
	for (size_t at = 0; at < sizeof samples / sizeof samples[0]; at++)
		if (strcmp(samples[at][0], name) == 0)
			return samples[at][1];
	return name;
}

/* What the page writes with letters for numbers, with the samples'. */
static void
fill_in(const char *cell, char out[CELL])
{
	static const char *const letters[][2] = { { "decimal(P,S)",
						      "decimal(20, 5)" },
		{ "decimal(Q,S)", "decimal(38, 5)" },
		{ "decimal(38,S)", "decimal(38, 5)" },
		{ "decimal(38,0)", "decimal(38, 0)" },
		{ "decimal(20,0)", "decimal(20, 0)" } };

	snprintf(out, CELL, "%s", cell);
	for (size_t at = 0; at < sizeof letters / sizeof letters[0]; at++)
		if (strcmp(letters[at][0], cell) == 0)
			snprintf(out, CELL, "%s", letters[at][1]);
}

/* The next of "a, b(1,2), c", moved on; false at the end. */
static bool
next_word(const char **list, char out[CELL])
{
	size_t n = 0;
	int open = 0;

	*list += strspn(*list, ", ");
	for (; **list != '\0' && (**list != ',' || open > 0); (*list)++) {
		open += **list == '(';
		open -= **list == ')';
		ck_assert_uint_lt(n, CELL - 1);
		out[n++] = **list;
	}
	out[n] = '\0';
	return n > 0;
}

static bool
is_listed(const char *list, const char *word)
{
	char one[CELL];

	while (next_word(&list, one))
		if (strcmp(one, word) == 0)
			return true;
	return false;
}

/* What the typemap makes of the type with that option; "" when refused. */
static void
resolve(
    const struct ch_type *type, const char *as, bool fits_long, char out[CELL])
{
	char name[] = "v", text[CELL];
	bool used = false;
	struct job_column option = { .name = name };
	struct typemap_options options = {
		.columns = &option, .n = as != NULL ? 1 : 0, .used = &used
	};
	struct typemap_column column = {
		.name = name, .text = "T", .type = type, .fits_long = fits_long
	};
	struct field field = { 0 };
	struct mapping map = { 0 };
	struct err err;
	struct buf b;

	if (as != NULL) {
		fill_in(as, text);
		option.as = text;
	}
	out[0] = '\0';
	if (typemap_resolve(&column, &options, &field, &map, &err) == -1)
		return;
	buf_init(&b, 0);
	type_format(&field.type, &b);
	snprintf(out, CELL, "%s", buf_cstr(&b));
	buf_clear(&b);
	field_clear(&field);
	mapping_clear(&map);
}

static void
check_default(const char *name, const struct ch_type *type, const char *cell)
{
	char wanted[CELL], got[CELL];

	resolve(type, NULL, false, got);
	if (strcmp(cell, "refused") == 0) {
		ck_assert_msg(got[0] == '\0', "'%s' is not refused", name);
		return;
	}
	if (strcmp(cell, "long or decimal(20,0)") == 0) {
		ck_assert_str_eq(got, "decimal(20, 0)");
		resolve(type, NULL, true, got);
		cell = "long";
	}
	fill_in(cell, wanted);
	ck_assert_msg(strcmp(wanted, got) == 0, "'%s': '%s', not '%s'", name,
	    got, wanted);
}

/* Does `as:` take all that the page lists, and nothing else? */
static void
check_as(const char *name, const struct ch_type *type, const char *cell)
{
	char got[CELL], base[CELL], one[CELL], text[] = "string", v[] = "v";
	struct job_column option = { .name = v, .as = text };
	bool used = false;
	struct typemap_options options = {
		.columns = &option, .n = 1, .used = &used
	};
	bool cast = typemap_wants_cast(v, type, &options);

	resolve(type, NULL, false, base);
	if (base[0] == '\0')
		ck_assert_msg(
		    cast == is_listed(cell, "string"), "'%s' as text", name);
	for (const char *list = cell; next_word(&list, one);) {
		if (cast && strcmp(one, "string") == 0)
			continue;
		resolve(type, one, false, got);
		ck_assert_msg(
		    got[0] != '\0', "'%s' is refused as '%s'", name, one);
	}
	for (size_t at = 0; at < sizeof as_words / sizeof *as_words; at++) {
		resolve(type, as_words[at], false, got);
		if (got[0] == '\0' || strcmp(got, base) == 0 ||
		    is_listed(cell, as_words[at]))
			continue;
		/* that decimals may have more digits, the page says once */
		if (strncmp(got, "decimal", 7) == 0 &&
		    (strncmp(base, "decimal", 7) == 0 ||
			strstr(cell, "decimal(") != NULL))
			continue;
		/* another word of the page for the same type */
		bool same = false;
		for (const char *list = cell; next_word(&list, one);) {
			char listed[CELL];
			resolve(type, one, false, listed);
			same = same || strcmp(listed, got) == 0;
		}
		ck_assert_msg(same, "'%s' may be '%s' too", name, as_words[at]);
	}
}

static void
check_row(const char *row, bool seen[NKINDS])
{
	char names[CELL], to[CELL], as[CELL] = "", name[CELL];
	char *line = cut(row, "\n"), *second = strstr(line, " Ta ");

	ck_assert_ptr_nonnull(second);
	char *third = strstr(second + 1, " Ta");
	ck_assert_msg(third != NULL, "no third cell: %s", line);
	snprintf(names, sizeof names, "%.*s", (int)(second - line), line);
	snprintf(to, sizeof to, "%.*s", (int)(third - second - 4), second + 4);
	if (third[3] == ' ')
		snprintf(as, sizeof as, "%s", third + 4);
	free(line);

	const char *list = names;
	bool whole = strncmp(names, "Decimal", 7) == 0;
	while (next_word(&list, name)) {
		struct ch_type type;
		struct err err;
		const char *text = sample_of(whole ? names : name);

		if (text == NULL)
			continue;
		ck_assert_msg(
		    ch_type_parse(text, strlen(text), &type, &err) == 0,
		    "'%s': %s", text, err.text);
		ck_assert_msg(
		    type.kind != CH_OTHER || strcmp(name, "any other") == 0,
		    "no type '%s'", name);
		seen[type.kind] = true;
		check_default(name, &type, to);
		check_as(name, &type, as);
		ch_type_clear(&type);
		if (whole)
			break;
	}
}

START_TEST(every_type_stands_in_the_page_with_its_default_and_choices)
{
	char *text = subsection("Columns and types");
	const char *at = strstr(text, "\n.It Sy ClickHouse Ta");
	bool seen[NKINDS] = { false };

	ck_assert_ptr_nonnull(at);
	char *table = cut(at + 1, "\n.El");
	for (const char *row = table; (row = strstr(row, "\n.It ")) != NULL;)
		check_row(row += 5, seen);
	for (int kind = CH_BOOL; kind <= CH_JSON; kind++)
		ck_assert_msg(
		    seen[kind], "the type of kind %d is missing", kind);
	for (int kind = CH_AGGREGATE; kind <= CH_OTHER; kind++)
		ck_assert_msg(seen[kind] || kind == CH_OBJECT,
		    "the type of kind %d is missing", kind);
	free(table);
	free(text);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("manual");
	TCase *tc = tcase_create("calve.yaml");

	tcase_add_checked_fixture(tc, read_page, NULL);
	tcase_add_loop_test(tc,
	    every_key_stands_in_the_page_with_its_type_default_and_range, 0,
	    NSECTIONS);
	tcase_add_loop_test(tc, no_other_key_stands_in_the_page, 0, NSECTIONS);
	tcase_add_test(
	    tc, every_type_stands_in_the_page_with_its_default_and_choices);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
