/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/check.h"

#include "agent/catalog/layout.h"
#include "agent/catalog/limits.h"

#define LONG64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LONG   LONG64 LONG64 LONG64 LONG64 LONG64 LONG64 LONG64 LONG64 "a"

static const struct row {
	const char *name;
	const char *layout, *pid, *proposal;
	bool parses;
	const char *folder;                   /* NULL: only parse */
	const char *want_pid, *want_proposal; /* want_pid NULL: no match */
	enum kind kind;
} rows[] = {
	{"two names", "{proposal}/{dataset}", "10.5072/{proposal}-{dataset}", "{proposal}", true,
		"p1/scan", "10.5072/p1-scan", "p1", KIND_RAW},
	{"the root itself", ".", "10.5072/whole", NULL, true, "", "10.5072/whole", NULL, KIND_RAW},
	{"no layout is the root itself", NULL, "a/b", "P", true, "", "a/b", "P", KIND_RAW},
	{"the root wants the empty folder", ".", "x", NULL, true, "y", NULL, NULL, KIND_RAW},
	{"no pid template", "{proposal}/{visit}", NULL, NULL, true, "p/v", "store/p/v", NULL,
		KIND_RAW},
	{"no pid template, no layout", ".", NULL, NULL, true, "", "store", NULL, KIND_RAW},
	{"root and folder", "{a}", "{root}:{folder}", "{root}", true, "x", "store:x", "store",
		KIND_RAW},
	{"text around a name", "prop-{p}.d", "{p}", "{p}", true, "prop-77.d", "77", "77", KIND_RAW},
	{"text around a name, nothing between", "prop-{p}.d", "{p}", NULL, true, "prop-.d", NULL,
		NULL, KIND_RAW},
	{"text overlaps", "aba{p}ba", "{p}", NULL, true, "aba", NULL, NULL, KIND_RAW},
	{"fixed text", "data/{p}", "{p}", NULL, true, "data/1", "1", NULL, KIND_RAW},
	{"fixed text differs", "data/{p}", "{p}", NULL, true, "date/1", NULL, NULL, KIND_RAW},
	{"a kind", "{p}/{kind}", "{p}/{kind}", "{p}", true, "7/processed", "7/processed", "7",
		KIND_PROCESSED},
	{"a kind that is none", "{p}/{kind}", "{p}/{kind}", "{p}", true, "7/scans", "7/scans", "7",
		KIND_RAW},
	{"too shallow", "{p}/{d}", "{p}{d}", NULL, true, "7", NULL, NULL, KIND_RAW},
	{"too deep", "{p}/{d}", "{p}{d}", NULL, true, "7/8/9", NULL, NULL, KIND_RAW},
	{"empty name", "{p}/{d}", "{p}{d}", NULL, true, "7/", NULL, NULL, KIND_RAW},
	{"dots in a pid", "{p}", "x/{p}", NULL, true, "..", NULL, NULL, KIND_RAW},
	{"dots within a segment", "{p}", "x/.{p}", NULL, true, ".", NULL, NULL, KIND_RAW},
	{"control character", "{p}", "{p}", NULL, true, "a\nb", NULL, NULL, KIND_RAW},
	{"not UTF-8", "{p}", "{p}", NULL, true, "a\xff", NULL, NULL, KIND_RAW},
	{"a pid that is too long", "{p}", "{p}", NULL, true, LONG, NULL, NULL, KIND_RAW},
	{"too many segments", "{p}", "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/{p}", NULL, true, "q", NULL,
		NULL, KIND_RAW},
	{"as many as may be", "{p}", "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/{p}", NULL, true, "q",
		"a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/q", NULL, KIND_RAW},
	{"pid ends with a slash", "{p}", "{p}/", NULL, true, "q", NULL, NULL, KIND_RAW},
	{"two names in a folder", "{a}-{b}", "{a}", NULL, false, NULL, NULL, NULL, KIND_RAW},
	{"a brace left open", "{a", "x", NULL, false, NULL, NULL, NULL, KIND_RAW},
	{"a brace too many", "a}", "x", NULL, false, NULL, NULL, NULL, KIND_RAW},
	{"an empty name", "{}", "x", NULL, false, NULL, NULL, NULL, KIND_RAW},
	{"a capital", "{A}", "x", NULL, false, NULL, NULL, NULL, KIND_RAW},
	{"an empty folder", "a//b", "x", NULL, false, NULL, NULL, NULL, KIND_RAW},
	{"dots as a folder", "../{a}", "x", NULL, false, NULL, NULL, NULL, KIND_RAW},
	{"a name twice", "{a}/{a}", "x", NULL, false, NULL, NULL, NULL, KIND_RAW},
	{"root as a folder", "{root}", "x", NULL, false, NULL, NULL, NULL, KIND_RAW},
	{"nine folders", "a/b/c/d/e/f/g/h/{i}", "x", NULL, false, NULL, NULL, NULL, KIND_RAW},
	{"a name that nobody gives", "{a}", "{b}", NULL, false, NULL, NULL, NULL, KIND_RAW},
	{"a proposal that nobody gives", "{a}", "{a}", "{b}", false, NULL, NULL, NULL, KIND_RAW},
	{"a brace in the pid", "{a}", "{a}{", NULL, false, NULL, NULL, NULL, KIND_RAW},
};

static void
check_match(const struct row *r, const struct layout *l)
{
	AUTO_ARENA a = {0};
	struct layout_dataset d;
	struct err e = {0};

	assert_true(arena_init(&a, 1 << 20));
	bool ok = layout_match(l, span_of(r->folder), &a, &d, &e);
	assert_int_equal(ok, r->want_pid != NULL);
	if (!ok) {
		assert_int_equal(e.code, ERR_SYNTAX);
		assert_true(e.msg[0] != '\0');
		return;
	}
	check_span(d.pid, r->want_pid);
	assert_int_equal(d.proposal.p != NULL, r->want_proposal != NULL);
	if (r->want_proposal != NULL)
		check_span(d.proposal, r->want_proposal);
	assert_int_equal(d.kind, r->kind);
}

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct settings_root root = {.name = "store",
			.layout = r->layout,
			.pid = r->pid,
			.proposal = r->proposal};
		struct layout l;
		struct err e = {0};

		CHECK_ROW(r->name);
		assert_int_equal(layout_parse(&root, &l, &e), r->parses);
		if (!r->parses)
			assert_true(e.code == ERR_SYNTAX || e.code == ERR_LIMIT);
		else if (r->folder != NULL &&
			 strcmp(r->name, "the root wants the empty folder") != 0)
			check_match(r, &l);
	}
}

static void
fits(void **state)
{
	struct settings_root root = {.name = "s", .layout = "data/p{p}", .pid = "{p}"};
	struct layout l;
	struct err e = {0};

	(void)state;
	assert_true(layout_parse(&root, &l, &e));
	assert_true(layout_fits(&l, 0, SPAN("data")));
	assert_false(layout_fits(&l, 0, SPAN("p1")));
	assert_true(layout_fits(&l, 1, SPAN("p1")));
	assert_false(layout_fits(&l, 1, SPAN("p")));
	assert_false(layout_fits(&l, 2, SPAN("p1")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(table), cmocka_unit_test(fits)};
	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
