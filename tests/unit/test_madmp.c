/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/madmp.h"
#include "agent/catalog/madmp_terms.h"
#include "tests/unit/check.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ORIGIN   SPAN("https://data.house.example")

/* A plan with these datasets, and with these members beside them (each ends with a comma). */
#define PLAN(more, datasets)                                                                       \
	"{\"dmp\":{" more "\"title\":\"Pores\",\"language\":\"eng\","                              \
	"\"created\":\"2026-01-02T08:00:00Z\",\"modified\":\"2026-01-03T08:00:00.5+01:00\","       \
	"\"dmp_id\":{\"identifier\":\"https://plans.example/7\",\"type\":\"url\"},"                \
	"\"contact\":{\"name\":\"Ada\",\"mbox\":\"ada@x.example\",\"contact_id\":"                 \
	"{\"identifier\":\"0000-0001\",\"type\":\"orcid\"}},"                                      \
	"\"ethical_issues_exist\":\"no\",\"dataset\":[" datasets "]}}"
#define ID "\"dataset_id\":{\"identifier\":\"10.5072/a\",\"type\":\"doi\"},"
#define DATASET(more)                                                                              \
	"{" more ID "\"title\":\"Raw\",\"personal_data\":\"no\",\"sensitive_data\":\"unknown\"}"
#define DIST(more)                                                                                 \
	DATASET("\"distribution\":[{" more "\"title\":\"HDF5\",\"data_access\":\"open\"}],")
#define LICENSE(ref, start)                                                                        \
	DIST("\"license\":[{\"license_ref\":" ref ",\"start_date\":" start "}],")

enum { MEMORY = 64 << 20, OUT = 1 << 20 };

static bool
read_plan(const char *text, struct arena *a, struct buf *report, struct madmp *m)
{
	struct err e = {0};
	bool ok = madmp_parse("p.json", span_of(text), a, report, m, &e);

	assert_int_equal(e.code, ok ? ERR_NONE : ERR_SYNTAX);
	return ok;
}

/* ---- what is taken ---- */

static void
test_all(void **state)
{
	static const char text[] = PLAN(
		"\"description\":\"What we plan\",\"x_tool\":{\"any\":[1,null]},"
		"\"project\":[{\"title\":\"Stones\",\"start\":\"2026-02-01\",\"end\":\"2026-02-"
		"04\","
		"\"funding\":7,\"project_id\":[{\"identifier\":\"2026-0123\",\"type\":\"other\"}]}]"
		",",
		"{" ID "\"title\":\"Raw\",\"description\":\"D\",\"type\":\"dataset\","
		"\"rights\":\"R\",\"issued\":\"2026-02-04\",\"keyword\":\"not ours to judge\","
		"\"personal_data\":\"yes\",\"sensitive_data\":\"unknown\",\"distribution\":[{"
		"\"title\":\"HDF5\",\"data_access\":\"shared\",\"access_url\":\"https://a.example/"
		"\","
		"\"download_url\":\"https://a.example/d\",\"available_until\":\"2036-02-04\","
		"\"byte_size\":12345678901,\"host\":{\"title\":\"H\",\"url\":\"https://"
		"h.example\"},"
		"\"license\":[{\"license_ref\":\"https://creativecommons.org/licenses/by/4.0/\","
		"\"start_date\":\"2027-02-04\"}]}]}," DATASET(""));
	AUTO_ARENA a = {0};
	AUTO_BUF report = BUF_INIT(OUT);
	struct madmp m;

	(void)state;
	assert_true(arena_init(&a, MEMORY));
	if (!read_plan(text, &a, &report, &m))
		fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
	check_span(m.title, "Pores");
	check_span(m.description, "What we plan");
	check_span(m.id.identifier, "https://plans.example/7");
	check_span(m.contact, "Ada");
	check_span(m.contact_ids.item[0].type, "orcid");
	assert_int_equal(m.ethical, MADMP_NO);
	assert_int_equal(m.n_projects, 1);
	check_span(m.projects[0].ids.item[0].identifier, "2026-0123");
	assert_int_equal(m.projects[0].end.day - m.projects[0].start.day, 3);
	assert_int_equal(m.n_datasets, 2);
	const struct madmp_dataset *d = &m.datasets[0];
	assert_int_equal(d->personal, MADMP_YES);
	assert_int_equal(d->sensitive, MADMP_UNKNOWN);
	check_span(d->rights, "R");
	assert_true(d->issued.given);
	const struct madmp_distribution *one = &d->distributions[0];
	assert_int_equal(one->access, MADMP_SHARED);
	assert_true(one->has_size && one->bytes == 12345678901);
	check_span(one->host.url, "https://h.example");
	assert_int_equal(one->licenses[0].start.day - d->issued.day, 365);
	assert_int_equal(m.datasets[1].n_distributions, 0);
	assert_null(m.datasets[1].description.p);
}

