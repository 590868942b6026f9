/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/base/step.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The admin socket: runtime_dir/admin.sock, 0660, for root and for the agent's own user
 * (SO_PEERCRED).  It speaks just enough HTTP/1.0 for
 *   curl --unix-socket /run/pan-agent/admin.sock http://localhost/metrics
 * One request for each connection.  What the paths mean is the caller's.
 */
#define ADMIN_CLIENTS 16U
#define ADMIN_HEAD    ((size_t)8192)
#define ADMIN_BODY    ((size_t)4096)
#define ADMIN_ANSWER  ((size_t)4 << 20)
#define ADMIN_MS      10000LL /* for the request, and for each step of the answer */

enum admin_method { ADMIN_GET, ADMIN_POST };

struct admin_request {
	enum admin_method method;
	struct span path;
	struct span body;
};

/* STEP_DONE: whole; STEP_READ: more is needed; STEP_FAIL: malformed.  Pure. */
enum step admin_parse(struct span in, struct admin_request *ret, struct err *e);

struct admin;
/* Refuses when another agent answers there. */
bool admin_open(const char *runtime_dir, struct admin **ret, struct err *e);
void admin_free(struct admin *a); /* NULL allowed; removes the socket */

/* Called for each request; it answers by admin_answer or admin_take, at once or later. */
typedef void admin_handler(void *ctx, unsigned client, const struct admin_request *q);

/* The descriptors to wait for; at most ADMIN_CLIENTS + 1. */
size_t admin_poll(const struct admin *a, struct pollfd *p);
/* Serve what is ready; p as filled by admin_poll, by poll since. */
void admin_serve(struct admin *a, const struct pollfd *p, size_t n, long long now,
	admin_handler *handler, void *ctx);
void admin_answer(struct admin *a, unsigned client, int status, const char *type, struct span body);
/*
 * Hand the connection on: the start of a 200 answer without a length is written, the caller owns
 * the descriptor.  -1: the client is gone.
 */
int admin_take(struct admin *a, unsigned client, const char *type);
