/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/parse_rule.h"

#include "policy/scalar.h"

enum { RULES_MAX = 4096, TEXT_MAX = 256 };

static const char *const effects[] = {"permit", "deny"};

/* A rule while it is read. */
struct draft {
	struct rule *r;
	int effect; /* of `effects`; -1: not given or not known */
	const struct yaml_node *when;
};

/* ---- when ---- */

struct set_key {
	const char *const *names;
	int n;
};

static const struct set_key set_keys[WHEN_SETS] = {
	[WHEN_STATE] = {model_states, STATE_OPEN},
	[WHEN_KIND] = {kind_names, KIND_COUNT},
	[WHEN_ROUTE] = {route_names, ROUTE_COUNT},
	[WHEN_NETWORK] = {network_names, NETWORK_COUNT},
	[WHEN_PURPOSE] = {purpose_names, PURPOSE_COUNT},
	[WHEN_PROTOCOL] = {protocol_names, PROTOCOL_COUNT},
	[WHEN_FLAG] = {flag_names, FLAG_COUNT},
	[WHEN_NOT_FLAG] = {flag_names, FLAG_COUNT},
	[WHEN_REACHED] = {model_milestones, REACHED_ALWAYS}, /* `always` is not allowed here */
};

static void
take_condition(struct form *f, const struct yaml_node *v, void *into)
{
	struct rule *r = into;
	int key = facts_name(v->key, model_when, WHEN_COUNT);
	int level = 0;

	if (key < 0)
		return;
	r->uses |= 1U << key;
	if (key == WHEN_ROLE || key == WHEN_NOT_ROLE) {
		struct role_list roles = {0};
		if (form_roles(f, v, false, false, &roles))
			r->sets[key] = roles.set;
	} else if (key < WHEN_SETS) {
		(void)form_choices(
			f, v, set_keys[key].names, set_keys[key].n, false, &r->sets[key]);
	} else if (key == WHEN_ASSURANCE) {
		if (form_choice(f, v, assurance_names, ASSURANCE_HIGH + 1, &level))
			r->assurance = (enum assurance)level;
	} else {
		(void)form_sorted(f, v, TEXT_MAX, &r->texts[key - WHEN_ENTITLEMENT]);
	}
}

/* A condition that no question can meet. */
static void
check_contradiction(struct form *f, const struct rule *r, const struct yaml_node *when,
	enum when_key yes, enum when_key no)
{
	const struct yaml_node *key = yaml_get(when, model_when[no]);

	if (key != NULL && r->sets[yes] != 0 && (r->sets[yes] & ~r->sets[no]) == 0)
		form_error_key(f, key, "contradiction: '%s' takes away all that '%s' asks for",
			model_when[no], model_when[yes]);
}

static void
take_when(struct form *f, const struct yaml_node *v, void *into)
{
	struct rule *r = ((struct draft *)into)->r;
	struct form_key keys[WHEN_COUNT];

	for (int i = 0; i < WHEN_COUNT; i++)
		keys[i] = (struct form_key){model_when[i], false, take_condition};
	if (!form_map(f, v, "when", keys, WHEN_COUNT, r))
		return;
	check_contradiction(f, r, v, WHEN_ROLE, WHEN_NOT_ROLE);
	check_contradiction(f, r, v, WHEN_FLAG, WHEN_NOT_FLAG);
}

/* ---- obligations ---- */

static bool
known_terms(const struct policy *p, struct span s)
{
	struct span version = s;
	struct span id = span_cut(&version, '@');
	unsigned v = 0;

	if (!scalar_number(version, &v))
		return false;
	for (size_t i = 0; i < p->n_terms; i++)
		if (span_eq(p->terms[i].id, id) && p->terms[i].version == v)
			return true;
	return false;
}

static const struct rate *
find_rate(const struct policy *p, struct span s)
{
	for (size_t i = 0; i < p->n_rates; i++)
		if (span_eq(p->rates[i].id, s))
			return &p->rates[i];
	return NULL;
}

static const char *const obligations[] = {"audit:basic", "audit:full", "cite", "licence-notice",
	"confidential", "no-cache", "tombstone", "accept-terms:ID@VERSION", "rate:CLASS"};
enum { OBLIGATIONS_PLAIN = 7, OBLIGATIONS_ALL = 9 };

/* Those with something after the colon; false: it is another one. */
static bool
check_named(struct form *f, const struct yaml_node *v, struct rule *r)
{
	struct span terms = SPAN("accept-terms:");
	struct span rate = SPAN("rate:");
	bool is_terms = span_starts(v->text, terms);
	struct span name = span_skip(v->text, is_terms ? terms.n : rate.n);

	if (!is_terms && !span_starts(v->text, rate))
		return false;
	if (is_terms && !known_terms(f->p, name))
		form_error_value(f, v,
			"unknown terms '%.*s': terms of this file, with their version, as "
			"accept-terms:human-data@2",
			SPAN_ARG(form_short(name)));
	if (!is_terms)
		r->rate = find_rate(f->p, name);
	if (!is_terms && r->rate == NULL)
		form_error_value(f, v, "unknown rate '%.*s': a class of 'rates' of this file",
			SPAN_ARG(form_short(name)));
	return true;
}

