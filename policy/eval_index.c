/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/eval_index.h"

#include "policy/eval_facts.h"
#include "policy/eval_rule.h"

/* Where each vocabulary begins in index_bits.is. */
enum {
	AT_STATE = 0,
	AT_KIND = AT_STATE + STATE_OPEN,
	AT_ROUTE = AT_KIND + KIND_COUNT,
	AT_NETWORK = AT_ROUTE + ROUTE_COUNT,
	AT_PURPOSE = AT_NETWORK + NETWORK_COUNT,
	AT_PROTOCOL = AT_PURPOSE + PURPOSE_COUNT,
	AT_ACTION = AT_PROTOCOL + PROTOCOL_COUNT,
	AT_ASSURANCE = AT_ACTION + ACTION_COUNT,
	AT_ROLE = AT_ASSURANCE + ASSURANCE_HIGH + 1,
	AT_FLAG = AT_ROLE + ROLE_COUNT,
	AT_END = AT_FLAG + FLAG_COUNT
};
_Static_assert(AT_END <= 64, "the bits of a question fit a word");

/* And each group in index_bits.some; its last bit says that nothing of it is asked for. */
enum {
	SOME_ROLE = 0,
	SOME_FLAG = SOME_ROLE + ROLE_COUNT + 1,
	SOME_REACHED = SOME_FLAG + FLAG_COUNT + 1,
	SOME_END = SOME_REACHED + REACHED_COUNT + 1
};
_Static_assert(SOME_END <= 32, "the groups fit a word");
#define GROUP(from, count) ((((1U << ((count) + 1)) - 1U)) << (from))
#define NO_ROLE            (1U << (SOME_ROLE + ROLE_COUNT))
#define NO_FLAG            (1U << (SOME_FLAG + FLAG_COUNT))
#define NO_REACHED         (1U << (SOME_REACHED + REACHED_COUNT))

/* The key whose text selects most sharply comes first: a rule is found by the first that it has. */
static const enum when_key sharpest[WHEN_TEXTS] = {
	WHEN_PID, WHEN_PROPOSAL, WHEN_ENTITLEMENT, WHEN_INSTRUMENT, WHEN_ISSUER};

/* ---- bits ---- */

static uint64_t
bit(int from, unsigned value)
{
	return (uint64_t)1 << ((unsigned)from + value);
}

/* The bits of a vocabulary of n words that are not in the rule's list. */
static uint64_t
others(const struct rule *r, enum when_key key, int from, unsigned n)
{
	uint64_t all = ((uint64_t)1 << n) - 1;

	return (r->uses >> key & 1U) != 0 ? (all & ~(uint64_t)r->sets[key]) << from : 0;
}

static uint64_t
never_of(const struct rule *r)
{
	uint64_t b = (((uint64_t)1 << ACTION_COUNT) - 1) & ~(uint64_t)r->actions;

	b <<= AT_ACTION;
	b |= others(r, WHEN_STATE, AT_STATE, STATE_OPEN);
	b |= others(r, WHEN_KIND, AT_KIND, KIND_COUNT);
	b |= others(r, WHEN_ROUTE, AT_ROUTE, ROUTE_COUNT);
	b |= others(r, WHEN_NETWORK, AT_NETWORK, NETWORK_COUNT);
	b |= others(r, WHEN_PURPOSE, AT_PURPOSE, PURPOSE_COUNT);
	b |= others(r, WHEN_PROTOCOL, AT_PROTOCOL, PROTOCOL_COUNT);
	if ((r->uses >> WHEN_ASSURANCE & 1U) != 0)
		b |= (((uint64_t)1 << r->assurance) - 1) << AT_ASSURANCE;
	if ((r->uses >> WHEN_NOT_ROLE & 1U) != 0)
		b |= (uint64_t)r->sets[WHEN_NOT_ROLE] << AT_ROLE;
	if ((r->uses >> WHEN_NOT_FLAG & 1U) != 0)
		b |= (uint64_t)r->sets[WHEN_NOT_FLAG] << AT_FLAG;
	return b;
}

static uint32_t
some_of(const struct rule *r)
{
	uint32_t b = 0;

	b |= (r->uses >> WHEN_ROLE & 1U) != 0 ? r->sets[WHEN_ROLE] << SOME_ROLE : NO_ROLE;
	b |= (r->uses >> WHEN_FLAG & 1U) != 0 ? r->sets[WHEN_FLAG] << SOME_FLAG : NO_FLAG;
	b |= (r->uses >> WHEN_REACHED & 1U) != 0 ? r->sets[WHEN_REACHED] << SOME_REACHED
						 : NO_REACHED;
	return b;
}

