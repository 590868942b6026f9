/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/span.h"
#include "auth/issuers.h"

/*
 * What a client is told before it has a token: the challenge of a 401 and the protected resource
 * document.  Pure writers; nothing that came from outside can end a quoted string or a line.
 */
struct auth_refusal; /* auth/auth.h */

/* The value of WWW-Authenticate (RFC 6750 3, RFC 9728 5.1).  refusal NULL: no credentials were
 * sent, so no error member. */
void prm_write_challenge(struct buf *out, struct span realm, struct span metadata_url,
	const struct auth_refusal *refusal);
/* The document (RFC 9728 2), application/json.  origin: the resource when there is no issuer;
 * facility: NULL for none. */
void prm_write_metadata(
	const struct issuers *all, struct span origin, const char *facility, struct buf *out);
