/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/eval.h"

#include "policy/calendar.h"

/* 13.3: conditions that depend on the object and on time alone, so that one answer fits all. */
#define WHEN_OF_OBJECT                                                                             \
	(1U << WHEN_STATE | 1U << WHEN_KIND | 1U << WHEN_ROUTE | 1U << WHEN_FLAG |                 \
		1U << WHEN_NOT_FLAG | 1U << WHEN_REACHED | 1U << WHEN_PROPOSAL |                   \
		1U << WHEN_INSTRUMENT | 1U << WHEN_PID)
#define ACTIONS_CACHED                                                                             \
	(1U << ACTION_META_PUBLIC | 1U << ACTION_META_FULL | 1U << ACTION_DATA_LIST |              \
		1U << ACTION_DATA_READ | 1U << ACTION_DATA_STAGE)
/* 3.6: what a tombstone still shows. */
#define FIELDS_WITHDRAWN (1U << FIELD_TITLE | 1U << FIELD_TEAM | 1U << FIELD_DATES)

static bool
anonymous(const struct facts *f)
{
	return f->subject == NULL || !f->subject->authenticated;
}

uint32_t
eval_roles(const struct facts *f)
{
	if (anonymous(f))
		return 1U << ROLE_ANONYMOUS;
	return (f->roles & ~(1U << ROLE_ANONYMOUS)) | 1U << ROLE_AUTHENTICATED;
}

bool
eval_input_ok(const struct facts *f)
{
	return f->now.given && f->action < ACTION_COUNT && f->network < NETWORK_COUNT &&
	       f->purpose < PURPOSE_COUNT && f->protocol < PROTOCOL_COUNT &&
	       f->object.kind < KIND_COUNT && f->object.route < ROUTE_COUNT &&
	       f->roles >> ROLE_COUNT == 0 && f->object.flags >> FLAG_COUNT == 0;
}

/* ---- one rule ---- */

