/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/span.h"
#include "policy/grant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What crosses between the front and the gate about one request.  Plain values: agent/wire.c
 * carries them over a socketpair, a test hands them over directly.  Spans are borrowed for the
 * call.
 */
enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_OPTIONS,
	HTTP_PROPFIND,
	HTTP_POST,
	HTTP_PUT,
	HTTP_DELETE,
	HTTP_COPY,
	HTTP_OTHER, /* a known method that no route takes: 405; the token itself stays in the front
		     */
};

/* Our cookies; __Host- binds them to this origin (RFC 6265bis 4.1.3). */
#define HTTP_COOKIE_SESSION "__Host-pan-session"
#define HTTP_COOKIE_LOGIN   "__Host-pan-login"

#define HTTP_BODY_MAX (64UL * 1024) /* request body that is handed to the gate */

/* Front to gate.  The front has checked framing, syntax and path rules, and that the route takes
 * the method.
 */
struct http_ask {
	uint64_t id; /* the front's number, echoed in the answer */
	enum http_method method;
	uint8_t peer[16];  /* client address; IPv4 as ::ffff:a.b.c.d */
	uint8_t trace[16]; /* W3C trace id: the client's traceparent, or made by the front */
	struct span path;  /* percent-decoded once, UTF-8, begins with '/', no empty, '.' or '..'
			      segment */
	struct span query; /* raw, without '?'; absent: none */
	struct span authorization;                 /* field value; absent: none */
	struct span accept;                        /* field value; absent: none */
	struct span depth;                         /* PROPFIND; absent: none */
	struct span want_digest, want_repr_digest; /* absent: none */
	struct span dpop;                          /* the DPoP field (RFC 9449 4.1); absent: none */
	struct span session;    /* values of our own cookies, from one Cookie field; absent: none */
	struct span login;      /* of the login that is under way */
	struct span origin;     /* Origin; absent: none */
	struct span fetch_site; /* Sec-Fetch-Site; absent: none */
	struct span body;       /* at most HTTP_BODY_MAX */
	bool two_credentials;   /* more than one Authorization field */
	bool two_proofs;        /* more than one DPoP field */
	bool again; /* a file was granted for this very request already, and the grant has ended:
		       its proof is used up, and not to be taken for a replay */
	bool has_certificate;    /* the client showed a TLS certificate and holds its key */
	uint8_t certificate[32]; /* SHA-256 of its DER form (RFC 8705 3.1) */
};

enum http_body { HTTP_NO_BODY, HTTP_INLINE, HTTP_FILE };

/* Gate to front. */
struct http_answer {
	uint64_t id;
	uint16_t status;
	enum http_body body;
	struct span fields;  /* complete lines "Name: value\r\n"; never Date, Content-Length,
				Connection, ETag, Last-Modified, Accept-Ranges, Content-Range: those
				are the front's */
	struct span text;    /* HTTP_INLINE: the body; a HEAD request gets the length and no bytes.
				With status 200 and `Cache-Control: public` the front adds an ETag
				and obeys If-None-Match and If-Match */
	struct grant *grant; /* HTTP_FILE: owned by the receiver */
	bool ranges; /* HTTP_FILE: Range and If-* apply (a data file); false: a generated body, 200
			always */
	bool keep;   /* the front may use the grant again for the same client address, method
			class, path, query, authorization, accept and digest fields until the grant
			expires or the epoch moves */
	bool close;  /* end the connection after this answer */
};

enum http_result { HTTP_COMPLETE, HTTP_CLIENT_GONE, HTTP_CUT, HTTP_BROKEN };

/* Front to gate, after a body under a grant has ended (one for each response, reused grants too).
 */
struct http_done {
	uint64_t decision;    /* grant_info.decision */
	uint64_t first, last; /* range sent, inclusive; last < first: none */
	uint64_t bytes;       /* of the body that left */
	enum http_result result;
	uint8_t trace[16];
};
