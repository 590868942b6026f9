/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/lint_pick.h"

#define DATES ((1U << MILESTONE_COUNT) - 1U)

/* Places of the counters: those of each rule, then those that all share. */
enum { AT_REACHED, AT_ENTITLEMENT = PICK_RULES, AT_SHARED = 2 * PICK_RULES };
static const enum when_key shared[] = {WHEN_ISSUER, WHEN_PROPOSAL, WHEN_INSTRUMENT, WHEN_PID};
enum { SHARED = sizeof(shared) / sizeof(shared[0]) };

static bool
uses(const struct rule *r, enum when_key key)
{
	return (r->uses >> key & 1U) != 0;
}

static const struct text_list *
texts(const struct rule *r, enum when_key key)
{
	return &r->texts[key - WHEN_ENTITLEMENT];
}

/* ---- does it suit? ---- */

static bool
lists(const struct rule *r, enum when_key key, struct span s)
{
	const struct text_list *l = texts(r, key);
	size_t lo = 0;
	size_t hi = l->n;

	while (s.p != NULL && lo < hi) {
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
suits_reached(const struct pick *k, const struct rule *r, const struct pick_state *s)
{
	uint32_t reached = k->reached | s->reached | (s->open ? 1U << REACHED_RELEASE : 0);

	return !uses(r, WHEN_REACHED) || (r->sets[WHEN_REACHED] & reached) != 0;
}

static bool
suits_entitlement(const struct pick *k, const struct rule *r)
{
	if (!uses(r, WHEN_ENTITLEMENT))
		return true;
	for (size_t i = 0; i < PICK_RULES; i++)
		if ((uses(r, WHEN_ISSUER) || k->bare[i]) &&
			lists(r, WHEN_ENTITLEMENT, k->entitlements[i]))
			return true;
	return false;
}

bool
pick_suits(const struct pick *k, const struct rule *r, const struct pick_state *s)
{
	const struct span have[SHARED] = {k->issuer, k->proposal, k->instrument, k->pid};

	if ((uses(r, WHEN_ASSURANCE) && k->assurance < r->assurance) || !suits_reached(k, r, s) ||
		!suits_entitlement(k, r))
		return false;
	for (size_t i = 0; i < SHARED; i++)
		if (uses(r, shared[i]) && !lists(r, shared[i], have[i]))
			return false;
	return true;
}

/* ---- one choice after the other ---- */

/* The first of the rules that asks for it; NULL: none does. */
static const struct text_list *
list_of(const struct picks *p, enum when_key key)
{
	for (size_t i = 0; i < p->n; i++)
		if (uses(p->rules[i], key))
			return texts(p->rules[i], key);
	return NULL;
}

/* Dates, and one more choice: none of them, where it is the release that is asked for. */
static size_t
choices_reached(const struct rule *r)
{
	if (!uses(r, WHEN_REACHED))
		return 1;
	return (size_t)__builtin_popcount(r->sets[WHEN_REACHED] & DATES) +
	       (r->sets[WHEN_REACHED] >> REACHED_RELEASE & 1U);
}

void
picks_init(struct picks *p, const struct rule *const *rules, size_t n)
{
	*p = (struct picks){.n = n};
	for (size_t i = 0; i < PICK_KEYS; i++)
		p->of[i] = 1;
	for (size_t i = 0; i < n; i++) {
		p->rules[i] = rules[i];
		p->of[AT_REACHED + i] = choices_reached(rules[i]);
		if (uses(rules[i], WHEN_ENTITLEMENT))
			p->of[AT_ENTITLEMENT + i] = texts(rules[i], WHEN_ENTITLEMENT)->n;
	}
	for (size_t i = 0; i < SHARED; i++) {
		const struct text_list *l = list_of(p, shared[i]);
		if (l != NULL)
			p->of[AT_SHARED + i] = l->n;
	}
	for (size_t i = 0; i < PICK_KEYS; i++)
		p->over = p->over || p->of[i] == 0;
}

static uint32_t
nth_date(uint32_t dates, size_t n)
{
	while (n-- > 0)
		dates &= dates - 1;
	return dates & (~dates + 1U); /* 0 past the last: none */
}

static struct span
nth_text(const struct picks *p, size_t shared_key)
{
	const struct text_list *l = list_of(p, shared[shared_key]);

	return l != NULL ? l->item[p->at[AT_SHARED + shared_key]] : SPAN_NONE;
}

static void
read_pick(const struct picks *p, struct pick *ret)
{
	*ret = (struct pick){
		.issuer = nth_text(p, 0),
		.proposal = nth_text(p, 1),
		.instrument = nth_text(p, 2),
		.pid = nth_text(p, 3),
	};
	for (size_t i = 0; i < p->n; i++) {
		const struct rule *r = p->rules[i];
		if (uses(r, WHEN_ASSURANCE) && r->assurance > ret->assurance)
			ret->assurance = r->assurance;
		if (uses(r, WHEN_REACHED))
			ret->reached |=
				nth_date(r->sets[WHEN_REACHED] & DATES, p->at[AT_REACHED + i]);
		if (!uses(r, WHEN_ENTITLEMENT))
			continue;
		ret->entitlements[i] = texts(r, WHEN_ENTITLEMENT)->item[p->at[AT_ENTITLEMENT + i]];
		ret->bare[i] = !uses(r, WHEN_ISSUER);
	}
}

bool
picks_next(struct picks *p, struct pick *ret)
{
	if (p->over)
		return false;
	read_pick(p, ret);
	size_t i = 0;
	while (i < PICK_KEYS && ++p->at[i] == p->of[i])
		p->at[i++] = 0;
	p->over = i == PICK_KEYS;
	return true;
}
