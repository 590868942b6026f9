/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/layout.h"

#include "agent/base/buf.h"
#include "agent/catalog/limits.h"

static bool
is_name(struct span s)
{
	if (s.n == 0 || s.n > 32 || s.p[0] < 'a' || s.p[0] > 'z')
		return false;
	for (size_t i = 1; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
			return false;
	}
	return true;
}

bool
layout_piece(struct span *rest, struct span *text, struct span *name)
{
	size_t open = 0;
	size_t close = 0;

	while (open < rest->n && rest->p[open] != '{' && rest->p[open] != '}')
		open++;
	*text = span_first(*rest, open);
	*name = SPAN_NONE;
	*rest = span_skip(*rest, open);
	if (rest->n == 0)
		return true;
	while (close < rest->n && rest->p[close] != '}')
		close++;
	if (rest->p[0] != '{' || close == rest->n)
		return false;
	*name = (struct span){rest->p + 1, close - 1};
	*rest = span_skip(*rest, close + 1);
	return is_name(*name);
}

static bool
parse_level(struct span s, struct layout_level *ret)
{
	struct span name = SPAN_NONE;

	*ret = (struct layout_level){0};
	if (s.n == 0 || span_is(s, ".") || span_is(s, "..") || span_has(s, '\0'))
		return false;
	if (!layout_piece(&s, &ret->before, &ret->name))
		return false;
	return s.n == 0 ? true : layout_piece(&s, &ret->after, &name) && name.p == NULL;
}

static bool
known(const struct layout *l, struct span name)
{
	if (span_is(name, "root") || span_is(name, "folder"))
		return true;
	for (size_t i = 0; i < l->n; i++)
		if (l->level[i].name.p != NULL && span_eq(l->level[i].name, name))
			return true;
	return false;
}

static bool
check_template(const struct layout *l, const char *what, struct span template, struct err *e)
{
	struct span rest = template;
	struct span text = SPAN_NONE;
	struct span name = SPAN_NONE;

	while (rest.n > 0) {
		if (!layout_piece(&rest, &text, &name))
			return err_set(e, ERR_SYNTAX, NULL, "root %.*s: %s: a brace without {name}",
				SPAN_ARG(l->root), what);
		if (name.p != NULL && !known(l, name))
			return err_set(e, ERR_SYNTAX, NULL,
				"root %.*s: %s: {%.*s} is not named by the layout",
				SPAN_ARG(l->root), what, SPAN_ARG(name));
	}
	return true;
}

static bool
add_level(struct layout *l, struct span one, struct err *e)
{
	struct layout_level v;

	if (l->n == LAYOUT_LEVELS)
		return err_set(e, ERR_LIMIT, NULL, "root %.*s: layout: above %u folders",
			SPAN_ARG(l->root), LAYOUT_LEVELS);
	if (!parse_level(one, &v))
		return err_set(e, ERR_SYNTAX, NULL,
			"root %.*s: layout: \"%.*s\" is not fixed text with one {name}",
			SPAN_ARG(l->root), SPAN_ARG(one));
	if (v.name.p != NULL && known(l, v.name))
		return err_set(e, ERR_SYNTAX, NULL,
			"root %.*s: layout: {%.*s} stands twice or means something else",
			SPAN_ARG(l->root), SPAN_ARG(v.name));
	l->level[l->n++] = v;
	return true;
}

static bool
parse_levels(struct span text, struct layout *l, struct err *e)
{
	struct span rest = text.n == 0 || span_is(text, ".") ? SPAN_NONE : text;

	while (rest.p != NULL)
		if (!add_level(l, span_cut(&rest, '/'), e))
			return false;
	return true;
}
bool
layout_parse(const struct settings_root *root, struct layout *ret, struct err *e)
{
	struct layout l = {.root = span_of(root->name)};

	if (!parse_levels(span_of(root->layout), &l, e))
		return false;
	l.pid = root->pid != NULL ? span_of(root->pid) : SPAN("{root}/{folder}");
	if (root->pid == NULL && l.n == 0)
		l.pid = SPAN("{root}"); /* no folder name to add */
	l.proposal = span_of(root->proposal);
	if (!check_template(&l, "pid", l.pid, e) || !check_template(&l, "proposal", l.proposal, e))
		return false;
	*ret = l;
	return true;
}

