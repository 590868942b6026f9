/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"
#include "policy/view.h"

/*
 * GET /datasets/{pid}: the public record of a dataset, as a page or as JSON (Accept).  It holds the
 * minimal record (policy language, 3.6), the metadata fields that are public by now, all of them
 * where `meta.full` is permitted, which policy decides and since when, and what this asker may do
 * with the data: files to list, or the sentence that says why not and where to ask.  A dataset that
 * has no public record for the asker is absent, as agent/gate_datasets.c says; what was withdrawn
 * is a tombstone (410).
 *
 * A shared cache may keep it only as long as every decision in it lets it (POL-18).  Its ETag is
 * one of its bytes, and these hold the state, the fields and the policy's sha256.  It has no
 * Last-Modified: no other instant than that of the answer is sure to be none before a change.
 */
void gate_dataset_begin(struct gate_desk *d, struct gate_case *c);
void gate_dataset_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);

/* What the two writers (gate_dataset_json.c, gate_dataset_page.c) are given. */
struct policy;
struct gate_dataset {
	struct catalog_dataset record; /* blanked */
	struct view_shown shown;
	const struct policy *policy;
	struct decision list, read;
	struct span sentence; /* of the decision on data.read */
	struct span doi;      /* absent: its pid is none */
	struct span data;     /* "/data/PID/" as a URL path; absent: not for this asker */
	struct span zip, tar; /* all of them as one file; absent: not for this asker */
	struct span requests; /* where to ask for access; absent: nothing to ask for */
	struct span terms;    /* page of the terms that are to be accepted first; absent: none */
	struct span licence;  /* URL; absent: a licence of the facility's own */
	struct span released; /* release date; absent: there is none */
	unsigned year;        /* of publication; 0: not known */
	const char *facility;
	struct span contact;
	/*
	 * When the answer changes by time alone: the release date, and the dates of the experiment
	 * only where those may be seen.  INT64_MIN: nothing to say.
	 */
	int64_t next_change;
};
void gate_dataset_json(struct gate_desk *d, const struct gate_dataset *s);
void gate_dataset_page(struct gate_desk *d, const struct gate_dataset *s);
