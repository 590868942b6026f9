/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/nexus.h"

#include <stdio.h>
#include <string.h>

#include "agent/base/proc.h"
#include "transfer/format.h"
#include "transfer/hdf5_visit.h"
#include "transfer/nexus_entry.h"
#include "transfer/nexus_walk.h"
#include "transfer/reading.h"
#include "transfer/text.h"

/* What one file can make us hold. */
#define NEXUS_MEMORY    (32U << 20) /* names and texts of a file */
#define NEXUS_ENTRIES   64U
#define NEXUS_NOTE_ROOM 8192U /* of READING_MAX, beside the entries */
#define NEXUS_VISIT     2000  /* ms since the file was opened, then no more objects are visited */

/* The entries so far, as elements of a JSON list. */
struct entries {
	struct buf json;
	size_t n;
	bool full;
	bool nexus; /* one of them is an NXentry */
};

static void
add_entry(struct nexus_walk *w, struct entries *es, const struct nexus_entry *en)
{
	AUTO_BUF one = BUF_INIT(READING_MAX);

	nexus_entry_write(en, &one);
	if (!buf_ok(&one) || es->json.n + one.n + 1 > READING_MAX - NEXUS_NOTE_ROOM) {
		es->full = true;
		nexus_walk_note(
			w, en->name, "left out, and all that follow: the answer would be too long");
		return;
	}
	if (es->n++ > 0)
		buf_addc(&es->json, ',');
	buf_add(&es->json, buf_span(&one));
}

/* An entry by its class; or, where the writer forgot the class, by what only entries hold. */
static bool
is_entry(struct nexus_walk *w, const struct nexus_member *m, const struct nexus_group *g)
{
	struct span definition;
	size_t at = 0;

	if (span_is(m->nx_class, "NXentry"))
		return true;
	if (m->nx_class.n > 0)
		return false;
	if (nexus_walk_find(g, "NXsubentry", &at) == NULL &&
		(!nexus_walk_text(w, &g->node, "definition", &definition, NULL) ||
			!span_starts(definition, SPAN("NX"))))
		return false;
	nexus_walk_note(w, m->name, "taken as an entry, though it has no NX_class");
	return true;
}

static void
read_entry(struct nexus_walk *w, const struct nexus_group *root, const struct nexus_member *m,
	struct entries *es)
{
	struct hdf5_node node;
	AUTO_NEXUS_ENTRY en;

	nexus_entry_init(&en, m->name);
	if (m->nx_class.n > 0 && !span_is(m->nx_class, "NXentry"))
		return;
	if (!hdf5_child(w->f, &root->node, m->name, &node))
		return;
	en.places[NEXUS_AT_ENTRY] = nexus_walk_list(w, node);
	if (!is_entry(w, m, &en.places[NEXUS_AT_ENTRY]))
		return;
	nexus_entry_read(w, &en);
	es->nexus = true;
	add_entry(w, es, &en);
}

static bool
seen_before(const struct nexus_group *root, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (root->members[k].address == root->members[i].address)
			return true;
	return false;
}

/* openPMD files are no NeXus: their root attributes are the standard's own, all of them public. */
static void
read_openpmd(struct nexus_walk *w, const struct nexus_group *root, struct entries *es)
{
	AUTO_NEXUS_ENTRY en;
	struct span version;
	struct span software;

	nexus_entry_init(&en, "/");
	if (!hdf5_attr_text(w->f, &root->node, "openPMD", w->a, &version) ||
		!text_shown(version, w->a, &version))
		return;
	en.texts[NEXUS_DEFINITION] = SPAN("openPMD");
	if (hdf5_attr_text(w->f, &root->node, "date", w->a, &en.texts[NEXUS_START]))
		nexus_entry_time(w, &en, NEXUS_START);
	nexus_walk_note(
		w, NULL, "openPMD %.*s", SPAN_ARG(span_first(version, text_cut(version, 40))));
	if (hdf5_attr_text(w->f, &root->node, "software", w->a, &software) &&
		text_shown(software, w->a, &software))
		nexus_walk_note(w, NULL, "written by %.*s",
			SPAN_ARG(span_first(software, text_cut(software, 80))));
	add_entry(w, es, &en);
}

