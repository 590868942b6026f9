/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/form.h"

#include "policy/scalar.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 60, KEYS_MAX = 48 };

/* ---- issues, kept in file order ---- */

static void
insert_issue(struct form *f, const struct form_issue *is)
{
	size_t at = f->n_issues;

	f->errors++;
	while (at > 0 &&
		(f->issues[at - 1].line > is->line ||
			(f->issues[at - 1].line == is->line && f->issues[at - 1].col > is->col)))
		at--;
	if (at == FORM_ISSUES)
		return;
	if (f->n_issues < FORM_ISSUES)
		f->n_issues++;
	memmove(&f->issues[at + 1], &f->issues[at], (f->n_issues - 1 - at) * sizeof(f->issues[0]));
	f->issues[at] = *is;
}

void
form_error(struct form *f, unsigned line, unsigned col, const char *fmt, ...)
{
	struct form_issue is = {.line = line, .col = col};
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(is.msg, sizeof(is.msg), fmt, ap);
	va_end(ap);
	insert_issue(f, &is);
}

void
form_report(const struct form *f, struct buf *report)
{
	unsigned count = 0;

	for (size_t i = 0; i < f->n_issues; i++)
		yaml_error(report, f->file, f->issues[i].line, f->issues[i].col, &count, "%s",
			f->issues[i].msg);
}

struct span
form_short(struct span s)
{
	if (s.n <= SHOWN)
		return s;
	s.n = SHOWN;
	while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xC0U) == 0x80)
		s.n--;
	return s;
}
#define SHOW(s) SPAN_ARG(form_short(s))

void *
form_alloc(struct form *f, size_t n, size_t size)
{
	void *p = arena_array(&f->p->arena, n > 0 ? n : 1, size);

	if (p == NULL)
		f->no_memory = true;
	return p;
}

/* ---- shapes ---- */

bool
form_is_map(struct form *f, const struct yaml_node *v)
{
	if (v->kind == YAML_MAP)
		return true;
	form_error_value(f, v, "must be a mapping: '%.*s'", SHOW(v->key));
	return false;
}

bool
form_is_scalar(struct form *f, const struct yaml_node *v)
{
	if (v->kind == YAML_SCALAR)
		return true;
	form_error_value(f, v, "must be a scalar: '%.*s'", SHOW(v->key));
	return false;
}

bool
form_is_list(struct form *f, const struct yaml_node *v, bool may_be_empty)
{
	if (v->kind == YAML_MAP) {
		form_error_value(f, v, "must be a list: '%.*s'", SHOW(v->key));
		return false;
	}
	if (v->kind == YAML_LIST && v->n == 0 && !may_be_empty) {
		form_error_value(f, v, "empty list of '%.*s': name at least one", SHOW(v->key));
		return false;
	}
	return true;
}

static void
unknown_key(struct form *f, const struct yaml_node *v, const char *what,
	const struct form_key *keys, size_t n)
{
	const char *names[KEYS_MAX];

	for (size_t i = 0; i < n && i < KEYS_MAX; i++)
		names[i] = keys[i].name;
	const char *near = yaml_near(v->key, names, n < KEYS_MAX ? n : KEYS_MAX);
	form_error_key(f, v, "unknown key '%.*s' in %s%s%s%s", SHOW(v->key), what,
		near != NULL ? ", did you mean '" : "", near != NULL ? near : "",
		near != NULL ? "'?" : "");
}

static const struct form_key *
find_key(struct span name, const struct form_key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (span_is(name, keys[i].name))
			return &keys[i];
	return NULL;
}

bool
form_map(struct form *f, const struct yaml_node *v, const char *what, const struct form_key *keys,
	size_t n, void *into)
{
	if (!form_is_map(f, v))
		return false;
	for (size_t i = 0; i < n; i++)
		if (keys[i].required && yaml_get(v, keys[i].name) == NULL)
			form_error_value(f, v, "missing key '%s' in %s", keys[i].name, what);
	for (const struct yaml_node *c = v->child; c != NULL; c = c->next) {
		const struct form_key *k = find_key(c->key, keys, n);
		if (k == NULL)
			unknown_key(f, c, what, keys, n);
		else if (k->take != NULL)
			k->take(f, c, into);
	}
	return true;
}

/* ---- scalars ---- */

bool
form_text(struct form *f, const struct yaml_node *v, struct span *ret)
{
	if (!form_is_scalar(f, v))
		return false;
	*ret = v->text;
	return true;
}

bool
form_ident(struct form *f, const struct yaml_node *v, struct span *ret)
{
	if (!form_is_scalar(f, v))
		return false;
	if (!scalar_ident(v->text)) {
		form_error_value(f, v,
			"bad identifier '%.*s': small letters, digits and '-', a letter first",
			SHOW(v->text));
		return false;
	}
	*ret = v->text;
	return true;
}

