/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policies in policy/examples: each loads, passes its own tests, and gives lint nothing to say;
 * those that live side by side load together and part where they say; and they decide the cases
 * that lie beside the project, whose facilities have the same names, as the files there do.
 */
#include "agent/base/json.h"
#include "agent/cli/cli_file.h"
#include "policy/lint.h"
#include "policy/policy.h"
#include "policy/request.h"
#include "tests/unit/check.h"

#include <glob.h>
#include <unistd.h>

#define EXAMPLES "policy/examples/"
#define CASES    "../shared/cases/policy/decisions.json"

enum { FILES_MAX = 8, FILE_BYTES = 1 << 20, CASES_BYTES = 16 << 20, MEMORY = 1 << 24 };

struct files {
	struct buf text[FILES_MAX];
	struct policy_source source[FILES_MAX];
	size_t n;
};

static void
add_file(struct files *f, const char *path)
{
	struct err e = {0};

	assert_true(f->n < FILES_MAX);
	f->text[f->n] = (struct buf)BUF_INIT(FILE_BYTES);
	if (!cli_file_read(path, &f->text[f->n], &e))
		fail_msg("%s", e.msg);
	f->source[f->n] = (struct policy_source){path, buf_span(&f->text[f->n])};
	f->n++;
}

static struct policy_set *
load(const struct files *f)
{
	AUTO_BUF report = BUF_INIT(FILE_BYTES);
	struct err e = {0};
	struct policy_set *s = policy_set_load(f->source, f->n, &report, &e);

	if (s == NULL || report.n > 0)
		fail_msg("%s\n%.*s", e.msg, SPAN_ARG(buf_span(&report)));
	return s;
}

static void
lint(const struct policy_set *s)
{
	AUTO_BUF findings = BUF_INIT(FILE_BYTES);

	if (policy_lint(s, &findings) > 0)
		fail_msg("%.*s", SPAN_ARG(buf_span(&findings)));
}

static void
forget(struct files *f)
{
	while (f->n > 0)
		buf_fini(&f->text[--f->n]);
}

/* ---- each alone ---- */

/* The name of a file is the name of its policy, so that a refusal leads to it. */
static void
test_each(void **state)
{
	glob_t g = {0};

	(void)state;
	assert_int_equal(glob(EXAMPLES "*.yaml", 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct files f = {0};
		char stem[128];
		CHECK_ROW(g.gl_pathv[i]);
		add_file(&f, g.gl_pathv[i]);
		struct policy_set *s = load(&f);
		(void)snprintf(
			stem, sizeof(stem), EXAMPLES "%.*s.yaml", SPAN_ARG(policy_set_id(s, 0)));
		assert_string_equal(stem, g.gl_pathv[i]);
		lint(s);
		policy_set_free(s);
		forget(&f);
	}
	assert_true(g.gl_pathc >= 9);
	globfree(&g);
}

/* ---- side by side ---- */

static const struct {
	const char *name, *older, *newer, *start, *policy; /* NULL: no policy fits */
} sides[] = {
	{"before the first ESRF policy", "esrf-2015", "esrf-2024", "2015-11-29", NULL},
	{"its first day", "esrf-2015", "esrf-2024", "2015-11-30", "esrf-2015"},
	{"its last day", "esrf-2015", "esrf-2024", "2023-12-31", "esrf-2015"},
	{"the day after", "esrf-2015", "esrf-2024", "2024-01-01", "esrf-2024"},
	{"the last second in Paris", "esrf-2015", "esrf-2024", "2023-12-31T22:59:59Z", "esrf-2015"},
	{"midnight in Paris", "esrf-2015", "esrf-2024", "2023-12-31T23:00:00Z", "esrf-2024"},
	{"long after", "esrf-2015", "esrf-2024", "2050-01-01", "esrf-2024"},
	{"before the first ISIS policy", "isis-2022", "isis-2024", "2022-01-24", NULL},
	{"its first day", "isis-2022", "isis-2024", "2022-01-25", "isis-2022"},
	{"its last day", "isis-2022", "isis-2024", "2024-03-26", "isis-2022"},
	{"the day after", "isis-2022", "isis-2024", "2024-03-27", "isis-2024"},
};

static void
decide(const struct policy_set *s, const char *start, struct decision *ret)
{
	struct facts f = {.action = ACTION_META_PUBLIC};

	assert_true(facts_parse_when(span_of(start), &f.object.dates[MILESTONE_EXPERIMENT_START]));
	assert_true(facts_parse_when(SPAN("2060-01-01"), &f.now));
	policy_decide(s, &f, ret);
}

static void
test_sides(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
		struct files f = {0};
		struct decision d;
		char path[128];
		CHECK_ROW(sides[i].name);
		(void)snprintf(path, sizeof(path), EXAMPLES "%s.yaml", sides[i].newer);
		add_file(&f, path);
		(void)snprintf(path, sizeof(path), EXAMPLES "%s.yaml", sides[i].older);
		add_file(&f, path);
		struct policy_set *s = load(&f);
		lint(s);
		decide(s, sides[i].start, &d);
		if (sides[i].policy != NULL)
			check_span(d.policy, sides[i].policy);
		else
			check_span(d.rule, "no-policy");
		policy_set_free(s);
		forget(&f);
	}
}

