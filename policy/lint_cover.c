/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/lint_cover.h"

#include "agent/base/arena.h"
#include "agent/base/scope.h"
#include "policy/lint_pick.h"

#include <stdlib.h>
#include <string.h>

enum {
	ENVS = (STATE_OPEN * ROUTE_COUNT) << FLAG_COUNT,
	STACK = 4096,               /* regions that wait */
	STEPS_OF_ONE = 1000 * 1000, /* regions cut, or rules looked at, for one answer */
	STEPS = 60 * 1000 * 1000,   /* for all answers about one policy */
	LIST_MOST = 4096,
	MEMORY = 16 * 1024 * 1024,
};

/* What its state brings with it: nothing, the release, or also that the anchor has come. */
enum suit { SUIT_CLOSED, SUIT_OPEN, SUIT_COUNTED, SUITS };

/* What a dataset may be: state, route and flags that go together, and which rules that suits. */
struct env {
	enum state state;
	enum route route;
	uint32_t flags;
	enum suit suit;
	uint64_t *holds;
};

struct cover {
	const struct policy *p;
	struct arena mem;
	size_t n, words;
	struct region_rule *rules;
	uint64_t *action[ACTION_COUNT];
	uint64_t *permits, *anonymous; /* `anonymous`: role, assurance, entitlement, issuer suit */
	uint64_t *suits[SUITS];        /* whose open inputs suit the pick */
	uint64_t *alive, *touched, *only;
	size_t *list;
	bool *whole; /* by place in the list: its kinds do not matter */
	struct env *envs;
	size_t n_envs;
	struct region *stack;
	uint64_t steps, steps_here;
};

const struct cover_query cover_all = {
	.actions = (1U << ACTION_COUNT) - 1U,
	.states = (1U << STATE_OPEN) - 1U,
	.anonymous = true,
	.known = true,
	.roles = (1U << ROLE_COUNT) - 1U,
};

/* ---- bits, one for each rule ---- */

static bool
has(const uint64_t *set, size_t i)
{
	return (set[i / 64] >> i % 64 & 1U) != 0;
}

static void
put(uint64_t *set, size_t i)
{
	set[i / 64] |= (uint64_t)1 << i % 64;
}

static void
take(uint64_t *set, size_t i)
{
	set[i / 64] &= ~((uint64_t)1 << i % 64);
}

static uint64_t *
bits_new(struct cover *c)
{
	return arena_array(&c->mem, c->words, sizeof(uint64_t));
}

/* ---- what a dataset may be ---- */

static bool
uses(const struct rule *r, enum when_key key)
{
	return (r->uses >> key & 1U) != 0;
}

/* Can a dataset of this route and with these flags be in this state (3.5)? */
static bool
exists(const struct policy *p, enum state s, enum route route, uint32_t flags)
{
	enum mode mode = p->modes[route];

	if (s == STATE_WITHDRAWN)
		return true;
	if (mode == MODE_NEVER || s == STATE_PROPRIETARY)
		return mode == MODE_NEVER && s == STATE_PROPRIETARY;
	if (s == STATE_RESTRICTED)
		return true; /* a hold, or an entry that cannot be read */
	return (flags & p->restrict_flags) == 0 &&
	       (mode != MODE_AGREEMENT || p->grant_agreement.set != 0);
}

static bool
env_suits(const struct rule *r, const struct env *e)
{
	return (!uses(r, WHEN_STATE) || (r->sets[WHEN_STATE] >> (e->state - 1) & 1U) != 0) &&
	       (!uses(r, WHEN_ROUTE) || (r->sets[WHEN_ROUTE] >> e->route & 1U) != 0) &&
	       (!uses(r, WHEN_FLAG) || (r->sets[WHEN_FLAG] & e->flags) != 0) &&
	       (!uses(r, WHEN_NOT_FLAG) || (r->sets[WHEN_NOT_FLAG] & e->flags) == 0);
}

