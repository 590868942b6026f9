/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/nexus_walk.h"

#include <stdarg.h>
#include <stdio.h>

#include "transfer/text.h"

void
nexus_walk_note(struct nexus_walk *w, const char *entry, const char *fmt, ...)
{
	AUTO_BUF line = BUF_INIT(1024);
	char text[512];
	va_list ap;

	if (w->n_notes++ >= NEXUS_NOTES)
		return;
	if (entry != NULL) {
		struct span name = span_of(entry);
		buf_add(&line, span_first(name, text_cut(name, 80)));
		buf_adds(&line, ": ");
	}
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_adds(&line, text);
	if (buf_ok(&line))
		jsonw_str(&w->notes, NULL, buf_span(&line));
}

void
nexus_walk_group_fini(const struct nexus_group *g)
{
	hdf5_node_fini(&g->node);
}

struct nexus_group
nexus_walk_list(struct nexus_walk *w, struct hdf5_node node)
{
	struct nexus_group g = {.node = node};
	const char *const *names = NULL;
	size_t n = 0;

	if (!hdf5_names(w->f, &node, w->a, &names, &n))
		return g;
	g.members = arena_array(w->a, n, sizeof(*g.members));
	for (size_t i = 0; i < n && g.members != NULL; i++) {
		AUTO_HDF5_NODE child = HDF5_NODE_NONE;
		struct nexus_member *m = &g.members[g.n];
		if (!hdf5_child(w->f, &node, names[i], &child))
			continue;
		*m = (struct nexus_member){
			.name = names[i], .kind = child.kind, .address = child.address};
		if (child.kind == HDF5_GROUP &&
			!hdf5_attr_text(w->f, &child, "NX_class", w->a, &m->nx_class))
			m->nx_class = SPAN_NONE;
		g.n++;
	}
	return g;
}

const struct nexus_member *
nexus_walk_find(const struct nexus_group *g, const char *nx_class, size_t *at)
{
	while (*at < g->n) {
		const struct nexus_member *m = &g->members[(*at)++];
		if (m->kind == HDF5_GROUP && span_is(m->nx_class, nx_class))
			return m;
	}
	return NULL;
}

bool
nexus_walk_text(struct nexus_walk *w, const struct hdf5_node *group, const char *field,
	struct span *ret, bool *empty)
{
	AUTO_HDF5_NODE node = HDF5_NODE_NONE;
	struct span raw = SPAN_NONE;

	bool there = hdf5_child(w->f, group, field, &node);
	bool read = there && hdf5_text(w->f, &node, w->a, &raw);
	if (empty != NULL)
		*empty = !there || (read && span_trim(raw).n == 0);
	return read && text_shown(raw, w->a, ret);
}