/* ---- the cases beside the project ---- */

/* Our rules have names and lines of their own. */
static bool
is_ours(struct span key)
{
	static const char *const names[] = {"rule", "line", "version", "sha256"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_is(key, names[i]))
			return true;
	return false;
}

static void
compare(struct span id, const struct json *want, const struct json *got)
{
	struct span key = SPAN_NONE;
	const struct json *value = NULL;
	void *at = NULL;

	while (json_each(want, &at, &key, &value)) {
		AUTO_BUF a = BUF_INIT(FILE_BYTES);
		AUTO_BUF b = BUF_INIT(FILE_BYTES);
		char name[64];
		assert_true(span_cstr(key, name, sizeof(name)));
		const struct json *have = json_get(got, name);
		if (is_ours(key) || json_same(value, have))
			continue;
		json_write(value, &a);
		json_write(have, &b);
		fail_msg("%.*s: %s: want %.*s, got %.*s", SPAN_ARG(id), name,
			SPAN_ARG(buf_span(&a)), SPAN_ARG(buf_span(&b)));
	}
}

static void
ask(const struct policy_set *s, const struct json *one, struct span id)
{
	AUTO_BUF out = BUF_INIT(FILE_BYTES);
	AUTO_ARENA a = {0};
	struct request r = {0};
	struct decision d;

	assert_true(arena_init(&a, MEMORY));
	if (!request_parse(json_get(one, "request"), &a, &r))
		r.facts = (struct facts){0};
	policy_decide(s, &r.facts, &d);
	decision_write_json(&d, SPAN_NONE, &out);
	AUTO_JSON got = json_parse(buf_span(&out), NULL, NULL);
	assert_non_null(got);
	compare(id, json_get(one, "expect"), got);
}

/* False: one of its files is no example of ours. */
static bool
add_files(const struct json *names, struct files *f)
{
	for (size_t i = 0; i < json_count(names); i++) {
		struct span name = SPAN_NONE;
		char path[128];
		assert_true(json_str(json_at(names, i), &name));
		(void)snprintf(path, sizeof(path), EXAMPLES "%.*s", SPAN_ARG(name));
		if (access(path, R_OK) != 0)
			return false;
		add_file(f, path);
	}
	return true;
}

static bool
same_as_there(const struct json *one)
{
	struct files f = {0};
	struct span id = SPAN_NONE;
	bool ours = add_files(json_get(one, "policies"), &f);

	if (ours) {
		assert_true(json_get_str(one, "id", &id));
		struct policy_set *s = load(&f);
		ask(s, one, id);
		policy_set_free(s);
	}
	forget(&f);
	return ours;
}

static void
test_cases(void **state)
{
	AUTO_BUF text = BUF_INIT(CASES_BYTES);
	size_t same = 0;

	(void)state;
	if (!cli_file_read(CASES, &text, NULL)) {
		print_message("    skips: there is no " CASES "\n");
		skip();
	}
	AUTO_JSON j = json_parse(buf_span(&text), NULL, NULL);
	const struct json *cases = json_get(j, "cases");
	for (size_t i = 0; i < json_count(cases); i++)
		same += same_as_there(json_at(cases, i));
	print_message("    %zu cases are decided as there; skips %zu of files that are no "
		      "example here, and in all cases the names and lines of rules\n",
		same, json_count(cases) - same);
	assert_true(same > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_sides),
		cmocka_unit_test(test_cases),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