/* Kept unless the rules cannot tell it from one that is there. */
static void
add_env(struct cover *c, struct env e)
{
	const struct policy *p = c->p;
	uint64_t *holds = c->envs[c->n_envs].holds;

	memset(holds, 0, c->words * sizeof(*holds));
	for (size_t i = 0; i < c->n; i++)
		if (env_suits(&p->rules[i], &e))
			put(holds, i);
	/* Open by time alone: what the time is counted from has come. */
	bool counted = p->modes[e.route] == MODE_AFTER_EMBARGO && p->embargo.early_release.set == 0;
	e.suit = e.state != STATE_OPEN ? SUIT_CLOSED : counted ? SUIT_COUNTED : SUIT_OPEN;
	for (size_t i = 0; i < c->n_envs; i++) {
		const struct env *o = &c->envs[i];
		if (o->state == e.state && o->suit == e.suit &&
			memcmp(o->holds, holds, c->words * sizeof(*holds)) == 0)
			return;
	}
	e.holds = holds;
	c->envs[c->n_envs++] = e;
}

static bool
add_envs(struct cover *c)
{
	for (size_t i = 0; i < ENVS; i++) {
		c->envs[i].holds = bits_new(c);
		if (c->envs[i].holds == NULL)
			return false;
	}
	for (int s = STATE_WITHDRAWN; s <= STATE_OPEN; s++)
		for (int route = 0; route < ROUTE_COUNT; route++)
			for (uint32_t flags = 0; flags >> FLAG_COUNT == 0; flags++)
				if (exists(c->p, (enum state)s, (enum route)route, flags))
					add_env(c, (struct env){.state = (enum state)s,
							   .route = (enum route)route,
							   .flags = flags});
	return true;
}

/* ---- the policy, prepared ---- */

static bool
anonymous_suits(const struct rule *r)
{
	return (!uses(r, WHEN_ROLE) || (r->sets[WHEN_ROLE] >> ROLE_ANONYMOUS & 1U) != 0) &&
	       (!uses(r, WHEN_NOT_ROLE) || (r->sets[WHEN_NOT_ROLE] >> ROLE_ANONYMOUS & 1U) == 0) &&
	       (!uses(r, WHEN_ASSURANCE) || r->assurance == ASSURANCE_NONE) &&
	       !uses(r, WHEN_ENTITLEMENT) && !uses(r, WHEN_ISSUER);
}

static void
add_rules(struct cover *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct rule *r = &c->p->rules[i];
		region_rule_init(r, &c->rules[i]);
		for (int a = 0; a < ACTION_COUNT; a++)
			if ((r->actions >> a & 1U) != 0)
				put(c->action[a], i);
		if (r->permit)
			put(c->permits, i);
		if (anonymous_suits(r))
			put(c->anonymous, i);
	}
}

static bool
make(struct cover *c)
{
	uint64_t **sets[] = {&c->permits, &c->anonymous, &c->suits[SUIT_CLOSED],
		&c->suits[SUIT_OPEN], &c->suits[SUIT_COUNTED], &c->alive, &c->touched, &c->only};

	if (!arena_init(&c->mem, MEMORY))
		return false;
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		*sets[i] = bits_new(c);
	for (int a = 0; a < ACTION_COUNT; a++)
		c->action[a] = bits_new(c);
	c->rules = arena_array(&c->mem, c->n, sizeof(*c->rules));
	c->envs = arena_array(&c->mem, ENVS, sizeof(*c->envs));
	c->list = arena_array(&c->mem, 2 * c->n, sizeof(*c->list));
	c->whole = arena_array(&c->mem, 2 * c->n, sizeof(*c->whole));
	c->stack = arena_array(&c->mem, STACK, sizeof(*c->stack));
	if (c->mem.full || !add_envs(c))
		return false;
	memset(c->only, 0xff, c->words * sizeof(*c->only));
	add_rules(c);
	return true;
}

struct cover *
cover_new(const struct policy *p)
{
	struct cover *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->p = p;
	c->n = p->n_rules;
	c->words = p->n_rules / 64 + 1;
	if (!make(c)) {
		cover_free(c);
		return NULL;
	}
	return c;
}

