/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/buf.h"
#include "agent/metric_lines.h"
#include "tests/unit/check.h"

static const char *const prefixes[] = {"pan_issuer_", "pan_introspections_", NULL};

static const struct row {
	const char *name, *line;
	bool good;
} rows[] = {
	{"a number", "pan_issuer_keys 3", true},
	{"labels", "pan_issuer_age{issuer=\"https://a/b\",state=\"fresh\"} 12.5", true},
	{"exponent", "pan_introspections_total 1e+06", true},
	{"below zero", "pan_issuer_age -1", true},
	{"escapes", "pan_issuer_age{issuer=\"a\\\\b\\\"c\\n\"} 0", true},
	{"UTF-8 in a label", "pan_issuer_age{issuer=\"h\303\251\"} 0", true},
	{"help", "# HELP pan_issuer_keys Keys of an issuer.", true},
	{"type", "# TYPE pan_issuer_keys gauge", true},
	{"counter", "# TYPE pan_introspections_total counter", true},

	{"another's series", "pan_decisions_total 5", false},
	{"another's help", "# HELP pan_decisions_total x", false},
	{"another's series with a label of ours", "pan_x{a=\"pan_issuer_keys 3\"} 1", false},
	{"the prefix alone", "pan_issuer_ 3", false},
	{"blank before it", " pan_issuer_keys 3", false},
	{"no value", "pan_issuer_keys", false},
	{"two blanks", "pan_issuer_keys  3", false},
	{"a time stamp", "pan_issuer_keys 3 1700000000", false},
	{"not a number", "pan_issuer_keys NaN", false},
	{"infinite", "pan_issuer_keys +Inf", false},
	{"hexadecimal", "pan_issuer_keys 0x3", false},
	{"dot without digits", "pan_issuer_keys 3.", false},
	{"exponent without digits", "pan_issuer_keys 3e", false},
	{"carriage return", "pan_issuer_keys 3\r", false},
	{"escape of a terminal", "# HELP pan_issuer_keys \033[2J", false},
	{"not UTF-8", "pan_issuer_age{issuer=\"\377\"} 0", false},
	{"labels that do not end", "pan_issuer_age{issuer=\"a\" 0", false},
	{"a quote that does not end", "pan_issuer_age{issuer=\"a} 0", false},
	{"a backslash at the end", "pan_issuer_age{issuer=\"a\\", false},
	{"another escape", "pan_issuer_age{issuer=\"\\x\"} 0", false},
	{"no label", "pan_issuer_age{} 0", false},
	{"a comma at the end", "pan_issuer_age{a=\"b\",} 0", false},
	{"label that begins with a digit", "pan_issuer_age{0a=\"b\"} 0", false},
	{"another type", "# TYPE pan_issuer_keys histogram", false},
	{"another comment", "# EOF", false},
	{"help without text", "# HELP pan_issuer_keys ", false},
	{"empty", "", false},
};

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF text = BUF_INIT(4096);
		AUTO_BUF out = BUF_INIT(4096);
		CHECK_ROW(rows[i].name);
		buf_addf(&text, "%s\n", rows[i].line);
		assert_int_equal(metric_lines(buf_span(&text), prefixes, &out), !rows[i].good);
		assert_true(span_eq(buf_span(&out), rows[i].good ? buf_span(&text) : SPAN_NONE));
	}
}

/* What is refused takes nothing else with it, and the last line needs no end. */
static void
test_text(void **state)
{
	AUTO_BUF out = BUF_INIT(4096);

	(void)state;
	assert_int_equal(
		metric_lines(SPAN("pan_issuer_a 1\npan_other 2\n\npan_issuer_b 3"), prefixes, &out),
		2);
	check_span(buf_span(&out), "pan_issuer_a 1\npan_issuer_b 3\n");
}

static void
test_long(void **state)
{
	AUTO_BUF text = BUF_INIT(4096);
	AUTO_BUF out = BUF_INIT(4096);

	(void)state;
	buf_adds(&text, "# HELP pan_issuer_a ");
	while (text.n < METRIC_LINE_MAX)
		buf_addc(&text, 'x');
	assert_int_equal(metric_lines(buf_span(&text), prefixes, &out), 0);
	buf_addc(&text, 'x');
	assert_int_equal(metric_lines(buf_span(&text), prefixes, &out), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