struct index_bits
eval_index_bits(const struct facts *f, const struct state_view *v)
{
	uint32_t roles = eval_roles(f);
	enum assurance level = eval_anonymous(f) ? ASSURANCE_NONE : f->subject->assurance;

	return (struct index_bits){
		.is = bit(AT_STATE, v->state - 1) | bit(AT_KIND, f->object.kind) |
		      bit(AT_ROUTE, f->object.route) | bit(AT_NETWORK, f->network) |
		      bit(AT_PURPOSE, f->purpose) | bit(AT_PROTOCOL, f->protocol) |
		      bit(AT_ASSURANCE, level) | (uint64_t)roles << AT_ROLE |
		      (uint64_t)f->object.flags << AT_FLAG,
		.some = roles << SOME_ROLE | NO_ROLE | f->object.flags << SOME_FLAG | NO_FLAG |
			v->reached << SOME_REACHED | NO_REACHED,
	};
}

/* ---- lists ---- */

static enum when_key
key_of(const struct rule *r)
{
	for (size_t i = 0; i < WHEN_TEXTS; i++)
		if ((r->uses >> sharpest[i] & 1U) != 0)
			return sharpest[i];
	return WHEN_COUNT;
}

/* With all its conditions. */
static struct index_entry
entry_of(const struct policy *p, size_t rule)
{
	const struct rule *r = &p->rules[rule];

	return (struct index_entry){
		.never = never_of(r),
		.some = some_of(r),
		.rule = (uint16_t)rule,
		.texts = (uint16_t)(r->uses >> WHEN_ENTITLEMENT),
	};
}

static bool
list_all(struct policy *p, struct index_list *ret)
{
	struct index_entry *e = arena_array(&p->arena, p->n_rules, sizeof(*e));
	struct index_list l = {.entry = e};

	if (e == NULL)
		return false;
	for (int permit = 0; permit < 2; permit++) {
		for (size_t i = 0; i < p->n_rules; i++)
			if (p->rules[i].permit == permit)
				e[l.n++] = entry_of(p, i);
		if (permit == 0)
			l.denies = l.n;
	}
	*ret = l;
	return true;
}

/* Does the rule stand in this cell: does it ask for no text, and may it decide there? */
static bool
in_cell(const struct index_entry *e, uint64_t is)
{
	return e->texts == 0 && (e->never & is) == 0;
}

static bool
build_cell(struct policy *p, const struct index_list *all, uint64_t is, struct index_list *ret)
{
	struct index_list l = {0};
	size_t n = 0;

	for (uint32_t i = 0; i < all->n; i++)
		n += in_cell(&all->entry[i], is);
	l.entry = arena_array(&p->arena, n, sizeof(*l.entry));
	if (l.entry == NULL)
		return false;
	for (uint32_t i = 0; i < all->n; i++) {
		if (!in_cell(&all->entry[i], is))
			continue;
		l.entry[l.n++] = all->entry[i];
		l.denies += i < all->denies;
	}
	*ret = l;
	return true;
}

static bool
build_cells(struct policy *p, struct eval_index *ix)
{
	for (unsigned a = 0; a < ACTION_COUNT; a++)
		for (unsigned s = 0; s < STATE_OPEN; s++)
			if (!build_cell(p, &ix->all, bit(AT_ACTION, a) | bit(AT_STATE, s),
				    &ix->cells[a][s]))
				return false;
	return true;
}

/* ---- buckets ---- */

static uint32_t
hash_of(enum when_key key, struct span text)
{
	uint64_t h = 14695981039346656037U ^ (uint64_t)key;

	for (size_t i = 0; i < text.n; i++)
		h = (h ^ (unsigned char)text.p[i]) * 1099511628211U;
	return (uint32_t)(h ^ h >> 32);
}

/* The slot of the text, or the empty one where it belongs. */
static size_t
slot_of(const struct eval_index *ix, enum when_key key, struct span text)
{
	uint32_t hash = hash_of(key, text);
	size_t i = hash & (ix->n_slots - 1);

	while (ix->slots[i].text.p != NULL &&
		(ix->slots[i].hash != hash || ix->slots[i].key != key ||
			!span_eq(ix->slots[i].text, text)))
		i = (i + 1) & (ix->n_slots - 1);
	return i;
}

/* The list that a rule is found by, or NULL: it asks for no text. */
static const struct text_list *
texts_of(const struct rule *r)
{
	enum when_key key = key_of(r);

	return key < WHEN_COUNT ? &r->texts[key - WHEN_ENTITLEMENT] : NULL;
}

static bool
new_slots(struct policy *p, struct eval_index *ix, size_t *ret_texts)
{
	size_t texts = 0;

	for (size_t i = 0; i < p->n_rules; i++) {
		const struct text_list *l = texts_of(&p->rules[i]);
		texts += l != NULL ? l->n : 0;
	}
	ix->n_slots = 1;
	while (ix->n_slots < texts * 2)
		ix->n_slots *= 2;
	ix->slots = arena_array(&p->arena, ix->n_slots, sizeof(*ix->slots));
	*ret_texts = texts;
	return ix->slots != NULL;
}

static uint64_t
cells_of(const struct rule *r)
{
	uint64_t states =
		(r->uses >> WHEN_STATE & 1U) != 0 ? r->sets[WHEN_STATE] : (1U << STATE_OPEN) - 1;
	uint64_t cells = 0;

	for (unsigned a = 0; a < ACTION_COUNT; a++)
		if ((r->actions >> a & 1U) != 0)
			cells |= states << (a * STATE_OPEN);
	return cells;
}

