/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_ingest_place.h"

#include "agent/catalog/layout_back.h"
#include "agent/catalog/limits.h"
#include "agent/gate_data.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

bool
gate_ingest_say(struct gate_ingest_no *no, unsigned status, const char *name, const char *fmt, ...)
{
	va_list ap;

	no->status = status;
	no->name = name;
	va_start(ap, fmt);
	(void)vsnprintf(no->text, sizeof(no->text), fmt, ap);
	va_end(ap);
	return false;
}

/* ---- which dataset ---- */

static const struct settings_root *
root_of(const struct gate *g, struct span name)
{
	for (size_t i = 0; i < g->settings->n_roots; i++)
		if (span_is(name, g->settings->roots[i].name))
			return &g->settings->roots[i];
	return NULL;
}

bool
gate_ingest_writable(const struct gate *g, const struct catalog_dataset *s)
{
	const struct settings_root *r = root_of(g, s->root_name);

	return r != NULL && r->writable;
}

bool
gate_ingest_offered(const struct gate *g)
{
	for (size_t i = 0; i < g->settings->n_roots; i++)
		if (g->settings->roots[i].writable)
			return true;
	return false;
}

/*
 * The one place of those that the pid leads to whose proposal is known.  ERR_ABSENT: none is;
 * several are, and so nobody knows which is meant.
 */
static bool
choose(struct gate_desk *d, const struct settings_root *root, struct span pid,
	struct catalog_dataset *ret, struct err *e)
{
	struct layout_place place[LAYOUT_PLACES];
	struct catalog_dataset one;
	struct layout l;
	size_t found = 0;

	if (!layout_parse(root, &l, e))
		return false;
	size_t n = layout_back_places(&l, pid, &d->mem, place);
	for (size_t i = 0; i < n; i++) {
		const struct layout_dataset *s = &place[i].dataset;
		const struct catalog_place at = {.pid = pid,
			.root = span_of(root->name),
			.folder = place[i].folder,
			.proposal = s->proposal,
			.kind = s->kind};
		struct err why = {0};
		if (s->proposal.p == NULL)
			continue;
		if (catalog_new(d->catalog, &at, &d->mem, &one, &why))
			found++;
		else if (why.code != ERR_ABSENT)
			return err_set(e, why.code, why.ref, "%s", why.msg);
	}
	if (found != 1)
		return err_set(e, ERR_ABSENT, NULL, "no known proposal has this pid");
	*ret = one;
	return true;
}

/* A dataset that is not there yet, with a pid longer than `least`. */
static bool
find_new(struct gate_desk *d, struct gate_case *c, struct span path, size_t least, struct err *e)
{
	const struct settings *s = d->gate->settings;

	(void)err_set(e, ERR_ABSENT, NULL, "no such dataset");
	for (size_t i = 0; i < s->n_roots && e->code == ERR_ABSENT; i++) {
		struct layout l;
		if (!s->roots[i].writable || !layout_parse(&s->roots[i], &l, NULL))
			continue;
		struct span pid = layout_back_pid(&l, path);
		if (pid.p == NULL || pid.n <= least)
			continue;
		if (!choose(d, &s->roots[i], pid, &c->dataset, e))
			continue;
		c->rest = pid.n < path.n ? span_skip(path, pid.n + 1) : SPAN_NONE;
		return true;
	}
	return false;
}

bool
gate_ingest_find(struct gate_desk *d, struct gate_case *c, struct err *e)
{
	struct span path = span_skip(c->ask->path, sizeof("/data/") - 1);
	struct catalog_dataset had;
	struct span rest = SPAN_NONE;
	size_t least = 0;

	bool found = catalog_match(d->catalog, path, &d->mem, &had, &rest, e);
	if (!found && e->code != ERR_ABSENT)
		return false;
	if (found) {
		c->dataset = had;
		c->rest = rest;
		least = had.pid.n;
	}
	if (!found || !gate_ingest_writable(d->gate, &had)) {
		bool fresh = find_new(d, c, path, least, e);
		if (!fresh && (!found || e->code != ERR_ABSENT))
			return false;
		*e = (struct err){0};
	}
	return gate_data_judge(d, c, ACTION_DATA_WRITE, e);
}

bool
gate_ingest_leads(struct gate_desk *d, struct span path)
{
	const struct settings *s = d->gate->settings;

	for (size_t i = 0; i < s->n_roots; i++) {
		struct layout l;
		if (s->roots[i].writable && layout_parse(&s->roots[i], &l, NULL) &&
			layout_back_leads(&l, path))
			return true;
	}
	return false;
}

/* ---- names ---- */

/*
 * Not hidden ones, and not those that tools here and elsewhere give to files that are not whole: a
 * name that is there means that the file is.
 */
static bool
good_name(struct span name)
{
	return name.n > 0 && name.n <= NAME_MAX && name.p[0] != '.' && !span_control(name) &&
	       !span_ends(name, SPAN(".part")) && !span_ends(name, SPAN(".tmp"));
}

static bool
check_names(struct span path, size_t *depth, struct gate_ingest_no *no)
{
	while (path.p != NULL) {
		struct span name = span_cut(&path, '/');
		(*depth)++;
		if (!good_name(name))
			return gate_ingest_say(no, 403, "name",
				"\"%.*s\" is no name for what is added here: at most %d bytes, no "
				"control character, no dot in front, and neither .part nor .tmp at "
				"the end.",
				SPAN_ARG(span_first(name, 80)), NAME_MAX);
	}
	return true;
}

bool
gate_ingest_path(struct gate_desk *d, const struct gate_case *c, struct span inside,
	struct span *ret, struct gate_ingest_no *no)
{
	struct span folder = c->dataset.folder;
	size_t depth = 0;

	if (!gate_ingest_writable(d->gate, &c->dataset))
		return gate_ingest_say(no, 403, "read-only",
			"Nothing can be added to this dataset: its data root is not writable.");
	/* A folder that is there has the name that somebody gave it. */
	if (c->dataset.id == 0 && folder.n > 0 && !check_names(folder, &depth, no))
		return false;
	for (size_t i = 0; c->dataset.id != 0 && i < folder.n; i++)
		depth += folder.p[i] == '/' || i == 0;
	if (inside.n > 0 && !check_names(inside, &depth, no))
		return false;
	struct span path = arena_printf(&d->mem, "%.*s%s%.*s", SPAN_ARG(folder),
		folder.n > 0 && inside.n > 0 ? "/" : "", SPAN_ARG(inside));
	if (path.p == NULL)
		return gate_ingest_say(no, 503, "busy", "The agent is short of memory; try again.");
	if (depth >= LIMIT_DEPTH || path.n >= LIMIT_PATH)
		return gate_ingest_say(no, 403, "name",
			"Folders lie at most %u deep, and a path has less than %u "
			"bytes.",
			LIMIT_DEPTH - 1, LIMIT_PATH);
	*ret = path;
	return true;
}
