/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/parse_test.h"

#include "policy/parse_event.h"
#include "policy/scalar.h"

enum { TESTS_MAX = 10000, TEXT_MAX = 4096 };

#define KEYS(a) (a), sizeof(a) / sizeof((a)[0])

/* A test while it is read. */
struct draft {
	struct policy_test *t;
	struct form_word *names;
	size_t *n_names;
};

static struct policy_test *
test_of(void *into)
{
	return ((struct draft *)into)->t;
}

static struct facts *
facts_of(void *into)
{
	return &((struct draft *)into)->t->facts;
}

/* ---- facts ---- */

static void
take_name(struct form *f, const struct yaml_node *v, void *into)
{
	struct draft *d = into;

	if (form_text(f, v, &d->t->name))
		d->names[(*d->n_names)++] = (struct form_word){v->text, v->line, v->col};
}

static void
take_now(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_when(f, v, &facts_of(into)->now);
}

static void
take_action(struct form *f, const struct yaml_node *v, void *into)
{
	int i = 0;

	if (form_choice(f, v, action_names, ACTION_COUNT, &i))
		facts_of(into)->action = (enum action)i;
}

/* Anything that only a checked token can bring. */
static void
authenticate(struct policy_test *t)
{
	t->subject.authenticated = true;
	t->facts.subject = &t->subject;
}

static void
take_role(struct form *f, const struct yaml_node *v, void *into)
{
	struct role_list roles = {0};

	authenticate(test_of(into));
	if (!form_roles(f, v, true, true, &roles))
		return;
	facts_of(into)->roles = roles.set;
	for (const struct yaml_node *i = form_first(v); i != NULL; i = form_next(v, i)) {
		int role = facts_name(i->text, role_names, ROLE_COUNT);
		if (role == ROLE_ANONYMOUS)
			form_error_value(
				f, i, "'anonymous' is not allowed here: leave 'role' out instead");
		else if (role == ROLE_AUTHENTICATED)
			form_error_value(f, i,
				"'authenticated' is not allowed here: 'role: []' says it already");
	}
}

static void
take_assurance(struct form *f, const struct yaml_node *v, void *into)
{
	int i = 0;

	authenticate(test_of(into));
	if (form_choice(f, v, assurance_names, ASSURANCE_HIGH + 1, &i))
		test_of(into)->subject.assurance = (enum assurance)i;
}

static void
take_entitlement(struct form *f, const struct yaml_node *v, void *into)
{
	struct subject *s = &test_of(into)->subject;

	authenticate(test_of(into));
	(void)form_texts(f, v, TEXT_MAX, false, &s->entitlements, &s->n_entitlements);
}

static void
take_issuer(struct form *f, const struct yaml_node *v, void *into)
{
	authenticate(test_of(into));
	(void)form_text(f, v, &test_of(into)->subject.iss);
}

static void
take_accepted(struct form *f, const struct yaml_node *v, void *into)
{
	authenticate(test_of(into));
	(void)form_texts(
		f, v, TEXT_MAX, false, &facts_of(into)->accepted, &facts_of(into)->n_accepted);
}

static void
take_kind(struct form *f, const struct yaml_node *v, void *into)
{
	int i = 0;

	if (form_choice(f, v, kind_names, KIND_COUNT, &i))
		facts_of(into)->object.kind = (enum kind)i;
}

static void
take_route(struct form *f, const struct yaml_node *v, void *into)
{
	int i = 0;

	if (form_choice(f, v, route_names, ROUTE_COUNT, &i))
		facts_of(into)->object.route = (enum route)i;
}

static void
take_flag(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_choices(f, v, flag_names, FLAG_COUNT, true, &facts_of(into)->object.flags);
}

static void
take_proposal(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_text(f, v, &facts_of(into)->object.proposal);
}

static void
take_instrument(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_text(f, v, &facts_of(into)->object.instrument);
}

static void
take_pid(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_text(f, v, &facts_of(into)->object.pid);
}

static void
take_network(struct form *f, const struct yaml_node *v, void *into)
{
	int i = 0;

	if (form_choice(f, v, network_names, NETWORK_COUNT, &i))
		facts_of(into)->network = (enum network)i;
}

static void
take_purpose(struct form *f, const struct yaml_node *v, void *into)
{
	int i = 0;

	if (form_choice(f, v, purpose_names, PURPOSE_COUNT, &i))
		facts_of(into)->purpose = (enum purpose)i;
}

static void
take_protocol(struct form *f, const struct yaml_node *v, void *into)
{
	int i = 0;

	if (form_choice(f, v, protocol_names, PROTOCOL_COUNT, &i))
		facts_of(into)->protocol = (enum protocol)i;
}

static void
take_supports(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_texts(
		f, v, TEXT_MAX, false, &facts_of(into)->supports, &facts_of(into)->n_supports);
}

static void
take_dates(struct form *f, const struct yaml_node *v, void *into)
{
	struct form_key keys[MILESTONE_COUNT] = {0};

	for (int i = 0; i < MILESTONE_COUNT; i++)
		keys[i].name = milestone_names[i];
	if (!form_map(f, v, "dates", KEYS(keys), NULL))
		return;
	for (const struct yaml_node *c = v->child; c != NULL; c = c->next) {
		int m = facts_name(c->key, milestone_names, MILESTONE_COUNT);
		if (m >= 0)
			(void)form_when(f, c, &facts_of(into)->object.dates[m]);
	}
}

