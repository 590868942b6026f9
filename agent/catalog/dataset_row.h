/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/catalog/catalog.h"
#include "agent/catalog/store.h"

#include <stddef.h>

/*
 * A row of the catalogue as a dataset: the columns that every statement about datasets asks for,
 * and how they are read.  Of catalog*.c and ingest*.c alone.
 */
#define DATASET_ROW_COLUMNS                                                                        \
	"SELECT d.id, t.pid, s.place, s.name, t.folder, t.title, p.pid, p.title, i.name,"          \
	" i.facility, t.origin, t.sample, t.definition, t.technique, t.technique_label, d.date,"   \
	" d.date_end, d.files, d.bytes, d.kind, d.document, p.route, p.policy, p.flags,"           \
	" p.proposal_accepted, p.experiment_start, p.experiment_end, p.data_collected,"            \
	" p.file_dates, d.bound, (SELECT count(*) FROM event e WHERE e.document = d.document)"
#define DATASET_ROW_REST                                                                           \
	" CROSS JOIN source s ON s.id = d.source"                                                  \
	" LEFT JOIN document p ON p.id = d.document LEFT JOIN instrument i ON i.id = d.instrument"
/* By pid, and by anything of the narrow table. */
#define DATASET_ROW_TABLES                                                                         \
	" FROM dataset_text t CROSS JOIN dataset d ON d.id = t.id" DATASET_ROW_REST
#define DATASET_ROW_NARROW                                                                         \
	" FROM dataset d CROSS JOIN dataset_text t ON t.id = d.id" DATASET_ROW_REST
/* The same columns of a proposal alone: what a dataset of it has before it is catalogued. */
#define DATASET_ROW_NEW                                                                            \
	"SELECT 0, NULL, 0, NULL, NULL, NULL, p.pid, p.title, NULL, NULL, NULL, NULL, NULL, NULL," \
	" NULL, NULL, NULL, 0, 0, NULL, p.id, p.route, p.policy, p.flags, p.proposal_accepted,"    \
	" p.experiment_start, p.experiment_end, p.data_collected, p.file_dates, NULL,"             \
	" (SELECT count(*) FROM event e WHERE e.document = p.id)"                                  \
	" FROM document p WHERE p.pid = ? AND p.known"
#define DATASET_ROW_JSON ", t.json" /* behind the columns: the record, too */

/*
 * The current row of statement q, without the log: facts.n_events says how many entries it has.
 * a NULL: the spans are the row's, good until the next step.
 */
void dataset_row_read(struct store *s, size_t q, struct arena *a, struct catalog_dataset *ret);
/* The same with the record, of a statement with DATASET_ROW_JSON. */
void dataset_row_whole(struct store *s, size_t q, struct arena *a, struct catalog_dataset *ret);