void
cover_free(struct cover *c)
{
	if (c == NULL)
		return;
	arena_fini(&c->mem);
	free(c);
}

bool
cover_possible(const struct cover *c, const struct cover_query *q)
{
	for (size_t i = 0; i < c->n_envs; i++)
		if ((q->states >> (c->envs[i].state - 1) & 1U) != 0)
			return true;
	return false;
}

bool
cover_dataset(const struct cover *c, size_t i)
{
	for (size_t k = 0; k < c->n_envs; k++)
		if (has(c->envs[k].holds, i))
			return true;
	return false;
}

/* ---- one search ---- */

/* Questions that all rules of `must` match and that no rule in the way does. */
struct search {
	const struct cover_query *q;
	size_t must[PICK_RULES];
	size_t n_must;
	uint32_t kinds;
	bool raw_too; /* and that no permit matches when asked for raw */
	bool anonymous;
	struct pick pick;
	const struct env *env;
	enum action action;
	struct region found;
};

/* Is rule j in the way of the first that must match (POL-9)? */
static bool
in_the_way(const struct cover *c, const struct search *s, size_t j)
{
	bool deny = !has(c->permits, j);

	if (s->n_must > 1 && j == s->must[1])
		return false; /* it is asked about raw */
	return has(c->permits, s->must[0]) ? deny || j < s->must[0] : deny && j < s->must[0];
}

static bool
takes_raw(const struct cover *c, size_t j)
{
	return has(c->permits, j) && (c->rules[j].lists[REGION_KIND] >> KIND_RAW & 1U) != 0;
}

/* The rules that may be in the way here; their number. */
static size_t
list_rules(struct cover *c, const struct search *s)
{
	size_t n = 0;

	for (size_t w = 0; w < c->words; w++)
		for (uint64_t left = c->alive[w] & c->only[w]; left != 0; left &= left - 1) {
			size_t j = w * 64 + (size_t)__builtin_ctzll(left);
			if (in_the_way(c, s, j)) {
				c->whole[n] = false;
				c->list[n++] = j;
			}
			if (s->raw_too && takes_raw(c, j)) {
				c->whole[n] = true;
				c->list[n++] = j;
			}
		}
	c->steps_here += c->words + n;
	return n;
}

/* Rules in the order of the list are taken away from the region at the bottom of the stack. */
static enum cover_answer
cut(struct cover *c, struct search *s, size_t n_list)
{
	const size_t *at = c->list;
	size_t n = 1;
	bool full = false;

	while (n > 0) {
		struct region r = c->stack[--n];
		size_t k = r.next;
		struct region_rule rule = {0};
		for (; k < n_list; k++) {
			rule = c->rules[at[k]];
			if (c->whole[k])
				rule.lists[REGION_KIND] = (1U << KIND_COUNT) - 1U;
			c->steps_here++;
			if (region_touches(&r, &rule))
				break;
		}
		if (k == n_list) {
			s->found = r;
			return COVER_SOME;
		}
		put(c->touched, at[k]);
		if (n + REGION_PIECES > STACK || c->steps_here > STEPS_OF_ONE)
			return COVER_UNKNOWN;
		size_t more = region_without(&r, &rule, &c->stack[n], &full);
		for (size_t i = 0; i < more; i++)
			c->stack[n + i].next = k + 1;
		n += more;
		if (full)
			return COVER_UNKNOWN;
	}
	return COVER_NONE;
}

