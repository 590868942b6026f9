/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "tests/unit/check.h"
#include "transfer/choice.h"

static const struct row {
	const char *name, *query;
	const char *yes, *no; /* paths with a blank between */
} rows[] = {
	{"nothing takes everything", NULL, "a raw/b", ""},
	{"a file", "file=a.h5", "a.h5", "a.h5x a.h b/a.h5 a.h5/x"},
	{"a folder", "file=raw/", "raw/a raw/b/c", "raw rawx/a x/raw/a"},
	{"several", "file=raw/&file=a&file=raw-b&file=raw/c", "a raw-b raw/x raw/c", "raw-c b"},
	{"a file inside of a folder before it", "file=b/c&file=b/", "b/c b/d", "c"},
	{"percent", "file=a%2fb%20c", "", "a/b"},
	{"star", "glob=*.h5", "a.h5 .h5", "a.h5x raw/a.h5"},
	{"star in a folder", "glob=raw/*.h5", "raw/a.h5", "a.h5 raw/b/a.h5"},
	{"stars", "glob=raw/**", "raw/a raw/b/c", "raw rawx a"},
	{"stars inside", "glob=a**z", "az abz a/b/z", "a zb"},
	{"folders or none", "glob=**/x", "x a/x a/b/x", "ax a/bx x/a"},
	{"folders or none, inside", "glob=a/**/x", "a/x a/b/x a/b/c/x", "ax a/bx b/a/x a"},
	{"one character", "glob=a?c",
		"abc a\xc3\xa4"
		"c a\xe2\x82\xac"
		"c",
		"ac abbc a/c"},
	{"mixed", "glob=*/?*.h5&file=z", "a/b.h5 z", "a/.h5 b.h5 a/b/c.h5"},
	{"two patterns", "glob=a*&glob=*b", "ax xb ab", "ba"},
	{"no brackets", "glob=[ab]", "[ab]", "a b"},
	{"many stars", "glob=*a*a*a*a*a*a*a*a*b", "aaaaaaaab",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac"},
	{"only stars", "glob=*********************", "a a/b", ""},
};

static void
each(struct choice *c, const char *list, bool want)
{
	struct span rest = span_of(list);

	while (rest.n > 0) {
		struct span path = span_cut(&rest, ' ');
		if (choice_takes(c, path) != want)
			fail_msg("%.*s", SPAN_ARG(path));
	}
}

static void
taken(void **state)
{
	AUTO_ARENA a = {0};

	(void)state;
	assert_true(arena_init(&a, 1 << 20));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct choice c;
		struct err e = {0};
		CHECK_ROW(rows[i].name);
		if (!choice_parse(span_of(rows[i].query), &a, &c, &e))
			fail_msg("%s", e.msg);
		each(&c, rows[i].yes, true);
		each(&c, rows[i].no, false);
		arena_reset(&a);
	}
}

static const struct bad_row {
	const char *name, *query;
	enum err_code code;
} bad[] = {
	{"empty query", "", ERR_SYNTAX},
	{"another word", "files=a", ERR_SYNTAX},
	{"no value", "file", ERR_SYNTAX},
	{"an empty name", "file=", ERR_SYNTAX},
	{"an empty pattern", "glob=", ERR_SYNTAX},
	{"two ampersands", "file=a&&file=b", ERR_SYNTAX},
	{"a broken escape", "file=%zz", ERR_SYNTAX},
	{"an escape that is cut", "file=a%2", ERR_SYNTAX},
	{"from the root", "file=/a", ERR_SYNTAX},
	{"upwards", "file=a/../b", ERR_SYNTAX},
	{"only a slash", "file=/", ERR_SYNTAX},
	{"a NUL", "file=a%00", ERR_SYNTAX},
	{"not UTF-8", "glob=%ff", ERR_SYNTAX},
};

static void
refused(void **state)
{
	AUTO_ARENA a = {0};
	AUTO_BUF many = BUF_INIT(1 << 20);
	struct choice c;

	(void)state;
	assert_true(arena_init(&a, 1 << 20));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e = {0};
		CHECK_ROW(bad[i].name);
		assert_false(choice_parse(span_of(bad[i].query), &a, &c, &e));
		assert_int_equal(e.code, bad[i].code);
	}
	for (unsigned i = 0; i <= CHOICE_FILES; i++)
		buf_addf(&many, "%sfile=a%u", i > 0 ? "&" : "", i);
	arena_reset(&a);
	assert_false(choice_parse(buf_span(&many), &a, &c, NULL));
	buf_reset(&many);
	buf_adds(&many, "glob=");
	for (unsigned i = 0; i < CHOICE_STATES; i++)
		buf_addc(&many, 'a');
	assert_false(choice_parse(buf_span(&many), &a, &c, NULL));
	assert_true(choice_parse(span_first(buf_span(&many), many.n - 1), &a, &c, NULL));
}

/* What was asked for and is not there is known by its name. */
static void
unmet(void **state)
{
	AUTO_ARENA a = {0};
	struct choice c;

	(void)state;
	assert_true(arena_init(&a, 1 << 20));
	assert_true(choice_parse(SPAN("file=b&file=a/&glob=*.h5"), &a, &c, NULL));
	check_span(choice_unmet(&c), "a/");
	assert_true(choice_takes(&c, SPAN("a/x")));
	check_span(choice_unmet(&c), "b");
	assert_true(choice_takes(&c, SPAN("b")));
	check_span(choice_unmet(&c), "*.h5");
	assert_true(choice_takes(&c, SPAN("b.h5")));
	assert_null(choice_unmet(&c).p);
}

/* A pattern that is made to cost much is given up, not carried out. */
static void
bounded(void **state)
{
	AUTO_ARENA a = {0};
	struct choice c;
	char path[4000];
	unsigned n = 0;

	(void)state;
	assert_true(arena_init(&a, 1 << 20));
	memset(path, 'a', sizeof(path));
	assert_true(choice_parse(
		SPAN("glob=*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"), &a,
		&c, NULL));
	while (c.work > 0) {
		assert_false(choice_takes(&c, (struct span){path, sizeof(path)}));
		n++;
	}
	assert_in_range(n, 100, 2000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(taken), cmocka_unit_test(refused),
		cmocka_unit_test(unmet), cmocka_unit_test(bounded)};
	return cmocka_run_group_tests_name("choice", tests, NULL, NULL);
}
