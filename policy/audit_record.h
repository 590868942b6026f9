/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/span.h"
#include "policy/decision.h"
#include "policy/facts.h"
#include "policy/policy.h"

#include <stdint.h>

/*
 * The members of audit records after "node" (policy language, section 15), in their fixed order.
 * Pure.
 */
struct audit_who {
	struct span id; /* audit_subject_id; absent: anonymous */
};

/* file: what was asked for inside the dataset; absent: nothing. */
void audit_record_decision(struct buf *out, const uint8_t trace[16], struct audit_who who,
	const struct facts *f, const struct decision *d, struct span file);

struct audit_closing {
	uint8_t trace[16];
	uint64_t decision; /* seq of the decision that the bytes left under */
	uint64_t bytes;
	const char *result;   /* complete, client-gone, cut, error */
	uint64_t first, last; /* range sent; last < first: none */
};
void audit_record_close(struct buf *out, const struct audit_closing *c);
/* replaced: NULL at start. */
void audit_record_start(struct buf *out, const char *version, const struct policy_set *policies);
/* "login", "logout": who came or went with a browser, by which client of its issuer. */
void audit_record_login(
	struct buf *out, const uint8_t trace[16], struct audit_who who, const struct subject *s);
/* A request that was refused before any dataset was known: bad token. */
void audit_record_refused(struct buf *out, const uint8_t trace[16], int status, const char *why);
/* "refused-more": so many of them since the last such record have no record of their own. */
void audit_record_refused_more(struct buf *out, uint64_t count);
