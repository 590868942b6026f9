/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/parse_keep.h"

#define KEYS(a) (a), sizeof(a) / sizeof((a)[0])

enum {
	STREAM_AGE = 86400,
	AUDIT_MONTHS = 12,
	PSEUDONYM_DAYS = 90,
	LINK_DAYS = 90,
};

void
parse_keep_defaults(struct policy *p)
{
	p->stream_max_age = STREAM_AGE;
	p->audit_retention = (struct period){.months = AUDIT_MONTHS};
	p->audit_pseudonymise_after = (struct period){.days = PSEUDONYM_DAYS};
	p->links_by = (struct role_list){.set = 1U << ROLE_PI, .order = {ROLE_PI}, .n = 1};
	p->links_max_age = (struct period){.days = LINK_DAYS};
}

static void
take_on_deny(struct form *f, const struct yaml_node *v, void *into)
{
	static const char *const names[] = {"cut", "finish"};
	int i = 0;

	if (form_choice(f, v, names, 2, &i))
		((struct policy *)into)->finish = i == 1;
}

static void
take_stream_age(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_duration(f, v, &((struct policy *)into)->stream_max_age);
}

void
parse_keep_streams(struct form *f, const struct yaml_node *v, void *into)
{
	static const struct form_key keys[] = {
		{"on_deny", false, take_on_deny},
		{"max_age", false, take_stream_age},
	};
	(void)form_map(f, v, "streams", KEYS(keys), into);
}

static void
take_audit_retention(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_period(f, v, &((struct policy *)into)->audit_retention);
}

static void
take_pseudonymise(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_period(f, v, &((struct policy *)into)->audit_pseudonymise_after);
}

void
parse_keep_audit(struct form *f, const struct yaml_node *v, void *into)
{
	static const struct form_key keys[] = {
		{"retention", false, take_audit_retention},
		{"pseudonymise_after", false, take_pseudonymise},
	};
	(void)form_map(f, v, "audit", KEYS(keys), into);
}

void
parse_keep_retention(struct form *f, const struct yaml_node *v, void *into)
{
	struct policy *p = into;
	struct form_key keys[KIND_COUNT] = {0};

	for (int i = 0; i < KIND_COUNT; i++)
		keys[i].name = kind_names[i];
	if (!form_map(f, v, "retention", KEYS(keys), NULL))
		return;
	for (const struct yaml_node *c = v->child; c != NULL; c = c->next) {
		int kind = facts_name(c->key, kind_names, KIND_COUNT);
		if (kind >= 0 && form_period(f, c, &p->retention[kind]))
			p->has_retention |= 1U << kind;
	}
}

static void
take_mint(struct form *f, const struct yaml_node *v, void *into)
{
	int i = 0;

	((struct policy *)into)->mint_at = form_place(v);
	if (form_choice(f, v, model_mints, MINT_COUNT, &i))
		((struct policy *)into)->mint = (enum doi_mint)i;
}

void
parse_keep_doi(struct form *f, const struct yaml_node *v, void *into)
{
	static const struct form_key keys[] = {{"mint", true, take_mint}};

	(void)form_map(f, v, "doi", KEYS(keys), into);
}

static void
take_links_by(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_roles(f, v, false, true, &((struct policy *)into)->links_by);
}

static void
take_links_age(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_period(f, v, &((struct policy *)into)->links_max_age);
}

void
parse_keep_links(struct form *f, const struct yaml_node *v, void *into)
{
	static const struct form_key keys[] = {
		{"by", false, take_links_by},
		{"max_age", false, take_links_age},
	};
	(void)form_map(f, v, "reviewer_links", KEYS(keys), into);
}
