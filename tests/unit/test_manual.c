/* SPDX-License-Identifier: Apache-2.0 */
/* The manuals say what the tables in the program say. */
#include "agent/base/settings_dump.h"
#include "agent/catalog/event.h"
#include "policy/facts.h"
#include "policy/model.h"
#include "policy/policy.h"
#include "tests/unit/check.h"

static char *
read_page(const char *path, struct span *ret)
{
	char *text = calloc(1, 1U << 18);
	FILE *f = fopen(path, "rbe");

	if (f == NULL || text == NULL)
		fail_msg("cannot read %s", path);
	ret->p = text;
	ret->n = fread(text, 1, (1U << 18) - 1, f);
	(void)fclose(f);
	return text;
}

/* Each key has a line with its type and default, and its explanation in the line below. */
static void
configuration_keys(void **state)
{
	AUTO_BUF dump = BUF_INIT(1U << 18);
	char want[512];
	struct span page;
	char *text = read_page("agent/man/agent.yaml.5.scd", &page);
	unsigned keys = 0;

	(void)state;
	settings_dump(&dump);
	struct span rest = buf_span(&dump);
	while (rest.n > 0) {
		struct span row = span_cut(&rest, '\n');
		struct span key = span_cut(&row, '\t');
		struct span type = span_cut(&row, '\t');
		struct span fallback = span_cut(&row, '\t');
		(void)snprintf(want, sizeof(want), "\n*%.*s* (%.*s", SPAN_ARG(key), SPAN_ARG(type));
		CHECK_ROW(want + 1);
		const char *at = strstr(text, want);
		assert_non_null(at);
		struct span below = span_of(at + 1);
		struct span line = span_cut(&below, '\n');
		(void)snprintf(want, sizeof(want), "default %.*s)", SPAN_ARG(fallback));
		assert_true(
			span_ends(line, span_of(want)) ||
			(span_is(fallback, "required") && span_ends(line, SPAN("; required)"))));
		below = span_cut(&below, '\n');
		row = span_skip(row, 1); /* it begins with a capital letter there */
		assert_non_null(memmem(below.p, below.n, row.p, row.n));
		keys++;
	}
	for (const char *p = text; (p = strstr(p, "\n*")) != NULL; p++) {
		const char *close = strchr(p + 2, '*');
		if (close != NULL && close[1] == ' ' && close[2] == '(')
			keys--;
	}
	assert_int_equal(keys, 0); /* and no key that is none */
	free(text);
}

/* The first literal block is a policy that passes its own tests. */
static void
policy_example(void **state)
{
	AUTO_BUF report = BUF_INIT(1U << 16);
	struct err e = {0};
	struct span page;
	char *text = read_page("agent/man/policy.yaml.5.scd", &page);
	char *begin = strstr(text, "\n```\n");
	char *end = begin != NULL ? strstr(begin + 5, "\n```\n") : NULL;

	(void)state;
	assert_non_null(end);
	const struct policy_source source = {
		"policy.yaml(5)", {begin + 5, (size_t)(end - begin) - 4}};
	struct policy_set *set = policy_set_load(&source, 1, &report, &e);
	if (set == NULL)
		fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
	policy_set_free(set);
	free(text);
}

static void
policy_words(void **state)
{
	static const struct {
		const char *const *names;
		size_t n;
	} tables[] = {{role_names, ROLE_COUNT}, {route_names, ROUTE_COUNT},
		{flag_names, FLAG_COUNT}, {milestone_names, MILESTONE_COUNT},
		{action_names, ACTION_COUNT}, {kind_names, KIND_COUNT},
		{network_names, NETWORK_COUNT}, {purpose_names, PURPOSE_COUNT},
		{protocol_names, PROTOCOL_COUNT}, {event_names, EVENT_COUNT},
		{field_names, FIELD_COUNT}, {model_states, STATE_OPEN}, {model_when, WHEN_COUNT},
		{model_modes, MODE_COUNT}, {model_mints, MINT_COUNT},
		{model_milestones, REACHED_COUNT}, {event_text_names, EVENT_TEXT_COUNT},
		{assurance_names, ASSURANCE_HIGH + 1}};
	struct span page;
	char *text = read_page("agent/man/policy.yaml.5.scd", &page);

	(void)state;
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (size_t i = 0; i < tables[t].n; i++) {
			CHECK_ROW(tables[t].names[i]);
			assert_non_null(strstr(text, tables[t].names[i]));
		}
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(configuration_keys),
		cmocka_unit_test(policy_example),
		cmocka_unit_test(policy_words),
	};
	return cmocka_run_group_tests_name("manual", tests, NULL, NULL);
}
