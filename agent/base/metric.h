/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Counters and gauges in one shared memory page set, made by the supervisor, mapped by every role.
 * Adding takes no lock (relaxed atomics, one stripe for each role and slot).  Each row of the table
 * in metric.c is one series of the text format 0.0.4 with its HELP, TYPE and labels.  A NULL `m` is
 * allowed everywhere and does nothing.
 */
struct metrics;
enum metric {
	METRIC_REQUESTS_2XX,
	METRIC_REQUESTS_3XX,
	METRIC_REQUESTS_4XX,
	METRIC_REQUESTS_5XX,
	METRIC_BYTES_SENT,
	METRIC_CONNECTIONS,
	METRIC_CONNECTIONS_TOTAL,
	METRIC_HANDSHAKES,
	METRIC_HANDSHAKES_FAILED,
	METRIC_DECISIONS_PERMIT,
	METRIC_DECISIONS_DENY,
	METRIC_TOKENS_ACCEPTED,
	METRIC_TOKEN_CACHE_HITS,
	METRIC_GRANTS_REUSED,
	METRIC_AUDIT_RECORDS,
	METRIC_AUDIT_FAILED,
	METRIC_AUDIT_FAILING,
	METRIC_ROLE_RESTARTS,
	METRIC_RELOADS,
	METRIC_RELOADS_FAILED,
	METRIC_POLICY_RELOADS_FAILED,
	METRIC_CONFIG_STALE,
	METRIC_DATASETS,
	METRIC_FILES_INDEXED,
	METRIC_FILES_BROKEN,
	METRIC_DIGESTED_BYTES,
	METRIC_UNDIGESTED_FILES,
	METRIC_UNDIGESTED_BYTES,
	METRIC_READERS_KILLED,
	METRIC_TRANSFERS_CUT,
	METRIC_CLOCK_STEPS,
	METRIC_LIMITED_STREAMS,
	METRIC_LIMITED_REQUESTS,
	METRIC_PUSHES,
	METRIC_PUSHES_DONE,
	METRIC_PUSHES_FAILED,
	METRIC_PUSHED_BYTES,
	METRIC_TLS_IMB,
	METRIC_TLS_OPENSSL,
	METRIC_COUNT
};
#define METRIC_STRIPES 160U

int metric_create(struct err *e); /* memfd of the region, or -1 */
/*
 * Map the region and take a stripe of it for this thread or role; NULL with e.  Taking a stripe
 * sets its gauges to zero, so that what a dead process left there is gone; its counters go on.
 */
struct metrics *metric_map(int fd, unsigned stripe, struct err *e);
/* Take another stripe of the same region; NULL for NULL and for a stripe that does not exist. */
struct metrics *metric_stripe(struct metrics *m, unsigned stripe);
void metric_unmap(struct metrics *m); /* with all its stripes; NULL allowed */
void metric_add(struct metrics *m, enum metric what, int64_t n);
void metric_set(struct metrics *m, enum metric what, int64_t v); /* gauges with one writer */
int64_t metric_get(const struct metrics *m, enum metric what);   /* over all stripes */
void metric_write(const struct metrics *m, struct buf *out);     /* text format */
