/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Files to other servers through libcurl's multi interface, where fetch.h asks questions: bodies of
 * any length, from a function, without a limit on the whole time, and every address that is
 * connected to is asked about first.  https and HTTP/1.1 alone, no proxy, no cookie, no redirect,
 * each request on a connection of its own.  TLS 1.2 or later, certificates always verified.
 *
 * fetch_prepare and fetch_warm (agent/base/fetch.h) come before, as for fetch.h.
 */
struct carry;
struct carry_job;

enum carry_method { CARRY_PUT, CARRY_HEAD };

struct carry_answer {
	unsigned status;              /* 0: none came, and *why tells */
	struct span location, digest; /* absent: none */
};

/* Everything is copied, but `ca`. */
struct carry_request {
	enum carry_method method;
	const char *url;
	struct span fields;      /* a line "Name: value\n" each */
	bool authorized;         /* false: without the Authorization among them */
	const char *want_digest; /* HEAD: Want-Digest; NULL: none */
	struct span ca;          /* PEM of the only authorities; absent: the system's */
	uint64_t size;           /* PUT: of the body */
	void *arg;               /* of the functions: */
	/* PUT: up to n bytes at `offset`; -1: the transfer ends. */
	ssize_t (*read)(void *arg, char *buf, size_t n, uint64_t offset);
	/* May this address be connected to?  16 bytes, IPv4 as ::ffff:a.b.c.d. */
	bool (*address)(void *arg, const uint8_t address[16], uint16_t port);
	/* Exactly once, from carry_turn; the job is gone when it returns.  The spans die with the
	 * call. */
	void (*done)(void *arg, const struct carry_answer *a, const struct err *why);
};

bool carry_new(struct carry **ret, struct err *e);
void carry_free(struct carry *c); /* what is under way ends without its `done`; NULL is allowed */
bool carry_start(
	struct carry *c, const struct carry_request *r, struct carry_job **ret, struct err *e);
/* Ends it without its `done`; not inside of one of its own functions. */
void carry_cancel(struct carry_job *j);
/* Bytes of the body that were handed to the system. */
uint64_t carry_sent(const struct carry_job *j);
/* "tcp:192.0.2.7:443" or "tcp:[2001:db8::1]:443"; "" before there is a connection. */
void carry_remote(const struct carry_job *j, char out[80]);
/* One turn: wait at most `ms` for transfers and for `extra` (poll(2); revents are set). */
#define CARRY_EXTRA 128U
bool carry_turn(struct carry *c, int ms, struct pollfd *extra, unsigned n_extra, struct err *e);
