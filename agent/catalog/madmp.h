/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A machine-actionable data management plan (RDA DMP Common Standard 1.2, JSON), as far as the
 * agent has a use for it: when data shall be open, under which licence, whether they are people's.
 * An embargo there is the start_date of a distribution's licence.  Pure.
 *
 * Members that the struct does not hold are ignored, whatever they are: the standard allows tools
 * to add their own.  A member that it holds must have the standard's type and form, and what the
 * standard requires of those must be there.  Dates are days since 1970-01-01.
 */
enum madmp_answer { MADMP_NO, MADMP_YES, MADMP_UNKNOWN, MADMP_ANSWERS };
enum madmp_access { MADMP_OPEN, MADMP_SHARED, MADMP_CLOSED, MADMP_ACCESSES };
extern const char *const madmp_answer_names[MADMP_ANSWERS]; /* "no", ... */
extern const char *const madmp_access_names[MADMP_ACCESSES];

/* An absent span was not given; required ones are marked. */
struct madmp_id {
	struct span identifier, type; /* both required where there is one */
};

struct madmp_ids {
	struct madmp_id *item;
	size_t n;
};

struct madmp_date {
	bool given;
	int32_t day;
};

struct madmp_license {
	struct span ref;         /* required: a URL */
	struct madmp_date start; /* required: the day from which it holds */
};

struct madmp_host {
	bool given;
	struct span title, url; /* required */
};

struct madmp_distribution {
	struct span title;        /* required */
	enum madmp_access access; /* required */
	struct span access_url, download_url;
	struct madmp_date available_until;
	bool has_size;
	uint64_t bytes;
	struct madmp_host host;
	struct madmp_license *licenses;
	size_t n_licenses;
};

struct madmp_dataset {
	struct span title;  /* required */
	struct madmp_id id; /* required */
	struct span description, type, rights;
	struct madmp_date issued;
	enum madmp_answer personal, sensitive; /* required */
	struct madmp_distribution *distributions;
	size_t n_distributions;
};

struct madmp_project {
	struct span title; /* required */
	struct madmp_date start, end;
	struct madmp_ids ids;
};

struct madmp {
	struct span title, language, created, modified; /* required; times as given */
	struct span description;
	struct madmp_id id;           /* required: of the plan itself */
	struct span contact, mbox;    /* required: whom to ask about the plan */
	struct madmp_ids contact_ids; /* required: at least one */
	enum madmp_answer ethical;    /* required */
	struct madmp_project *projects;
	size_t n_projects;
	struct madmp_dataset *datasets;
	size_t n_datasets;
};

#define MADMP_BYTES  ((size_t)8 * 1024 * 1024) /* of a plan; its arena needs 64 MiB */
#define MADMP_TEXT   4096U                     /* bytes of one text */
#define MADMP_ITEMS  10000U                    /* of one list, and of all lists together */
#define MADMP_FAULTS 20U                       /* that are reported */

/*
 * Every fault is one line "FILE: error: dmp.dataset[0].title: MESSAGE" of `report`; false with at
 * least one.  Texts live in the arena.
 */
bool madmp_parse(const char *file, struct span text, struct arena *a, struct buf *report,
	struct madmp *ret, struct err *e);
/* The plan as JSON, valid by the schema of the standard if the required parts are there. */
void madmp_write(const struct madmp *m, struct buf *out);
