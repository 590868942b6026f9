/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/span.h"
#include "policy/grant.h"
#include "transfer/digest.h"

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
	HTTP_MKCOL,
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
	/*
	 * PUT, COPY and MKCOL: the head's fields, a line "Name: value\n" each, without those that
	 * say who is asking and without Connection's; absent: another method.  What a COPY sends on
	 * to the other side may be a credential, so the copy is wiped.  At most HTTP_FIELDS_TEXT.
	 */
	struct span fields;
	/* The archive that was asked for, of which `path` is a member: a proof names that one (with
	 * `again`: it was used up by the archive's own question); absent: `path` itself was. */
	struct span within;
	bool has_length; /* PUT: there is a Content-Length, and the body follows the answer */
	uint64_t length;
	/*
	 * PUT, second question: the body stands in the file that the first one granted
	 * (HTTP_UPLOAD).  Everything else is as in the first question, and all of it is decided
	 * again.  It may come twice: once more after a gate that went away.
	 */
	bool commit;
	struct digest_values digests; /* commit: of the whole body, those that were wanted */
	struct grant *upload; /* commit, in the front: what it was written under; borrowed */
	int landed; /* commit, in the gate: the descriptor that came along, borrowed; else -1 */
	bool two_credentials; /* more than one Authorization field */
	bool two_proofs;      /* more than one DPoP field */
	bool again; /* a file was granted for this very request already, and the grant has ended:
		       its proof is used up, and not to be taken for a replay */
	bool has_certificate;    /* the client showed a TLS certificate and holds its key */
	uint8_t certificate[32]; /* SHA-256 of its DER form (RFC 8705 3.1) */
};

#define HTTP_FIELDS_TEXT (20UL * 1024) /* bytes of http_ask.fields */

enum http_body {
	HTTP_NO_BODY,
	HTTP_INLINE,
	HTTP_FILE,
	HTTP_ARCHIVE, /* the grant is of a plan (transfer/archive.h): its pieces are the body */
	HTTP_PIPE,    /* what comes out of the granted pipe until its end, of unknown length */
	HTTP_UPLOAD,  /* no answer yet: take the body, write it under the grant, ask again */
};
/* Does such an answer have a grant? */
static inline bool
http_granted(enum http_body b)
{
	return b >= HTTP_FILE;
}

/*
 * A body under way whose grant has ended and which is refused now may still end (policy language
 * 13.2, on_deny: finish): that response alone, under the descriptor that the front holds.
 */
struct http_finish {
	uint32_t seconds; /* after the start of the body it is cut all the same; 0: cut it now */
	uint64_t epoch;   /* it may, as long as the epoch stays; then the gate is asked again */
	int64_t expires;  /* and until then, seconds UTC */
};

/* Gate to front. */
struct http_answer {
	uint64_t id;
	uint16_t status;
	enum http_body body;
	struct span fields;  /* complete lines "Name: value\r\n"; never Date, Content-Length,
				Connection, ETag (but of a 201), Last-Modified, Accept-Ranges,
				Content-Range, nor  Cache-Control for a grant with max_age: those are
				the front's */
	struct span text;    /* HTTP_INLINE: the body; a HEAD request gets the length and no bytes.
				With status 200 and `Cache-Control: public` the front adds an ETag
				and obeys If-None-Match and If-Match */
	struct grant *grant; /* HTTP_FILE and those behind it: owned by the receiver */
	bool ranges; /* HTTP_FILE: Range and If-* apply (a data file); false: a generated body, 200
			always.  HTTP_ARCHIVE: Range applies; If-* always do */
	uint32_t want; /* HTTP_UPLOAD: digests to be computed, a set of 1U << enum digest_kind */
	bool keep;     /* the front may use the grant again for the same client address, method
			  class, path, query, authorization, accept and digest fields until the grant
			  expires or the epoch moves */
	bool close;    /* end the connection after this answer */
	struct http_finish
		finish;         /* a refusal of a question with `again`: what holds for the body */
	struct grant_rate rate; /* without a grant: of this answer; else the grant has it */
};

enum http_result { HTTP_COMPLETE, HTTP_CLIENT_GONE, HTTP_CUT, HTTP_BROKEN };

/* Why a body did not leave whole. */
enum http_why {
	HTTP_WHY_NONE,
	HTTP_WHY_DENIED,     /* its grant ended, and the gate refused another one */
	HTTP_WHY_OVERDUE,    /* it might finish, and took longer than streams.max_age */
	HTTP_WHY_UNANSWERED, /* its grant ended, and the gate did not answer */
	HTTP_WHY_CHANGED,    /* the file is no longer what was granted */
	HTTP_WHY_RATE,       /* more than its rate class allows: refused with 429 */
};

/* Front to gate, after a body under a grant has ended (one for each response, reused grants too).
 */
struct http_done {
	uint64_t decision; /* grant_info.decision */
	uint64_t bytes;    /* of the body that left */
	enum http_result result;
	enum http_why why;
	uint8_t trace[16];
	/* With grant_info.audit_from, else absent: */
	struct span file;   /* inside of the dataset */
	struct span ranges; /* first and last byte of each that was to leave, HTTP_RANGE_SIZE each:
			       little-endian, 8 bytes, inclusive */
};

#define HTTP_RANGE_SIZE 16U
