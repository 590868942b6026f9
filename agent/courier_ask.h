/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/courier_run.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Questions about tokens to one issuer: introspection (RFC 7662 2), userinfo (OpenID Connect Core
 * 1.0, 5.3) and the exchange of a code (RFC 6749 4.1.3, RFC 7636 4.5).  Eight at a time, sixty-four
 * waiting, three seconds each (INT-1); what is beyond or waited too long is RESULT_BUSY.  Each is
 * answered once to the gate that asked, unless its link is gone.
 */
#define COURIER_ASKS_RUNNING 8U
#define COURIER_ASKS_WAITING 64U
#define COURIER_ASK_MS       3000

void courier_ask_init(struct courier_issuer *i);
void courier_ask_fini(struct courier_issuer *i);
void courier_ask(struct courier_issuer *i, unsigned link, const struct errand *r);
/* Starts what can be started; refuses what waited too long, or cannot be asked at all. */
void courier_ask_pump(struct courier_issuer *i);
void courier_ask_unlink(struct courier_issuer *i, unsigned link);
/* Refuses all that wait. */
void courier_ask_drain(struct courier_issuer *i);
/* When the oldest that waits has waited too long; INT64_MAX: none waits. */
int64_t courier_ask_next(const struct courier_issuer *i);
