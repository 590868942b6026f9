/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/layout_back.h"

#include "agent/base/buf.h"
#include "agent/catalog/limits.h"

#include <string.h>

#define NAMES_HERE 2U /* in one segment, at most */

/* One segment of the template: text, name, text, name, text. */
struct piece {
	struct span text[NAMES_HERE + 1];
	struct span name[NAMES_HERE];
	size_t n; /* names */
};

/* ---- the template, with {root} and {folder} written out ---- */

static void
put_folder(const struct layout *l, struct buf *out)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct layout_level *v = &l->level[i];
		if (i > 0)
			buf_addc(out, '/');
		buf_add(out, v->before);
		if (v->name.p != NULL)
			buf_addf(out, "{%.*s}", SPAN_ARG(v->name));
		buf_add(out, v->after);
	}
}

static void
write_out(const struct layout *l, struct buf *out)
{
	struct span rest = l->pid;
	struct span text = SPAN_NONE;
	struct span name = SPAN_NONE;

	while (rest.n > 0 && layout_piece(&rest, &text, &name)) {
		buf_add(out, text);
		if (span_is(name, "root"))
			buf_add(out, l->root);
		else if (span_is(name, "folder"))
			put_folder(l, out);
		else if (name.p != NULL)
			buf_addf(out, "{%.*s}", SPAN_ARG(name));
	}
}

/* False: more names than can be told apart. */
static bool
read_piece(struct span segment, struct piece *ret)
{
	struct span text = SPAN_NONE;
	struct span name = SPAN_NONE;

	*ret = (struct piece){.n = 0};
	do {
		if (!layout_piece(&segment, &text, &name))
			return false;
		ret->text[ret->n] = text;
		if (name.p == NULL)
			return true;
		if (ret->n == NAMES_HERE)
			return false;
		ret->name[ret->n++] = name;
		ret->text[ret->n] = SPAN("");
	} while (segment.n > 0);
	return true;
}

/* ---- is there a way back? ---- */

static bool
is_proposal(const struct layout *l, struct span name)
{
	struct span p = l->proposal;

	return p.n == name.n + 2 && p.p[0] == '{' &&
	       span_eq(span_first(span_skip(p, 1), name.n), name);
}

/* How often a name stands in the template that is written out. */
static unsigned
count_name(struct span template, struct span name)
{
	struct span rest = template;
	struct span text = SPAN_NONE;
	struct span other = SPAN_NONE;
	unsigned n = 0;

	while (rest.n > 0 && layout_piece(&rest, &text, &other))
		n += other.p != NULL && span_eq(other, name);
	return n;
}

static bool
check_piece(const struct layout *l, struct span segment, bool *pair, struct err *e)
{
	struct piece p;

	if (!read_piece(segment, &p) || (p.n == 2 && p.text[1].n == 0))
		return err_set(e, ERR_SYNTAX, NULL,
			"root %.*s: pid: \"%.*s\" does not say where one name ends; put a slash "
			"between names, for a root that is writable",
			SPAN_ARG(l->root), SPAN_ARG(segment));
	if (p.n < 2)
		return true;
	if (*pair || (!is_proposal(l, p.name[0]) && !is_proposal(l, p.name[1])))
		return err_set(e, ERR_SYNTAX, NULL,
			"root %.*s: pid: \"%.*s\" may be read in several ways; put a slash between "
			"its names, or let one of them be the proposal, for a root that is "
			"writable",
			SPAN_ARG(l->root), SPAN_ARG(segment));
	*pair = true;
	return true;
}

static bool
check_names(const struct layout *l, struct span template, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		struct span name = l->level[i].name;
		unsigned n = name.p != NULL ? count_name(template, name) : 1;
		if (n != 1)
			return err_set(e, ERR_SYNTAX, NULL,
				"root %.*s: pid: must name {%.*s} once, not %u times, for a root "
				"that is writable",
				SPAN_ARG(l->root), SPAN_ARG(name), n);
	}
	return true;
}

bool
layout_back_check(const struct layout *l, struct err *e)
{
	AUTO_BUF template = BUF_INIT(LIMIT_PATH);
	bool pair = false;

	write_out(l, &template);
	if (!buf_ok(&template))
		return err_set(e, ERR_SYNTAX, NULL, "root %.*s: pid: too long", SPAN_ARG(l->root));
	struct span rest = template.n > 0 ? buf_span(&template) : SPAN_NONE;
	if (!check_names(l, rest, e))
		return false;
	while (rest.p != NULL)
		if (!check_piece(l, span_cut(&rest, '/'), &pair, e))
			return false;
	return true;
}

