/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/madmp_wish.h"
#include "policy/scalar.h"
#include "tests/unit/check.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define CC_BY    "https://creativecommons.org/licenses/by/4.0/"
#define ND       "https://creativecommons.org/licenses/by-nd/4.0/"

enum { ENTRIES = 3, PARTS = 3 };

/* A distribution: access, and a licence with its day, or none. */
struct part {
	enum madmp_access access;
	const char *ref, *day;
};

struct entry {
	const char *pid; /* NULL: it names none */
	enum madmp_answer personal, sensitive;
	struct part part[PARTS];
	size_t n;
};

static const struct {
	const char *name;
	struct entry entry[ENTRIES];
	size_t n;
	bool rest; /* may entries that name none mean it? */
	size_t want;
	enum madmp_opening opening;
	const char *day, *answer, *other; /* NULL: none */
	bool licence;
} rows[] = {
	{"nothing is said", {{"a", 0, 0, {{0}}, 0}}, 1, true, 1, MADMP_NO_DAY, NULL, NULL, NULL,
		false},
	{"a day", {{"a", 0, 0, {{MADMP_OPEN, CC_BY, "2027-02-04"}}, 1}}, 1, true, 1, MADMP_DAY,
		"2027-02-04", NULL, NULL, true},
	{"a day, whatever the access is now",
		{{"a", 0, 0, {{MADMP_CLOSED, CC_BY, "2027-02-04"}}, 1}}, 1, true, 1, MADMP_DAY,
		"2027-02-04", NULL, NULL, true},
	{"closed without a day", {{"a", 0, 0, {{MADMP_CLOSED, NULL, NULL}}, 1}}, 1, true, 1,
		MADMP_NEVER, NULL, NULL, NULL, false},
	{"shared or open without a day",
		{{"a", 0, 0, {{MADMP_SHARED, NULL, NULL}, {MADMP_OPEN, NULL, NULL}}, 2}}, 1, true,
		1, MADMP_NO_DAY, NULL, NULL, NULL, false},
	{"the latest of two days",
		{{"a", 0, 0, {{MADMP_OPEN, CC_BY, "2028-02-04"}, {MADMP_OPEN, CC_BY, "2027-02-04"}},
			2}},
		1, true, 1, MADMP_DAY, "2028-02-04", NULL, NULL, true},
	{"never is later than any day",
		{{"a", 0, 0, {{MADMP_CLOSED, NULL, NULL}, {MADMP_OPEN, CC_BY, "2027-02-04"}}, 2}},
		1, true, 1, MADMP_NEVER, NULL, NULL, NULL, true},
	{"another licence beside the policy's",
		{{"a", 0, 0, {{MADMP_OPEN, CC_BY, "2027-02-04"}, {MADMP_OPEN, ND, "2026-02-04"}},
			2}},
		1, true, 1, MADMP_DAY, "2027-02-04", NULL, ND, true},
	{"personal data", {{"a", MADMP_YES, 0, {{0}}, 0}}, 1, true, 1, MADMP_NO_DAY, NULL,
		"personal_data: yes", NULL, false},
	{"not known is yes", {{"a", MADMP_UNKNOWN, 0, {{0}}, 0}}, 1, true, 1, MADMP_NO_DAY, NULL,
		"personal_data: unknown", NULL, false},
	{"sensitive is personal", {{"a", 0, MADMP_UNKNOWN, {{0}}, 0}}, 1, true, 1, MADMP_NO_DAY,
		NULL, "sensitive_data: unknown", NULL, false},
	{"a yes is told before what is not known", {{"a", MADMP_UNKNOWN, MADMP_YES, {{0}}, 0}}, 1,
		true, 1, MADMP_NO_DAY, NULL, "sensitive_data: yes", NULL, false},
	{"one answer of two entries", {{"a", 0, 0, {{0}}, 0}, {"a", MADMP_YES, 0, {{0}}, 0}}, 2,
		true, 2, MADMP_NO_DAY, NULL, "personal_data: yes", NULL, false},
	{"another dataset's entry is not meant",
		{{"b", MADMP_YES, 0, {{MADMP_OPEN, CC_BY, "2027-02-04"}}, 1}}, 1, true, 0,
		MADMP_NO_DAY, NULL, NULL, NULL, false},
	{"an entry for the rest", {{NULL, MADMP_YES, 0, {{0}}, 0}}, 1, true, 1, MADMP_NO_DAY, NULL,
		"personal_data: yes", NULL, false},
	{"which is not of this proposal", {{NULL, MADMP_YES, 0, {{0}}, 0}}, 1, false, 0,
		MADMP_NO_DAY, NULL, NULL, NULL, false},
	{"nor of a dataset that has its own",
		{{NULL, MADMP_YES, 0, {{MADMP_OPEN, CC_BY, "2029-02-04"}}, 1},
			{"a", 0, 0, {{MADMP_OPEN, CC_BY, "2027-02-04"}}, 1}},
		2, true, 1, MADMP_DAY, "2027-02-04", NULL, NULL, true},
	{"two for the rest: the latest day",
		{{NULL, 0, 0, {{MADMP_OPEN, CC_BY, "2027-02-04"}}, 1}, {"b", 0, 0, {{0}}, 0},
			{NULL, 0, 0, {{MADMP_OPEN, CC_BY, "2027-02-05"}}, 1}},
		3, true, 2, MADMP_DAY, "2027-02-05", NULL, NULL, true},
};

struct world {
	struct madmp_dataset dataset[ENTRIES];
	struct madmp_distribution distribution[ENTRIES][PARTS];
	struct madmp_license license[ENTRIES][PARTS];
	struct span pid[ENTRIES];
};

static void
fill(struct world *w, const struct entry *from, size_t i)
{
	w->pid[i] = span_of(from->pid);
	w->dataset[i] = (struct madmp_dataset){.personal = from->personal,
		.sensitive = from->sensitive,
		.distributions = w->distribution[i],
		.n_distributions = from->n};
	for (size_t k = 0; k < from->n; k++) {
		struct madmp_license *l = &w->license[i][k];
		w->distribution[i][k] = (struct madmp_distribution){.access = from->part[k].access,
			.licenses = l,
			.n_licenses = from->part[k].ref != NULL};
		l->ref = span_of(from->part[k].ref);
		l->start.given = scalar_date(span_of(from->part[k].day), &l->start.day);
	}
}

static void
test_wish(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = {0};
		struct madmp_wish got;
		int32_t day = 0;
		CHECK_ROW(rows[i].name);
		for (size_t k = 0; k < rows[i].n; k++)
			fill(&w, &rows[i].entry[k], k);
		const struct madmp m = {.datasets = w.dataset, .n_datasets = rows[i].n};
		const struct madmp_names names = {w.pid, rows[i].n};
		madmp_wish(&m, &names, SPAN("a"), rows[i].rest, SPAN("CC-BY-4.0"), &got);
		assert_int_equal(got.entries, rows[i].want);
		assert_int_equal(got.opening, rows[i].opening);
		if (rows[i].day != NULL) {
			assert_true(scalar_date(span_of(rows[i].day), &day));
			assert_int_equal(got.day, day);
		}
		assert_int_equal(got.personal, rows[i].answer != NULL);
		check_span(got.answer, rows[i].answer);
		check_span(got.other, rows[i].other);
		assert_int_equal(got.licence.p != NULL, rows[i].licence);
		bool named = false;
		for (size_t k = 0; k < rows[i].n; k++)
			named = named || span_is(w.pid[k], "a");
		assert_int_equal(got.rest, got.entries > 0 && !named);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_wish)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
