/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/secret.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What an issuer answers to the client (RFC 8414, RFC 6749, RFC 8628), read strictly.  Pure; fuzz
 * target: device.  Spans lie in the arena, and those that are for people are fit to be shown on a
 * terminal; tokens are secrets that the caller ends with secret_fini.
 */
#define OAUTH_BYTES_MAX 65536U

struct oauth_server {
	struct span token, device, revocation; /* endpoints; absent but for token: it has none */
	struct span scopes_supported;          /* joined by blanks; absent: not said */
};

struct oauth_code {
	struct span device_code; /* a secret; wiped with the arena by the caller */
	struct span user_code, uri;
	struct span complete; /* verification_uri_complete; absent: none */
	unsigned expires_in;  /* seconds, 1 to OAUTH_WAIT_MAX */
	unsigned interval;    /* seconds between two questions, 1 to 60 */
};

#define OAUTH_WAIT_MAX 1800U

struct oauth_tokens {
	struct secret access, refresh; /* refresh empty: none was given */
	int64_t lifetime;              /* seconds; 0: not said */
	struct span scope;             /* absent: as asked for (RFC 6749 5.1) */
};

/* An error answer (RFC 6749 5.2). */
struct oauth_error {
	struct span code;        /* "invalid_grant"; absent: the body is none */
	struct span description; /* absent: none */
};

/*
 * The discovery document: `issuer` must be its issuer (RFC 8414 3.3), endpoints must be https, or
 * plain http to a loopback address when the issuer itself is.
 */
bool oauth_server_parse(struct span text, struct span issuer, struct arena *mem,
	struct oauth_server *ret, struct err *e);
/* The answer of the device authorization endpoint (RFC 8628 3.2). */
bool oauth_code_parse(struct span text, struct arena *mem, struct oauth_code *ret, struct err *e);
/* The answer of the token endpoint (RFC 6749 5.1).  Only Bearer tokens: this client has no key
 * that it could prove to have (DPoP). */
bool oauth_tokens_parse(
	struct span text, struct arena *mem, struct oauth_tokens *ret, struct err *e);
void oauth_tokens_fini(struct oauth_tokens *t); /* works on a zeroed one */
/* Never fails: what cannot be read is absent. */
void oauth_error_parse(struct span text, struct arena *mem, struct oauth_error *ret);
/* Where the discovery document of an issuer may be: attempt 0 (OpenID Connect Discovery 1.0, 4)
 * and 1 (RFC 8414 3.1).  False: there is no such attempt. */
bool oauth_discovery_url(struct span issuer, unsigned attempt, struct buf *out);
