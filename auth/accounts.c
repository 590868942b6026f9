/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/accounts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/arena.h"
#include "agent/base/scope.h"
#include "agent/base/siphash.h"
#include "agent/base/yaml.h"
#include "auth/claims.h"

#define TREE_BYTES ((size_t)64 << 20) /* of the YAML tree, beside five times its text */
#define NODES_MAX  4000000U           /* nodes and keys: 40 of a row */
#define NONE       UINT32_MAX

struct link {
	uint32_t issuer;
	uint32_t claim; /* index into the issuer's names; 0: the unique id */
	struct span value, user;
	struct span *proposals;
	size_t n_proposals;
	unsigned line;
};

/* The claims that the rows of one issuer name; the first is its unique id. */
struct names {
	struct span item[ACCOUNTS_CLAIMS_MAX];
	uint32_t n;
};

struct accounts {
	const struct issuers *issuers;
	struct names *names; /* one for each issuer */
	struct link *row;
	size_t n;
	uint32_t *slot;   /* open addressing: index of a row, or NONE */
	size_t slots;     /* a power of two */
	struct arena mem; /* the texts */
};

struct reading {
	struct accounts *a;
	const char *file;
	struct buf *report;
	unsigned faults;
	unsigned warned; /* bits: what was warned of already */
};

#define FAULT(r, node, ...)                                                                        \
	yaml_error((r)->report, (r)->file, (node)->line, (node)->col, &(r)->faults, __VA_ARGS__)

/* ---- the table ---- */

static uint64_t
hash(uint32_t issuer, uint32_t claim, struct span value)
{
	const uint64_t key[2] = {issuer, claim};

	return siphash(key, value);
}

/* The slot of the row, or the empty one where it belongs. */
static uint32_t *
slot_of(const struct accounts *a, uint32_t issuer, uint32_t claim, struct span value)
{
	size_t at = hash(issuer, claim, value) & (a->slots - 1);

	while (a->slot[at] != NONE) {
		const struct link *l = &a->row[a->slot[at]];
		if (l->issuer == issuer && l->claim == claim && span_eq(l->value, value))
			break;
		at = (at + 1) & (a->slots - 1);
	}
	return &a->slot[at];
}

/* Everything lies in one arena: the tables first, then `bytes` of texts. */
static bool
make_room(struct accounts *a, size_t rows, size_t bytes, struct err *e)
{
	size_t issuers = a->issuers->n;

	a->slots = 16;
	while (a->slots < rows * 2)
		a->slots *= 2;
	size_t tables = (rows + 1) * sizeof(*a->row) + a->slots * sizeof(*a->slot) +
			(issuers + 1) * sizeof(*a->names) + 64;
	if (!arena_init(&a->mem, tables + bytes))
		return err_set(e, ERR_SYSTEM, NULL, "accounts: no memory");
	a->row = arena_array(&a->mem, rows + 1, sizeof(*a->row));
	a->slot = arena_array(&a->mem, a->slots, sizeof(*a->slot));
	a->names = arena_array(&a->mem, issuers + 1, sizeof(*a->names));
	if (a->row == NULL || a->slot == NULL || a->names == NULL)
		return err_set(e, ERR_LIMIT, NULL, "accounts: no memory");
	memset(a->slot, 0xff, a->slots * sizeof(*a->slot));
	for (size_t i = 0; i < issuers; i++)
		a->names[i] = (struct names){{a->issuers->item[i].user}, 1};
	return true;
}

void
accounts_free(struct accounts *a)
{
	if (a == NULL)
		return;
	arena_fini(&a->mem);
	free(a);
}

size_t
accounts_count(const struct accounts *a)
{
	return a->n;
}

/* ---- reading ---- */

static void
warn(struct reading *r, const struct yaml_node *at, unsigned what, const char *text)
{
	if ((r->warned & 1U << what) == 0)
		buf_addf(r->report, "%s:%u:%u: warning: %s\n", r->file, at->line, at->col, text);
	r->warned |= 1U << what;
}

