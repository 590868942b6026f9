/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/metric_lines.h"
#include "policy/inforce.h"
#include "tests/unit/check.h"

/* A policy that passes its own test; what is in the braces differs. */
#define POLICY(id, version, from, until)                                                           \
	"policy: " id "\nversion: " version "\ntitle: \"T \\\"" id "\\\"\"\nfacility: F\n"         \
	"contact: c@example.org\ntimezone: Europe/Paris\nvalid_from: " from "\n" until             \
	"licence: CC-BY-4.0\nembargo: {anchor: experiment_end, period: 3y}\n"                      \
	"rules:\n  - {id: open, effect: permit, action: [data.read], when: {state: [open]}}\n"     \
	"tests:\n  - {name: t, now: 2040-01-01, action: data.read,\n"                              \
	"     dates: {experiment_start: 2030-01-01, experiment_end: 2030-01-02}, expect: "         \
	"permit}\n"

static struct policy_set *
load(const char *const *texts, size_t n)
{
	struct policy_source sources[4];
	AUTO_BUF report = BUF_INIT(8192);
	static const char *const names[] = {"/p/a.yaml", "/p/b.yaml", "/p/c.yaml", "/p/d.yaml"};

	for (size_t i = 0; i < n; i++)
		sources[i] = (struct policy_source){names[i], span_of(texts[i])};
	struct policy_set *s = policy_set_load(sources, n, &report, NULL);
	if (s == NULL)
		fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
	return s;
}

