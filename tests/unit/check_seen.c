/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rows are looked for behind the watermark. A model of a server's
 * transactions writes rows stamped with the beginning of their transaction;
 * runs see snapshots of it and nothing else. In the end every row was sent.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/run_suite.h"
#include "worker/seen.h"

enum { SCALE = 6, LOOKBACK = 5, TRANSACTIONS = 60, TIME = 400, NEVER = -1 };

static struct position
at(int64_t ticks)
{
	return (struct position){ .set = true, .scale = SCALE, .ticks = ticks };
}

/* ---- by hand ---- */

START_TEST(an_open_transaction_is_looked_for_until_it_has_ended)
{
	struct seen none = { .set = false }, one, two, three;
	struct position p = at(100), q = at(200), r = at(300);

	/* the first run: nothing bounds the rows of what is open */
	seen_after(&none, &(struct seen_snapshot){ 10, 12, false }, &p, &one);
	ck_assert(one.set && one.open && !one.low.set);
	ck_assert_uint_eq(one.floor, 10);
	/* still the same one */
	seen_after(&one, &(struct seen_snapshot){ 10, 20, false }, &q, &two);
	ck_assert(two.open && !two.low.set);
	/* another: it had not written at the first run */
	seen_after(&one, &(struct seen_snapshot){ 12, 20, false }, &q, &two);
	ck_assert(two.open && position_compare(&two.low, &p) == 0);
	ck_assert_uint_eq(two.floor, 12);
	/* none */
	seen_after(&two, &(struct seen_snapshot){ 30, 30, false }, &r, &three);
	ck_assert(!three.open && position_compare(&three.low, &r) == 0);
}
END_TEST

START_TEST(what_the_window_covers_is_not_looked_for)
{
	struct seen none = { .set = false }, one;
	struct position p = at(100);

	seen_after(&none, &(struct seen_snapshot){ 10, 12, true }, &p, &one);
	ck_assert(one.set && !one.open);
}
END_TEST

START_TEST(ids_that_went_back_are_those_of_another_history)
{
	struct seen before = { .set = true,
		.floor = 100,
		.next = 110,
		.low = at(5),
		.since = at(7) },
		    after;
	struct position p = at(9);

	seen_after(
	    &before, &(struct seen_snapshot){ 90, 95, false }, &p, &after);
	ck_assert(after.open && !after.low.set);
	ck_assert_uint_eq(after.next, 95);
}
END_TEST

START_TEST(text_reads_back)
{
	static const char *const bad[] = { "", "1", "1 2 none none",
		"1 2 none none maybe", "1 2 none none open x",
		"1 2 yesterday none open", "x 2 none none open" };
	struct seen s = { .set = true,
		.open = true,
		.floor = UINT64_C(18446744073709551615),
		.next = 3,
		.since = at(1764540000123456) },
		    back;
	char text[SEEN_TEXT];

	seen_format(&s, text);
	ck_assert_str_eq(text,
	    "18446744073709551615 3 2025-11-30T22:00:00.123456Z none open");
	ck_assert(seen_parse(&back, text));
	ck_assert(back.set && back.open && back.floor == s.floor &&
	    back.next == 3 && !back.low.set &&
	    position_compare(&back.since, &s.since) == 0);
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
		ck_assert_msg(
		    !seen_parse(&back, bad[k]) && !back.set, "%s", bad[k]);
	seen_format(&back, text);
	ck_assert_str_eq(text, "");
}
END_TEST

/* ---- the model ---- */

struct transaction {
	int begin, write, end; /* its row bears `begin` */
	int second;            /* a subtransaction that writes, or NEVER */
	uint64_t id, child;
	bool sent, child_sent;
};

static unsigned state;

static int
any(int low, int high)
{
	state = state * 1103515245u + 12345u;
	return low + (int)((state >> 16) % (unsigned)(high - low + 1));
}

