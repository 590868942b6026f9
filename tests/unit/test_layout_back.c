/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/check.h"

#include "agent/base/buf.h"
#include "agent/catalog/layout_back.h"

static const struct row {
	const char *name;
	const char *layout, *pid, *proposal;
	const char *fault; /* of layout_back_check; NULL: there is a way back */
	const char *path;  /* what follows /data/ */
	const char *want_pid;
	const char *want; /* folders and their proposals, "FOLDER=PROPOSAL|" each; NULL: none */
} rows[] = {
	{"two segments", "{proposal}/{dataset}", "10.5072/{proposal}/{dataset}", "{proposal}", NULL,
		"10.5072/p1/scan/a/b.h5", "10.5072/p1/scan", "p1/scan=p1|"},
	{"the dataset alone", "{proposal}/{dataset}", "10.5072/{proposal}/{dataset}", "{proposal}",
		NULL, "10.5072/p1/scan", "10.5072/p1/scan", "p1/scan=p1|"},
	{"too short a path", "{proposal}/{dataset}", "10.5072/{proposal}/{dataset}", "{proposal}",
		NULL, "10.5072/p1", NULL, NULL},
	{"another prefix", "{proposal}/{dataset}", "10.5072/{proposal}/{dataset}", "{proposal}",
		NULL, "10.5073/p1/scan/a", "10.5073/p1/scan", NULL},
	{"text around names", "{proposal}/{dataset}", "x/prop-{proposal}.d/ds{dataset}",
		"{proposal}", NULL, "x/prop-7-8.d/ds9/f", "x/prop-7-8.d/ds9", "7-8/9=7-8|"},
	{"nothing between the texts", "{proposal}/{dataset}", "x/p{proposal}p/{dataset}",
		"{proposal}", NULL, "x/pp/9/f", "x/pp/9", NULL},
	{"text overlaps", "{proposal}/{dataset}", "x/aba{proposal}ba/{dataset}", "{proposal}", NULL,
		"x/aba/9/f", "x/aba/9", NULL},
	{"levels in another order", "{year}/{proposal}/{dataset}", "{proposal}/{dataset}/{year}",
		"{proposal}", NULL, "p/d/2026/f", "p/d/2026", "2026/p/d=p|"},
	{"root and folder", "{proposal}/{dataset}", "{root}/{folder}", "{proposal}", NULL,
		"store/p/d/x", "store/p/d", "p/d=p|"},
	{"another root's name", "{proposal}/{dataset}", "{root}/{folder}", "{proposal}", NULL,
		"other/p/d/x", "other/p/d", NULL},
	{"the root itself", ".", "10.5072/whole", NULL, NULL, "10.5072/whole/x", "10.5072/whole",
		"=|"},
	{"a kind", "{proposal}/{kind}", "x/{proposal}/{kind}", "{proposal}", NULL, "x/p/raw/f",
		"x/p/raw", "p/raw=p|"},
	{"the proposal tells", "{proposal}/{dataset}", "10.5072/{proposal}-{dataset}", "{proposal}",
		NULL, "10.5072/p1-scan/f", "10.5072/p1-scan", "p1/scan=p1|"},
	{"and there are several places", "{proposal}/{dataset}", "10.5072/{proposal}-{dataset}",
		"{proposal}", NULL, "10.5072/a-b-c/f", "10.5072/a-b-c", "a/b-c=a|a-b/c=a-b|"},
	{"text that overlaps itself", "{proposal}/{dataset}", "x/{proposal}--{dataset}",
		"{proposal}", NULL, "x/a---b", "x/a---b", "a/-b=a|a-/b=a-|"},
	{"nothing before the text", "{proposal}/{dataset}", "x/{proposal}-{dataset}", "{proposal}",
		NULL, "x/-b/f", "x/-b", NULL},
	{"nothing behind it", "{proposal}/{dataset}", "x/{proposal}-{dataset}", "{proposal}", NULL,
		"x/b-/f", "x/b-", NULL},
	{"no such text", "{proposal}/{dataset}", "x/{proposal}-{dataset}", "{proposal}", NULL,
		"x/b/f", "x/b", NULL},
	{"dots", "{proposal}/{dataset}", "x/{proposal}/{dataset}", "{proposal}", NULL, "x/../b/f",
		"x/../b", NULL},
	{"faults: neither is the proposal", "{a}/{b}", "x/{a}-{b}", NULL,
		"put a slash between its names, or let one of them be the proposal", NULL, NULL,
		NULL},
	{"faults: a proposal of two names", "{a}/{b}", "x/{a}-{b}", "{a}{b}",
		"let one of them be the proposal", NULL, NULL, NULL},
	{"faults: three names", "{a}/{b}/{c}", "x/{a}-{b}-{c}", "{a}",
		"does not say where one name ends", NULL, NULL, NULL},
	{"faults: no text between", "{a}/{b}", "x/{a}{b}", "{a}",
		"does not say where one name ends", NULL, NULL, NULL},
	{"faults: two such segments", "{a}/{b}/{c}/{d}", "{a}-{b}/{c}-{d}", "{a}",
		"may be read in several ways", NULL, NULL, NULL},
	{"faults: a level is lost", "{a}/{b}", "x/{b}", "{a}", "must name {a} once, not 0 times",
		NULL, NULL, NULL},
	{"faults: a level twice", "{a}/{b}", "x/{b}/{a}/{b}", "{a}",
		"must name {b} once, not 2 times", NULL, NULL, NULL},
	{"faults: once by itself, once in the folder", "{a}/{b}", "{a}/{folder}", "{a}",
		"must name {a} once, not 2 times", NULL, NULL, NULL},
};

