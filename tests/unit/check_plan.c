/* SPDX-License-Identifier: Apache-2.0 */
/* Order, selection and circles of tables, from small configurations. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/xalloc.h"
#include "coordinator/plan.h"
#include "tests/unit/run_suite.h"

/* Tables as "NAME LAYER AFTER,AFTER"; "-" for none. */
static struct config
config_of(const char *const *tables)
{
	struct config c;
	struct err err = { 0 };
	struct buf b;

	buf_init(&b, 0);
	buf_put_str(&b,
	    "state: dbname=x\n"
	    "sources: { hot: { url: \"http://h:1\" } }\n"
	    "catalogs: { lake: { warehouse: /srv/lake } }\n"
	    "layers: [bronze, silver, gold]\n");
	buf_put_str(&b, *tables == NULL ? "" : "tables:\n");
	for (; *tables != NULL; tables++) {
		char name[32], layer[32], after[64];
		ck_assert_int_eq(
		    sscanf(*tables, "%31s %31s %63s", name, layer, after), 3);
		buf_printf(&b,
		    "  - { source: hot.%s, target: lake.n.%s, "
		    "timestamp: ts",
		    name, name);
		if (strcmp(layer, "-") != 0)
			buf_printf(&b, ", layer: %s", layer);
		if (strcmp(after, "-") != 0)
			buf_printf(&b, ", after: [%s]", after);
		buf_put_str(&b, " }\n");
	}
	ck_assert_msg(
	    config_parse(buf_cstr(&b), b.len, "calve.yaml", &c, &err) == 0,
	    "%s", err.text);
	buf_clear(&b);
	return c;
}

/* "a b c", each with "(waits)" where it has some. */
static void
is_order(const struct plan *p, const char *wanted)
{
	struct buf b;

	buf_init(&b, 0);
	for (size_t at = 0; at < p->n; at++) {
		buf_printf(&b, "%s%s", at > 0 ? " " : "",
		    p->items[at].table->name.value);
		for (size_t w = 0; w < p->items[at].nwaits; w++) {
			ck_assert_uint_lt(p->items[at].waits[w], at);
			buf_printf(&b, "<%s",
			    p->items[p->items[at].waits[w]].table->name.value);
		}
	}
	ck_assert_str_eq(buf_cstr(&b), wanted);
	buf_clear(&b);
}

static void
order(const char *const *tables, const char *const *patterns, size_t n,
    const double *expected, const char *wanted)
{
	struct config c = config_of(tables);
	struct plan p;
	struct err err = { 0 };

	ck_assert_msg(plan_make(&c, patterns, n, expected, &p, &err) == 0, "%s",
	    err.text);
	is_order(&p, wanted);
	plan_clear(&p);
	config_clear(&c);
}

static void
refused(const char *const *tables, const char *pattern, const char *text)
{
	struct config c = config_of(tables);
	struct plan p;
	struct err err = { 0 };

	ck_assert_int_eq(
	    plan_make(&c, &pattern, pattern != NULL, NULL, &p, &err), -1);
	ck_assert_int_eq(err.cls, ERR_CONFIG);
	ck_assert_msg(
	    strstr(err.text, text) != NULL, "'%s' not in '%s'", text, err.text);
	plan_clear(&p);
	config_clear(&c);
}

#define TABLES(...)               \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

START_TEST(layers_come_one_after_the_other)
{
	order(TABLES("g gold -", "b1 bronze -", "s silver -", "b2 bronze -"),
	    NULL, 0, NULL, "b1 b2 s g");
	/* Without a layer: with the first. */
	order(
	    TABLES("g gold -", "x - -", "b bronze -"), NULL, 0, NULL, "x b g");
	order((const char *const[]){ NULL }, NULL, 0, NULL, "");
}
END_TEST

START_TEST(after_orders_within_a_layer)
{
	order(
	    TABLES("c - a,b", "b - a", "a - -"), NULL, 0, NULL, "a b<a c<a<b");
	order(TABLES("s silver b", "b bronze -", "t silver s"), NULL, 0, NULL,
	    "b s<b t<s");
}
END_TEST

START_TEST(the_longest_start_first_within_their_layer)
{
	static const double seconds[] = { 1, 5, 100, 3, 3 };

	order(TABLES("a bronze -", "b bronze -", "c silver -", "d bronze -",
		  "e bronze -"),
	    NULL, 0, seconds, "b d e a c");
	/* But never before what they wait for. */
	static const double late[] = { 1, 50 };
	order(TABLES("a - -", "b - a"), NULL, 0, late, "a b<a");
}
END_TEST

START_TEST(a_selection_waits_only_for_what_is_selected)
{
	static const char *const silver[] = { "s*" };
	static const char *const two[] = { "b1", "s?" };

	order(TABLES("b1 bronze -", "s1 silver b1", "s2 silver s1"), silver, 1,
	    NULL, "s1 s2<s1");
	order(TABLES("b1 bronze -", "b2 bronze -", "s1 silver b1,b2"), two, 2,
	    NULL, "b1 s1<b1");
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
	refused(TABLES("a - a"), NULL, "'a' after 'a'");
	refused(TABLES("x - -", "a - b", "b - c", "c - a"), NULL,
	    "'a' after 'b' after 'c' after 'a'");
	/* Whatever is selected. */
	refused(TABLES("x - -", "a - b", "b - a"), "x", "wait for each other");
	refused(TABLES("a bronze s", "s silver -"), NULL,
	    "'a' is to run after 's', whose layer 'silver' comes later; "
	    "move one of them");
	refused(TABLES("a - -"), "b*",
	    "no table of 'calve.yaml' matches "
	    "'b*'");
}
END_TEST

START_TEST(many_tables_take_no_time)
{
	enum { MANY = 2000 };
	struct config c = { .path = xstrdup("x"),
		.ntables = MANY,
		.tables = xcalloc(MANY, sizeof *c.tables) };
	struct plan p;
	struct err err = { 0 };

	for (size_t at = 0; at < MANY; at++) {
		struct config_table *t = &c.tables[at];
		t->name.value = xasprintf("t%zu", at);
		if (at == 0)
			continue;
		t->after.items = xcalloc(1, sizeof *t->after.items);
		t->after.items[t->after.n++] = xasprintf("t%zu", at - 1);
	}
	ck_assert_int_eq(plan_make(&c, NULL, 0, NULL, &p, &err), 0);
	ck_assert_uint_eq(p.n, MANY);
	for (size_t at = 1; at < MANY; at++)
		ck_assert_uint_eq(p.items[at].waits[0], at - 1);
	plan_clear(&p);
	config_clear(&c);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("plan");
	TCase *t = tcase_create("plan");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, layers_come_one_after_the_other);
	tcase_add_test(t, after_orders_within_a_layer);
	tcase_add_test(t, the_longest_start_first_within_their_layer);
	tcase_add_test(t, a_selection_waits_only_for_what_is_selected);
	tcase_add_test(t, what_cannot_be_is_refused);
	tcase_add_test(t, many_tables_take_no_time);
	suite_add_tcase(s, t);
	return run_suite(s);
}