bool
form_number(struct form *f, const struct yaml_node *v, unsigned *ret)
{
	if (!form_is_scalar(f, v))
		return false;
	if (scalar_number(v->text, ret))
		return true;
	form_error_value(f, v, "bad number '%.*s': digits alone, no zero first", SHOW(v->text));
	return false;
}

bool
form_date(struct form *f, const struct yaml_node *v, int32_t *ret)
{
	if (!form_is_scalar(f, v))
		return false;
	if (scalar_date(v->text, ret))
		return true;
	form_error_value(f, v, "bad date '%.*s': a day that exists, as 2027-05-31", SHOW(v->text));
	return false;
}

bool
form_when(struct form *f, const struct yaml_node *v, struct when *ret)
{
	if (!form_is_scalar(f, v))
		return false;
	if (facts_parse_when(v->text, ret))
		return true;
	/* Without a time in it, a date was meant. */
	form_error_value(f, v,
		"bad time '%.*s'%s: write 2027-05-31, 2027-05-31T08:00:00Z or ...+02:00",
		SHOW(v->text), v->text.n <= 10 ? " (bad date)" : "");
	return false;
}

bool
form_period(struct form *f, const struct yaml_node *v, struct period *ret)
{
	if (!form_is_scalar(f, v))
		return false;
	if (scalar_period(v->text, ret))
		return true;
	form_error_value(
		f, v, "bad period '%.*s': a number and y, m (months) or d, as 3y", SHOW(v->text));
	return false;
}

bool
form_duration(struct form *f, const struct yaml_node *v, unsigned *ret)
{
	if (!form_is_scalar(f, v))
		return false;
	if (scalar_duration(v->text, ret))
		return true;
	form_error_value(
		f, v, "bad duration '%.*s': a number and s, min, h or d, as 30min", SHOW(v->text));
	return false;
}

/* ---- closed lists ---- */

static void
unknown_value(struct form *f, const struct yaml_node *v, const char *const *names, int n)
{
	const char *near = yaml_near(v->text, names, (size_t)n);
	char all[160] = "";
	size_t at = 0;

	for (int i = 0; i < n && at < sizeof(all); i++) {
		int m = snprintf(all + at, sizeof(all) - at, "%s%s", i > 0 ? " " : "", names[i]);
		at += m > 0 ? (size_t)m : 0;
	}
	if (near != NULL)
		form_error_value(
			f, v, "unknown value '%.*s', did you mean '%s'?", SHOW(v->text), near);
	else
		form_error_value(f, v, "unknown value '%.*s': one of %s", SHOW(v->text), all);
}

bool
form_choice(struct form *f, const struct yaml_node *v, const char *const *names, int n, int *ret)
{
	if (!form_is_scalar(f, v))
		return false;
	int i = facts_name(v->text, names, n);
	if (i < 0) {
		unknown_value(f, v, names, n);
		return false;
	}
	*ret = i;
	return true;
}

bool
form_choices(struct form *f, const struct yaml_node *v, const char *const *names, int n,
	bool may_be_empty, uint32_t *ret)
{
	uint32_t set = 0;
	bool ok = true;

	if (!form_is_list(f, v, may_be_empty))
		return false;
	for (const struct yaml_node *i = form_first(v); i != NULL; i = form_next(v, i)) {
		int bit = 0;
		if (!form_choice(f, i, names, n, &bit)) {
			ok = false;
			continue;
		}
		if ((set >> bit & 1U) != 0) {
			form_error_value(f, i, "duplicate value '%s'", names[bit]);
			ok = false;
		}
		set |= 1U << bit;
	}
	if (ok)
		*ret = set;
	return ok;
}

/* ---- roles ---- */

static void
add_role(struct role_list *l, enum policy_role r)
{
	if ((l->set >> r & 1U) != 0)
		return;
	l->set |= 1U << r;
	l->order[l->n++] = r;
}

static struct form_group *
find_group(struct form *f, struct span name)
{
	for (size_t i = 0; i < f->n_groups; i++)
		if (span_eq(f->groups[i].name, name))
			return &f->groups[i];
	return NULL;
}

static void
unknown_role(struct form *f, const struct yaml_node *v, bool roles_only)
{
	const char *near =
		yaml_near(v->text, f->role_words, ROLE_COUNT + (roles_only ? 0 : f->n_groups));

	if (near != NULL)
		form_error_value(
			f, v, "unknown role '%.*s', did you mean '%s'?", SHOW(v->text), near);
	else
		form_error_value(f, v, "unknown role '%.*s'%s", SHOW(v->text),
			roles_only && find_group(f, v->text) != NULL
				? ": a group cannot stand here, name its roles"
				: "");
}