/* One action for one kind of dataset, subject and open inputs. */
static enum cover_answer
search_point(struct cover *c, struct search *s)
{
	const uint64_t *texts = c->suits[s->env->suit];
	struct region r;
	bool full = false;

	for (size_t w = 0; w < c->words; w++)
		c->alive[w] = c->action[s->action][w] & s->env->holds[w] & texts[w] &
			      (s->anonymous ? c->anonymous[w] : ~(uint64_t)0);
	c->steps_here += c->words;
	region_all(s->anonymous, &r);
	r.lists[REGION_KIND] &= s->kinds;
	if (!s->anonymous)
		r.absent |= ~s->q->roles & ~(1U << ROLE_AUTHENTICATED);
	for (size_t i = 0; i < s->n_must; i++) {
		struct region_rule rule = c->rules[s->must[i]];
		if (i > 0)
			rule.lists[REGION_KIND] = (1U << KIND_COUNT) - 1U;
		if (!has(c->alive, s->must[i]) || !region_meet(&r, &rule, &full))
			return full ? COVER_UNKNOWN : COVER_NONE;
	}
	r.next = 0;
	c->stack[0] = r;
	return cut(c, s, list_rules(c, s));
}

static bool
is_over(const struct cover *c, enum cover_answer got)
{
	return got == COVER_SOME || c->steps_here > STEPS_OF_ONE;
}

/* What is known of two parts together. */
static enum cover_answer
join(enum cover_answer a, enum cover_answer b)
{
	return b == COVER_NONE ? a : b;
}

/* All actions for one kind of dataset. */
static enum cover_answer
search_actions(struct cover *c, struct search *s)
{
	enum cover_answer best = COVER_NONE;
	uint32_t left = s->q->actions;

	for (size_t i = 0; i < s->n_must; i++)
		left &= c->p->rules[s->must[i]].actions;
	for (; left != 0 && !is_over(c, best); left &= left - 1) {
		s->action = (enum action)__builtin_ctz(left);
		best = join(best, search_point(c, s));
	}
	return best;
}

static enum cover_answer
search_envs(struct cover *c, struct search *s)
{
	enum cover_answer best = COVER_NONE;

	for (size_t i = 0; i < c->n_envs && !is_over(c, best); i++) {
		s->env = &c->envs[i];
		if ((s->q->states >> (s->env->state - 1) & 1U) != 0 &&
			has(s->env->holds, s->must[0]))
			best = join(best, search_actions(c, s));
	}
	return best;
}

/* Which rules suit the open inputs. */
static void
suit_pick(struct cover *c, const struct search *s)
{
	const struct pick_state states[SUITS] = {
		[SUIT_OPEN] = {.open = true},
		[SUIT_COUNTED] = {.open = true, .reached = 1U << c->p->embargo.anchor},
	};
	for (int k = 0; k < SUITS; k++) {
		memset(c->suits[k], 0, c->words * sizeof(uint64_t));
		for (size_t i = 0; i < c->n; i++)
			if (pick_suits(&s->pick, &c->p->rules[i], &states[k]))
				put(c->suits[k], i);
	}
	c->steps_here += c->n;
}

static enum cover_answer
search_picks(struct cover *c, struct search *s)
{
	const struct rule *rules[PICK_RULES] = {NULL};
	enum cover_answer best = COVER_NONE;
	struct picks all;

	for (size_t i = 0; i < s->n_must; i++)
		rules[i] = &c->p->rules[s->must[i]];
	picks_init(&all, rules, s->n_must);
	while (!is_over(c, best) && picks_next(&all, &s->pick)) {
		suit_pick(c, s);
		best = join(best, search_envs(c, s));
	}
	/* Where steps ran out something was not looked at. */
	return best != COVER_SOME && c->steps_here > STEPS_OF_ONE ? COVER_UNKNOWN : best;
}

static enum cover_answer
run(struct cover *c, struct search *s)
{
	enum cover_answer best = COVER_NONE;

	if (c->steps > STEPS)
		return COVER_UNKNOWN;
	c->steps_here = 0;
	memset(c->touched, 0, c->words * sizeof(*c->touched));
	for (int known = 0; known < 2 && best != COVER_SOME; known++) {
		s->anonymous = known == 0;
		if (s->anonymous ? !s->q->anonymous : !s->q->known)
			continue;
		if (s->anonymous && !has(c->anonymous, s->must[0]))
			continue;
		best = join(best, search_picks(c, s));
	}
	c->steps += c->steps_here;
	return best;
}

