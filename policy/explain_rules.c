/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/explain_rules.h"

#include "policy/eval_rule.h"

/* Conditions that the asker brings along; all others are the dataset's. */
#define WHEN_OF_ASKER                                                                              \
	(1U << WHEN_ROLE | 1U << WHEN_NOT_ROLE | 1U << WHEN_ASSURANCE | 1U << WHEN_ENTITLEMENT |   \
		1U << WHEN_ISSUER | 1U << WHEN_NETWORK | 1U << WHEN_PURPOSE | 1U << WHEN_PROTOCOL)

static void
label(struct buf *out, const char *name)
{
	buf_addf(out, "%-8s", name);
}

/* ---- whom a rule speaks of ---- */

static void
add_set(struct buf *out, uint32_t set, const char *const *names, const char *last)
{
	int left = __builtin_popcount(set);
	const char *comma = "";

	for (int i = 0; set >> i != 0; i++) {
		if ((set >> i & 1U) == 0)
			continue;
		buf_addf(out, "%s%s", comma, names[i]);
		comma = --left == 1 ? last : ", ";
	}
}

static bool
uses(const struct rule *r, enum when_key key)
{
	return (r->uses >> key & 1U) != 0;
}

static void
add_texts(struct buf *out, const struct rule *r, enum when_key key, const char *before)
{
	const struct text_list *l = &r->texts[key - WHEN_ENTITLEMENT];

	if (!uses(r, key) || l->n == 0)
		return;
	buf_addf(out, "%s%.*s", before, SPAN_ARG(l->item[0]));
	if (l->n > 1)
		buf_addf(out, " or %zu others", l->n - 1);
}

/* "pi, delegate with assurance low or better on the facility network" */
static void
say_whom(const struct rule *r, struct buf *out)
{
	if (uses(r, WHEN_ROLE))
		add_set(out, r->sets[WHEN_ROLE], role_names, ", ");
	else
		buf_adds(out, "anybody");
	if (uses(r, WHEN_NOT_ROLE)) {
		buf_adds(out, " without the role ");
		add_set(out, r->sets[WHEN_NOT_ROLE], role_names, " or ");
	}
	if (uses(r, WHEN_ASSURANCE))
		buf_addf(out, " with assurance %s or better", assurance_names[r->assurance]);
	add_texts(out, r, WHEN_ENTITLEMENT, " with the entitlement ");
	add_texts(out, r, WHEN_ISSUER, " with a token of ");
	if (uses(r, WHEN_PURPOSE)) {
		buf_adds(out, " for ");
		add_set(out, r->sets[WHEN_PURPOSE], purpose_names, " or ");
	}
	if (uses(r, WHEN_NETWORK)) {
		buf_adds(out, " on the ");
		add_set(out, r->sets[WHEN_NETWORK], network_names, " or ");
		buf_adds(out, " network");
	}
	if (uses(r, WHEN_PROTOCOL)) {
		buf_adds(out, " over ");
		add_set(out, r->sets[WHEN_PROTOCOL], protocol_names, " or ");
	}
}

/* ---- those that matter to a refusal ---- */

static bool
holds(const struct explain_rules *q, const struct rule *r)
{
	return (r->actions >> q->f->action & 1U) != 0 && eval_matches(r, q->f, q->v, 0);
}

static void
say_holding(const struct explain_rules *q, bool permits, struct buf *out)
{
	for (size_t i = 0; i < q->p->n_rules; i++) {
		const struct rule *r = &q->p->rules[i];
		if (r->permit != permits || !holds(q, r))
			continue;
		label(out, permits ? "over" : "denies");
		buf_addf(out, "%.*s (line %u) ", SPAN_ARG(r->id), r->line);
		if (permits) {
			buf_adds(out, "permits it, and is overruled");
		} else {
			buf_adds(out, "denies it to ");
			say_whom(r, out);
		}
		buf_addc(out, '\n');
	}
}

static bool
is_near(const struct explain_rules *q, const struct rule *r)
{
	return r->permit && (r->actions >> q->f->action & 1U) != 0 &&
	       !eval_matches(r, q->f, q->v, 0) && eval_matches(r, q->f, q->v, WHEN_OF_ASKER);
}

/* Did a deny decide?  By default, or by a permit whose obligations are not met, is no. */
static bool
denied(const struct explain_rules *q)
{
	for (size_t i = 0; i < q->p->n_rules; i++)
		if (!q->p->rules[i].permit && holds(q, &q->p->rules[i]))
			return true;
	return false;
}

