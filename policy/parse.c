/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/parse.h"

#include "agent/base/crypto.h"
#include "agent/base/yaml.h"
#include "policy/eval_index.h"
#include "policy/form.h"
#include "policy/parse_keep.h"
#include "policy/parse_rule.h"
#include "policy/parse_test.h"
#include "policy/parse_words.h"
#include "policy/scalar.h"

#include <stdlib.h>

enum {
	/* Nodes and compiled rules of the densest files stay below this many bytes for one of text.
	 */
	MEMORY_PER_BYTE = 192,
	MEMORY_LEAST = 1024 * 1024,
	MEMORY_MOST = 256 * 1024 * 1024,
};

#define KEYS(a) (a), sizeof(a) / sizeof((a)[0])

/* ---- the head ---- */

static void
take_policy(struct form *f, const struct yaml_node *v, void *into)
{
	struct policy *p = into;

	p->id_line = v->line;
	p->id_col = v->col;
	(void)form_ident(f, v, &p->id);
}

static void
take_version(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_number(f, v, &((struct policy *)into)->version);
}

static void
take_title(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_text(f, v, &((struct policy *)into)->title);
}

static void
take_facility(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_text(f, v, &((struct policy *)into)->facility);
}

static void
take_contact(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_text(f, v, &((struct policy *)into)->contact);
}

static void
take_timezone(struct form *f, const struct yaml_node *v, void *into)
{
	struct policy *p = into;
	struct err e = {0};

	if (!form_is_scalar(f, v))
		return;
	p->zone_name = v->text;
	if (!scalar_zone(v->text) || !zone_load(v->text, &p->zone, &e))
		form_error_value(f, v,
			"bad time zone '%.*s': a name of the tz database, as Europe/Paris%s%s",
			SPAN_ARG(form_short(v->text)), e.code != ERR_NONE ? "; " : "", e.msg);
}

static void
take_valid_from(struct form *f, const struct yaml_node *v, void *into)
{
	struct policy *p = into;

	p->from_line = v->line;
	p->from_col = v->col;
	(void)form_date(f, v, &p->valid_from);
}

static void
take_valid_until(struct form *f, const struct yaml_node *v, void *into)
{
	struct policy *p = into;

	p->has_until = form_date(f, v, &p->valid_until);
}

static void
take_milestone(struct form *f, const struct yaml_node *v, enum milestone *ret)
{
	int i = 0;

	if (form_choice(f, v, milestone_names, MILESTONE_COUNT, &i))
		*ret = (enum milestone)i;
}

static void
take_bind_on(struct form *f, const struct yaml_node *v, void *into)
{
	take_milestone(f, v, &((struct policy *)into)->bind_on);
}

static void
take_licence(struct form *f, const struct yaml_node *v, void *into)
{
	if (!form_is_scalar(f, v))
		return;
	if (!scalar_licence(v->text))
		form_error_value(f, v,
			"unknown licence '%.*s': an SPDX identifier such as CC-BY-4.0 or CC0-1.0, "
			"or "
			"LicenseRef-NAME",
			SPAN_ARG(form_short(v->text)));
	else
		((struct policy *)into)->licence = v->text;
}

/* ---- embargo ---- */

static void
take_anchor(struct form *f, const struct yaml_node *v, void *into)
{
	take_milestone(f, v, &((struct embargo *)into)->anchor);
}

static void
take_period(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_period(f, v, &((struct embargo *)into)->period);
}

static void
take_extend_by(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_roles(f, v, false, true, &((struct embargo *)into)->extend_by);
}

static void
take_approve(struct form *f, const struct yaml_node *v, void *into)
{
	struct embargo *m = into;

	m->approve_at = form_place(v);
	(void)form_roles(f, v, false, true, &m->approve);
}

static void
take_max_extension(struct form *f, const struct yaml_node *v, void *into)
{
	struct embargo *m = into;

	m->max_extension_at = form_place(v);
	if (v->kind != YAML_SCALAR || !span_is(v->text, "none"))
		m->capped = form_period(f, v, &m->max_extension);
}

static void
take_early_release(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_roles(f, v, false, true, &((struct embargo *)into)->early_release);
}

