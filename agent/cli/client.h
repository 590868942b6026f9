/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/fetch.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The world outside, as the commands of a person see it: servers, clocks, and waiting.  A value of
 * function pointers, which is where a test puts its own.  Every call to a server ends within 10 s.
 */
struct client {
	bool (*ask)(struct client *c, const struct fetch_request *r, struct buf *mem,
		struct fetch_answer *ret, struct err *e);
	int64_t (*now)(struct client *c);    /* seconds UTC */
	int64_t (*now_ms)(struct client *c); /* never jumps */
	void (*wait)(struct client *c, int64_t ms);
	struct fetch *fetch;
	struct buf ca; /* PEM of the only authorities; empty: the system's */
	void *arg;     /* a test's */
};

#define CLIENT_ANSWER_MAX 65536U

/* ca_file: NULL: that of $PAN_AGENT_CA_FILE, else the system's authorities. */
bool client_init(struct client *c, const char *ca_file, struct err *e);
void client_fini(struct client *c); /* works on a zeroed one */
#define AUTO_CLIENT __attribute__((cleanup(client_fini))) struct client

/*
 * GET of JSON.  True: there is an answer, of any status; its spans lie in `mem`.  False: none;
 * *e names the server.
 */
bool client_get(struct client *c, const char *url, struct buf *mem, struct fetch_answer *ret,
	struct err *e);
/* POST of a form (fetch_form) that the caller wipes; `mem` as well, once it holds a token. */
bool client_post(struct client *c, const char *url, struct span form, struct buf *mem,
	struct fetch_answer *ret, struct err *e);
/* Any request; limits, authorities and what plain http is allowed for are filled in. */
bool client_ask(struct client *c, struct fetch_request *r, struct buf *mem,
	struct fetch_answer *ret, struct err *e);
/* Wipes and frees what held a token. */
void client_wipe(struct buf *b);
#define AUTO_WIPED __attribute__((cleanup(client_wipe))) struct buf
