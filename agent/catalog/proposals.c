/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/proposals.h"

#include "agent/base/yaml.h"
#include "agent/catalog/limits.h"

#include <stdlib.h>

struct reader {
	const char *file;
	struct arena *a;
	struct buf *report;
	unsigned faults;
};

#define FAULT(r, node, ...)                                                                        \
	yaml_error((r)->report, (r)->file, (node)->line, (node)->col, &(r)->faults, __VA_ARGS__)

/* Keys of a mapping: any other, or a node of another kind, is a fault. */
static bool
check_map(struct reader *r, const struct yaml_node *map, const char *what, const char *const *names,
	size_t n)
{
	unsigned before = r->faults;

	if (map->kind != YAML_MAP) {
		FAULT(r, map, "%s must be a mapping", what);
		return false;
	}
	for (const struct yaml_node *v = map->child; v != NULL; v = v->next) {
		if (facts_name(v->key, names, (int)n) >= 0)
			continue;
		const char *near = yaml_near(v->key, names, n);
		yaml_error(r->report, r->file, v->key_line, v->key_col, &r->faults,
			"unknown key \"%.*s\" of %s%s%s%s", SPAN_ARG(v->key), what,
			near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
			near != NULL ? "\"?" : "");
	}
	return r->faults == before;
}

/* A text of a mapping; absent when it is not there. */
static struct span
text_of(struct reader *r, const struct yaml_node *map, const char *key)
{
	const struct yaml_node *v = yaml_get(map, key);

	if (v == NULL)
		return SPAN_NONE;
	if (v->kind != YAML_SCALAR || v->text.n == 0) {
		FAULT(r, v, "%s must be one text", key);
		return SPAN_NONE;
	}
	return v->text;
}

/* One of a closed list, or `fallback` when it is not there. */
static int
word_of(struct reader *r, const struct yaml_node *v, const char *what, const char *const *names,
	int n)
{
	int found = v->kind == YAML_SCALAR ? facts_name(v->text, names, n) : -1;

	if (found < 0) {
		const char *near =
			v->kind == YAML_SCALAR ? yaml_near(v->text, names, (size_t)n) : NULL;
		FAULT(r, v, "unknown %s%s%s%s", what, near != NULL ? "; did you mean \"" : "",
			near != NULL ? near : "", near != NULL ? "\"?" : "");
	}
	return found;
}

static bool
is_list(struct reader *r, const struct yaml_node *v, const char *what, size_t max)
{
	if (v->kind != YAML_LIST)
		FAULT(r, v, "%s must be a list", what);
	else if (v->n > max)
		FAULT(r, v, "%s has more than %zu items", what, max);
	return v->kind == YAML_LIST && v->n <= max;
}

static void
read_flags(struct reader *r, const struct yaml_node *list, struct proposals_item *p)
{
	if (list == NULL || !is_list(r, list, "flags", FLAG_COUNT))
		return;
	for (const struct yaml_node *v = list->child; v != NULL; v = v->next) {
		int f = word_of(r, v, "flag", flag_names, FLAG_COUNT);
		p->flags |= f >= 0 ? 1U << f : 0;
	}
}

static void
read_dates(struct reader *r, const struct yaml_node *dates, struct proposals_item *p)
{
	struct when w;

	if (dates == NULL)
		return;
	if (dates->kind == YAML_SCALAR && span_is(dates->text, "from-files")) {
		p->dates_from_files = true;
		return;
	}
	if (!check_map(r, dates, "dates", milestone_names, MILESTONE_COUNT))
		return;
	for (int m = 0; m < MILESTONE_COUNT; m++) {
		const struct yaml_node *v = yaml_get(dates, milestone_names[m]);
		if (v == NULL)
			continue;
		if (v->kind != YAML_SCALAR || !facts_parse_when(v->text, &w))
			FAULT(r, v,
				"%s must be a date (YYYY-MM-DD) or an instant "
				"(YYYY-MM-DDThh:mm:ssZ)",
				milestone_names[m]);
		else
			p->dates[m] = v->text;
	}
}

/* In one of three ways, and in no two of them. */
static void
check_naming(struct reader *r, const struct yaml_node *map, const struct proposals_member *m)
{
	int ways = (m->sub.p != NULL) + (m->entitlement.p != NULL) + (m->user.p != NULL);

	if (ways != 1)
		FAULT(r, map,
			"a team member is named by issuer and sub, by an entitlement, or by user");
	else if (m->sub.p != NULL && m->issuer.p == NULL)
		FAULT(r, map, "a sub means nothing without its issuer: add issuer");
	else if (m->user.p != NULL && m->issuer.p != NULL)
		FAULT(r, map,
			"a user is an account of this facility and has no issuer: take it away, or "
			"name a sub");
}

static void
read_member(struct reader *r, const struct yaml_node *map, struct proposals_member *m)
{
	static const char *const keys[] = {"role", "issuer", "sub", "entitlement", "user"};
	const struct yaml_node *role = NULL;

	if (!check_map(r, map, "a team member", keys, sizeof(keys) / sizeof(keys[0])))
		return;
	role = yaml_get(map, "role");
	m->issuer = text_of(r, map, "issuer");
	m->sub = text_of(r, map, "sub");
	m->entitlement = text_of(r, map, "entitlement");
	m->user = text_of(r, map, "user");
	if (role == NULL) {
		FAULT(r, map, "a team member needs a role");
		return;
	}
	int found = word_of(r, role, "role", role_names, ROLE_COUNT);
	if (found >= 0 && found <= ROLE_REGISTERED)
		FAULT(r, role, "this role comes from the token, not from the team");
	m->role = found >= 0 ? (enum policy_role)found : ROLE_ANONYMOUS;
	check_naming(r, map, m);
}

