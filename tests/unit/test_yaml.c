/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/yaml.h"
#include "tests/unit/check.h"

#define ROOM ((size_t)64 * 1024 * 1024)

/* The first breach: the whole line but for the tail of the message. */
static const struct {
	const char *name, *in, *want;
} rows_refused[] = {
	{"empty", "", "f:1:1: error: empty file"},
	{"comment only", "# x\n", "f:1:1: error: empty file"},
	{"bom",
		"\xEF\xBB\xBF"
		"a: b\n",
		"f:1:1: error: byte order mark"},
	{"latin-1", "a: b\nc: \xe9t\n", "f:2:4: error: not UTF-8"},
	{"cut sequence", "a: \xe2\x82", "f:1:4: error: not UTF-8"},
	{"escape byte", "a: \x1b[0m\n", "f:1:4: error: control character U+001B"},
	{"delete", "a: x\x7f\n", "f:1:5: error: control character U+007F"},
	{"c1, column in characters", "a: \xc3\xa9\xc2\x9b\n",
		"f:1:5: error: control character U+009B"},
	{"cr counts as a line end", "a: b\rc: \x01\n", "f:2:4: error: control character"},
	{"crlf counts once", "a: b\r\nc: \x01\n", "f:2:4: error: control character"},
	{"anchor", "a: &x b\n", "f:1:4: error: anchor '&x'"},
	{"anchor of a list", "a: &x [b]\n", "f:1:4: error: anchor '&x'"},
	{"anchor of a key", "&x a: b\n", "f:1:1: error: anchor '&x'"},
	{"alias", "a: b\nc: *x\n", "f:2:4: error: alias '*x'"},
	{"alias as key", "*x : b\n", "f:1:1: error: alias '*x'"},
	{"tag", "a: !!str b\n", "f:1:4: error: tag"},
	{"local tag", "a: !x b\n", "f:1:4: error: tag"},
	{"bare tag of a plain scalar", "a: ! b\n", "f:1:4: error: tag"},
	{"bare tag of a quoted scalar", "a: ! 'b'\n", "f:1:4: error: tag"},
	{"bare tag after wide characters", "\xc3\xa9: \xe2\x82\xac\na: ! b\n", "f:2:4: error: tag"},
	{"bare tag of a list", "a: ! [b]\n", "f:1:4: error: tag"},
	{"bare tag of a mapping", "a: !!map {b: c}\n", "f:1:4: error: tag"},
	{"bare tag of a key", "! a: b\n", "f:1:1: error: tag"},
	{"yaml directive", "%YAML 1.1\n---\na: b\n", "f:1:1: error: directive"},
	{"tag directive", "%TAG ! tag:x,1:\n---\na: b\n", "f:1:1: error: directive"},
	{"second document", "a: b\n---\nc: d\n", "f:2:1: error: a second document"},
	{"literal block", "a: |\n  b\n", "f:1:4: error: block scalar"},
	{"folded block", "a: >-\n  b\n", "f:1:4: error: block scalar"},
	{"plain over lines", "a: b\n  c\n", "f:1:4: error: multi-line value"},
	{"swallowed key", "a: b\n  c: d\n", "f:1:4: error: multi-line value"},
	{"quoted over lines", "a: 'b\n  c'\n", "f:1:4: error: multi-line value"},
	{"empty value", "a:\nb: c\n", "f:1:3: error: empty value"},
	{"empty quoted", "a: ''\n", "f:1:4: error: empty value"},
	{"empty item", "a:\n  -\n  - b\n", "f:2:4: error: empty value"},
	{"empty in flow", "{a: , b: c}\n", "f:1:5: error: empty value"},
	{"empty in flow, lines before the next", "{\na:\n\n, b: c}\n", "f:2:2: error: empty value"},
	{"empty key", "'': b\n", "f:1:1: error: empty value"},
	{"document without content", "---\n", "f:2:1: error: empty value"},
	{"duplicate key", "a: b\nc: d\na: e\n", "f:3:1: error: duplicate key 'a'"},
	{"duplicate key, quoted", "a: b\n'a': e\n", "f:2:1: error: duplicate key 'a'"},
	{"duplicate key, in a list", "- {a: b, a: c}\n", "f:1:10: error: duplicate key 'a'"},
	{"list as key", "[a]: b\n", "f:1:1: error: key must be a scalar"},
	{"mapping as key", "? {a: b}\n: c\n", "f:1:3: error: key must be a scalar"},
	{"nine levels", "[[[[[[[[[a]]]]]]]]]\n", "f:1:9: error: too deep"},
	{"unclosed list", "a: [b\n", "f:2:1: error: syntax"},
	{"tab as indentation", "a:\n\tb: c\n", "f:2:1: error: syntax"},
	{"no line break in a message", "\"a\\nb\": c\n\"a\\nb\": d\n",
		"f:2:1: error: duplicate key 'a?b'"},
};

static void
refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows_refused) / sizeof(rows_refused[0]); i++) {
		AUTO_ARENA a = {0};
		AUTO_BUF report = BUF_INIT(4096);
		CHECK_ROW(rows_refused[i].name);
		assert_true(arena_init(&a, ROOM));
		assert_null(yaml_parse("f", span_of(rows_refused[i].in), &a, &report));
		check_span(span_first(buf_span(&report), strlen(rows_refused[i].want)),
			rows_refused[i].want);
		assert_true(report.n > 0 && report.p[report.n - 1] == '\n');
		assert_ptr_equal(memchr(report.p, '\n', report.n), report.p + report.n - 1);
	}
}