static void
make(struct transaction *t)
{
	for (int k = 0; k < TRANSACTIONS; k++) {
		t[k] = (struct transaction){ .begin = any(1, TIME - 150),
			.second = NEVER };
		t[k].write = t[k].begin + any(0, LOOKBACK);
		t[k].end =
		    t[k].write + (any(0, 4) == 0 ? any(0, 120) : any(0, 4));
		if (any(0, 2) == 0 && t[k].end > t[k].write)
			t[k].second = any(t[k].write, t[k].end - 1);
	}
}

/* Ids in the order of first writes. */
static uint64_t
number_all(struct transaction *t)
{
	uint64_t next = 3;

	for (int now = 0; now <= TIME; now++)
		for (int k = 0; k < TRANSACTIONS; k++) {
			if (t[k].write == now)
				t[k].id = next++;
			if (t[k].second == now)
				t[k].child = next++;
		}
	return next;
}

static struct seen_snapshot
look(const struct transaction *t, int now)
{
	struct seen_snapshot s = { .next = 3 };
	uint64_t completed = 2;

	for (int k = 0; k < TRANSACTIONS; k++) {
		if (t[k].write <= now && t[k].id >= s.next)
			s.next = t[k].id + 1;
		if (t[k].second != NEVER && t[k].second <= now &&
		    t[k].child >= s.next)
			s.next = t[k].child + 1;
		if (t[k].end <= now && t[k].id > completed)
			completed = t[k].id;
	}
	s.xmin = completed + 1;
	for (int k = 0; k < TRANSACTIONS; k++)
		if (t[k].write <= now && t[k].end > now && t[k].id < s.xmin)
			s.xmin = t[k].id;
	return s;
}

struct run {
	struct seen seen;
	struct position newest;
	size_t looked, resent;
};

static bool
wanted(const struct run *r, int64_t stamp, uint64_t id)
{
	const struct seen *s = &r->seen;

	if (!r->newest.set || stamp >= r->newest.ticks - LOOKBACK)
		return true;
	return s->open && id >= s->floor &&
	    (!s->low.set || stamp >= s->low.ticks - LOOKBACK);
}

static void
run(struct run *r, struct transaction *t, int now)
{
	struct seen_snapshot snapshot = look(t, now);
	struct position newest = r->newest;
	struct seen after;

	for (int k = 0; k < TRANSACTIONS; k++) {
		if (t[k].end > now)
			continue;
		if (wanted(r, t[k].begin, t[k].id)) {
			r->resent += t[k].sent;
			t[k].sent = true;
		}
		if (t[k].second != NEVER && wanted(r, t[k].begin, t[k].child))
			t[k].child_sent = true;
		if (t[k].sent && t[k].begin > newest.ticks)
			newest = at(t[k].begin);
	}
	if (!newest.set)
		return;
	seen_after(&r->seen, &snapshot, &newest, &after);
	r->looked += after.open;
	r->seen = after;
	r->newest = newest;
}

START_TEST(every_row_is_sent_whatever_was_open_when)
{
	struct transaction t[TRANSACTIONS];
	size_t looked = 0;

	for (unsigned seed = 1; seed <= 20000; seed++) {
		struct run r = { .looked = 0 };

		state = seed;
		make(t);
		number_all(t);
		for (int now = any(1, 40); now < TIME; now += any(1, 40))
			run(&r, t, now);
		run(&r, t, TIME);
		looked += r.looked;
		for (int k = 0; k < TRANSACTIONS; k++)
			if (!t[k].sent ||
			    (t[k].second != NEVER && !t[k].child_sent))
				ck_abort_msg(
				    "seed %u: transaction %llu of %d to %d "
				    "is lost",
				    seed, (unsigned long long)t[k].id,
				    t[k].begin, t[k].end);
	}
	ck_assert_uint_gt(looked, 10000);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("seen");
	TCase *tc = tcase_create("seen");

	tcase_set_timeout(tc, 120);
	tcase_add_test(
	    tc, an_open_transaction_is_looked_for_until_it_has_ended);
	tcase_add_test(tc, what_the_window_covers_is_not_looked_for);
	tcase_add_test(tc, ids_that_went_back_are_those_of_another_history);
	tcase_add_test(tc, text_reads_back);
	tcase_add_test(tc, every_row_is_sent_whatever_was_open_when);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
