/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/crypto.h"
#include "agent/base/err.h"
#include "agent/base/settings.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A person's login in a browser: the way to the issuer and the way back (RFC 6749 4.1 with PKCE,
 * RFC 7636, and OpenID Connect Core 1.0, 3.1).  Until the issuer has sent the person back nothing
 * is kept here: all that the way back is checked against lies in the browser, sealed, so that
 * nobody can fill a table with logins that never end.  Pure but for random numbers.
 */
#define LOGIN_SECONDS    600    /* from the beginning to the way back */
#define LOGIN_RETURN_MAX 1024UL /* bytes of the path that follows */
#define LOGIN_QUERY_MAX  8192UL /* bytes of the answer's query */
#define LOGIN_CODE_MAX   4096UL
#define LOGIN_COOKIE_MAX                                                                           \
	3800UL /* browsers keep 4096 with its name and attributes (RFC 6265 6.1)                   \
		*/

struct login_start {
	struct span issuer;   /* as configured */
	struct span endpoint; /* its authorization endpoint */
	bool iss_parameter;   /* its answers name it (RFC 9207) */
	struct span client;
	const struct settings_list *scopes; /* empty: openid, profile, email */
	struct span redirect;               /* our own URL that it sends the person back to */
	struct span return_to; /* a path of ours; one that login_local refuses: "/me" */
};

/* What the way back has proved. */
struct login {
	struct span issuer, state, nonce, verifier, return_to;
	struct span code; /* to be exchanged, once */
	int64_t until;    /* seconds UTC: the sealed cookie is of no use any more */
};

/* The URL to send the browser to, and the value of its login cookie. */
bool login_begin(const struct login_start *s, const uint8_t key[CRYPTO_SEAL_KEY], int64_t now,
	struct buf *location, struct buf *cookie, struct err *e);
/* The way back: the query as it came (raw), and the login cookie's value. */
struct login_answer {
	struct span query, cookie;
};
/*
 * Nothing of the query
 * is believed, its error neither, before its state is that of the cookie.  The spans of *ret lie in
 * `mem`.  ERR_UNAUTH: no such login is under way in this browser.  ERR_SYNTAX: not an answer of an
 * authorization server.  ERR_DENIED: the issuer refused, and e->msg has its words.
 */
bool login_back(const struct login_answer *a, const uint8_t key[CRYPTO_SEAL_KEY], int64_t now,
	struct arena *mem, struct login *ret, struct err *e);
/* A path of this server, and nothing that a browser could take for another one's. */
bool login_local(struct span path);
/* One value of a query or form (raw), percent-decoded into `mem`: ERR_ABSENT, or ERR_SYNTAX when it
 * stands twice, is malformed or longer than `max`. */
bool login_value(struct span query, const char *name, size_t max, struct arena *mem,
	struct span *ret, struct err *e);
