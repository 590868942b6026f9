/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/dataset_row.h"

enum column {
	C_ID,
	C_PID,
	C_PLACE,
	C_ROOT,
	C_FOLDER,
	C_TITLE,
	C_PROPOSAL,
	C_PROPOSAL_TITLE,
	C_INSTRUMENT,
	C_FACILITY,
	C_ORIGIN,
	C_SAMPLE,
	C_DEFINITION,
	C_TECHNIQUE,
	C_TECHNIQUE_LABEL,
	C_DATE,
	C_DATE_END,
	C_FILES,
	C_BYTES,
	C_KIND,
	C_DOCUMENT,
	C_ROUTE,
	C_POLICY,
	C_FLAGS,
	C_DATES, /* MILESTONE_COUNT columns */
	C_FILE_DATES = C_DATES + MILESTONE_COUNT,
	C_BOUND,
	C_EVENTS,
	C_JSON
};

static struct span
text(struct store *s, size_t q, int col, struct arena *a)
{
	struct span v = store_col_text(s, q, col);

	return v.p != NULL && a != NULL ? arena_span(a, v) : v;
}

static int64_t
instant(struct store *s, size_t q, int col)
{
	return store_col_null(s, q, col) ? INT64_MIN : store_col_i64(s, q, col);
}

static uint32_t
read_flags(struct span words)
{
	uint32_t set = 0;

	while (words.p != NULL && words.n > 0) {
		int f = facts_name(span_cut(&words, ' '), flag_names, FLAG_COUNT);
		if (f >= 0)
			set |= 1U << f;
	}
	return set;
}

/* The milestones: as proposals.yaml has them; of the files only where it says so. */
static void
read_dates(struct store *s, size_t q, struct catalog_dataset *d)
{
	static const enum milestone of_file[2] = {
		MILESTONE_EXPERIMENT_START, MILESTONE_EXPERIMENT_END};
	int64_t in_file[2] = {d->start, d->end != INT64_MIN ? d->end : d->start};

	for (int m = 0; m < MILESTONE_COUNT; m++) {
		struct span v = store_col_text(s, q, C_DATES + m);
		if (v.p != NULL && !facts_parse_when(v, &d->facts.dates[m]))
			d->facts.dates[m] = (struct when){0};
	}
	d->file_dates = store_col_i64(s, q, C_FILE_DATES) != 0;
	for (int i = 0; i < 2 && d->file_dates; i++)
		if (!d->facts.dates[of_file[i]].given && in_file[i] != INT64_MIN)
			d->facts.dates[of_file[i]] =
				(struct when){.given = true, .instant = in_file[i]};
}

static void
read_facts(struct store *s, size_t q, struct catalog_dataset *d)
{
	int kind = facts_name(store_col_text(s, q, C_KIND), kind_names, KIND_COUNT);
	int route = facts_name(store_col_text(s, q, C_ROUTE), route_names, ROUTE_COUNT);

	d->facts = (struct object_facts){
		.pid = d->pid,
		.proposal = d->proposal,
		.instrument = d->instrument,
		.kind = kind >= 0 ? (enum kind)kind : KIND_RAW,
		.route = route >= 0 ? (enum route)route : ROUTE_ACADEMIC,
		.flags = read_flags(store_col_text(s, q, C_FLAGS)),
		.policy = d->policy.p != NULL ? d->policy : d->bound,
		.n_events = (size_t)store_col_i64(s, q, C_EVENTS),
	};
	read_dates(s, q, d);
}

void
dataset_row_read(struct store *s, size_t q, struct arena *a, struct catalog_dataset *ret)
{
	struct catalog_dataset d = {
		.id = store_col_i64(s, q, C_ID),
		.pid = text(s, q, C_PID, a),
		.root = (unsigned)store_col_i64(s, q, C_PLACE),
		.root_name = text(s, q, C_ROOT, a),
		.folder = text(s, q, C_FOLDER, a),
		.title = text(s, q, C_TITLE, a),
		.proposal = text(s, q, C_PROPOSAL, a),
		.proposal_title = text(s, q, C_PROPOSAL_TITLE, a),
		.instrument = text(s, q, C_INSTRUMENT, a),
		.facility = text(s, q, C_FACILITY, a),
		.source = text(s, q, C_ORIGIN, a),
		.sample = text(s, q, C_SAMPLE, a),
		.definition = text(s, q, C_DEFINITION, a),
		.technique = text(s, q, C_TECHNIQUE, a),
		.technique_label = text(s, q, C_TECHNIQUE_LABEL, a),
		.start = instant(s, q, C_DATE),
		.end = instant(s, q, C_DATE_END),
		.files = (uint64_t)store_col_i64(s, q, C_FILES),
		.bytes = (uint64_t)store_col_i64(s, q, C_BYTES),
		.document = store_col_i64(s, q, C_DOCUMENT),
		.policy = text(s, q, C_POLICY, a),
		.bound = text(s, q, C_BOUND, a),
	};
	read_facts(s, q, &d);
	*ret = d;
}

void
dataset_row_whole(struct store *s, size_t q, struct arena *a, struct catalog_dataset *ret)
{
	dataset_row_read(s, q, a, ret);
	ret->json = text(s, q, C_JSON, a);
}