/* Everything is text; places are those of the values. */
static void
accepted(void **state)
{
	static const char in[] = "---\n"
				 "no: 010\n"
				 "\xc3\xa9t\xc3\xa9: [1:30, 'a b', \"x\\ty\"]\n"
				 "map:\n"
				 "  <<: {z: ~}\n"
				 "...\n";
	AUTO_ARENA a = {0};
	AUTO_BUF report = BUF_INIT(4096);

	(void)state;
	assert_true(arena_init(&a, ROOM));
	const struct yaml_node *root = yaml_parse("f", span_of(in), &a, &report);
	assert_non_null(root);
	assert_int_equal(report.n, 0);
	assert_int_equal(root->kind, YAML_MAP);
	assert_int_equal(root->n, 3);
	assert_int_equal(root->line, 2);
	check_span(yaml_get(root, "no")->text, "010");
	const struct yaml_node *list = yaml_get(root, "\xc3\xa9t\xc3\xa9");
	assert_int_equal(list->kind, YAML_LIST);
	assert_true(list->flow);
	assert_int_equal(list->line, 3);
	assert_int_equal(list->col, 6);
	assert_int_equal(list->key_col, 1);
	assert_int_equal(list->n, 3);
	check_span(list->child->text, "1:30");
	check_span(list->child->next->text, "a b");
	assert_int_equal(list->child->next->col, 13);
	check_span(list->child->next->next->text, "x\ty");
	const struct yaml_node *map = yaml_get(root, "map");
	assert_false(map->flow);
	assert_int_equal(map->line, 5);
	assert_int_equal(map->col, 3);
	check_span(yaml_get(yaml_get(map, "<<"), "z")->text, "~");
	assert_null(yaml_get(root, "absent"));
}

/* The limits, one step inside and one outside. */
static void
limits(void **state)
{
	static const struct {
		const char *name;
		size_t bytes; /* of one scalar */
		size_t items; /* of one list */
		size_t keys;  /* of one mapping */
		size_t pad;   /* comment bytes */
		const char *want;
	} rows[] = {
		{"longest scalar", 4096, 1, 1, 0, NULL},
		{"scalar too long", 4097, 1, 1, 0, "f:1:2: error: too large: a value of 4097"},
		{"most nodes", 1, 199996, 1, 0, NULL},
		{"too many nodes", 1, 199998, 1, 0, "f:1:"},
		{"a mapping of many keys", 1, 1, 90000, 0, NULL},
		{"file too large", 1, 1, 1, 4 * 1024 * 1024, "f:1:1: error: too large"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_ARENA a = {0};
		AUTO_BUF in = BUF_INIT(16U * 1024U * 1024U);
		AUTO_BUF report = BUF_INIT(4096);
		CHECK_ROW(rows[i].name);
		buf_addc(&in, '[');
		for (size_t k = 0; k < rows[i].items; k++) {
			for (size_t b = 0; b < rows[i].bytes; b++)
				buf_addc(&in, 'x');
			buf_addc(&in, ',');
		}
		buf_addc(&in, '{');
		for (size_t k = 0; k < rows[i].keys; k++)
			buf_addf(&in, "%zx: y,%s", k, k % 16 == 15 ? "\n" : "");
		buf_adds(&in, "}]\n#");
		for (size_t k = 0; k < rows[i].pad; k++)
			buf_addc(&in, '-');
		assert_true(buf_ok(&in) && arena_init(&a, ROOM));
		const struct yaml_node *root = yaml_parse("f", buf_span(&in), &a, &report);
		if (rows[i].want == NULL) {
			assert_non_null(root);
			assert_int_equal(report.n, 0);
		} else {
			assert_null(root);
			check_span(
				span_first(buf_span(&report), strlen(rows[i].want)), rows[i].want);
			assert_non_null(memmem(report.p, report.n, "too large", 9));
		}
	}
}

static void
near_names(void **state)
{
	static const char *const names[] = {"role", "not_role", "state", "id"};
	static const struct {
		const char *in, *want;
	} rows[] = {
		{"notrole", "not_role"},
		{"roel", "role"},
		{"stat", "state"},
		{"Role", "role"},
		{"ID", "id"},
		{"xy", NULL},
		{"wavelength", NULL},
		{"", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *got = yaml_near(span_of(rows[i].in), names, 4);
		CHECK_ROW(rows[i].in);
		check_span(span_of(got), rows[i].want);
	}
}

static void
errors(void **state)
{
	AUTO_BUF report = BUF_INIT(65536);
	unsigned count = 0;

	(void)state;
	for (unsigned i = 0; i < 30; i++)
		yaml_error(&report, "f", i + 1, 2, &count, "bad %s", "thing\n");
	assert_int_equal(count, 30);
	size_t lines = 0;
	for (size_t i = 0; i < report.n; i++)
		lines += report.p[i] == '\n';
	assert_int_equal(lines, 20);
	check_span(span_first(buf_span(&report), 28), "f:1:2: error: bad thing?\nf:2");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(accepted),
		cmocka_unit_test(limits),
		cmocka_unit_test(near_names),
		cmocka_unit_test(errors),
	};
	return cmocka_run_group_tests_name("yaml", tests, NULL, NULL);
}
