/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"
#include "auth/inside.h"

#include <stdint.h>

/*
 * What only the issuer can tell: opaque tokens (INT-1 to INT-7), and claims that are not in the
 * token (INT-8).  The question goes to the courier; its answer is judged when it comes, and kept
 * for a minute at most (auth/answers.h).
 */

/* The verdict on an opaque token; c->got as of a JWT. */
enum auth_verdict inquire_opaque(struct check *c, struct span token, struct err *e);
/*
 * The claims of a JWT that has passed all local checks, in c->got, completed by its issuer.  Where
 * that cannot be asked, the token is good all the same and its subject `incomplete`; NO: the issuer
 * refuses the token, or it alone knows who this is (!c->somebody) and cannot be asked.
 */
enum auth_verdict inquire_claims(
	struct check *c, struct span token, struct span payload, struct err *e);
/* REPORT_ANSWER with an id that answers_ask gave. */
void inquire_report(struct auth *a, const struct report *r, int64_t now_ms);
