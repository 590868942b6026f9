/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"

/* The gate's refusals, as RFC 9457 problem+json: which rule, until when, whom to ask, what to do
 * next. */

/* A decision that says no (401, 403, 404, 410, 451). */
void gate_problem_denied(struct gate_desk *d, const struct gate_case *c, struct http_answer *ret);
/* A credential that is not good, or does not reach this path (400, 401, 403), or cannot be judged
 * now (429, 503, with Retry-After and without a challenge). */
void gate_problem_credential(struct gate_desk *d, const struct gate_case *c,
	const struct auth_refusal *why, struct http_answer *ret);
/* Somebody has to sign in for it (401 with a bare challenge). */
void gate_problem_signin(struct gate_desk *d, const struct gate_case *c, const char *detail,
	struct http_answer *ret);
/* A no that might be a yes if the issuer could be asked for the subject's groups (503; tokens
 * INT-8). */
void gate_problem_incomplete(
	struct gate_desk *d, const struct gate_case *c, struct http_answer *ret);
/* No such thing, or hidden: the same words for both (404). */
void gate_problem_absent(struct gate_desk *d, const struct gate_case *c, struct http_answer *ret);
/* Anything else: `name` ends the type URN. */
void gate_problem(struct gate_desk *d, const struct gate_case *c, unsigned status, const char *name,
	const char *detail, struct http_answer *ret);
/* The same with Retry-After, for 503. */
void gate_problem_later(struct gate_desk *d, const struct gate_case *c, const char *detail,
	unsigned seconds, struct http_answer *ret);
