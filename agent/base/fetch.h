/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Outbound HTTP through libcurl's multi interface: many transfers at a time in one thread, each
 * with hard limits.  No redirect is followed, no cookie kept, no proxy taken from the environment,
 * no protocol but https; plain http to a loopback address alone, and only when the request says so.
 * HTTP/1.1 and HTTP/2.  TLS 1.2 or later, certificates always verified.
 *
 * libcurl reads files (authorities, resolver) and loads libraries (name service) at its first use:
 * a role that confines itself calls agent/base/fetch_warm.h before.
 */
struct fetch;

struct fetch_options {
	const char *proxy;      /* http://host:port; NULL: none */
	const char *user_agent; /* NULL: pan-agent/VERSION */
};

enum fetch_method { FETCH_GET, FETCH_POST, FETCH_HEAD };

/* Everything is copied, but `ca` and what fetch_done gets. */
struct fetch_request {
	enum fetch_method method;
	const char *url;
	struct span body;           /* POST */
	const char *content_type;   /* of the body; NULL: application/x-www-form-urlencoded */
	const char *accept;         /* NULL: application/json */
	struct span bearer;         /* Authorization: Bearer; absent: none */
	struct span dpop;           /* DPoP field; absent: none */
	struct span user, password; /* Basic, each form-urlencoded first (RFC 6749 2.3.1) */
	const char *etag;           /* If-None-Match; NULL: none */
	struct span ca;             /* PEM of the only authorities; absent: the system's */
	bool loopback;              /* plain http to a loopback address is allowed */
	unsigned connect_ms;        /* 0: 3000 */
	unsigned total_ms;          /* 0: 5000 */
	size_t max_bytes;           /* of the answer's body; 0: 64 KiB */
};

struct fetch_answer {
	unsigned status; /* 0: none came, and *why tells */
	struct span body;
	struct span etag, content_type, www_authenticate, location; /* absent: none */
	int64_t max_age;                                            /* Cache-Control; -1: none */
	int64_t retry_after; /* seconds; -1: none or a date */
};

/* The spans die with the call.  why: ERR_UPSTREAM, ERR_LIMIT (too long) or NULL. */
typedef void fetch_done(void *arg, const struct fetch_answer *a, const struct err *why);

/* Once in a process, before threads and before confinement.  Asks nobody anything. */
bool fetch_prepare(struct err *e);
bool fetch_new(const struct fetch_options *o, struct fetch **ret, struct err *e);
void fetch_free(struct fetch *f); /* what is under way ends without its fetch_done */
/* Starts it; fetch_done comes from fetch_turn, exactly once.  False: the request is not allowed. */
bool fetch_start(
	struct fetch *f, const struct fetch_request *r, fetch_done *done, void *arg, struct err *e);
size_t fetch_active(const struct fetch *f);
/* One turn: wait at most `ms` for transfers and for `extra` (poll(2); revents are set). */
bool fetch_turn(struct fetch *f, int ms, struct pollfd *extra, unsigned n_extra, struct err *e);
/* One transfer, until it ends (for the client).  `ret`'s spans lie in `mem`. */
bool fetch_now(struct fetch *f, const struct fetch_request *r, struct buf *mem,
	struct fetch_answer *ret, struct err *e);

/* "name=value" of a form, both percent-encoded (application/x-www-form-urlencoded), with '&' in
 * front where out is not empty. */
void fetch_form(struct buf *out, const char *name, struct span value);
