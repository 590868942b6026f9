/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/span.h"
#include "policy/decision.h"
#include "policy/facts.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The members of audit records after "node" (policy language, section 15), in their fixed order.
 * Pure.
 */
struct audit_who {
	struct span id; /* audit_subject_id; absent: anonymous */
	/* Entitlements that a loaded policy mentions (audit_record_mentioned): no other one of the
	 * subject's is written. */
	const struct span *mentioned;
	size_t n_mentioned;
};
/*
 * All entitlements that rules of the set mention, sorted by bytes, each once.  The list is the
 * caller's to free, the texts stay the set's.  False: no memory.
 */
bool audit_record_mentioned(const struct policy_set *policies, struct span **ret, size_t *ret_n);

void audit_record_decision(struct buf *out, const uint8_t trace[16], struct audit_who who,
	const struct facts *f, const struct decision *d);
/*
 * "event": what was appended to the log of a dataset, as JSON of one object (policy language 2.3),
 * by whom; of the facts the subject, the roles and the object count.
 */
void audit_record_event(struct buf *out, const uint8_t trace[16], struct audit_who who,
	const struct facts *f, struct span event);

struct audit_closing {
	uint8_t trace[16];
	uint64_t decision; /* seq of the decision that the bytes left under */
	uint64_t bytes;
	const char *result; /* complete, client-gone, cut, error */
	const char *why;    /* what ended it early, one word; NULL: nothing to say */
	struct span to;   /* a push: the host that the bytes went to, with its port; absent: none */
	bool full;        /* obligation audit:full: with file and ranges */
	struct span file; /* inside of the dataset */
	const uint64_t (*ranges)[2]; /* first and last byte of each to be sent */
	size_t n_ranges;             /* 0: nothing of the file */
};
void audit_record_close(struct buf *out, const struct audit_closing *c);

/*
 * "landed": a file or a folder is about to get its name; it stands in the log before the name
 * does.  "unlanded", with `why`: it got none after all, although the log says so before.
 */
struct audit_landing {
	uint64_t decision;     /* seq of the decision that it lands by */
	struct span file;      /* inside of the dataset; a folder with a slash at its end */
	uint64_t bytes;        /* of a file */
	const uint8_t *sha256; /* of its bytes; NULL: not known */
	const char *why;       /* one word; NULL: it landed */
};
void audit_record_landing(struct buf *out, const uint8_t trace[16], struct audit_who who,
	const struct facts *f, const struct audit_landing *l);

struct audit_starting {
	const char *agent;  /* version */
	const char *tzdata; /* zone_version; "" or NULL: not known */
	const struct policy_set *policies;
	/* "reload": JSON by audit_record_policies of what was in force before; absent: "start". */
	struct span replaced;
	/* "reload": of so many decisions of the last day so many would be others now. */
	bool judged;
	uint64_t decisions, changed;
};
void audit_record_start(struct buf *out, const struct audit_starting *s);
/* [{"policy":...,"version":...,"sha256":...}] */
void audit_record_policies(struct buf *out, const struct policy_set *policies);
/* "clock": the wall clock stepped by so many seconds, and this is the time that decisions use
 * (seconds UTC). */
void audit_record_clock(struct buf *out, int64_t step_s, int64_t used);
/* "checkpoint" of the lines up to `upto`, whose hash is `head`. */
struct audit_signing {
	uint64_t upto;
	uint8_t head[32];
	uint8_t key[8]; /* first bytes of the SHA-256 of the public key */
	uint8_t sig[64];
};
void audit_record_checkpoint(struct buf *out, const struct audit_signing *s);
/* "expired": names of log files and of key files that were deleted, for their time had come. */
struct audit_expired {
	const struct span *files, *keys;
	size_t n_files, n_keys;
};
void audit_record_expired(struct buf *out, const struct audit_expired *x);
/* "login", "logout": who came or went with a browser, by which client of its issuer. */
void audit_record_login(
	struct buf *out, const uint8_t trace[16], struct audit_who who, const struct subject *s);
/* A request that was refused before any dataset was known: bad token. */
void audit_record_refused(struct buf *out, const uint8_t trace[16], int status, const char *why);
/* "refused-more": so many of them since the last such record have no record of their own. */
void audit_record_refused_more(struct buf *out, uint64_t count);
