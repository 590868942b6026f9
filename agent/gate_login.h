/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"
#include "agent/session.h"
#include "auth/issuers.h"

#include <stdbool.h>

/*
 * The login of a browser: GET /login sends it to an issuer, GET /login/callback is where the issuer
 * sends it back to; gate_logout.h ends it.  auth/login.h and auth/id_token.h judge; agent/session.h
 * keeps.
 *
 * What each thing stands against.  Somebody's answer slipped into another browser (login CSRF): the
 * sealed cookie's state.  A session set before the login (fixation): each login makes a new id and
 * ends the old.  An answer used twice: a state is spent once, and the issuer spends its code once.
 * An old cookie with a new answer: ten minutes, and the same state.  Another issuer's answer
 * (mix-up): iss.  A link that leads away: local paths alone.  A page of others that logs somebody
 * out: where the form comes from, and the session's own token in it.
 */
void gate_login_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);
void gate_login_back_begin(struct gate_desk *d, struct gate_case *c);
void gate_login_back_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);

/* Our client there; NULL: no login. */
const char *gate_login_client(const struct issuer *i);
/* Can a browser log in here at all? */
bool gate_login_offered(const struct gate_desk *d);
/* A list of links, one for each issuer that a browser can log in at. */
void gate_login_write_links(struct gate_desk *d, struct span return_to);

/* Who a browser's session says is there. */
struct gate_login_who {
	struct session session;
	const struct issuer *issuer;
	struct json *kept; /* id_token.h; the caller frees */
	struct subject subject;
};
/* False: nobody, or no longer (an issuer that is not trusted any more counts as such). */
bool gate_login_find(
	struct gate_desk *d, const struct gate_case *c, struct gate_login_who *ret, struct err *e);