/* A text of a row, of 1 to 256 bytes without control characters; absent: a fault, or not there. */
static struct span
text_of(struct reading *r, const struct yaml_node *v, const char *key)
{
	if (v == NULL)
		return SPAN_NONE;
	if (v->kind != YAML_SCALAR)
		FAULT(r, v, "%s must be one text", key);
	else if (v->text.n == 0 || v->text.n > ACCOUNTS_TEXT_MAX)
		FAULT(r, v, "%s: expected 1 to %u bytes", key, ACCOUNTS_TEXT_MAX);
	else if (span_control(v->text))
		FAULT(r, v, "%s: holds a control character", key);
	else
		return v->text;
	return SPAN_NONE;
}

static bool
is_name(const struct settings_list *list, struct span name)
{
	for (size_t k = 0; k < list->n; k++)
		if (span_is(name, list->item[k]))
			return true;
	return false;
}

/* Index of the issuer that has, or had, this name; NONE: of no issuer here. */
static uint32_t
issuer_of(const struct issuers *all, struct span name)
{
	const struct issuer *i = issuers_find(all, name);

	if (i != NULL)
		return (uint32_t)(i - all->item);
	for (size_t k = 0; k < all->n; k++)
		if (is_name(&all->item[k].settings->formerly, name))
			return (uint32_t)k;
	return NONE;
}

/* Names that their holder may choose are no ground to give rights on (OpenID Connect Core 5.7). */
static void
check_claim(struct reading *r, const struct yaml_node *v)
{
	static const char *const weak[] = {"preferred_username", "name", "nickname", "given_name",
		"family_name", "profile", "website"};

	for (size_t k = 0; k < sizeof(weak) / sizeof(weak[0]); k++)
		if (span_is(v->text, weak[k]))
			warn(r, v, 0,
				"claim: where its holder may choose this value, anybody may take "
				"another one's account; better link `sub` (OpenID Connect Core "
				"1.0, 5.7)");
}

/* Index of the claim among the issuer's, which is added when it is new. */
static uint32_t
claim_of(struct reading *r, uint32_t issuer, const struct yaml_node *v)
{
	struct names *names = &r->a->names[issuer];

	if (v == NULL || text_of(r, v, "claim").p == NULL)
		return 0;
	for (uint32_t k = 0; k < names->n; k++)
		if (span_eq(names->item[k], v->text))
			return k;
	if (names->n == ACCOUNTS_CLAIMS_MAX) {
		FAULT(r, v, "claim: more than %u different ones for this issuer",
			ACCOUNTS_CLAIMS_MAX);
		return 0;
	}
	check_claim(r, v);
	names->item[names->n] = arena_span(&r->a->mem, v->text);
	return names->n++;
}

static void
read_proposals(struct reading *r, const struct yaml_node *list, struct link *l)
{
	if (list == NULL)
		return;
	if (list->kind != YAML_LIST || list->n > ACCOUNTS_PROPOSALS_MAX) {
		FAULT(r, list, "proposals must be a list of at most %u", ACCOUNTS_PROPOSALS_MAX);
		return;
	}
	l->proposals = arena_array(&r->a->mem, list->n, sizeof(struct span));
	for (const struct yaml_node *v = list->child; l->proposals != NULL && v != NULL;
		v = v->next)
		l->proposals[l->n_proposals++] =
			arena_span(&r->a->mem, text_of(r, v, "a proposal"));
}

/* The value as it is compared: eduPersonUniqueId in lower case, as the claims have it. */
static struct span
read_value(struct reading *r, const struct link *l, struct span text)
{
	char *copy = arena_str(&r->a->mem, text);
	bool low = l->claim == 0 && r->a->issuers->item[l->issuer].edu_id;

	for (size_t k = 0; copy != NULL && low && k < text.n; k++)
		if (copy[k] >= 'A' && copy[k] <= 'Z')
			copy[k] = (char)(copy[k] - 'A' + 'a');
	return copy != NULL ? (struct span){copy, text.n} : SPAN_NONE;
}