void
explain_rules_near(const struct explain_rules *q, struct buf *out)
{
	if (denied(q)) {
		say_holding(q, false, out);
		say_holding(q, true, out);
	}
	for (size_t i = 0; i < q->p->n_rules; i++) {
		const struct rule *r = &q->p->rules[i];
		if (!is_near(q, r))
			continue;
		label(out, "near");
		buf_addf(out, "%.*s (line %u) would permit it to ", SPAN_ARG(r->id), r->line);
		say_whom(r, out);
		buf_addc(out, '\n');
	}
}

/* ---- every rule ---- */

/* What the question has where a condition lists values. */
static const char *
value_of(const struct explain_rules *q, enum when_key key)
{
	const struct facts *f = q->f;

	if (key == WHEN_STATE)
		return state_names[q->v->state];
	if (key == WHEN_KIND)
		return kind_names[f->object.kind];
	if (key == WHEN_ROUTE)
		return route_names[f->object.route];
	if (key == WHEN_NETWORK)
		return network_names[f->network];
	return key == WHEN_PURPOSE ? purpose_names[f->purpose] : protocol_names[f->protocol];
}

static const char *const *
names_of(enum when_key key)
{
	static const char *const *const names[WHEN_SETS] = {
		[WHEN_STATE] = model_states,
		[WHEN_KIND] = kind_names,
		[WHEN_ROUTE] = route_names,
		[WHEN_NETWORK] = network_names,
		[WHEN_PURPOSE] = purpose_names,
		[WHEN_PROTOCOL] = protocol_names,
		[WHEN_ROLE] = role_names,
		[WHEN_NOT_ROLE] = role_names,
		[WHEN_FLAG] = flag_names,
		[WHEN_NOT_FLAG] = flag_names,
		[WHEN_REACHED] = model_milestones,
	};
	return names[key];
}

static void
say_set_failing(
	const struct explain_rules *q, const struct rule *r, enum when_key key, struct buf *out)
{
	static const char *const words[WHEN_SETS] = {
		[WHEN_ROLE] = "the asker is not ",
		[WHEN_NOT_ROLE] = "the asker is ",
		[WHEN_FLAG] = "no flag ",
		[WHEN_NOT_FLAG] = "flag ",
		[WHEN_REACHED] = "not reached: ",
	};
	uint32_t set = r->sets[key];

	if (words[key] != NULL)
		buf_adds(out, words[key]);
	else
		buf_addf(out, "%s is %s, not ", model_when[key], value_of(q, key));
	if (key == WHEN_NOT_ROLE)
		set &= eval_roles(q->f);
	if (key == WHEN_NOT_FLAG)
		set &= q->f->object.flags;
	add_set(out, set, names_of(key),
		key == WHEN_NOT_ROLE || key == WHEN_NOT_FLAG ? " and " : " or ");
}

static void
say_text_failing(const struct rule *r, enum when_key key, struct buf *out)
{
	if (key == WHEN_ENTITLEMENT)
		add_texts(out, r, key, "no entitlement ");
	else if (key == WHEN_ISSUER)
		add_texts(out, r, key, "the issuer is not ");
	else {
		buf_addf(out, "the %s is not", model_when[key]);
		add_texts(out, r, key, " ");
	}
}

static void
say_failing(const struct explain_rules *q, const struct rule *r, struct buf *out)
{
	const char *comma = "";

	for (int key = 0; key < WHEN_COUNT; key++) {
		if (!uses(r, (enum when_key)key) || eval_matches(r, q->f, q->v, ~(1U << key)))
			continue;
		buf_adds(out, comma);
		comma = "; ";
		if (key < WHEN_SETS)
			say_set_failing(q, r, (enum when_key)key, out);
		else if (key == WHEN_ASSURANCE)
			buf_addf(out, "assurance below %s", assurance_names[r->assurance]);
		else
			say_text_failing(r, (enum when_key)key, out);
	}
}

void
explain_rules_all(const struct explain_rules *q, struct buf *out)
{
	const struct rule *first = eval_scan(q->p, q->f, q->v, q->f->action);
	const char *name = "rules";

	for (size_t i = 0; i < q->p->n_rules; i++) {
		const struct rule *r = &q->p->rules[i];
		if ((r->actions >> q->f->action & 1U) == 0)
			continue;
		label(out, name);
		name = "";
		buf_addf(out, "%.*s (line %u, %s): ", SPAN_ARG(r->id), r->line,
			r->permit ? "permit" : "deny");
		if (r == first)
			buf_adds(out, "holds and decides");
		else if (eval_matches(r, q->f, q->v, 0))
			buf_adds(out, r->permit && !first->permit
					      ? "holds, but a deny decides"
					      : "holds, after the one that decides");
		else
			say_failing(q, r, out);
		buf_addc(out, '\n');
	}
	label(out, name);
	buf_adds(out, first == NULL ? "default: no rule permits it, so it is denied\n"
				    : "default: not asked\n");
}
