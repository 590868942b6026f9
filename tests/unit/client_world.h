/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A world for the commands of a person: servers as rows of a table, a clock that only waiting
 * moves, and a folder of its own for what is kept. */
#include "agent/cli/client.h"
#include "tests/unit/check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a URL answers, the n-th time that it is asked (the last row for it stays). */
struct world_row {
	const char *url;
	unsigned status; /* 0: nobody answers */
	const char *body;
};

struct world {
	struct client client;
	const struct world_row *rows;
	size_t n;
	unsigned asked[16]; /* of each row */
	int64_t ms;         /* since 1 000 000 000 s UTC */
	struct buf said;    /* "URL form\n" of all questions, in their order */
	char dir[64];
};

static inline bool
world_ask(struct client *c, const struct fetch_request *r, struct buf *mem,
	struct fetch_answer *ret, struct err *e)
{
	struct world *w = c->arg;
	const struct world_row *hit = NULL;
	size_t at = 0;

	buf_addf(&w->said, "%s %.*s\n", r->url, SPAN_ARG(r->body));
	for (size_t i = 0; i < w->n; i++) {
		if (strcmp(w->rows[i].url, r->url) != 0)
			continue;
		hit = &w->rows[i];
		at = i;
		if (w->asked[i] == 0)
			break;
	}
	*ret = (struct fetch_answer){.status = 404, .body = SPAN(""), .retry_after = -1};
	if (hit == NULL)
		return true;
	w->asked[at]++;
	if (hit->status == 0)
		return err_set(e, ERR_UPSTREAM, NULL, "refused");
	buf_reset(mem);
	buf_adds(mem, hit->body);
	ret->status = hit->status;
	ret->body = buf_span(mem);
	return true;
}

static inline int64_t
world_now(struct client *c)
{
	return 1000000000 + ((struct world *)c->arg)->ms / 1000;
}

static inline int64_t
world_now_ms(struct client *c)
{
	return ((struct world *)c->arg)->ms;
}

static inline void
world_wait(struct client *c, int64_t ms)
{
	((struct world *)c->arg)->ms += ms;
}

static inline void
world_init(struct world *w, const struct world_row *rows, size_t n)
{
	*w = (struct world){.rows = rows, .n = n, .dir = "/tmp/pan-client-XXXXXX"};
	w->said.max = 1U << 20;
	w->client = (struct client){.ask = world_ask,
		.now = world_now,
		.now_ms = world_now_ms,
		.wait = world_wait,
		.arg = w};
	assert_true(n <= sizeof(w->asked) / sizeof(w->asked[0]));
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(setenv("XDG_STATE_HOME", w->dir, 1), 0);
	(void)unsetenv("XDG_RUNTIME_DIR");
	(void)unsetenv("BEARER_TOKEN");
	(void)unsetenv("BEARER_TOKEN_FILE");
}

static inline void
world_fini(struct world *w)
{
	char command[128];

	buf_fini(&w->said);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", w->dir);
	assert_int_equal(system(command), 0);
}

/* A file of this text and mode below the world's folder; its path into `to`. */
static inline const char *
world_file(
	const struct world *w, const char *name, mode_t mode, const char *text, char *to, size_t n)
{
	(void)snprintf(to, n, "%s/%s", w->dir, name);
	int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
	return to;
}
