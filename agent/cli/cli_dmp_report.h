/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>

/* What became of a plan, one row for each thing that it says of a dataset.  Pure. */
enum cli_dmp_outcome {
	DMP_AGREES,    /* plan and policy say the same, or it was asked before */
	DMP_ASKED,     /* it was recorded */
	DMP_WOULD_ASK, /* it would be, without --dry-run */
	DMP_CONFLICT,  /* the policy says otherwise, and its word stands */
	DMP_REFUSED,   /* it was asked, and may not be or could not be recorded */
	DMP_OUTCOMES
};

struct cli_dmp_row {
	struct span dataset;      /* pid, or what the plan calls it */
	const char *what;         /* "opening", "licence", "personal data", "dataset" */
	struct span plan, policy; /* what either says; absent: nothing */
	enum cli_dmp_outcome outcome;
	struct span note; /* why, and what next; may be absent */
	struct cli_dmp_row *next;
};

struct cli_dmp_report {
	struct arena *a; /* of rows and texts */
	struct cli_dmp_row *first, *last;
	size_t count[DMP_OUTCOMES];
	bool full; /* a row was lost for want of memory */
};

/* Texts are copied. */
void cli_dmp_add(struct cli_dmp_report *r, const struct cli_dmp_row *row);
bool cli_dmp_all_taken(const struct cli_dmp_report *r);
/* A table for people, with what it comes to in the last line; control characters become '?'. */
void cli_dmp_write_table(const struct cli_dmp_report *r, struct buf *out);
void cli_dmp_write_json(const struct cli_dmp_report *r, struct span plan, struct buf *out);