static void
keep(struct reading *r, const struct yaml_node *map, const struct link *l)
{
	uint32_t *slot = slot_of(r->a, l->issuer, l->claim, l->value);

	if (*slot != NONE) {
		FAULT(r, map, "this user stands twice, first in line %u", r->a->row[*slot].line);
		return;
	}
	*slot = (uint32_t)r->a->n;
	r->a->row[r->a->n++] = *l;
}

static void
unknown_key(struct reading *r, const struct yaml_node *v, const char *const *names, size_t n)
{
	const char *near = yaml_near(v->key, names, n);

	yaml_error(r->report, r->file, v->key_line, v->key_col, &r->faults,
		"unknown key \"%.*s\"%s%s%s", SPAN_ARG(v->key),
		near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
		near != NULL ? "\"?" : "");
}

static bool
known_keys(struct reading *r, const struct yaml_node *map, const char *const *names, size_t n)
{
	unsigned before = r->faults;

	if (map->kind != YAML_MAP) {
		FAULT(r, map, "expected a mapping with %s", names[0]);
		return false;
	}
	for (const struct yaml_node *v = map->child; v != NULL; v = v->next) {
		bool known = false;
		for (size_t k = 0; k < n; k++)
			known = known || span_is(v->key, names[k]);
		if (!known)
			unknown_key(r, v, names, n);
	}
	return r->faults == before;
}

static void
read_row(struct reading *r, const struct yaml_node *map)
{
	static const char *const keys[] = {"issuer", "claim", "value", "user", "proposals"};
	unsigned before = r->faults;
	struct link l = {.line = map->line};

	if (!known_keys(r, map, keys, sizeof(keys) / sizeof(keys[0])))
		return;
	struct span issuer = text_of(r, yaml_get(map, "issuer"), "issuer");
	struct span value = text_of(r, yaml_get(map, "value"), "value");
	struct span user = text_of(r, yaml_get(map, "user"), "user");
	if (r->faults == before && (issuer.p == NULL || value.p == NULL))
		FAULT(r, map, "a row needs an issuer and a value");
	else if (yaml_get(map, "user") == NULL && yaml_get(map, "proposals") == NULL)
		FAULT(r, map, "a row needs a user or proposals: what is it linked to?");
	if (r->faults > before)
		return;
	l.issuer = issuer_of(r->a->issuers, issuer);
	if (l.issuer == NONE) {
		warn(r, map, 1,
			"no issuer of this name in agent.yaml, so the row is not used (there may "
			"be more of them)");
		return;
	}
	l.claim = claim_of(r, l.issuer, yaml_get(map, "claim"));
	l.value = read_value(r, &l, value);
	l.user = user.p != NULL ? arena_span(&r->a->mem, user) : SPAN_NONE;
	read_proposals(r, yaml_get(map, "proposals"), &l);
	if (r->faults == before)
		keep(r, map, &l);
}

/* What the texts need: each begins at a multiple of 16, a proposal has a span before it. */
static size_t
text_bytes(const struct yaml_node *list)
{
	size_t total = 4096;

	for (const struct yaml_node *row = list->child; row != NULL; row = row->next)
		for (const struct yaml_node *v = row->child; v != NULL; v = v->next)
			total +=
				v->kind == YAML_LIST
					? v->n * (ACCOUNTS_TEXT_MAX + 32 + sizeof(struct span)) + 32
					: v->text.n + 32;
	return total;
}