static void
read_file(struct nexus_walk *w, struct entries *es)
{
	struct hdf5_node node;

	if (!hdf5_root(w->f, &node)) {
		nexus_walk_note(w, NULL, "the root group cannot be read");
		return;
	}
	AUTO_NEXUS_GROUP root = nexus_walk_list(w, node);
	for (size_t i = 0; i < root.n && !es->full && es->n < NEXUS_ENTRIES; i++)
		if (root.members[i].kind == HDF5_GROUP && !seen_before(&root, i))
			read_entry(w, &root, &root.members[i], es);
	if (es->n == 0)
		read_openpmd(w, &root, es);
	if (es->n == 0)
		nexus_walk_note(w, NULL, "no NXentry");
	if (es->n == NEXUS_ENTRIES)
		nexus_walk_note(w, NULL, "only the first 64 entries are taken");
	if (hdf5_refused(w->f) > 0)
		nexus_walk_note(w, NULL,
			"links to other files, external or virtual data were not followed");
	if (hdf5_exhausted(w->f))
		nexus_walk_note(w, NULL, "more objects than are looked at: some were left out");
	if (w->a->full)
		nexus_walk_note(w, NULL, "more text than is kept: some was left out");
}

static bool
write_answer(const char *format, const char *problem, struct span notes, struct span entries,
	struct buf *out, struct err *e)
{
	buf_addf(out, "{\"format\":\"%s\",\"problem\":", format);
	if (problem != NULL)
		jsonw_quote(out, span_of(problem));
	else
		buf_adds(out, "null");
	buf_adds(out, ",\"notes\":[");
	buf_add(out, notes);
	buf_adds(out, "],\"entries\":[");
	buf_add(out, entries);
	buf_adds(out, "]}");
	return buf_ok(out) || err_set(e, ERR_LIMIT, NULL, "no room for the answer");
}

/* Its metadata first, then whether the rest of it is sound. */
static bool
read_hdf5(struct hdf5 *f, int fd, const struct nexus_zone *zone, struct buf *out, struct err *e)
{
	AUTO_ARENA a = {0};
	struct err why;
	char problem[sizeof(why.msg) + 64];
	int64_t until = proc_now_ms() + NEXUS_VISIT;

	if (!arena_init(&a, NEXUS_MEMORY))
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	AUTO_BUF notes = BUF_INIT(NEXUS_NOTE_ROOM);
	struct nexus_walk w = {.f = f, .a = &a, .zone = zone};
	struct entries es = {.json = BUF_INIT(READING_MAX)};
	jsonw_init(&w.notes, &notes);
	read_file(&w, &es);
	bool sound = hdf5_visit(f, fd, until, &why);
	if (!sound)
		(void)snprintf(
			problem, sizeof(problem), "%s: the rest of its metadata is kept", why.msg);
	bool ok = write_answer(es.nexus ? "nexus" : "hdf5", sound ? NULL : problem,
		buf_span(&notes), buf_span(&es.json), out, e);
	buf_fini(&es.json);
	return ok;
}

bool
nexus_read(const struct hdf5_library *lib, int fd, const struct nexus_zone *zone, struct buf *out,
	struct err *e)
{
	enum format format;
	struct hdf5 *f = NULL;
	struct err why;

	if (!format_sniff(fd, &format, e))
		return false;
	if (format == FORMAT_OTHER)
		return write_answer(
			"other", "not HDF5: indexed as a plain file", SPAN_NONE, SPAN_NONE, out, e);
	if (format == FORMAT_HDF4)
		return write_answer(
			"hdf4", "HDF4 is not read: download only", SPAN_NONE, SPAN_NONE, out, e);
	if (!hdf5_open(lib, fd, &f, &why))
		return write_answer("hdf5", why.msg, SPAN_NONE, SPAN_NONE, out, e);
	bool ok = read_hdf5(f, fd, zone, out, e);
	hdf5_close(f);
	return ok;
}

void
nexus_write_problem(const char *problem, struct buf *out)
{
	(void)write_answer("other", problem, SPAN_NONE, SPAN_NONE, out, NULL);
}

void
nexus_write_death(const char *died, const char *problem, struct buf *out)
{
	buf_adds(out, "{\"format\":\"hdf5\",\"died\":");
	jsonw_quote(out, span_of(died));
	buf_adds(out, ",\"problem\":");
	jsonw_quote(out, span_of(problem));
	buf_adds(out, "}");
}
