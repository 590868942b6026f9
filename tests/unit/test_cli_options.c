/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_options.h"
#include "tests/unit/check.h"

/* want: value of --name, switch, word, help; NULL: refused */
static const struct {
	const char *name;
	const char *argv[6];
	bool word;
	const char *want;
} rows_options[] = {
	{"nothing", {NULL}, true, "-,off,-,no"},
	{"all", {"--name", "v", "--on", "w", NULL}, true, "v,on,w,no"},
	{"in another order", {"w", "--on", "--name", "v", NULL}, true, "v,on,w,no"},
	{"a dash is a word", {"-", NULL}, true, "-,off,-,no"},
	{"help", {"--on", "--help", "--other", NULL}, true, "-,on,-,yes"},
	{"short help", {"-h", NULL}, true, "-,off,-,yes"},
	{"a value that looks like an option", {"--name", "--on", NULL}, true, "--on,off,-,no"},
	{"no value", {"--name", NULL}, true, NULL},
	{"an empty value", {"--name", "", NULL}, true, NULL},
	{"another option", {"--other", NULL}, true, NULL},
	{"value by =", {"--name=v", NULL}, true, NULL},
	{"two words", {"a", "b", NULL}, true, NULL},
	{"a word where none is allowed", {"a", NULL}, false, NULL},
};

static void
reading(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows_options) / sizeof(rows_options[0]); i++) {
		const char *value = NULL;
		const char *word = NULL;
		bool on = false;
		bool help = false;
		char got[64];
		const struct cli_option table[] = {{"--name", &value, NULL}, {"--on", NULL, &on}};
		struct cli_call c = {"x", 0, (char **)(uintptr_t)rows_options[i].argv, 0};
		CHECK_ROW(rows_options[i].name);
		while (rows_options[i].argv[c.argc] != NULL)
			c.argc++;
		bool ok =
			cli_options_read(&c, table, 2, rows_options[i].word ? &word : NULL, &help);
		assert_int_equal(ok, rows_options[i].want != NULL);
		if (!ok)
			continue;
		(void)snprintf(got, sizeof(got), "%s,%s,%s,%s", value != NULL ? value : "-",
			on ? "on" : "off", word != NULL ? word : "-", help ? "yes" : "no");
		assert_string_equal(got, rows_options[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading),
	};
	return cmocka_run_group_tests_name("cli_options", tests, NULL, NULL);
}