/* The part of the folder's name that the pattern's name stands for; false: it does not fit. */
static bool
match_level(const struct layout_level *v, struct span name, struct span *ret)
{
	if (v->name.p == NULL) {
		*ret = name;
		return span_eq(name, v->before);
	}
	if (!span_starts(name, v->before) || !span_ends(name, v->after) ||
		name.n <= v->before.n + v->after.n)
		return false;
	*ret = (struct span){name.p + v->before.n, name.n - v->before.n - v->after.n};
	return true;
}

bool
layout_fits(const struct layout *l, size_t at, struct span name)
{
	struct span part;

	return at < l->n && match_level(&l->level[at], name, &part);
}

struct binding {
	const struct layout *layout;
	struct span folder;
	struct span part[LAYOUT_LEVELS];
};

static struct span
value_of(const struct binding *b, struct span name)
{
	if (span_is(name, "root"))
		return b->layout->root;
	if (span_is(name, "folder"))
		return b->folder;
	for (size_t i = 0; i < b->layout->n; i++)
		if (b->layout->level[i].name.p != NULL && span_eq(b->layout->level[i].name, name))
			return b->part[i];
	return SPAN_NONE;
}

static struct span
fill(const struct binding *b, struct span template, struct arena *a)
{
	AUTO_BUF out = BUF_INIT(LIMIT_PATH);
	struct span rest = template;
	struct span text = SPAN_NONE;
	struct span name = SPAN_NONE;

	while (rest.n > 0 && layout_piece(&rest, &text, &name)) {
		buf_add(&out, text);
		if (name.p != NULL)
			buf_add(&out, value_of(b, name));
	}
	return buf_ok(&out) ? arena_span(a, buf_span(&out)) : SPAN_NONE;
}

bool
layout_is_pid(struct span pid)
{
	struct span rest = pid;
	size_t segments = 0;

	if (pid.n == 0 || pid.n > LIMIT_PID || !span_utf8(pid))
		return false;
	for (size_t i = 0; i < pid.n; i++)
		if ((unsigned char)pid.p[i] < 0x20 || pid.p[i] == 0x7f)
			return false;
	while (rest.p != NULL) {
		struct span s = span_cut(&rest, '/');
		if (s.n == 0 || span_is(s, ".") || span_is(s, "..") ||
			++segments > LIMIT_PID_SEGMENTS)
			return false;
	}
	return true;
}

bool
layout_match(const struct layout *l, struct span folder, struct arena *a,
	struct layout_dataset *ret, struct err *e)
{
	struct binding b = {.layout = l, .folder = folder};
	struct layout_dataset d = {.kind = KIND_RAW};
	struct span rest = l->n > 0 ? folder : SPAN_NONE;

	for (size_t i = 0; i < l->n; i++) {
		struct span name = span_cut(&rest, '/');
		if (!match_level(&l->level[i], name, &b.part[i]))
			return err_set(e, ERR_SYNTAX, NULL, "folder does not fit the layout");
		if (l->level[i].name.p != NULL && span_is(l->level[i].name, "kind")) {
			int kind = facts_name(b.part[i], kind_names, KIND_COUNT);
			d.kind = kind >= 0 ? (enum kind)kind : KIND_RAW;
		}
	}
	if (rest.p != NULL || (l->n == 0 && folder.n > 0))
		return err_set(e, ERR_SYNTAX, NULL, "folder lies deeper than the layout");
	d.pid = fill(&b, l->pid, a);
	if (!layout_is_pid(d.pid))
		return err_set(e, ERR_SYNTAX, NULL,
			"folder gives no usable pid (1 to %u bytes of UTF-8, no empty segment)",
			LIMIT_PID);
	if (l->proposal.p != NULL)
		d.proposal = fill(&b, l->proposal, a);
	if (d.proposal.p != NULL && (d.proposal.n == 0 || !span_utf8(d.proposal)))
		return err_set(e, ERR_SYNTAX, NULL, "folder gives no usable proposal");
	*ret = d;
	return true;
}