/* How many rules each text has. */
static void
count_texts(const struct policy *p, struct eval_index *ix)
{
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct rule *r = &p->rules[i];
		const struct text_list *l = texts_of(r);
		enum when_key key = key_of(r);
		for (size_t k = 0; l != NULL && k < l->n; k++) {
			struct index_bucket *b = &ix->slots[slot_of(ix, key, l->item[k])];
			b->text = l->item[k];
			b->hash = hash_of(key, b->text);
			b->key = (uint8_t)key;
			b->cells |= cells_of(r);
			b->list.n++;
			b->list.denies += !r->permit;
		}
	}
}

/*
 * That the text of its bucket is there need not be looked at again; but an entitlement may count
 * only beside a named issuer.
 */
static void
hang_rule(const struct policy *p, struct eval_index *ix, const struct index_entry *all)
{
	const struct rule *r = &p->rules[all->rule];
	const struct text_list *l = texts_of(r);
	enum when_key key = key_of(r);
	struct index_entry e = *all;

	if (l != NULL && key != WHEN_ENTITLEMENT)
		e.texts &= (uint16_t) ~(1U << (key - WHEN_ENTITLEMENT));
	for (size_t k = 0; l != NULL && k < l->n; k++) {
		struct index_list *to = &ix->slots[slot_of(ix, key, l->item[k])].list;
		to->entry[to->n++] = e;
	}
}

static bool
build_buckets(struct policy *p, struct eval_index *ix)
{
	size_t texts = 0;

	if (!new_slots(p, ix, &texts))
		return false;
	struct index_entry *e = arena_array(&p->arena, texts, sizeof(*e));
	if (e == NULL)
		return false;
	count_texts(p, ix);
	for (size_t i = 0; i < ix->n_slots; i++) {
		ix->slots[i].list.entry = e;
		e += ix->slots[i].list.n;
		ix->slots[i].list.n = 0;
	}
	for (uint32_t i = 0; i < ix->all.n; i++)
		hang_rule(p, ix, &ix->all.entry[i]);
	return true;
}

bool
eval_index_build(struct policy *p)
{
	struct eval_index *ix = arena_alloc(&p->arena, sizeof(*ix));

	if (ix == NULL || !list_all(p, &ix->all) || !build_cells(p, ix) || !build_buckets(p, ix))
		return false;
	p->index = ix;
	return true;
}

const struct index_bucket *
eval_index_bucket(const struct eval_index *ix, enum when_key key, struct span text)
{
	if (text.p == NULL)
		return NULL;
	const struct index_bucket *b = &ix->slots[slot_of(ix, key, text)];
	return b->text.p != NULL ? b : NULL;
}

/* ---- finding the rule ---- */

struct search {
	const struct prepared *q;
	struct index_bits bits;
	uint32_t best; /* number of the rule found so far, or NONE */
};
#define NONE UINT32_MAX

static inline bool
entry_matches(const struct search *s, const struct index_entry *e)
{
	uint32_t some = e->some & s->bits.some;

	if ((e->never & s->bits.is) != 0 || (some & GROUP(SOME_ROLE, ROLE_COUNT)) == 0 ||
		(some & GROUP(SOME_FLAG, FLAG_COUNT)) == 0 ||
		(some & GROUP(SOME_REACHED, REACHED_COUNT)) == 0)
		return false;
	return e->texts == 0 || eval_matches(&s->q->policy->rules[e->rule], s->q->facts,
					&s->q->view, ~((uint32_t)e->texts << WHEN_ENTITLEMENT));
}

/* The first one that matches, unless the best is before it. */
static inline void
search_entries(struct search *s, const struct index_entry *e, size_t n)
{
	for (size_t i = 0; i < n && e[i].rule < s->best; i++)
		if (entry_matches(s, &e[i])) {
			s->best = e[i].rule;
			return;
		}
}

static inline void
search_list(struct search *s, const struct index_list *l, bool permit)
{
	if (permit)
		search_entries(s, l->entry + l->denies, l->n - l->denies);
	else
		search_entries(s, l->entry, l->denies);
}

const struct rule *
eval_index_find(const struct prepared *q, enum action action)
{
	const struct eval_index *ix = q->policy->index;
	unsigned state = q->view.state - 1;
	uint64_t cell = (uint64_t)1 << ((unsigned)action * STATE_OPEN + state);
	struct search s = {.q = q, .bits = q->bits, .best = NONE};

	s.bits.is |= bit(AT_ACTION, action);
	for (int permit = 0; permit < 2 && s.best == NONE; permit++) {
		if (q->way == BY_LIST) {
			search_list(&s, &ix->all, permit);
			continue;
		}
		search_list(&s, &ix->cells[action][state], permit);
		for (size_t i = 0; i < q->n_buckets; i++)
			if ((q->bucket[i]->cells & cell) != 0)
				search_list(&s, &q->bucket[i]->list, permit);
	}
	return s.best != NONE ? &q->policy->rules[s.best] : NULL;
}