/* ---- written and read again ---- */

static const char *const whole[] = {
	PLAN("", ""),
	PLAN("\"project\":[{\"title\":\"Stones\"}],", DATASET("")),
	LICENSE("\"https://creativecommons.org/licenses/by/4.0/\"", "\"2027-02-04\""),
	"{\"dmp\":{\"title\":\"\\u0001\\\"\\ud83d\\ude00\",\"language\":\"eng\",\"created\":"
	"\"2026-01-02T0\",\"modified\":\"2026-01-03T\\n\",\"dmp_id\":{\"identifier\":\"i\","
	"\"type\":\"t\"},\"contact\":{\"name\":\"n\",\"mbox\":\"m\",\"contact_id\":"
	"[{\"identifier\":\"1\",\"type\":\"a\"},{\"identifier\":\"2\",\"type\":\"b\"}]},"
	"\"ethical_issues_exist\":\"unknown\",\"dataset\":[]}}",
	PLAN("", DIST("\"byte_size\":0,\"host\":{\"url\":\"u\",\"title\":\"t\"},\"license\":[],")),
};

static void
test_round(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(whole); i++) {
		AUTO_ARENA a = {0};
		AUTO_BUF report = BUF_INIT(OUT);
		AUTO_BUF one = BUF_INIT(OUT);
		AUTO_BUF two = BUF_INIT(OUT);
		struct madmp m;
		CHECK_ROW(whole[i]);
		/* A row may be a dataset alone. */
		AUTO_BUF text = BUF_INIT(OUT);
		buf_adds(&text, strncmp(whole[i], "{\"dmp\"", 6) == 0 ? "" : PLAN("", ""));
		if (text.n > 0)
			text.n -= strlen("]}}");
		buf_addf(&text, "%s%s%c", whole[i], text.n > 0 ? "]}}" : "", '\0');
		assert_true(arena_init(&a, MEMORY));
		if (!read_plan(text.p, &a, &report, &m))
			fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
		madmp_write(&m, &one);
		buf_addc(&one, '\0');
		if (!read_plan(one.p, &a, &report, &m))
			fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
		madmp_write(&m, &two);
		buf_addc(&two, '\0');
		assert_string_equal(one.p, two.p);
	}
}

/* ---- what is refused, and where ---- */