static void
take_early_approve(struct form *f, const struct yaml_node *v, void *into)
{
	struct embargo *m = into;

	m->early_approve_at = form_place(v);
	(void)form_roles(f, v, false, true, &m->early_approve);
}

static void
take_window(struct form *f, const struct yaml_node *v, void *into)
{
	struct embargo *m = into;
	struct period p = {0};

	m->window_at = form_place(v);
	if (!form_period(f, v, &p))
		return;
	if (v->text.p[v->text.n - 1] != 'd')
		form_error_value(f, v,
			"bad period '%.*s': an objection window is given in days, as 14d",
			SPAN_ARG(form_short(v->text)));
	else
		m->window = p.days;
}

static void
take_objection_by(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_roles(f, v, false, true, &((struct embargo *)into)->objection_by);
}

static const struct form_key embargo_keys[] = {
	{"anchor", true, take_anchor},
	{"period", true, take_period},
	{"extend_by", false, take_extend_by},
	{"approve", false, take_approve},
	{"max_extension", false, take_max_extension},
	{"early_release", false, take_early_release},
	{"early_approve", false, take_early_approve},
	{"objection_window", false, take_window},
	{"objection_by", false, take_objection_by},
};

static void
take_embargo(struct form *f, const struct yaml_node *v, void *into)
{
	struct policy *p = into;

	if (form_map(f, v, "embargo", KEYS(embargo_keys), &p->embargo) &&
		yaml_get(v, "objection_by") == NULL)
		p->embargo.objection_by = p->embargo.early_release;
}

/* ---- routes, flags, grants ---- */

static void
take_routes(struct form *f, const struct yaml_node *v, void *into)
{
	struct policy *p = into;
	struct form_key keys[ROUTE_COUNT] = {0};

	for (int i = 0; i < ROUTE_COUNT; i++)
		keys[i].name = route_names[i];
	if (!form_map(f, v, "routes", KEYS(keys), NULL))
		return;
	for (const struct yaml_node *c = v->child; c != NULL; c = c->next) {
		int route = facts_name(c->key, route_names, ROUTE_COUNT);
		int mode = 0;
		if (route >= 0 && form_choice(f, c, model_modes, MODE_COUNT, &mode))
			p->modes[route] = (enum mode)mode;
	}
}

static void
take_flags(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_choices(
		f, v, flag_names, FLAG_COUNT, false, &((struct policy *)into)->restrict_flags);
}

static const struct form_key restrict_keys[] = {{"flags", true, take_flags}};

static void
take_restrict(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_map(f, v, "restrict", KEYS(restrict_keys), into);
}

static void
take_grant_proprietary(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_roles(f, v, false, true, &((struct policy *)into)->grant_proprietary);
}

static void
take_grant_agreement(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_roles(f, v, false, true, &((struct policy *)into)->grant_agreement);
}

static void
take_grant_restricted(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_roles(f, v, false, true, &((struct policy *)into)->grant_restricted);
}

static void
take_grant_withdrawn(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_roles(f, v, false, true, &((struct policy *)into)->grant_withdrawn);
}

static const struct form_key grant_keys[] = {
	{"proprietary", false, take_grant_proprietary},
	{"agreement", false, take_grant_agreement},
	{"restricted", false, take_grant_restricted},
	{"withdrawn", false, take_grant_withdrawn},
};

static void
take_grant(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_map(f, v, "grant", KEYS(grant_keys), into);
}

/* ---- metadata ---- */

static void
take_public_at(struct form *f, const struct yaml_node *v, void *into)
{
	struct policy *p = into;
	struct form_key keys[REACHED_COUNT] = {0};

	for (int i = 0; i < REACHED_COUNT; i++)
		keys[i].name = model_milestones[i];
	if (!form_map(f, v, "public_at", KEYS(keys), NULL))
		return;
	for (const struct yaml_node *c = v->child; c != NULL; c = c->next) {
		int at = facts_name(c->key, model_milestones, REACHED_COUNT);
		if (at >= 0)
			(void)form_choices(
				f, c, field_names, FIELD_COUNT, false, &p->fields_at[at]);
	}
}

static const struct form_key metadata_keys[] = {{"public_at", true, take_public_at}};

static void
take_metadata(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_map(f, v, "metadata", KEYS(metadata_keys), into);
}

/* ---- how long things are kept in caches ---- */