static void
tell(const struct search *s, struct cover_case *ret)
{
	const struct region *r = &s->found;
	const struct pick *k = &s->pick;

	*ret = (struct cover_case){
		.action = s->action,
		.state = s->env->state,
		.route = s->env->route,
		.flags = s->env->flags,
		.roles = region_roles(r),
		.reached = k->reached,
		.kind = (enum kind)__builtin_ctz(r->lists[REGION_KIND]),
		.network = (enum network)__builtin_ctz(r->lists[REGION_NETWORK]),
		.purpose = (enum purpose)__builtin_ctz(r->lists[REGION_PURPOSE]),
		.protocol = (enum protocol)__builtin_ctz(r->lists[REGION_PROTOCOL]),
		.assurance = k->assurance,
		.issuer = k->issuer,
		.proposal = k->proposal,
		.instrument = k->instrument,
		.pid = k->pid,
		.entitlements = {k->entitlements[0], k->entitlements[1]},
	};
}

/* ---- the answers ---- */

enum cover_answer
cover_decides(struct cover *c, const struct cover_query *q, size_t i, struct cover_case *ret)
{
	struct search s = {.q = q, .must = {i}, .n_must = 1, .kinds = (1U << KIND_COUNT) - 1U};
	enum cover_answer got = run(c, &s);

	if (got == COVER_SOME)
		tell(&s, ret);
	return got;
}

/* Do the rules of c->only leave no question to rule i? */
static bool
leave_none(struct cover *c, size_t i)
{
	struct cover_case any;

	return cover_decides(c, &cover_all, i, &any) == COVER_NONE;
}

/* The rules of c->only become those of `set` without the ones that are not needed. */
static void
thin(struct cover *c, size_t i, const size_t *set, size_t n)
{
	memset(c->only, 0, c->words * sizeof(*c->only));
	for (size_t k = 0; k < n; k++) {
		put(c->only, set[k]);
		if (leave_none(c, i)) { /* one alone */
			return;
		}
		take(c->only, set[k]);
	}
	for (size_t k = 0; k < n; k++)
		put(c->only, set[k]);
	for (size_t k = n; k-- > 0;) {
		take(c->only, set[k]);
		if (!leave_none(c, i))
			put(c->only, set[k]);
	}
}

size_t
cover_blockers(struct cover *c, size_t i, size_t *ret, size_t max)
{
	AUTO_FREE size_t *set = calloc(c->n, sizeof(*set));
	size_t n = 0;
	size_t left = 0;

	if (set == NULL || !leave_none(c, i))
		return 0;
	for (size_t j = 0; j < c->n; j++)
		if (has(c->touched, j))
			set[n++] = j;
	thin(c, i, set, n);
	for (size_t j = 0; j < c->n; j++)
		if (has(c->only, j) && left++ < max)
			ret[left - 1] = j;
	memset(c->only, 0xff, c->words * sizeof(*c->only));
	return left;
}

enum cover_answer
cover_preview_only(struct cover *c, size_t i, struct cover_case *ret)
{
	struct cover_query q = cover_all;
	enum cover_answer best = COVER_NONE;

	q.actions = 1U << ACTION_DATA_READ;
	for (size_t j = 0; j <= c->n && best != COVER_SOME; j++) {
		struct search s = {
			.q = &q, .must = {i, j}, .n_must = 2, .kinds = 1U << KIND_PREVIEW};
		if (j == c->n) { /* no permit takes raw */
			s.n_must = 1;
			s.raw_too = true;
		} else if (has(c->permits, j) ||
			   (c->rules[j].lists[REGION_KIND] >> KIND_RAW & 1U) == 0 ||
			   (c->rules[j].lists[REGION_KIND] >> KIND_PREVIEW & 1U) != 0) {
			continue; /* it does not deny raw alone */
		}
		enum cover_answer got = run(c, &s);
		if (got == COVER_SOME)
			tell(&s, ret);
		best = join(best, got);
	}
	return best;
}
