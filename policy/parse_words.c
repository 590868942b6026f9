/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/parse_words.h"

#include "policy/scalar.h"

#define KEYS(a) (a), sizeof(a) / sizeof((a)[0])

static struct place
key_place(const struct yaml_node *v)
{
	return (struct place){v->key_line, v->key_col};
}

static void
take_group(struct form *f, const struct yaml_node *v, struct form_group *g)
{
	g->name = v->key;
	g->at = key_place(v);
	if (facts_name(v->key, role_names, ROLE_COUNT) >= 0)
		form_error_key(f, v, "'%.*s' is the name of a role: choose another for the group",
			SPAN_ARG(form_short(v->key)));
	else if (!scalar_group(v->key))
		form_error_key(f, v,
			"bad identifier '%.*s' of a group: small letters, digits, '_' and '-', a "
			"letter first",
			SPAN_ARG(form_short(v->key)));
	(void)form_roles(f, v, true, false, &g->roles);
}

static void
take_groups(struct form *f, const struct yaml_node *v)
{
	size_t n = v != NULL && v->kind == YAML_MAP ? v->n : 0;

	f->role_words = form_alloc(f, ROLE_COUNT + n, sizeof(f->role_words[0]));
	struct form_group *groups = form_alloc(f, n, sizeof(groups[0]));
	if (f->role_words == NULL || groups == NULL)
		return;
	for (int i = 0; i < ROLE_COUNT; i++)
		f->role_words[i] = role_names[i];
	if (v == NULL || !form_is_map(f, v))
		return;
	size_t at = 0;
	for (const struct yaml_node *c = v->child; c != NULL; c = c->next, at++) {
		take_group(f, c, &groups[at]);
		f->role_words[ROLE_COUNT + at] = arena_str(&f->p->arena, c->key);
	}
	f->groups = groups;
	f->n_groups = n;
}

static void
take_terms_version(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_number(f, v, &((struct terms *)into)->version);
}

static void
take_terms_title(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_text(f, v, &((struct terms *)into)->title);
}

static void
take_terms_url(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_text(f, v, &((struct terms *)into)->url);
}

static const struct form_key terms_keys[] = {
	{"version", true, take_terms_version},
	{"title", true, take_terms_title},
	{"url", false, take_terms_url},
};

static void
key_ident(struct form *f, const struct yaml_node *v, const char *what)
{
	if (!scalar_ident(v->key))
		form_error_key(f, v, "bad identifier '%.*s' of %s: small letters, digits and '-'",
			SPAN_ARG(form_short(v->key)), what);
}

static void
take_terms(struct form *f, const struct yaml_node *v)
{
	if (v == NULL || !form_is_map(f, v))
		return;
	f->p->terms = form_alloc(f, v->n, sizeof(f->p->terms[0]));
	if (f->p->terms == NULL)
		return;
	for (const struct yaml_node *c = v->child; c != NULL; c = c->next) {
		struct terms *t = &f->p->terms[f->p->n_terms++];
		t->id = c->key;
		t->at = key_place(c);
		key_ident(f, c, "terms");
		(void)form_map(f, c, "terms", KEYS(terms_keys), t);
	}
}

static void
take_streams(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_number(f, v, &((struct rate *)into)->streams);
}

static void
take_mbit(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_number(f, v, &((struct rate *)into)->mbit);
}

static void
take_requests(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_number(f, v, &((struct rate *)into)->requests_per_min);
}

static void
take_rates(struct form *f, const struct yaml_node *v)
{
	static const struct form_key keys[] = {
		{"streams", false, take_streams},
		{"mbit", false, take_mbit},
		{"requests_per_min", false, take_requests},
	};
	if (v == NULL || !form_is_map(f, v))
		return;
	f->p->rates = form_alloc(f, v->n, sizeof(f->p->rates[0]));
	f->p->rates_at = form_alloc(f, v->n, sizeof(f->p->rates_at[0]));
	if (f->p->rates == NULL || f->p->rates_at == NULL)
		return;
	for (const struct yaml_node *c = v->child; c != NULL; c = c->next) {
		f->p->rates_at[f->p->n_rates] = key_place(c);
		struct rate *r = &f->p->rates[f->p->n_rates++];
		r->id = c->key;
		key_ident(f, c, "a rate class");
		(void)form_map(f, c, "rates", KEYS(keys), r);
	}
}

void
parse_words(struct form *f, const struct yaml_node *root)
{
	take_groups(f, yaml_get(root, "groups"));
	take_terms(f, yaml_get(root, "terms"));
	take_rates(f, yaml_get(root, "rates"));
}

void
parse_words_end(struct form *f)
{
	struct policy *p = f->p;

	p->groups = form_alloc(f, f->n_groups, sizeof(p->groups[0]));
	if (p->groups == NULL)
		return;
	p->n_groups = f->n_groups;
	for (size_t i = 0; i < f->n_groups; i++)
		p->groups[i] = (struct group){
			.id = f->groups[i].name,
			.at = f->groups[i].at,
			.used = f->groups[i].list > 0,
		};
}
