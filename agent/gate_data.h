/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"

/* /data/: the list of datasets, listings of a dataset, its files. */
/*
 * The dataset and the rest of the path, and the decision about what is asked of it (c->decision).
 * Of several whose pids the path begins with the longest that is not hidden from the asker.
 * ERR_ABSENT: there is none.
 */
bool gate_data_find(struct gate_desk *d, struct gate_case *c, struct err *e);
void gate_data_begin(struct gate_desk *d, struct gate_case *c);
void gate_data_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);

/*
 * Decide `action` on c->dataset for c->subject: c->decision.  False: the catalogue does not answer.
 * Writes nothing: for the quiet questions behind a list, such as which datasets show in it.
 */
bool gate_data_judge(struct gate_desk *d, struct gate_case *c, enum action action, struct err *e);

/* False: what was found is no permit that was recorded, and that has been answered. */
bool gate_data_permitted(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);
/* The listing or the file at c->rest of c->dataset: only after a permit that was recorded. */
void gate_data_member(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);

/* Content-Type of a file, by its format and ending. */
struct span gate_data_type(const struct catalog_file *f);