static bool
in_list(const struct text_list *l, struct span s)
{
	size_t lo = 0;
	size_t hi = l->n;

	if (s.p == NULL)
		return false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int d = span_cmp(s, l->item[mid]);
		if (d == 0)
			return true;
		if (d < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return false;
}

static bool
entitled(const struct text_list *l, const struct subject *s, bool issuer_named)
{
	for (size_t i = 0; i < s->n_entitlements; i++)
		if (in_list(l, s->entitlements[i]) &&
			(issuer_named || !facts_needs_issuer(s, s->entitlements[i])))
			return true;
	return false;
}

static bool
text_holds(const struct rule *r, const struct facts *f, enum when_key key)
{
	const struct text_list *l = &r->texts[key - WHEN_ENTITLEMENT];

	if (key == WHEN_PROPOSAL)
		return in_list(l, f->object.proposal);
	if (key == WHEN_INSTRUMENT)
		return in_list(l, f->object.instrument);
	if (key == WHEN_PID)
		return in_list(l, f->object.pid);
	if (anonymous(f))
		return false;
	if (key == WHEN_ISSUER)
		return in_list(l, f->subject->iss);
	return entitled(l, f->subject, (r->uses >> WHEN_ISSUER & 1U) != 0);
}

static bool
set_holds(uint32_t set, const struct facts *f, const struct state_view *v, enum when_key key)
{
	switch (key) {
	case WHEN_STATE:
		return (set >> (v->state - 1) & 1U) != 0;
	case WHEN_KIND:
		return (set >> f->object.kind & 1U) != 0;
	case WHEN_ROUTE:
		return (set >> f->object.route & 1U) != 0;
	case WHEN_NETWORK:
		return (set >> f->network & 1U) != 0;
	case WHEN_PURPOSE:
		return (set >> f->purpose & 1U) != 0;
	case WHEN_PROTOCOL:
		return (set >> f->protocol & 1U) != 0;
	case WHEN_ROLE:
		return (set & eval_roles(f)) != 0;
	case WHEN_NOT_ROLE:
		return (set & eval_roles(f)) == 0;
	case WHEN_FLAG:
		return (set & f->object.flags) != 0;
	case WHEN_NOT_FLAG:
		return (set & f->object.flags) == 0;
	case WHEN_REACHED:
		return (set & v->reached) != 0;
	case WHEN_ASSURANCE: /* also WHEN_SETS */
	case WHEN_ENTITLEMENT:
	case WHEN_ISSUER:
	case WHEN_PROPOSAL:
	case WHEN_INSTRUMENT:
	case WHEN_PID:
	case WHEN_COUNT:
		break;
	}
	return false;
}

static bool
key_holds(
	const struct rule *r, const struct facts *f, const struct state_view *v, enum when_key key)
{
	if (key < WHEN_SETS)
		return set_holds(r->sets[key], f, v, key);
	if (key == WHEN_ASSURANCE)
		return (anonymous(f) ? ASSURANCE_NONE : f->subject->assurance) >= r->assurance;
	return text_holds(r, f, key);
}

bool
eval_matches(
	const struct rule *r, const struct facts *f, const struct state_view *v, uint32_t ignored)
{
	uint32_t left = r->uses & ~ignored;

	while (left != 0) {
		enum when_key key = (enum when_key)__builtin_ctz(left);
		if (!key_holds(r, f, v, key))
			return false;
		left &= left - 1;
	}
	return true;
}

/* ---- all rules (POL-9, POL-10) ---- */

struct verdict {
	const struct rule *rule; /* NULL: by default */
	bool permit;
	const char *reason; /* POL-10; else NULL */
	struct span terms;  /* with reason terms-not-accepted */
};

static const struct rule *
deciding_rule(const struct policy *p, const struct facts *f, const struct state_view *v,
	enum action action)
{
	const struct rule *permit = NULL;

	for (size_t i = 0; i < p->n_rules; i++) {
		const struct rule *r = &p->rules[i];
		if ((r->actions >> action & 1U) == 0 || (r->permit && permit != NULL) ||
			!eval_matches(r, f, v, 0))
			continue;
		if (!r->permit)
			return r; /* the first deny wins wherever permits stand */
		permit = r;
	}
	return permit;
}

static bool
has_text(const struct span *list, size_t n, struct span s)
{
	for (size_t i = 0; i < n; i++)
		if (span_eq(list[i], s))
			return true;
	return false;
}

static void
check_obligations(const struct rule *r, const struct facts *f, struct verdict *ret)
{
	struct span own = SPAN("x-");
	struct span terms = SPAN("accept-terms:");

	for (size_t i = 0; i < r->n_obligations; i++) {
		struct span o = r->obligations[i];
		if (span_starts(o, own) && !has_text(f->supports, f->n_supports, o)) {
			*ret = (struct verdict){.rule = r, .reason = "unknown-obligation"};
			return;
		}
	}
	for (size_t i = 0; i < r->n_obligations; i++) {
		struct span o = r->obligations[i];
		struct span id = span_skip(o, terms.n);
		if (span_starts(o, terms) &&
			(anonymous(f) || !has_text(f->accepted, f->n_accepted, id))) {
			*ret = (struct verdict){
				.rule = r, .reason = "terms-not-accepted", .terms = id};
			return;
		}
	}
}

static struct verdict
judge(const struct policy *p, const struct facts *f, const struct state_view *v, enum action action)
{
	struct verdict d = {.rule = deciding_rule(p, f, v, action)};

	d.permit = d.rule != NULL && d.rule->permit;
	if (d.permit)
		check_obligations(d.rule, f, &d);
	return d;
}

/* ---- the answer (5) ---- */

static struct span
reason_of(const struct verdict *d, const struct state_view *v)
{
	if (d->permit)
		return SPAN_NONE;
	if (d->reason != NULL)
		return span_of(d->reason);
	if (d->rule != NULL)
		return d->rule->reason;
	return v->state == STATE_OPEN ? SPAN("no-rule") : span_of(state_names[v->state]);
}

static int
status_of(const struct policy *p, const struct facts *f, const struct state_view *v,
	const struct verdict *d)
{
	if (d->permit)
		return d->rule->tombstone ? 410 : 200;
	/* POL-11: what has no public record cannot be told from what does not exist. */
	if (f->action != ACTION_POLICY_SIMULATE &&
		(f->action == ACTION_META_PUBLIC || !judge(p, f, v, ACTION_META_PUBLIC).permit))
		return 404;
	if (d->rule != NULL && d->rule->status != 0)
		return (int)d->rule->status;
	if (v->state == STATE_WITHDRAWN)
		return 410;
	return anonymous(f) ? 401 : 403;
}

static const struct role_list *
grantors_of(const struct policy *p, const struct state_view *v)
{
	switch (v->state) {
	case STATE_EMBARGOED:
		return &p->embargo.early_release;
	case STATE_RESTRICTED:
		return v->detail != NULL && span_is(span_of(v->detail), "agreement-missing")
			       ? &p->grant_agreement
			       : &p->grant_restricted;
	case STATE_PROPRIETARY:
		return &p->grant_proprietary;
	case STATE_WITHDRAWN:
		return &p->grant_withdrawn;
	case STATE_OPEN:
	case STATE_NONE:
		break;
	}
	return NULL;
}

static void
fill_grantors(const struct policy *p, const struct state_view *v, struct decision *ret)
{
	if (span_is(ret->reason, "terms-not-accepted")) {
		ret->grantors_self = true;
		return;
	}
	if (span_is(ret->reason, "unknown-obligation") || span_is(ret->reason, "unknown-input") ||
		span_is(ret->reason, "no-policy"))
		return;
	const struct role_list *l = grantors_of(p, v);
	if (l == NULL)
		return;
	ret->grantors = l->set;
	ret->n_grantors = l->n;
	for (size_t i = 0; i < l->n; i++)
		ret->grantor_order[i] = l->order[i];
}

static void
fill_terms(const struct policy *p, struct span terms, struct decision *ret)
{
	struct span id = terms;

	ret->terms = terms;
	id = span_cut(&id, '@');
	for (size_t i = 0; i < p->n_terms; i++)
		if (span_eq(p->terms[i].id, id)) {
			ret->terms_title = p->terms[i].title;
			ret->terms_url = p->terms[i].url;
		}
}

static uint32_t
fields_of(const struct policy *p, const struct state_view *v)
{
	uint32_t fields = 0;

	for (int i = 0; i < REACHED_COUNT; i++)
		if ((v->reached >> i & 1U) != 0)
			fields |= p->fields_at[i];
	return v->state == STATE_WITHDRAWN ? fields & FIELDS_WITHDRAWN : fields;
}

static unsigned
max_age_of(const struct policy *p, const struct facts *f, const struct state_view *v,
	const struct rule *r, int64_t now)
{
	if (!anonymous(f) || (ACTIONS_CACHED >> f->action & 1U) == 0 || r->no_store ||
		(r->uses & ~WHEN_OF_OBJECT) != 0)
		return 0;
	if (v->has_next && v->next - now < (int64_t)p->cache_max_age)
		return (unsigned)(v->next - now);
	return p->cache_max_age;
}

static void
fill_permit(const struct policy *p, const struct facts *f, const struct state_view *v,
	const struct rule *r, int64_t now, struct decision *ret)
{
	ret->rate = r->rate;
	ret->full = r->full;
	ret->confidential = r->confidential;
	ret->obligations = r->obligations;
	ret->n_obligations = r->n_obligations;
	ret->has_fields = f->action == ACTION_META_PUBLIC;
	ret->fields = ret->has_fields ? fields_of(p, v) : 0;
	ret->max_age = max_age_of(p, f, v, r, now);
}

void
eval_decide(const struct policy *p, const struct facts *f, struct decision *ret)
{
	struct state_view v;
	int64_t now = calendar_when_instant(p->zone, &f->now);

	state_compute(p, &f->object, now, &v);
	struct verdict d = judge(p, f, &v, f->action);
	*ret = (struct decision){
		.permit = d.permit,
		.status = status_of(p, f, &v, &d),
		.rule = d.rule != NULL ? d.rule->id : SPAN("default"),
		.line = d.rule != NULL ? d.rule->line : 0,
		.policy = p->id,
		.version = p->version,
		.sha256 = p->sha256,
		.state = v.state,
		.detail = v.detail,
		.reason = reason_of(&d, &v),
		.has_release = v.has_release,
		.release_at = v.release_at,
		.release_date = v.has_release ? calendar_date(p->zone, v.release_at) : 0,
		.has_next_change = v.has_next,
		.next_change = v.next,
		.contact = p->contact,
		.licence = p->licence,
		.timezone = p->zone_name,
		.finish = p->finish && !d.permit && v.state != STATE_WITHDRAWN &&
			  v.state != STATE_RESTRICTED,
		.finish_s = p->stream_max_age,
	};
	if (d.permit && d.rule != NULL)
		fill_permit(p, f, &v, d.rule, now, ret);
	else
		fill_grantors(p, &v, ret);
	if (d.terms.p != NULL)
		fill_terms(p, d.terms, ret);
}

void
eval_refuse(const char *rule, const char *reason, int status, struct decision *ret)
{
	*ret = (struct decision){
		.status = status,
		.rule = span_of(rule),
		.reason = span_of(reason),
	};
}