static void
read_team(struct reader *r, const struct yaml_node *list, struct proposals_item *p)
{
	if (list == NULL || !is_list(r, list, "team", LIMIT_TEAM))
		return;
	struct proposals_member *team = arena_array(r->a, list->n, sizeof(*team));
	for (const struct yaml_node *v = list->child; team != NULL && v != NULL; v = v->next)
		read_member(r, v, &team[p->n_team++]);
	p->team = team;
}

static void
read_event(struct reader *r, const struct yaml_node *map, struct event_text *ret)
{
	struct policy_event event;
	unsigned before = r->faults;

	if (!check_map(r, map, "an event", event_text_names, EVENT_TEXT_COUNT))
		return;
	for (int k = 0; k < EVENT_TEXT_COUNT; k++)
		ret->value[k] = text_of(r, map, event_text_names[k]);
	const char *wrong = event_read(ret, &event);
	if (wrong != NULL && r->faults == before)
		FAULT(r, map, "event: %s", wrong);
}

static void
read_events(struct reader *r, const struct yaml_node *list, struct proposals_item *p)
{
	if (list == NULL || !is_list(r, list, "events", LIMIT_EVENTS))
		return;
	struct event_text *events = arena_array(r->a, list->n, sizeof(*events));
	for (const struct yaml_node *v = list->child; events != NULL && v != NULL; v = v->next)
		read_event(r, v, &events[p->n_events++]);
	p->events = events;
}

static void
read_item(struct reader *r, const struct yaml_node *map, struct proposals_item *p)
{
	static const char *const keys[] = {
		"id", "title", "route", "policy", "flags", "dates", "team", "events"};

	if (!check_map(r, map, "a proposal", keys, sizeof(keys) / sizeof(keys[0])) &&
		map->kind != YAML_MAP)
		return;
	p->id = text_of(r, map, "id");
	if (yaml_get(map, "id") == NULL)
		FAULT(r, map, "a proposal needs an id");
	p->title = text_of(r, map, "title");
	p->policy = text_of(r, map, "policy");
	const struct yaml_node *route = yaml_get(map, "route");
	int found = route != NULL ? word_of(r, route, "route", route_names, ROUTE_COUNT)
				  : (int)ROUTE_ACADEMIC;
	p->route = found >= 0 ? (enum route)found : ROUTE_PROPRIETARY;
	read_flags(r, yaml_get(map, "flags"), p);
	read_dates(r, yaml_get(map, "dates"), p);
	read_team(r, yaml_get(map, "team"), p);
	read_events(r, yaml_get(map, "events"), p);
}

struct named {
	struct span id;
	const struct yaml_node *node;
};

static int
by_id(const void *x, const void *y)
{
	const struct named *a = x;
	const struct named *b = y;
	int c = span_cmp(a->id, b->id);

	if (c != 0)
		return c;
	return (a->node->line > b->node->line) - (a->node->line < b->node->line);
}

static void
check_ids(struct reader *r, const struct yaml_node *list, const struct proposals_item *item)
{
	struct named *names = arena_array(r->a, list->n, sizeof(*names));
	size_t n = 0;

	for (const struct yaml_node *v = list->child; names != NULL && v != NULL; v = v->next, n++)
		names[n] = (struct named){item[n].id, v};
	if (n > 1)
		qsort(names, n, sizeof(*names), by_id);
	for (size_t i = 1; i < n; i++)
		if (names[i].id.p != NULL && span_eq(names[i].id, names[i - 1].id))
			FAULT(r, names[i].node, "proposal \"%.*s\" stands twice, first in line %u",
				SPAN_ARG(names[i].id), names[i - 1].node->line);
}

static void
read_all(struct reader *r, const struct yaml_node *top, struct proposals *ret)
{
	static const char *const keys[] = {"proposals"};
	const struct yaml_node *list = NULL;

	if (!check_map(r, top, "proposals.yaml", keys, 1))
		return;
	list = yaml_get(top, "proposals");
	if (list == NULL) {
		FAULT(r, top, "the list `proposals` is missing");
		return;
	}
	if (!is_list(r, list, "proposals", LIMIT_PROPOSALS))
		return;
	struct proposals_item *item = arena_array(r->a, list->n, sizeof(*item));
	size_t n = 0;
	for (const struct yaml_node *v = list->child; item != NULL && v != NULL; v = v->next)
		read_item(r, v, &item[n++]);
	if (item == NULL)
		return;
	check_ids(r, list, item);
	ret->item = item;
	ret->n = n;
}

bool
proposals_parse(const char *file, struct span text, struct arena *a, struct buf *report,
	struct proposals *ret, struct err *e)
{
	struct reader r = {.file = file, .a = a, .report = report};
	struct proposals all = {0};
	const struct yaml_node *top = yaml_parse(file, text, a, report);

	if (top == NULL)
		return err_set(e, ERR_SYNTAX, NULL, "%s is not of the YAML subset", file);
	read_all(&r, top, &all);
	if (r.faults > 0)
		return err_set(e, ERR_SYNTAX, NULL, "%s has %u faults", file, r.faults);
	if (a->full)
		return err_set(e, ERR_LIMIT, NULL, "%s is too large", file);
	*ret = all;
	return true;
}
