/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/metric.h"
#include "agent/base/settings.h"
#include "agent/base/span.h"
#include "agent/catalog/ingest.h"
#include "agent/catalog/limits.h"
#include "agent/indexer_pool.h"
#include "agent/indexer_report.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * One run of the indexer: the chosen data roots into the catalogue.  The world comes in by `struct
 * indexer_job_world`, so that a test can be the supervisor and the readers.
 */
struct indexer_job_root {
	int fd; /* the folder; -1: it could not be opened */
};

struct indexer_digest;

struct indexer_job_world {
	void *ctx;
	int control; /* to wake up for; -1: none */
	/* Take what the supervisor says; false: stop the run at the next file. */
	bool (*attend)(void *ctx);
	void (*kill_reader)(void *ctx, unsigned slot);
	/*
	 * Does anybody wait for a single dataset?  Then `between` is called between two datasets,
	 * with everything committed and no reader at work, and may run such a job.  NULL: nobody.
	 */
	bool (*others)(void *ctx);
	void (*between)(void *ctx);
};

struct indexer_job_order {
	bool full;    /* read unchanged files again */
	bool digests; /* default true */
	bool all;     /* every root; else those with chosen[i] */
	bool chosen[256];
	/* Look at no storage: store anew which policy binds the datasets, or this one. */
	bool rebind;
	char pid[LIMIT_PID + 1]; /* "": all of them */
	/*
	 * Not by indexer_job_parse: the dataset in this folder of this root alone, as it is on disk
	 * now.  proposals.yaml and other datasets are left as they are.
	 */
	bool one;
	unsigned place;
	char folder[LIMIT_PATH + 1];
};

struct indexer_job {
	const struct settings *settings;
	const struct indexer_job_root *root; /* in the order of settings->roots */
	struct ingest *ingest;
	struct indexer_pool *pool;
	struct indexer_job_world world;
	struct indexer_job_order order;
	const char *proposals_name;        /* for messages */
	struct span proposals;             /* text of proposals.yaml; absent: there is none */
	const struct policy_set *policies; /* to bind datasets to; NULL: they have faults */
	struct indexer_report *report;
	struct metrics *metrics;       /* NULL allowed */
	struct indexer_digest *digest; /* NULL: digests follow later */
};

/*
 * The order as JSON: {"job":"index","roots":["name"],"full":bool,"digests":bool}; an empty list of
 * roots is all of them, {} a run over everything.  {"rebind":true} or {"rebind":"PID"} binds
 * datasets anew instead.  ERR_SYNTAX when it is not one, ERR_ABSENT for a root that is not
 * configured.
 */
bool indexer_job_parse(
	struct span text, const struct settings *s, struct indexer_job_order *ret, struct err *e);
/*
 * True: everything that belongs in the catalogue is in it.  False: something is not; the report
 * said what.  What was committed before a failure is consistent and stays.
 */
bool indexer_job_run(const struct indexer_job *job);
