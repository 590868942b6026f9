/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/catalog/madmp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a plan wants of one dataset of the catalogue: out of all of its entries that mean it.  A
 * dataset of a plan is such an entry; it may name a dataset of the catalogue by its pid, and if it
 * names none it stands for all data of its proposal that no other entry names.  Pure.
 */
enum madmp_opening { MADMP_NO_DAY, MADMP_DAY, MADMP_NEVER };

struct madmp_wish {
	bool rest;      /* by entries that name none */
	size_t entries; /* that mean it; 0: the rest is empty */
	enum madmp_opening opening;
	int32_t day;         /* MADMP_DAY */
	bool personal;       /* one answers yes or unknown about personal or sensitive data */
	struct span answer;  /* which: "personal_data: unknown" */
	struct span other;   /* a licence_ref that is not the policy's; absent: none */
	struct span licence; /* a licence_ref that is; absent: none */
	const struct madmp_dataset *first;
};

/* Which entries name a dataset of the catalogue; index as in m->datasets, borrowed. */
struct madmp_names {
	const struct span *pid; /* absent: it names none, and stands for the rest of its proposal */
	size_t n;
};

/*
 * pid: of the dataset.  rest: entries that name none may mean it, where none names it.  licence:
 * of its policy.
 *
 * Of several days the latest counts, and never counts as later than any: a plan is read in the way
 * that opens least.  A day is the start of a licence; access `closed` without a licence is never.
 */
void madmp_wish(const struct madmp *m, const struct madmp_names *names, struct span pid, bool rest,
	struct span licence, struct madmp_wish *ret);