static bool
keeps_private(struct span s)
{
	return span_is(s, "no-cache") || span_is(s, "confidential") ||
	       span_starts(s, SPAN("accept-terms:"));
}

static void
check_obligation(struct form *f, const struct yaml_node *v, struct rule *r)
{
	struct span s = v->text;

	r->tombstone = r->tombstone || span_is(s, "tombstone");
	r->full = r->full || span_is(s, "audit:full");
	r->confidential = r->confidential || span_is(s, "confidential");
	r->demands = r->demands || span_starts(s, SPAN("x-")) ||
		     span_starts(s, SPAN("accept-terms:"));
	if (keeps_private(s))
		r->no_store = true;
	if (check_named(f, v, r) || facts_name(s, obligations, OBLIGATIONS_PLAIN) >= 0 ||
		(span_starts(s, SPAN("x-")) && s.n > 2 && scalar_ident(s)))
		return;
	const char *near = yaml_near(s, obligations, OBLIGATIONS_ALL);
	form_error_value(f, v, "unknown obligation '%.*s'%s%s%s", SPAN_ARG(form_short(s)),
		near != NULL ? ", did you mean '" : "; one of your own begins with x-",
		near != NULL ? near : "", near != NULL ? "'?" : "");
}

static void
take_obligations(struct form *f, const struct yaml_node *v, void *into)
{
	struct rule *r = ((struct draft *)into)->r;

	if (!form_texts(f, v, TEXT_MAX, true, &r->obligations, &r->n_obligations))
		return;
	for (const struct yaml_node *i = form_first(v); i != NULL; i = form_next(v, i))
		check_obligation(f, i, r);
}

/* ---- the other keys ---- */

static void
take_id(struct form *f, const struct yaml_node *v, void *into)
{
	static const char *const reserved[] = {"default", "input", "no-policy"};
	struct rule *r = ((struct draft *)into)->r;

	if (!form_ident(f, v, &r->id))
		return;
	if (facts_name(r->id, reserved, 3) >= 0)
		form_error_value(
			f, v, "reserved: the agent itself answers with '%.*s'", SPAN_ARG(r->id));
	f->rule_ids[f->n_rule_ids++] = (struct form_word){r->id, v->line, v->col};
}

static void
take_effect(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_choice(f, v, effects, 2, &((struct draft *)into)->effect);
}

static void
take_action(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_choices(
		f, v, action_names, ACTION_COUNT, false, &((struct draft *)into)->r->actions);
}

static void
take_reason(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_ident(f, v, &((struct draft *)into)->r->reason);
}

static void
take_status(struct form *f, const struct yaml_node *v, void *into)
{
	static const char *const names[] = {"403", "404", "410", "451"};
	static const unsigned status[] = {403, 404, 410, 451};
	int i = 0;

	if (form_choice(f, v, names, 4, &i))
		((struct draft *)into)->r->status = status[i];
}

static void
take_note(struct form *f, const struct yaml_node *v, void *into)
{
	struct span note = SPAN_NONE;

	(void)into;
	(void)form_text(f, v, &note);
}

static const struct form_key rule_keys[] = {
	{"id", true, take_id},
	{"effect", true, take_effect},
	{"action", true, take_action},
	{"when", true, take_when},
	{"reason", false, take_reason},
	{"status", false, take_status},
	{"obligations", false, take_obligations},
	{"note", false, take_note},
};

static void
not_allowed(struct form *f, const struct yaml_node *rule, const char *key, int effect)
{
	const struct yaml_node *v = yaml_get(rule, key);

	if (v != NULL)
		form_error_key(f, v, "'%s' is not allowed in a %s rule", key, effects[effect]);
}

static void
take_rule(struct form *f, const struct yaml_node *v, struct rule *r)
{
	struct draft d = {.r = r, .effect = -1};

	r->line = v->line;
	r->col = v->col;
	if (!form_map(f, v, "a rule", rule_keys, sizeof(rule_keys) / sizeof(rule_keys[0]), &d) ||
		d.effect < 0)
		return;
	r->permit = d.effect == 0;
	if (r->permit) {
		not_allowed(f, v, "reason", d.effect);
		not_allowed(f, v, "status", d.effect);
		return;
	}
	not_allowed(f, v, "obligations", d.effect);
	if (yaml_get(v, "reason") == NULL)
		form_error_value(f, v, "missing key 'reason' in a deny rule");
}

void
parse_rules(struct form *f, const struct yaml_node *v, void *into)
{
	struct policy *p = into;

	if (v->kind == YAML_SCALAR) {
		form_error_value(f, v, "must be a list: 'rules'");
		return;
	}
	if (!form_is_list(f, v, false))
		return;
	if (v->n > RULES_MAX) {
		form_error_value(f, v, "too large: %zu rules, at most %d", v->n, RULES_MAX);
		return;
	}
	p->rules = form_alloc(f, v->n, sizeof(p->rules[0]));
	f->rule_ids = form_alloc(f, v->n, sizeof(f->rule_ids[0]));
	if (p->rules == NULL || f->rule_ids == NULL)
		return;
	for (const struct yaml_node *c = v->child; c != NULL; c = c->next)
		take_rule(f, c, &p->rules[p->n_rules++]);
	form_unique(f, f->rule_ids, f->n_rule_ids, "duplicate id");
}