static bool
read_all(struct reading *r, const struct yaml_node *top, struct err *e)
{
	static const char *const keys[] = {"accounts"};

	if (!known_keys(r, top, keys, 1))
		return true;
	const struct yaml_node *list = yaml_get(top, "accounts");
	if (list == NULL || list->kind != YAML_LIST) {
		FAULT(r, list != NULL ? list : top, "the list `accounts` is missing");
		return true;
	}
	if (list->n > ACCOUNTS_MAX) {
		FAULT(r, list, "accounts has more than %u rows", ACCOUNTS_MAX);
		return true;
	}
	if (!make_room(r->a, list->n, text_bytes(list), e))
		return false;
	for (const struct yaml_node *v = list->child; v != NULL; v = v->next)
		read_row(r, v);
	return true;
}

bool
accounts_load(struct span text, const char *file, const struct issuers *issuers, struct buf *report,
	struct accounts **ret, struct err *e)
{
	const struct yaml_limits limits = {ACCOUNTS_BYTES_MAX, NODES_MAX};
	struct accounts *a = calloc(1, sizeof(*a));
	struct reading r = {.a = a, .file = file, .report = report};
	AUTO_ARENA tree = {0};
	bool ok = false;

	if (a == NULL || !arena_init(&tree, TREE_BYTES + 5 * text.n)) {
		free(a);
		return err_set(e, ERR_SYSTEM, NULL, "accounts: no memory");
	}
	a->issuers = issuers;
	const struct yaml_node *top = yaml_parse_large(file, text, &limits, &tree, report);
	if (top == NULL)
		ok = err_set(e, ERR_SYNTAX, NULL, "%s is not of the YAML subset", file);
	else if (!read_all(&r, top, e))
		ok = false;
	else if (r.faults > 0)
		ok = err_set(e, ERR_SYNTAX, NULL, "%s has %u faults", file, r.faults);
	else if (a->mem.full)
		ok = err_set(e, ERR_LIMIT, NULL, "%s is too large", file);
	else
		ok = true;
	if (!ok) {
		accounts_free(a);
		return false;
	}
	*ret = a;
	return true;
}

/* ---- asking ---- */

bool
accounts_row(const struct accounts *a, size_t i, struct span *iss, struct span *id,
	struct span *user)
{
	const struct link *l = &a->row[i];

	if (l->claim != 0)
		return false;
	*iss = a->issuers->item[l->issuer].iss;
	*id = l->value;
	*user = l->user;
	return true;
}

static bool
found(const struct accounts *a, uint32_t issuer, uint32_t claim, struct span value,
	struct subject *s)
{
	if (value.n == 0 || value.n > ACCOUNTS_TEXT_MAX)
		return false;
	uint32_t at = *slot_of(a, issuer, claim, value);
	if (at == NONE)
		return false;
	s->local_user = a->row[at].user;
	s->proposals = a->row[at].proposals;
	s->n_proposals = a->row[at].n_proposals;
	return true;
}

static bool
found_in(const struct accounts *a, uint32_t issuer, uint32_t claim, const struct json *claims,
	struct subject *s)
{
	struct span name = a->names[issuer].item[claim];
	const struct json *v = claims_at(claims, name);
	size_t n = json_kind(v) == JSON_KIND_LIST ? json_count(v) : 1;
	bool verified = true;
	struct span text;

	if (span_is(name, "email")) {
		verified = false;
		(void)json_truth(json_get(claims, "email_verified"), &verified);
	}
	for (size_t k = 0; verified && k < n && k < ACCOUNTS_VALUES_MAX; k++)
		if (json_str(json_kind(v) == JSON_KIND_LIST ? json_at(v, k) : v, &text) &&
			found(a, issuer, claim, text, s))
			return true;
	return false;
}

void
accounts_find(const struct accounts *a, const struct issuer *i, const struct json *claims,
	struct subject *s)
{
	if (a == NULL || a->n == 0 || !s->authenticated || s->local_user.n > 0 ||
		s->n_proposals > 0)
		return;
	uint32_t issuer = (uint32_t)(i - a->issuers->item);
	if (found(a, issuer, 0, s->sub, s))
		return;
	for (uint32_t k = 1; k < a->names[issuer].n; k++)
		if (found_in(a, issuer, k, claims, s))
			return;
}