static void
written_and_read(void **state)
{
	static const char *const texts[] = {
		POLICY("old", "2", "2015-01-01", "valid_until: 2024-01-01\n"),
		POLICY("new", "1", "2024-01-01", ""),
	};
	struct policy_set *s = load(texts, 2);
	AUTO_BUF json = BUF_INIT(8192);
	struct inforce f;
	struct span v;

	(void)state;
	inforce_write(s, 86400, &json);
	AUTO_JSON j = json_parse(buf_span(&json), NULL, NULL);
	assert_int_equal(json_count(j), 2);
	assert_true(json_get_str(json_at(j, 0), "valid_until", &v));
	check_span(v, "2024-01-01");
	assert_int_equal(json_kind(json_get(json_at(j, 1), "valid_until")), JSON_KIND_NULL);
	assert_true(json_get_str(json_at(j, 1), "loaded", &v));
	check_span(v, "1970-01-02T00:00:00Z");
	assert_true(json_get_str(json_at(j, 1), "file", &v));
	check_span(v, "/p/b.yaml");
	assert_true(inforce_read(j, &f, NULL));
	assert_int_equal(f.n, 2);
	check_span(f.entry[0].policy, "old");
	assert_int_equal(f.entry[0].version, 2);
	AUTO_BUF replaced = BUF_INIT(4096);
	AUTO_BUF want = BUF_INIT(4096);
	inforce_replaced(&f, &replaced);
	for (size_t i = 0; i < 2; i++) {
		buf_addf(&want, "%s{\"policy\":\"%s\",\"version\":%d,\"sha256\":\"",
			i == 0 ? "[" : ",", i == 0 ? "old" : "new", i == 0 ? 2 : 1);
		buf_add_hex(&want, policy_set_sha256(s, i), 32);
		buf_adds(&want, "\"}");
	}
	buf_adds(&want, "]");
	assert_true(span_eq(buf_span(&replaced), buf_span(&want)));
	policy_set_free(s);
}

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void
refused(void **state)
{
	static const struct {
		const char *name, *json;
		bool good;
	} rows[] = {
		{"none", "[]", true},
		{"one", "[{\"policy\":\"a\",\"version\":1,\"sha256\":\"" SHA "\"}]", true},
		{"more keys", "[{\"x\":1,\"policy\":\"a\",\"version\":1,\"sha256\":\"" SHA "\"}]",
			true},
		{"no list", "{}", false},
		{"no version", "[{\"policy\":\"a\",\"sha256\":\"" SHA "\"}]", false},
		{"version as text", "[{\"policy\":\"a\",\"version\":\"1\",\"sha256\":\"" SHA "\"}]",
			false},
		{"version below", "[{\"policy\":\"a\",\"version\":-1,\"sha256\":\"" SHA "\"}]",
			false},
		{"version above",
			"[{\"policy\":\"a\",\"version\":4294967296,\"sha256\":\"" SHA "\"}]",
			false},
		{"short digest", "[{\"policy\":\"a\",\"version\":1,\"sha256\":\"0123\"}]", false},
		{"a line end in a name",
			"[{\"policy\":\"a\\nb\",\"version\":1,\"sha256\":\"" SHA "\"}]", false},
		{"no object", "[1]", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct inforce f = {.n = 99};
		AUTO_JSON j = json_parse(span_of(rows[i].json), NULL, NULL);
		CHECK_ROW(rows[i].name);
		assert_non_null(j);
		assert_int_equal(inforce_read(j, &f, NULL), rows[i].good);
		assert_int_equal(f.n == 99, !rows[i].good);
	}
}

static void
changes(void **state)
{
	static const char *const before[] = {
		POLICY("same", "1", "2010-01-01", "valid_until: 2011-01-01\n"),
		POLICY("more", "1", "2011-01-01", "valid_until: 2012-01-01\n"),
		POLICY("edited", "4", "2012-01-01", "valid_until: 2013-01-01\n"),
		POLICY("left", "3", "2013-01-01", ""),
	};
	static const char *const after[] = {
		POLICY("same", "1", "2010-01-01", "valid_until: 2011-01-01\n"),
		POLICY("more", "2", "2011-01-01", "valid_until: 2012-01-01\n"),
		POLICY("edited", "4", "2012-01-01", "valid_until: 2013-01-02\n"),
		POLICY("come", "1", "2014-01-01", ""),
	};
	static const char *const ends[] = {"  unchanged", ", was version 1 sha256 ",
		" (give a changed file a new version)", "  new", "  gone"};
	static const char *const begins[] = {"policy same version 1 sha256 ",
		"policy more version 2 sha256 ", "policy edited version 4 sha256 ",
		"policy come version 1 sha256 ", "policy left version 3 sha256 "};
	struct policy_set *a = load(before, 4);
	struct policy_set *b = load(after, 4);
	AUTO_BUF json = BUF_INIT(8192);
	AUTO_BUF text = BUF_INIT(8192);
	AUTO_BUF first = BUF_INIT(8192);
	AUTO_BUF back = BUF_INIT(8192);
	struct inforce f;

	(void)state;
	inforce_write(a, INT64_MIN, &json);
	AUTO_JSON j = json_parse(buf_span(&json), NULL, NULL);
	assert_true(inforce_read(j, &f, NULL));
	assert_true(inforce_same(&f, a));
	assert_false(inforce_same(&f, b));
	inforce_changes(&f, b, &text);
	struct span rest = buf_span(&text);
	for (size_t i = 0; i < 5; i++) {
		struct span line = span_cut(&rest, '\n');
		CHECK_ROW(begins[i]);
		assert_true(span_starts(line, span_of(begins[i])));
		assert_non_null(memmem(line.p, line.n, ends[i], strlen(ends[i])));
	}
	assert_int_equal(rest.n, 0);
	inforce_changes(NULL, b, &first); /* at the start */
	assert_null(memmem(first.p, first.n, "new", 3));
	policy_set_free(b);
	b = load(after + 1, 1);
	buf_reset(&json);
	inforce_write(b, 0, &json);
	AUTO_JSON k = json_parse(buf_span(&json), NULL, NULL);
	assert_true(inforce_read(k, &f, NULL));
	assert_false(inforce_same(&f, a));
	inforce_changes(&f, a, &back);
	assert_non_null(memmem(back.p, back.n, " (an older version)", 19));
	policy_set_free(a);
	policy_set_free(b);
}

static void
metrics(void **state)
{
	static const char *const prefixes[] = {"pan_policy_version_", "pan_policy_loaded_", NULL};
	static const char *const texts[] = {POLICY("esrf-2024", "3", "2024-01-01", "")};
	static const char *const wants[] = {
		"\npan_policy_version_info{policy=\"esrf-2024\",version=\"3\",sha256=\"",
		"\npan_policy_loaded_timestamp_seconds 1700000000\n"};
	struct policy_set *s = load(texts, 1);
	AUTO_BUF lines = BUF_INIT(4096);
	AUTO_BUF passed = BUF_INIT(4096);

	(void)state;
	inforce_metrics(s, 1700000000, &lines);
	assert_int_equal(metric_lines(buf_span(&lines), prefixes, &passed), 0);
	assert_true(span_eq(buf_span(&lines), buf_span(&passed)));
	for (size_t i = 0; i < sizeof(wants) / sizeof(wants[0]); i++)
		assert_non_null(memmem(lines.p, lines.n, wants[i], strlen(wants[i])));
	policy_set_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_and_read),
		cmocka_unit_test(refused),
		cmocka_unit_test(changes),
		cmocka_unit_test(metrics),
	};
	return cmocka_run_group_tests_name("inforce", tests, NULL, NULL);
}
