/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "auth/courier.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The exchanges of authorization codes that are under way (ERRAND_CODE), from the errand to the
 * moment when the request that waits for it has read the answer.  Thread-safe; what is kept holds
 * tokens and is wiped.
 *
 * A stranger with a login of his own under way can start them, and they share the courier with what
 * else is asked of the issuer: so there are few.
 *
 * Ids are the errands' and never 0.  A place that nobody came back for is given away after
 * EXCHANGE_MS.
 */
#define EXCHANGE_MAX 32U    /* under way at a time, of all issuers */
#define EXCHANGE_MS  12000L /* two questions to the issuer, and then its keys */

struct exchange;

/* Spans lie in the arena that exchange_answer was given; both may hold tokens or personal data. */
struct exchange_result {
	enum report_result result;
	struct span body;     /* of the token endpoint; absent: none came */
	struct span userinfo; /* absent: none was asked for or answered */
};

bool exchange_new(struct exchange **ret, struct err *e);
void exchange_free(struct exchange *x); /* NULL is allowed */
/* A place for this errand, before it leaves; ERR_LIMIT: all are taken. */
bool exchange_begin(struct exchange *x, uint64_t id, int64_t now_ms, struct err *e);
/* REPORT_ANSWER; false: its id is none of these.  A second answer to one errand is ignored. */
bool exchange_report(struct exchange *x, const struct report *r);
/* It is worth asking exchange_answer: the answer is there, or none will come any more. */
bool exchange_ready(struct exchange *x, uint64_t id, int64_t now_ms);
/*
 * The answer, again and again until exchange_forget; RESULT_FAILED when none came in time, or the
 * place is gone.  ERR_LIMIT: the arena is full.
 */
bool exchange_answer(struct exchange *x, uint64_t id, struct arena *mem,
	struct exchange_result *ret, struct err *e);
void exchange_forget(struct exchange *x, uint64_t id);
