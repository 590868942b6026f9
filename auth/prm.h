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

/*
 * The value of WWW-Authenticate: one Bearer challenge (RFC 6750 3, RFC 9728 5.1, RFC 9470 3), and
 * behind it one of DPoP where the refusal asks for that (RFC 9449 7.1).  refusal NULL: no
 * credentials were sent, so no error member.  The error invalid_dpop_proof stands in the DPoP
 * challenge alone, since Bearer does not know it.
 */
void prm_write_challenge(struct buf *out, struct span realm, struct span metadata_url,
	const struct auth_refusal *refusal);
/*
 * The document (RFC 9728 2), application/json, with our own member `pan_issuers` (PRM-3): one
 * object for each authorization server, in the same order:
 *   issuer, name            as configured
 *   audience                what a token's aud must be; clients ask for it
 *   audience_parameter      how they ask: "resource" (RFC 8707), "audience" or "none"
 *   scopes                  list of what to ask for
 *   client_id               public client of the device flow; absent: none is offered
 *   device_flow             whether one is offered
 * Issuers whose name is no https URL (tests' on a loopback address aside) are left out: no client
 * could ask them for anything.  origin: the resource, with a slash at its end; facility: NULL for
 * none.
 */
void prm_write_metadata(
	const struct issuers *all, struct span origin, const char *facility, struct buf *out);
