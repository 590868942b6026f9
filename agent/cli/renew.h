/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/cli/client.h"
#include "agent/cli/oauth.h"
#include "agent/cli/token_login.h"
#include "agent/cli/token_store.h"

#include <stdbool.h>
#include <stdint.h>

/* Kept logins against their issuers: new access tokens (RFC 6749 6), and the end (RFC 7009). */
#define RENEW_BEFORE 60 /* seconds before its end, a token is no longer used */

/* Its access token is good for a while yet, as far as is known. */
bool renew_fresh(const struct token_login *l, int64_t now);
/*
 * Get a new access token, and keep it; a refresh token that is replaced is replaced in the store at
 * once.  Of two commands at a time one asks the issuer and the other takes what it got.  `l` is
 * untouched on failure.  ERR_UNAUTH: the login has ended, and only a new one helps; ERR_UPSTREAM:
 * the issuer did not answer, or not usefully.
 */
bool renew(struct client *c, struct token_store *s, struct token_login *l, struct err *e);
/* Put tokens that came into a login: what is absent stays. */
bool renew_take(struct token_login *l, struct oauth_tokens *t, int64_t now, struct err *e);
/* For whom the token shall be, added to a request (RFC 8707 2, or `audience`). */
void renew_form_audience(const struct token_login *l, struct buf *form);

/*
 * Revoke both tokens.  False: at least one could not be; *e tells why.  *lives (set on success):
 * the access token is of a kind that cannot be revoked there (RFC 7009 2.2.1; most JWTs), and works
 * until it ends.
 */
bool renew_revoke(struct client *c, const struct token_login *l, bool *lives, struct err *e);
