/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/record.h"

#include "agent/base/jsonw.h"

void
record_init(struct record *r, struct span proposal, struct arena *a)
{
	*r = (struct record){.a = a, .proposal = proposal, .start = INT64_MIN, .end = INT64_MIN};
}

static void
add_note(struct record *r, struct span path, struct span text)
{
	if (r->n_notes == LIMIT_NOTES) {
		r->dropped++;
		return;
	}
	r->notes[r->n_notes++] =
		(struct record_note){arena_span(r->a, path), arena_span(r->a, text)};
}

static void
add_field(struct record *r, struct record_field *f, struct span path, struct span value)
{
	if (value.p == NULL || (f->value.p != NULL && span_eq(f->value, value)))
		return;
	if (f->value.p == NULL) {
		f->value = arena_span(r->a, value);
		f->path = arena_span(r->a, path);
		return;
	}
	if (f->others++ == 0) {
		f->other_value = arena_span(r->a, value);
		f->other_path = arena_span(r->a, path);
	}
}

static void
add_times(struct record *r, const struct reading_entry *e)
{
	int64_t end = e->end != INT64_MIN ? e->end : e->start;

	if (e->start != INT64_MIN && (r->start == INT64_MIN || e->start < r->start)) {
		r->start = e->start;
		r->assumed_zone = e->assumed_zone;
	}
	if (end != INT64_MIN && end > r->end)
		r->end = end;
}

static void
add_user(struct record *r, struct span name)
{
	for (size_t i = 0; i < r->n_users; i++)
		if (span_eq(r->users[i], name))
			return;
	if (r->n_users == LIMIT_USERS)
		r->dropped++;
	else
		r->users[r->n_users++] = arena_span(r->a, name);
}

static void
add_parameter(struct record *r, const struct reading_parameter *p)
{
	for (size_t i = 0; i < r->n_parameters; i++) {
		const struct reading_parameter *k = &r->parameters[i];
		if (k->value == p->value && span_eq(k->name, p->name) && span_eq(k->unit, p->unit))
			return;
	}
	if (r->n_parameters == LIMIT_PARAMETERS) {
		r->dropped++;
		return;
	}
	r->parameters[r->n_parameters++] = (struct reading_parameter){
		.name = arena_span(r->a, p->name),
		.unit = p->unit.p != NULL ? arena_span(r->a, p->unit) : SPAN_NONE,
		.value = p->value,
	};
}

/* A wrong proposal number in a file gives the wrong people access elsewhere: here it is said. */
static void
check_proposal(struct record *r, struct span path, const struct reading_entry *e)
{
	struct span claim = e->text[READING_EXPERIMENT];

	if (claim.p == NULL || r->proposal.p == NULL || span_eq_nocase(claim, r->proposal))
		return;
	add_note(r, path,
		arena_printf(r->a,
			"the file names experiment \"%.*s\", its folder proposal \"%.*s\"",
			SPAN_ARG(claim), SPAN_ARG(r->proposal)));
}

static void
add_entry(struct record *r, struct span path, const struct reading_entry *e)
{
	for (int i = READING_NAME + 1; i < READING_TEXT_COUNT; i++)
		add_field(r, &r->field[i], path, e->text[i]);
	add_times(r, e);
	for (size_t i = 0; i < e->n_users; i++)
		add_user(r, e->users[i]);
	for (size_t i = 0; i < e->n_parameters; i++)
		add_parameter(r, &e->parameters[i]);
	check_proposal(r, path, e);
}

void
record_add(struct record *r, struct span path, const struct reading *from)
{
	for (size_t i = 0; i < from->n_entries; i++)
		add_entry(r, path, &from->entries[i]);
	for (size_t i = 0; i < from->n_notes; i++)
		add_note(r, path, from->notes[i]);
	if (from->cut)
		add_note(r, path, SPAN("the file says more than is kept"));
}

struct span
record_value(const struct record *r, enum reading_text what)
{
	return r->field[what].value;
}

static void
write_others(const struct record *r, struct jsonw *w)
{
	jsonw_list(w, "contradictions");
	for (int i = 0; i < READING_TEXT_COUNT; i++) {
		const struct record_field *f = &r->field[i];
		if (f->others == 0)
			continue;
		jsonw_obj(w, NULL);
		jsonw_cstr(w, "field", reading_text_names[i]);
		jsonw_str(w, "kept", f->value);
		jsonw_str(w, "kept_path", f->path);
		jsonw_str(w, "other", f->other_value);
		jsonw_str(w, "other_path", f->other_path);
		jsonw_u64(w, "others", f->others);
		jsonw_end(w, '}');
	}
	jsonw_end(w, ']');
}

static void
write_lists(const struct record *r, struct jsonw *w)
{
	jsonw_strs(w, "users", r->users, r->n_users);
	jsonw_list(w, "parameters");
	for (size_t i = 0; i < r->n_parameters; i++) {
		jsonw_obj(w, NULL);
		jsonw_str(w, "name", r->parameters[i].name);
		jsonw_f64(w, "value", r->parameters[i].value);
		jsonw_str(w, "unit", r->parameters[i].unit);
		jsonw_end(w, '}');
	}
	jsonw_end(w, ']');
	jsonw_list(w, "notes");
	for (size_t i = 0; i < r->n_notes; i++) {
		jsonw_obj(w, NULL);
		jsonw_str(w, "path", r->notes[i].path);
		jsonw_str(w, "text", r->notes[i].text);
		jsonw_end(w, '}');
	}
	jsonw_end(w, ']');
	jsonw_u64(w, "dropped", r->dropped);
}

void
record_write_json(const struct record *r, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	for (int i = READING_NAME + 1; i < READING_TEXT_COUNT; i++)
		jsonw_str(&w, reading_text_names[i], r->field[i].value);
	jsonw_iso(&w, "start", r->start);
	jsonw_iso(&w, "end", r->end);
	jsonw_bool(&w, "start_zone_assumed", r->assumed_zone);
	write_lists(r, &w);
	write_others(r, &w);
	jsonw_end(&w, '}');
}
