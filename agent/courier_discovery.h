/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The discovery document of an issuer (OpenID Connect Discovery 1.0, 3 and 4; RFC 8414 2 and 3):
 * where its endpoints are.  It is text from outside: it counts only when it names the very issuer
 * that was asked (RFC 8414 3.3), and an endpoint counts only when it is https, or with `insecure`
 * plain http to a loopback address.  Pure.  Fuzz target: discovery.
 */
#define COURIER_URL_MAX 2048U

enum courier_endpoint {
	COURIER_JWKS,
	COURIER_INTROSPECTION,
	COURIER_USERINFO,
	COURIER_TOKEN,
	COURIER_AUTHORIZATION,
	COURIER_END_SESSION,
	COURIER_ENDPOINTS
};
extern const char *const courier_endpoint_names[COURIER_ENDPOINTS]; /* as in the document */

struct courier_discovery {
	char url[COURIER_ENDPOINTS][COURIER_URL_MAX + 1]; /* "": none, or none that may be asked */
	bool iss_parameter; /* authorization_response_iss_parameter_supported (RFC 9207 3) */
};

/*
 * ERR_SYNTAX or ERR_LIMIT when it is no such document, ERR_UPSTREAM when it speaks of another
 * issuer or its jwks_uri may not be asked.  A document without jwks_uri is good.
 */
bool courier_discovery_parse(struct span text, struct span issuer, bool insecure,
	struct courier_discovery *ret, struct err *e);
/* May this URL be asked? */
bool courier_discovery_url(struct span url, bool insecure);
/* Where the document of an issuer is: ISSUER/.well-known/openid-configuration. */
void courier_discovery_place(struct span issuer, struct buf *out);
/* The other place, of RFC 8414 3.1; false: the issuer has no path, and there is none. */
bool courier_discovery_elsewhere(struct span issuer, struct buf *out);
