/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/check.h"

#include "agent/base/buf.h"
#include "agent/catalog/reading.h"
#include "transfer/reading.h"

#define ENTRY(members) "{\"format\":\"nexus\",\"entries\":[{" members "}]}"

#define DIED(value, more) "{\"format\":\"hdf5\",\"died\":" value more "}"
#define WHY               ",\"problem\":\"p\""

static const struct row {
	const char *name, *in;
	enum err_code code; /* ERR_NONE: it reads */
	const char *title;  /* of the first entry; NULL: absent */
} rows[] = {
	{"least", "{\"format\":\"other\"}", ERR_NONE, NULL},
	{"all nulls",
		ENTRY("\"name\":null,\"title\":null,\"start_time\":null,\"users\":null,"
		      "\"parameters\":null,\"technique\":null"),
		ERR_NONE, NULL},
	{"a title", ENTRY("\"title\":\"a scan\""), ERR_NONE, "a scan"},
	{"blanks and controls go", ENTRY("\"title\":\" \\ta\\n\\u0000b\\u007f \""), ERR_NONE,
		"a  b"},
	{"only blanks", ENTRY("\"title\":\" \\n \""), ERR_NONE, NULL},
	{"unknown members", ENTRY("\"title\":\"x\",\"future\":[1,2]"), ERR_NONE, "x"},
	{"a time", ENTRY("\"start_time\":\"2026-03-01T08:00:00Z\""), ERR_NONE, NULL},
	{"a time that is a date", ENTRY("\"start_time\":\"2026-03-01\""), ERR_SYNTAX, NULL},
	{"a time that is none", ENTRY("\"start_time\":\"yesterday\""), ERR_SYNTAX, NULL},
	{"a time that is a number", ENTRY("\"start_time\":5"), ERR_SYNTAX, NULL},
	{"nothing", "", ERR_SYNTAX, NULL},
	{"not an object", "[]", ERR_SYNTAX, NULL},
	{"two objects", "{\"format\":\"other\"}{}", ERR_SYNTAX, NULL},
	{"cut", "{\"format\":\"oth", ERR_SYNTAX, NULL},
	{"no format", "{}", ERR_SYNTAX, NULL},
	{"another format", "{\"format\":\"zip\"}", ERR_SYNTAX, NULL},
	{"format is a list", "{\"format\":[\"other\"]}", ERR_SYNTAX, NULL},
	{"entries are an object", "{\"format\":\"nexus\",\"entries\":{}}", ERR_SYNTAX, NULL},
	{"an entry is a text", "{\"format\":\"nexus\",\"entries\":[\"x\"]}", ERR_SYNTAX, NULL},
	{"a title is a number", ENTRY("\"title\":1"), ERR_SYNTAX, NULL},
	{"a user is a number", ENTRY("\"users\":[1]"), ERR_SYNTAX, NULL},
	{"users are a text", ENTRY("\"users\":\"me\""), ERR_SYNTAX, NULL},
	{"a note is null", "{\"format\":\"nexus\",\"notes\":[null]}", ERR_SYNTAX, NULL},
	{"a parameter without value", ENTRY("\"parameters\":[{\"name\":\"x\"}]"), ERR_SYNTAX, NULL},
	{"a value that is a text", ENTRY("\"parameters\":[{\"name\":\"x\",\"value\":\"1\"}]"),
		ERR_SYNTAX, NULL},
	{"a value that is too large", ENTRY("\"parameters\":[{\"name\":\"x\",\"value\":1e999}]"),
		ERR_SYNTAX, NULL},
	{"a member twice", ENTRY("\"title\":\"a\",\"title\":\"b\""), ERR_SYNTAX, NULL},
	{"lived", DIED("null", ""), ERR_NONE, NULL},
	{"died", DIED("\"SIGSEGV\"", WHY), ERR_NONE, NULL},
	{"died without a problem", DIED("\"SIGSEGV\"", ""), ERR_SYNTAX, NULL},
	{"died with an empty problem", DIED("\"SIGSEGV\"", ",\"problem\":\" \""), ERR_SYNTAX, NULL},
	{"died with an entry", DIED("\"deadline\"", WHY ",\"entries\":[{}]"), ERR_SYNTAX, NULL},
	{"died of nothing", DIED("\"\"", WHY), ERR_SYNTAX, NULL},
	{"died of a part", DIED("\"SIG\"", WHY), ERR_SYNTAX, NULL},
	{"died of more", DIED("\"SIGSEGV2\"", WHY), ERR_SYNTAX, NULL},
	{"died of a number", DIED("11", WHY), ERR_SYNTAX, NULL},
	{"died is true", DIED("true", WHY), ERR_SYNTAX, NULL},
	{"too deep", ENTRY("\"x\":[[[[[[[[]]]]]]]]"), ERR_LIMIT, NULL},
};

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		AUTO_ARENA a = {0};
		struct reading got = {.n_entries = 77};
		struct err e = {0};

		CHECK_ROW(r->name);
		assert_true(arena_init(&a, 1 << 20));
		bool ok = reading_parse(span_of(r->in), &a, &got, &e);
		if (ok != (r->code == ERR_NONE))
			fail_msg("%s", ok ? "was taken" : e.msg);
		if (!ok) {
			assert_int_equal(e.code, r->code);
			assert_int_equal(got.n_entries, 77);
			continue;
		}
		struct span title =
			got.n_entries > 0 ? got.entries[0].text[READING_TITLE] : SPAN_NONE;
		assert_int_equal(title.p != NULL, r->title != NULL);
		if (r->title != NULL)
			check_span(title, r->title);
	}
}