/* ---- going back ---- */

/* What is known of a pid's names: one value for each level. */
struct values {
	const struct layout *layout;
	struct span pid;
	struct span of[LAYOUT_LEVELS];
	/* The segment with two names, and where in it they may part. */
	struct piece pair;
	struct span inside;
};

static void
set_value(struct values *v, struct span name, struct span value)
{
	for (size_t i = 0; i < v->layout->n; i++)
		if (v->layout->level[i].name.p != NULL && span_eq(v->layout->level[i].name, name))
			v->of[i] = value;
}

static bool
take_segment(struct values *v, struct span template, struct span segment)
{
	struct piece p;

	if (!read_piece(template, &p))
		return false;
	if (p.n == 0)
		return span_eq(p.text[0], segment);
	struct span before = p.text[0];
	struct span after = p.text[p.n];
	if (segment.n <= before.n + after.n || !span_starts(segment, before) ||
		!span_ends(segment, after))
		return false;
	struct span inside = {segment.p + before.n, segment.n - before.n - after.n};
	if (p.n == 1) {
		set_value(v, p.name[0], inside);
		return true;
	}
	v->pair = p;
	v->inside = inside;
	return true;
}

static bool
take_segments(struct values *v, struct span template)
{
	struct span rest = v->pid;

	while (template.p != NULL) {
		if (rest.p == NULL ||
			!take_segment(v, span_cut(&template, '/'), span_cut(&rest, '/')))
			return false;
	}
	return rest.p == NULL;
}

/* The folder of the values, where it is one that has the pid. */
static bool
place(const struct values *v, struct arena *a, struct layout_place *ret)
{
	AUTO_BUF folder = BUF_INIT(LIMIT_PATH);

	for (size_t i = 0; i < v->layout->n; i++) {
		const struct layout_level *level = &v->layout->level[i];
		if (i > 0)
			buf_addc(&folder, '/');
		buf_add(&folder, level->before);
		buf_add(&folder, v->of[i]);
		buf_add(&folder, level->after);
	}
	if (!buf_ok(&folder))
		return false;
	ret->folder = folder.n > 0 ? arena_span(a, buf_span(&folder)) : SPAN("");
	return ret->folder.p != NULL &&
	       layout_match(v->layout, ret->folder, a, &ret->dataset, NULL) &&
	       span_eq(ret->dataset.pid, v->pid);
}

/* Every place where the text between the two names occurs. */
static size_t
places_of_pair(struct values *v, struct arena *a, struct layout_place ret[LAYOUT_PLACES])
{
	struct span middle = v->pair.text[1];
	size_t n = 0;

	for (size_t at = 1; at + middle.n < v->inside.n; at++) {
		if (memcmp(v->inside.p + at, middle.p, middle.n) != 0)
			continue;
		set_value(v, v->pair.name[0], span_first(v->inside, at));
		set_value(v, v->pair.name[1], span_skip(v->inside, at + middle.n));
		if (n == LAYOUT_PLACES)
			return 0;
		n += place(v, a, &ret[n]);
	}
	return n;
}

size_t
layout_back_places(const struct layout *l, struct span pid, struct arena *a,
	struct layout_place ret[LAYOUT_PLACES])
{
	AUTO_BUF template = BUF_INIT(LIMIT_PATH);
	struct values v = {.layout = l, .pid = pid};

	write_out(l, &template);
	if (!buf_ok(&template) || template.n == 0 || !layout_is_pid(pid) ||
		!take_segments(&v, buf_span(&template)))
		return 0;
	return v.pair.n > 0 ? places_of_pair(&v, a, ret) : place(&v, a, &ret[0]);
}

bool
layout_back_leads(const struct layout *l, struct span path)
{
	AUTO_BUF text = BUF_INIT(LIMIT_PATH);
	struct values v = {.layout = l};

	write_out(l, &text);
	struct span template = buf_span(&text);
	while (path.p != NULL && template.p != NULL)
		if (!take_segment(&v, span_cut(&template, '/'), span_cut(&path, '/')))
			return false;
	return path.p == NULL && template.p != NULL;
}

struct span
layout_back_pid(const struct layout *l, struct span path)
{
	AUTO_BUF template = BUF_INIT(LIMIT_PATH);
	size_t slashes = 0;

	write_out(l, &template);
	for (size_t i = 0; i < template.n; i++)
		slashes += template.p[i] == '/';
	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] == '/' && slashes-- == 0)
			return span_first(path, i);
	return slashes == 0 ? path : SPAN_NONE;
}