static void
check_places(const struct row *r, const struct layout *l)
{
	struct layout_place at[LAYOUT_PLACES];
	AUTO_ARENA a = {0};
	AUTO_BUF text = BUF_INIT(4096);

	assert_true(arena_init(&a, 1 << 20));
	struct span pid = layout_back_pid(l, span_of(r->path));
	check_span(pid, r->want_pid);
	size_t n = pid.p != NULL ? layout_back_places(l, pid, &a, at) : 0;
	for (size_t i = 0; i < n; i++) {
		check_span(at[i].dataset.pid, r->want_pid);
		buf_addf(&text, "%.*s=%.*s|", SPAN_ARG(at[i].folder),
			SPAN_ARG(at[i].dataset.proposal));
	}
	check_span(buf_span(&text), r->want != NULL ? r->want : "");
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
		assert_true(layout_parse(&root, &l, NULL));
		assert_int_equal(layout_back_check(&l, &e), r->fault == NULL);
		if (r->fault != NULL)
			assert_non_null(strstr(e.msg, r->fault));
		else
			check_places(r, &l);
	}
}

/* A name full of the text between: too many places to look each of them up. */
static void
too_many(void **state)
{
	struct settings_root root = {.name = "s",
		.layout = "{proposal}/{dataset}",
		.pid = "x/{proposal}-{dataset}",
		.proposal = "{proposal}"};
	struct layout_place at[LAYOUT_PLACES];
	char pid[256] = "x/";
	AUTO_ARENA a = {0};
	struct layout l;

	(void)state;
	assert_true(arena_init(&a, 1 << 20) && layout_parse(&root, &l, NULL));
	memset(pid + 2, '-', LAYOUT_PLACES + 2);
	assert_int_equal(layout_back_places(&l, span_of(pid), &a, at), LAYOUT_PLACES);
	memset(pid + 2, '-', LAYOUT_PLACES + 3);
	assert_int_equal(layout_back_places(&l, span_of(pid), &a, at), 0);
}

static void
leads(void **state)
{
	static const struct {
		const char *path;
		bool leads;
	} paths[] = {
		{"10.5072", true},
		{"10.5072/p1", true},
		{"10.5073", false},
		{"10.5072/q1", false},
		{"10.5072/p", false},
		{"10.5072/p1/d", false},
		{"10.5072/p1/d/e", false},
		{"", false},
	};
	struct settings_root root = {.name = "s",
		.layout = "{proposal}/{dataset}",
		.pid = "10.5072/p{proposal}/{dataset}",
		.proposal = "{proposal}"};
	struct layout l;

	(void)state;
	assert_true(layout_parse(&root, &l, NULL));
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		CHECK_ROW(paths[i].path);
		assert_int_equal(layout_back_leads(&l, span_of(paths[i].path)), paths[i].leads);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(too_many),
		cmocka_unit_test(leads),
	};

	return cmocka_run_group_tests_name("layout_back", tests, NULL, NULL);
}
