/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/lint_notes.h"

#include "agent/base/jsonw.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY = 64 * 1024 * 1024, TEXT_MAX = 1024 };

bool
lint_notes_init(struct lint_notes *l)
{
	*l = (struct lint_notes){0};
	if (!arena_init(&l->mem, MEMORY))
		return false;
	l->list = arena_array(&l->mem, LINT_NOTES, sizeof(*l->list));
	return l->list != NULL;
}

void
lint_notes_fini(struct lint_notes *l)
{
	arena_fini(&l->mem);
}

static void
add(struct lint_notes *l, struct lint_note note, const char *text)
{
	note.order = l->order;
	note.text = arena_span(&l->mem, span_of(text));
	if (l->n == LINT_NOTES || note.text.p == NULL) {
		l->full = true;
		return;
	}
	l->list[l->n++] = note;
}

void
lint_notes_add(struct lint_notes *l, const struct policy *p, struct place at, const char *code,
	const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (at.line == 0)
		at = (struct place){p->id_line, p->id_col};
	add(l, (struct lint_note){.file = p->file, .at = at, .code = code}, text);
}

void
lint_notes_rule(struct lint_notes *l, const struct policy *p, const struct rule *r,
	const char *code, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add(l,
		(struct lint_note){
			.file = p->file, .at = {r->line, r->col}, .code = code, .rule = r->id},
		text);
}

void
lint_notes_aside(struct lint_notes *l, const struct policy *p, const struct rule *r,
	const char *code, const char *text)
{
	add(l,
		(struct lint_note){.file = p->file,
			.at = {r->line, r->col},
			.code = code,
			.aside = true,
			.rule = r->id},
		text);
}

/* ---- in the order of the files ---- */

static int
compare(const void *va, const void *vb)
{
	const struct lint_note *a = va;
	const struct lint_note *b = vb;

	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	if (a->at.col != b->at.col)
		return a->at.col < b->at.col ? -1 : 1;
	return strcmp(a->code, b->code);
}

static unsigned
sort(struct lint_notes *l)
{
	unsigned findings = 0;

	qsort(l->list, l->n, sizeof(*l->list), compare);
	for (size_t i = 0; i < l->n; i++)
		findings += !l->list[i].aside;
	return findings;
}

unsigned
lint_notes_write(struct lint_notes *l, struct buf *out)
{
	unsigned findings = sort(l);

	for (size_t i = 0; i < l->n; i++) {
		const struct lint_note *k = &l->list[i];
		buf_addf(out, "%s:%u:%u: %s: %s: ", k->file, k->at.line, k->at.col,
			k->aside ? "note" : "warning", k->code);
		buf_add(out, k->text);
		buf_addc(out, '\n');
	}
	return findings;
}

static void
write_some(struct jsonw *w, const struct lint_notes *l, bool aside, const char *key)
{
	jsonw_list(w, key);
	for (size_t i = 0; i < l->n; i++) {
		const struct lint_note *k = &l->list[i];
		if (k->aside != aside)
			continue;
		jsonw_obj(w, NULL);
		jsonw_cstr(w, "file", k->file);
		jsonw_u64(w, "line", k->at.line);
		jsonw_u64(w, "column", k->at.col);
		jsonw_cstr(w, "code", k->code);
		jsonw_str(w, "rule", k->rule);
		jsonw_str(w, "message", k->text);
		jsonw_end(w, '}');
	}
	jsonw_end(w, ']');
}

unsigned
lint_notes_json(struct lint_notes *l, struct buf *out)
{
	unsigned findings = sort(l);
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	write_some(&w, l, false, "findings");
	write_some(&w, l, true, "notes");
	jsonw_end(&w, '}');
	return findings;
}
