/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/fetch.h"
#include "agent/base/log.h"
#include "agent/base/settings.h"
#include "agent/base/span.h"
#include "agent/courier_kept.h"
#include "auth/courier.h"
#include "auth/issuers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the courier does for the gates, as a state machine over a world that is handed in: keys and
 * discovery documents of each issuer, refreshed in time (agent/courier_keys.h), and questions about
 * tokens (agent/courier_ask.h).  One thread; nothing here waits, opens or logs anything itself.
 *
 * An issuer whose keys stand in a file, and of which nothing else is asked, has no part in it.
 */
#define COURIER_ALL UINT32_MAX /* every link */

struct courier_now {
	int64_t ms;  /* of a clock that never jumps */
	int64_t utc; /* seconds */
};

struct courier_world {
	void *arg;
	struct courier_now (*now)(void *arg);
	uint32_t (*random)(void *arg);
	/* As fetch_start: false when the request is not allowed, and `done` never comes then. */
	bool (*fetch)(void *arg, const struct fetch_request *r, fetch_done *done, void *done_arg,
		struct err *e);
	/* To the gate behind a link, or to all.  The spans die with the call. */
	void (*report)(void *arg, unsigned link, const struct report *r);
	void (*keep)(void *arg, const struct courier_kept *k);
	/* For the log: never anything of a token. */
	void (*note)(void *arg, enum log_level l, const char *event, const char *msg,
		struct span issuer, struct span text);
};

/* What the files of an issuer hold.  Absent: there is none. */
struct courier_files {
	struct span ca, secret, websecret;
};

struct courier;

/*
 * Borrows everything until courier_free.  `files` has an entry for each of rules->n issuers.  The
 * first courier_turn starts the first retrievals.
 */
bool courier_new(const struct courier_world *w, const struct issuers *rules,
	const struct courier_files *files, struct courier **ret, struct err *e);
/* NULL is allowed.  No transfer of it may be under way any more. */
void courier_free(struct courier *c);
/* Before the first turn: the text of a file of before (agent/courier_kept.h). */
bool courier_restore(struct courier *c, size_t issuer, struct span text, struct err *e);
/* Is anything of this issuer fetched? */
bool courier_fetches(const struct courier *c, size_t issuer);
/* A gate came: it gets a report of each issuer that was tried.  Links are told apart by number. */
void courier_link(struct courier *c, unsigned link);
void courier_unlink(struct courier *c, unsigned link);
void courier_errand(struct courier *c, unsigned link, const struct errand *r);
/* No new work: what waits is refused, what runs ends. */
void courier_drain(struct courier *c);
bool courier_idle(const struct courier *c); /* no question is under way */
/* Does what is due; milliseconds until there is more (0 to 60000). */
int courier_turn(struct courier *c);
/* Has anything changed since it was last asked that agent/courier_tell.h tells? */
bool courier_changed(struct courier *c);