static void
take_events(struct form *f, const struct yaml_node *v, void *into)
{
	parse_events(f, v, &facts_of(into)->object.events, &facts_of(into)->object.n_events);
}

/* ---- expectations ---- */

static void
expects(void *into, enum expect_key key)
{
	test_of(into)->expects |= 1U << key;
}

static void
take_expect(struct form *f, const struct yaml_node *v, void *into)
{
	static const char *const names[] = {"deny", "permit"};
	int i = 0;

	if (form_choice(f, v, names, 2, &i))
		test_of(into)->permit = i == 1;
}

static void
take_rule(struct form *f, const struct yaml_node *v, void *into)
{
	expects(into, EXPECT_RULE);
	if (!form_is_scalar(f, v))
		return;
	test_of(into)->rule = v->text;
	if (!span_is(v->text, "default") && !form_has_word(f->rule_ids, f->n_rule_ids, v->text))
		form_error_value(f, v, "unknown rule '%.*s'", SPAN_ARG(form_short(v->text)));
}

static void
take_reason(struct form *f, const struct yaml_node *v, void *into)
{
	expects(into, EXPECT_REASON);
	(void)form_ident(f, v, &test_of(into)->reason);
}

static void
take_status(struct form *f, const struct yaml_node *v, void *into)
{
	expects(into, EXPECT_STATUS);
	(void)form_number(f, v, &test_of(into)->status);
}

static void
take_state(struct form *f, const struct yaml_node *v, void *into)
{
	int i = 0;

	expects(into, EXPECT_STATE);
	if (form_choice(f, v, model_states, STATE_OPEN, &i))
		test_of(into)->state = (enum state)(i + 1);
}

static void
take_release(struct form *f, const struct yaml_node *v, void *into)
{
	expects(into, EXPECT_RELEASE);
	if (v->kind != YAML_SCALAR || !span_is(v->text, "none"))
		test_of(into)->has_release = form_date(f, v, &test_of(into)->release);
}

static void
take_obligations(struct form *f, const struct yaml_node *v, void *into)
{
	struct policy_test *t = test_of(into);

	expects(into, EXPECT_OBLIGATIONS);
	(void)form_texts(f, v, TEXT_MAX, true, &t->obligations, &t->n_obligations);
}

static void
take_fields(struct form *f, const struct yaml_node *v, void *into)
{
	expects(into, EXPECT_FIELDS);
	(void)form_choices(f, v, field_names, FIELD_COUNT, true, &test_of(into)->fields);
}

static void
take_max_age(struct form *f, const struct yaml_node *v, void *into)
{
	expects(into, EXPECT_MAX_AGE);
	/* An answer may be kept out of caches, so 0 can be expected though it is no number. */
	if (v->kind != YAML_SCALAR || !span_is(v->text, "0"))
		(void)form_number(f, v, &test_of(into)->max_age);
}

static const struct form_key test_keys[] = {
	{"name", true, take_name},
	{"now", true, take_now},
	{"action", true, take_action},
	{"expect", true, take_expect},
	{"role", false, take_role},
	{"assurance", false, take_assurance},
	{"entitlement", false, take_entitlement},
	{"issuer", false, take_issuer},
	{"accepted", false, take_accepted},
	{"kind", false, take_kind},
	{"route", false, take_route},
	{"flag", false, take_flag},
	{"proposal", false, take_proposal},
	{"instrument", false, take_instrument},
	{"pid", false, take_pid},
	{"network", false, take_network},
	{"purpose", false, take_purpose},
	{"protocol", false, take_protocol},
	{"supports", false, take_supports},
	{"dates", false, take_dates},
	{"events", false, take_events},
	{"rule", false, take_rule},
	{"reason", false, take_reason},
	{"status", false, take_status},
	{"state", false, take_state},
	{"release", false, take_release},
	{"obligations", false, take_obligations},
	{"fields", false, take_fields},
	{"max_age", false, take_max_age},
};

void
parse_tests(struct form *f, const struct yaml_node *v)
{
	struct policy *p = f->p;
	size_t n_names = 0;

	if (v->kind == YAML_SCALAR) {
		form_error_value(f, v, "must be a list: 'tests'");
		return;
	}
	if (!form_is_list(f, v, false))
		return;
	if (v->n > TESTS_MAX) {
		form_error_value(f, v, "too large: %zu tests, at most %d", v->n, TESTS_MAX);
		return;
	}
	p->tests = form_alloc(f, v->n, sizeof(p->tests[0]));
	struct form_word *names = form_alloc(f, v->n, sizeof(names[0]));
	if (p->tests == NULL || names == NULL)
		return;
	for (const struct yaml_node *c = v->child; c != NULL; c = c->next) {
		struct policy_test *t = &p->tests[p->n_tests++];
		struct draft d = {t, names, &n_names};
		t->line = c->line;
		t->col = c->col;
		(void)form_map(f, c, "a test", KEYS(test_keys), &d);
	}
	form_unique(f, names, n_names, "duplicate name");
}