static const struct {
	const char *name, *text, *want; /* the report */
} bad[] = {
	{"no JSON", "{", "p.json: error: JSON: ends too early (line 1, column 1)\n"},
	{"a list", "[]", NULL},
	{"twice", "{\"dmp\":{},\"dmp\":{}}", NULL},
	{"a NUL", "{\"dmp\":\"\\u0000\"}", NULL},
	{"no plan", "{}", "p.json: error: dmp: missing; the standard requires it\n"},
	{"a plan that is a list", "{\"dmp\":[]}",
		"p.json: error: dmp: must be an object, is an array\n"},
	{"datasets that are one", PLAN("", "7"),
		"p.json: error: dmp.dataset[0]: must be an object, is an integer\n"},
	{"null is no text", PLAN("\"description\":null,", ""),
		"p.json: error: dmp.description: must be a string, is null\n"},
	{"an empty text", PLAN("\"description\":\"\",", ""),
		"p.json: error: dmp.description: is empty\n"},
	{"a project without a title", PLAN("\"project\":[{}],", ""),
		"p.json: error: dmp.project[0].title: missing; the standard requires it\n"},
	{"an identifier of a project that is text",
		PLAN("\"project\":[{\"title\":\"t\","
		     "\"project_id\":[\"7\"]}],",
			""),
		"p.json: error: dmp.project[0].project_id[0]: must be an object, is a string\n"},
	{"a date with a time",
		PLAN("\"project\":[{\"title\":\"t\",\"end\":\"2026-02-01T00:00\"}],", ""),
		"p.json: error: dmp.project[0].end: must be a date, as 2027-05-31\n"},
	{"an answer in capitals",
		PLAN("", "{" ID "\"title\":\"t\",\"personal_data\":\"Yes\","
			 "\"sensitive_data\":\"no\"}"),
		"p.json: error: dmp.dataset[0].personal_data: must be no, yes or unknown\n"},
	{"no answer", PLAN("", "{" ID "\"title\":\"t\",\"sensitive_data\":\"no\"}"),
		"p.json: error: dmp.dataset[0].personal_data: missing; the standard requires it\n"},
	{"an identifier that is text",
		PLAN("", "{\"dataset_id\":\"10.1/a\",\"title\":\"t\",\"personal_data\":\"no\","
			 "\"sensitive_data\":\"no\"}"),
		"p.json: error: dmp.dataset[0].dataset_id: must be an object, is a string\n"},
	{"an access of its own",
		PLAN("",
			DATASET("\"distribution\":[{\"title\":\"t\",\"data_access\":\"later\"}],")),
		"p.json: error: dmp.dataset[0].distribution[0].data_access: must be open, shared "
		"or closed\n"},
	{"a size in words", PLAN("", DIST("\"byte_size\":\"7 GB\",")),
		"p.json: error: dmp.dataset[0].distribution[0].byte_size: must be an integer, is a "
		"string\n"},
	{"a size below nothing", PLAN("", DIST("\"byte_size\":-1,")),
		"p.json: error: dmp.dataset[0].distribution[0].byte_size: must be a number of "
		"bytes, 0 or more\n"},
	{"a size with a fraction", PLAN("", DIST("\"byte_size\":1.0,")),
		"p.json: error: dmp.dataset[0].distribution[0].byte_size: must be an integer, is a "
		"fraction\n"},
	{"a host without an address", PLAN("", DIST("\"host\":{\"title\":\"t\"},")),
		"p.json: error: dmp.dataset[0].distribution[0].host.url: missing; the standard "
		"requires it\n"},
	{"a day that does not exist", PLAN("", LICENSE("\"u\"", "\"2027-02-29\"")),
		"p.json: error: dmp.dataset[0].distribution[0].license[0].start_date: must be a "
		"date, as 2027-05-31\n"},
	{"a licence in the wrong place", PLAN("", LICENSE("7", "\"2027-02-28\"")),
		"p.json: error: dmp.dataset[0].distribution[0].license[0].license_ref: must be a "
		"string, is an integer\n"},
	{"a licence that is one", PLAN("", DIST("\"license\":{},")),
		"p.json: error: dmp.dataset[0].distribution[0].license: must be an array, is an "
		"object\n"},
	{"the place after a fault", PLAN("", "7," LICENSE("\"u\"", "7")),
		"p.json: error: dmp.dataset[0]: must be an object, is an integer\n"
		"p.json: error: dmp.dataset[1].distribution[0].license[0].start_date: must be a "
		"string, is an integer\n"},
	{"no contact at all",
		"{\"dmp\":{\"title\":\"t\",\"language\":\"eng\",\"created\":\"2026-01-02T0\","
		"\"modified\":\"2026-01-02\",\"dmp_id\":{\"identifier\":\"i\"},\"contact\":"
		"{\"name\":\"n\",\"mbox\":\"m\",\"contact_id\":[]},\"ethical_issues_exist\":\"no\","
		"\"dataset\":[]}}",
		"p.json: error: dmp.modified: must be a time, as 2026-11-24T08:49:37Z\n"
		"p.json: error: dmp.dmp_id.type: missing; the standard requires it\n"
		"p.json: error: dmp.contact.contact_id: is empty\n"},
};

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		AUTO_ARENA a = {0};
		AUTO_BUF report = BUF_INIT(OUT);
		struct madmp m;
		CHECK_ROW(bad[i].name);
		assert_true(arena_init(&a, MEMORY));
		assert_false(read_plan(bad[i].text, &a, &report, &m));
		if (bad[i].want != NULL)
			check_span(buf_span(&report), bad[i].want);
		assert_true(span_starts(buf_span(&report), SPAN("p.json: error: ")));
	}
}

/* ---- limits ---- */

static bool
read_many(const char *element, unsigned n, struct buf *report)
{
	AUTO_BUF text = BUF_INIT(MADMP_BYTES + 2);
	AUTO_ARENA a = {0};
	struct madmp m;
	static const char plan[] = PLAN("", "");

	assert_true(arena_init(&a, MEMORY));
	buf_add(&text, (struct span){plan, sizeof(plan) - 1 - strlen("]}}")});
	for (unsigned i = 0; i < n; i++)
		buf_addf(&text, "%s%s", i > 0 ? "," : "", element);
	buf_addf(&text, "]}}%c", '\0');
	assert_true(buf_ok(&text));
	return read_plan(text.p, &a, report, &m);
}

