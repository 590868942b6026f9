/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_dmp_report.h"

#include "agent/base/jsonw.h"

#include <string.h>

enum { COLUMNS = 4, COLUMN_MAX = 44, GAP = 2 };

static const char *const outcome_names[DMP_OUTCOMES] = {
	[DMP_AGREES] = "agrees",
	[DMP_ASKED] = "asked",
	[DMP_WOULD_ASK] = "would ask",
	[DMP_CONFLICT] = "conflict",
	[DMP_REFUSED] = "refused",
};

void
cli_dmp_add(struct cli_dmp_report *r, const struct cli_dmp_row *row)
{
	struct cli_dmp_row *to = arena_alloc(r->a, sizeof(*to));

	r->count[row->outcome]++;
	if (to == NULL) {
		r->full = true;
		return;
	}
	*to = *row;
	to->next = NULL;
	to->dataset = arena_span(r->a, row->dataset);
	to->plan = row->plan.p != NULL ? arena_span(r->a, row->plan) : SPAN_NONE;
	to->policy = row->policy.p != NULL ? arena_span(r->a, row->policy) : SPAN_NONE;
	to->note = row->note.p != NULL ? arena_span(r->a, row->note) : SPAN_NONE;
	r->full = r->full || r->a->full;
	if (r->last != NULL)
		r->last->next = to;
	else
		r->first = to;
	r->last = to;
}

bool
cli_dmp_all_taken(const struct cli_dmp_report *r)
{
	return r->count[DMP_CONFLICT] == 0 && r->count[DMP_REFUSED] == 0;
}

/* ---- for people ---- */

/* Bytes that are no UTF-8 continuation. */
static size_t
width(struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static struct span
cell(const struct cli_dmp_row *row, unsigned column, bool repeated)
{
	const struct span cells[COLUMNS] = {repeated ? SPAN("") : row->dataset, span_of(row->what),
		row->plan.p != NULL ? row->plan : SPAN("-"),
		row->policy.p != NULL ? row->policy : SPAN("-")};

	return cells[column];
}

static bool
is_repeated(const struct cli_dmp_row *before, const struct cli_dmp_row *row)
{
	return before != NULL && span_eq(before->dataset, row->dataset);
}

static void
add_clean(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		buf_addc(out, c < 0x20 || c == 0x7f ? '?' : s.p[i]);
	}
}

static void
add_padded(struct buf *out, struct span s, size_t to)
{
	add_clean(out, s);
	for (size_t n = width(s); n < to; n++)
		buf_addc(out, ' ');
}

static const struct span heads[COLUMNS] = {
	SPAN_INIT("DATASET"), SPAN_INIT("WHAT"), SPAN_INIT("PLAN"), SPAN_INIT("POLICY")};

static void
measure(const struct cli_dmp_report *r, size_t wide[COLUMNS])
{
	for (unsigned c = 0; c < COLUMNS; c++) {
		wide[c] = heads[c].n;
		for (const struct cli_dmp_row *row = r->first; row != NULL; row = row->next) {
			size_t n = width(cell(row, c, false));
			n = n < COLUMN_MAX ? n : COLUMN_MAX;
			wide[c] = n > wide[c] ? n : wide[c];
		}
		wide[c] += GAP;
	}
}

static void
add_row(const struct cli_dmp_row *row, bool repeated, const size_t wide[COLUMNS], struct buf *out)
{
	for (unsigned c = 0; c < COLUMNS; c++) {
		struct span s = cell(row, c, repeated);
		add_padded(out, s, wide[c]);
		if (width(s) >= wide[c])
			buf_adds(out, "  ");
	}
	buf_adds(out, outcome_names[row->outcome]);
	if (row->note.n > 0) {
		buf_adds(out, ": ");
		add_clean(out, row->note);
	}
	buf_addc(out, '\n');
}

void
cli_dmp_write_table(const struct cli_dmp_report *r, struct buf *out)
{
	const struct cli_dmp_row *before = NULL;
	size_t wide[COLUMNS];

	measure(r, wide);
	if (r->first != NULL) {
		for (unsigned c = 0; c < COLUMNS; c++)
			add_padded(out, heads[c], wide[c]);
		buf_adds(out, "OUTCOME\n");
	}
	for (const struct cli_dmp_row *row = r->first; row != NULL; row = row->next) {
		add_row(row, is_repeated(before, row), wide, out);
		before = row;
	}
	for (unsigned o = 0; o < DMP_OUTCOMES; o++)
		buf_addf(out, "%s%zu %s", o > 0 ? ", " : "", r->count[o], outcome_names[o]);
	buf_addc(out, '\n');
}

/* ---- for programs ---- */

void
cli_dmp_write_json(const struct cli_dmp_report *r, struct span plan, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "plan", plan);
	jsonw_list(&w, "rows");
	for (const struct cli_dmp_row *row = r->first; row != NULL; row = row->next) {
		jsonw_obj(&w, NULL);
		jsonw_str(&w, "dataset", row->dataset);
		jsonw_cstr(&w, "what", row->what);
		jsonw_str(&w, "plan", row->plan);
		jsonw_str(&w, "policy", row->policy);
		jsonw_cstr(&w, "outcome", outcome_names[row->outcome]);
		jsonw_str(&w, "note", row->note);
		jsonw_end(&w, '}');
	}
	jsonw_end(&w, ']');
	jsonw_obj(&w, "count");
	for (unsigned o = 0; o < DMP_OUTCOMES; o++)
		jsonw_u64(&w, outcome_names[o], r->count[o]);
	jsonw_end(&w, '}');
	jsonw_end(&w, '}');
	buf_addc(out, '\n');
}