static void
take_cache_age(struct form *f, const struct yaml_node *v, void *into)
{
	(void)form_duration(f, v, &((struct policy *)into)->cache_max_age);
}

static void
take_cache(struct form *f, const struct yaml_node *v, void *into)
{
	static const struct form_key keys[] = {{"max_age", true, take_cache_age}};

	(void)form_map(f, v, "cache", KEYS(keys), into);
}

/* ---- the whole ---- */

static const struct form_key top_keys[] = {
	{"policy", true, take_policy},
	{"version", true, take_version},
	{"title", false, take_title},
	{"facility", false, take_facility},
	{"contact", false, take_contact},
	{"timezone", true, take_timezone},
	{"valid_from", true, take_valid_from},
	{"valid_until", false, take_valid_until},
	{"bind_on", false, take_bind_on},
	{"licence", true, take_licence},
	{"embargo", true, take_embargo},
	{"routes", false, take_routes},
	{"restrict", false, take_restrict},
	{"grant", false, take_grant},
	{"metadata", false, take_metadata},
	{"terms", false, NULL},
	{"rates", false, NULL},
	{"streams", false, parse_keep_streams},
	{"cache", false, take_cache},
	{"audit", false, parse_keep_audit},
	{"retention", false, parse_keep_retention},
	{"doi", false, parse_keep_doi},
	{"reviewer_links", false, parse_keep_links},
	{"groups", false, NULL},
	{"rules", true, parse_rules},
	{"tests", true, NULL},
};

static void
take_file(struct form *f, const struct yaml_node *root)
{
	struct policy *p = f->p;

	if (root->kind != YAML_MAP) {
		form_error_value(f, root, "must be a mapping: a policy file is one");
		return;
	}
	p->bind_on = MILESTONE_EXPERIMENT_START;
	p->modes[ROUTE_PROPRIETARY] = MODE_NEVER;
	p->cache_max_age = 3600;
	parse_keep_defaults(p);
	/* What other places name comes first; the issues are sorted into file order anyway. */
	parse_words(f, root);
	(void)form_map(f, root, "the policy", KEYS(top_keys), p);
	const struct yaml_node *tests = yaml_get(root, "tests");
	if (tests != NULL)
		parse_tests(f, tests);
	parse_words_end(f);
	const struct yaml_node *until = yaml_get(root, "valid_until");
	if (p->has_until && until != NULL && p->valid_until <= p->valid_from)
		form_error_value(f, until,
			"bad interval: valid_until is the first day without the "
			"policy, so it must be later than valid_from");
}

static struct policy *
policy_new(const char *file, size_t bytes)
{
	size_t cap = bytes < MEMORY_MOST / MEMORY_PER_BYTE ? bytes * MEMORY_PER_BYTE : MEMORY_MOST;
	struct policy *p = calloc(1, sizeof(*p));

	if (p != NULL && !arena_init(&p->arena, cap + MEMORY_LEAST)) {
		free(p);
		return NULL;
	}
	if (p != NULL)
		p->file = file;
	return p;
}

struct policy *
parse_policy(const char *file, struct span text, struct buf *report, struct err *e)
{
	struct policy *p = policy_new(file, text.n);

	if (p == NULL || !crypto_sha256(text, p->sha256)) {
		model_free(p);
		(void)err_set(e, ERR_LIMIT, NULL, "%s: no memory", file);
		return NULL;
	}
	const struct yaml_node *root = yaml_parse(file, text, &p->arena, report);
	struct form *f = root != NULL ? calloc(1, sizeof(*f)) : NULL;
	if (f == NULL) {
		model_free(p);
		(void)err_set(e, ERR_SYNTAX, NULL, "%s: 1 error", file);
		return NULL;
	}
	f->file = file;
	f->p = p;
	take_file(f, root);
	if (f->errors == 0 && !eval_index_build(p))
		f->no_memory = true;
	if (f->no_memory)
		form_error(f, 1, 1, "too large: no memory for the rules");
	form_report(f, report);
	if (f->errors > 0) {
		(void)err_set(e, ERR_SYNTAX, NULL, "%s: %u error%s", file, f->errors,
			f->errors == 1 ? "" : "s");
		model_free(p);
		p = NULL;
	}
	free(f);
	return p;
}