/* One item; `named` collects the roles that were written out, to find a second one. */
static bool
take_role(struct form *f, const struct yaml_node *i, bool roles_only, uint32_t *named,
	struct role_list *ret)
{
	if (!form_is_scalar(f, i))
		return false;
	int role = facts_name(i->text, role_names, ROLE_COUNT);
	struct form_group *g = role < 0 && !roles_only ? find_group(f, i->text) : NULL;
	if (role < 0 && g == NULL) {
		unknown_role(f, i, roles_only);
		return false;
	}
	if (g != NULL ? g->list == f->lists : (*named >> role & 1U) != 0) {
		form_error_value(f, i, "duplicate value '%.*s'", SHOW(i->text));
		return false;
	}
	if (g == NULL) {
		*named |= 1U << role;
		add_role(ret, (enum policy_role)role);
		return true;
	}
	g->list = f->lists;
	for (size_t k = 0; k < g->roles.n; k++)
		add_role(ret, g->roles.order[k]);
	return true;
}

bool
form_roles(struct form *f, const struct yaml_node *v, bool roles_only, bool may_be_empty,
	struct role_list *ret)
{
	struct role_list l = {0};
	uint32_t named = 0;
	bool ok = true;

	if (!form_is_list(f, v, may_be_empty))
		return false;
	f->lists++;
	for (const struct yaml_node *i = form_first(v); i != NULL; i = form_next(v, i))
		if (!take_role(f, i, roles_only, &named, &l))
			ok = false;
	if (ok)
		*ret = l;
	return ok;
}

/* ---- lists of text ---- */

static int
word_cmp(const void *a, const void *b)
{
	const struct form_word *x = a;
	const struct form_word *y = b;
	int d = span_cmp(x->text, y->text);

	if (d != 0)
		return d;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->col < y->col ? -1 : x->col > y->col;
}

void
form_unique(struct form *f, struct form_word *words, size_t n, const char *what)
{
	qsort(words, n, sizeof(words[0]), word_cmp);
	for (size_t i = 1; i < n; i++)
		if (span_eq(words[i].text, words[i - 1].text))
			form_error(f, words[i].line, words[i].col, "%s '%.*s', first on line %u",
				what, SHOW(words[i].text), words[i - 1].line);
}

bool
form_has_word(const struct form_word *words, size_t n, struct span s)
{
	size_t lo = 0;

	while (lo < n) {
		size_t mid = lo + (n - lo) / 2;
		int d = span_cmp(s, words[mid].text);
		if (d == 0)
			return true;
		if (d < 0)
			n = mid;
		else
			lo = mid + 1;
	}
	return false;
}

/* The items as words, in the order of the file, of at most `max` bytes each. */
static struct form_word *
take_words(struct form *f, const struct yaml_node *v, size_t max, bool may_be_empty, size_t *ret_n)
{
	size_t n = 0;
	bool ok = true;

	if (!form_is_list(f, v, may_be_empty))
		return NULL;
	struct form_word *words = form_alloc(f, v->kind == YAML_LIST ? v->n : 1, sizeof(words[0]));
	if (words == NULL)
		return NULL;
	for (const struct yaml_node *i = form_first(v); i != NULL; i = form_next(v, i)) {
		if (!form_is_scalar(f, i)) {
			ok = false;
			continue;
		}
		if (i->text.n > max) {
			form_error_value(f, i, "too large: %zu bytes, at most %zu", i->text.n, max);
			ok = false;
		}
		words[n++] = (struct form_word){i->text, i->line, i->col};
	}
	*ret_n = n;
	return ok ? words : NULL;
}

bool
form_texts(struct form *f, const struct yaml_node *v, size_t max, bool may_be_empty,
	const struct span **ret, size_t *ret_n)
{
	size_t n = 0;
	struct form_word *words = take_words(f, v, max, may_be_empty, &n);
	struct span *out = words != NULL ? form_alloc(f, n, sizeof(*out)) : NULL;

	if (out == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		out[i] = words[i].text;
	form_unique(f, words, n, "duplicate value");
	*ret = out;
	*ret_n = n;
	return true;
}

bool
form_sorted(struct form *f, const struct yaml_node *v, size_t max, struct text_list *ret)
{
	size_t n = 0;
	struct form_word *words = take_words(f, v, max, false, &n);
	struct span *out = words != NULL ? form_alloc(f, n, sizeof(*out)) : NULL;

	if (out == NULL)
		return false;
	form_unique(f, words, n, "duplicate value");
	for (size_t i = 0; i < n; i++)
		out[i] = words[i].text;
	*ret = (struct text_list){out, n};
	return true;
}