static void
test_limits(void **state)
{
	AUTO_BUF report = BUF_INIT(OUT);
	AUTO_BUF element = BUF_INIT(OUT);
	unsigned lines = 0;

	(void)state;
	assert_true(read_many(DATASET(""), MADMP_ITEMS, &report));
	assert_false(read_many(DATASET(""), MADMP_ITEMS + 1, &report));
	check_span(buf_span(&report), "p.json: error: dmp.dataset: the lists of the plan have more "
				      "than 10000 elements\n");
	buf_reset(&report);
	/* All lists together: 5001 datasets with a distribution each. */
	assert_false(read_many(DIST(""), MADMP_ITEMS / 2 + 1, &report));
	buf_reset(&report);
	assert_false(read_many("7", 30, &report));
	for (size_t i = 0; i < report.n; i++)
		lines += report.p[i] == '\n';
	assert_int_equal(lines, MADMP_FAULTS + 1);
	assert_true(span_ends(buf_span(&report), SPAN("p.json: error: 10 more\n")));
	/* A text of 4096 bytes and one of 4097. */
	for (unsigned n = MADMP_TEXT; n <= MADMP_TEXT + 1; n++) {
		buf_reset(&report);
		buf_reset(&element);
		buf_adds(&element, DATASET("\"rights\":\""));
		element.n = strlen("{\"rights\":\"");
		for (unsigned i = 0; i < n; i++)
			buf_addc(&element, 'x');
		buf_adds(&element, "\",");
		buf_addf(&element, "%s%c", &DATASET("")[1], '\0');
		assert_int_equal(read_many(element.p, 1, &report), n == MADMP_TEXT);
	}
}

/* ---- words ---- */

static const struct {
	const char *ref, *licence; /* NULL: none that a policy can have */
} licences[] = {
	{"https://creativecommons.org/licenses/by/4.0/", "CC-BY-4.0"},
	{"http://creativecommons.org/licenses/by/4.0", "CC-BY-4.0"},
	{"https://www.creativecommons.org/licenses/by/4.0/legalcode", "CC-BY-4.0"},
	{"HTTPS://CreativeCommons.org/licenses/by/4.0/deed.en", "CC-BY-4.0"},
	{"https://creativecommons.org/licenses/by/4.0.1", NULL},
	{"https://creativecommons.org/licenses/by/3.0/", NULL},
	{"https://creativecommons.org/licenses/by-sa/4.0/", "CC-BY-SA-4.0"},
	{"https://creativecommons.org/licenses/by-nc-sa/4.0/", "CC-BY-NC-SA-4.0"},
	{"https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"},
	{"https://opendatacommons.org/licenses/odbl/1-0/", "ODbL-1.0"},
	{"https://spdx.org/licenses/CC0-1.0.html", "CC0-1.0"},
	{"https://spdx.org/licenses/CC-BY-4.0", "CC-BY-4.0"},
	{"https://spdx.org/licenses/creativecommons.org/licenses/by/4.0", NULL},
	{"CC-BY-NC-4.0", "CC-BY-NC-4.0"},
	{"LicenseRef-House", "LicenseRef-House"},
	{"https://data.house.example/#LicenseRef-House", "LicenseRef-House"},
	{"https://evil.example/creativecommons.org/licenses/by/4.0/", NULL},
	{"", NULL},
};

static void
test_licences(void **state)
{
	AUTO_ARENA a = {0};

	(void)state;
	assert_true(arena_init(&a, 1 << 16));
	for (size_t i = 0; i < COUNT(licences); i++) {
		struct span got = madmp_licence(span_of(licences[i].ref));
		CHECK_ROW(licences[i].ref);
		check_span(got, licences[i].licence);
		if (got.p != NULL)
			check_span(madmp_licence(madmp_licence_ref(got, ORIGIN, &a)),
				licences[i].licence);
	}
	check_span(madmp_licence_ref(SPAN("CC-BY-4.0"), ORIGIN, &a),
		"https://creativecommons.org/licenses/by/4.0/");
}

static const struct {
	const char *identifier, *pid, *type;
} pids[] = {
	{"10.5072/a-b", "10.5072/a-b", "doi"},
	{"https://doi.org/10.5072/a/b", "10.5072/a/b", "doi"},
	{"HTTPS://DOI.ORG/10.5072/A", "10.5072/A", "doi"},
	{"http://dx.doi.org/10.5072/a/", "10.5072/a", "doi"},
	{"doi:10.5072/a", "10.5072/a", "doi"},
	{" info:doi/10.5072/a ", "10.5072/a", "doi"},
	{"hdl:21.12105/7", "21.12105/7", "handle"},
	{"https://hdl.handle.net/4263537/4000", "4263537/4000", "handle"},
	{"https://data.house.example/data/10.5072/a/", "10.5072/a", "doi"},
	{"https://data.house.example/datasets/10.5072/a", "10.5072/a", "doi"},
	{"https://other.example/data/10.5072/a/", "https://other.example/data/10.5072/a/", "other"},
	{"run-7", "run-7", "other"},
	{"10.5072/", "10.5072/", "other"},
	{"/a", "/a", "other"},
};

static void
test_pids(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(pids); i++) {
		struct span pid = madmp_pid(span_of(pids[i].identifier), ORIGIN);
		CHECK_ROW(pids[i].identifier);
		check_span(pid, pids[i].pid);
		check_span(madmp_pid_type(pid), pids[i].type);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_licences),
		cmocka_unit_test(test_pids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