static void
whole(void **state)
{
	static const char in[] =
		"{\"format\":\"hdf5\",\"problem\":\"no NXentry\",\"notes\":[\"one\",\" \"],"
		"\"entries\":[{\"name\":\"e\",\"title\":\"t\",\"definition\":\"NXsas\","
		"\"start_time\":\"1970-01-01T00:00:10Z\",\"end_time\":\"1970-01-01T00:00:20Z\","
		"\"start_zone\":\"assumed\",\"experiment_identifier\":\"P1\","
		"\"entry_identifier\":\"7\",\"run_cycle\":\"c\",\"instrument\":\"i\","
		"\"source\":\"s\",\"source_type\":\"st\",\"probe\":\"x-ray\",\"sample\":\"sa\","
		"\"formula\":\"H2O\",\"users\":[\"A\",\"B\"],\"parameters\":[{\"name\":"
		"\"wavelength\","
		"\"value\":1.5,\"unit\":\"angstrom\"},{\"name\":\"count\",\"value\":-3,\"unit\":"
		"null}],"
		"\"technique\":\"PaNET01188\"}]}";
	AUTO_ARENA a = {0};
	struct reading r;
	struct err e = {0};

	(void)state;
	assert_true(arena_init(&a, 1 << 20));
	assert_true(reading_parse(span_of(in), &a, &r, &e));
	check_span(r.format, "hdf5");
	check_span(r.problem, "no NXentry");
	assert_int_equal(r.n_notes, 1);
	assert_false(r.cut);
	const struct reading_entry *x = &r.entries[0];
	check_span(x->text[READING_EXPERIMENT], "P1");
	check_span(x->text[READING_FORMULA], "H2O");
	check_span(x->text[READING_TECHNIQUE], "PaNET01188");
	assert_int_equal(x->start, 10);
	assert_int_equal(x->end, 20);
	assert_true(x->assumed_zone);
	assert_int_equal(x->n_users, 2);
	assert_int_equal(x->n_parameters, 2);
	check_span(x->parameters[0].unit, "angstrom");
	assert_true(x->parameters[1].value == -3);
	assert_null(x->parameters[1].unit.p);
}

static void
limits(void **state)
{
	AUTO_ARENA a = {0};
	AUTO_BUF in = BUF_INIT(1 << 20);
	struct reading r;
	struct err e = {0};

	(void)state;
	assert_true(arena_init(&a, 1 << 20));
	/* More entries than are kept, and a text that is cut between two characters. */
	buf_adds(&in, "{\"format\":\"nexus\",\"entries\":[{\"title\":\"a");
	for (unsigned i = 0; i < READING_TEXT; i++)
		buf_adds(&in, "é");
	buf_adds(&in, "\"}");
	for (unsigned i = 0; i < READING_ENTRIES; i++)
		buf_adds(&in, ",{}");
	buf_adds(&in, "]}");
	assert_true(reading_parse(buf_span(&in), &a, &r, &e));
	assert_true(r.cut);
	assert_int_equal(r.n_entries, READING_ENTRIES);
	assert_int_equal(r.entries[0].text[READING_TITLE].n, READING_TEXT - 1);
	assert_true(span_utf8(r.entries[0].text[READING_TITLE]));
	/* Longer than an answer may be. */
	while (in.n <= READING_BYTES)
		buf_addc(&in, ' ');
	assert_false(reading_parse(buf_span(&in), &a, &r, &e));
	assert_int_equal(e.code, ERR_LIMIT);
}

static void
deaths(void **state)
{
	static const char *const signals[] = {READING_SIGNALS};
	static const struct {
		const char *in;
		enum reading_end end;
	} ends[] = {{"{\"format\":\"hdf5\"}", READING_DONE}, {DIED("null", ""), READING_DONE},
		{DIED("\"" READING_LATE "\"", WHY), READING_OVERRAN},
		{DIED("\"" READING_UNREAD "\"", WHY), READING_MISSED}};
	AUTO_ARENA a = {0};
	struct reading r;
	char in[128];

	(void)state;
	assert_true(arena_init(&a, 1 << 20));
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		assert_true(reading_parse(span_of(ends[i].in), &a, &r, NULL));
		assert_int_equal(r.end, ends[i].end);
	}
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		(void)snprintf(in, sizeof(in), DIED("\"%s\"", WHY), signals[i]);
		CHECK_ROW(in);
		assert_true(reading_parse(span_of(in), &a, &r, NULL));
		assert_int_equal(r.end, READING_DIED);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(table), cmocka_unit_test(whole),
		cmocka_unit_test(limits), cmocka_unit_test(deaths)};
	return cmocka_run_group_tests_name("reading", tests, NULL, NULL);
}
