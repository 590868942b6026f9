/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>

/* The value of one Authorization field (RFC 6750 2.1, RFC 9449 7.1).  Pure. */

#define CREDENTIAL_TOKEN_MAX 16384U /* HTTP-4: EGI and Keycloak tokens stay below 4 KiB */

enum credential_kind {
	CREDENTIAL_NONE,  /* no field, or a scheme other than Bearer and DPoP: as if nothing was
			     sent */
	CREDENTIAL_JWT,   /* two dots or more: judged here, never sent to an issuer */
	CREDENTIAL_OPAQUE /* any other b64token: only its issuer knows */
};

struct credential {
	enum credential_kind kind;
	struct span token; /* points into the field */
	bool dpop;         /* by the scheme DPoP: a proof must come with it */
};

/*
 * ERR_SYNTAX: not one word after the scheme, a control byte, or too long (400 invalid_request).
 * ERR_UNAUTH: the word is not b64token (401 invalid_token).
 */
bool credential_parse(struct span field, struct credential *ret, struct err *e);
/* RFC 6750 2.1: b64token. */
bool credential_b64token(struct span s);
