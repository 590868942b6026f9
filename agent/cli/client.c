/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/client.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/base/proc.h"
#include "agent/cli/cli_file.h"
#include "agent/cli/origin.h"

#define CA_MAX     ((size_t)4 << 20)
#define CONNECT_MS 5000U
#define TOTAL_MS   10000U

static bool
really_ask(struct client *c, const struct fetch_request *r, struct buf *mem,
	struct fetch_answer *ret, struct err *e)
{
	return fetch_now(c->fetch, r, mem, ret, e);
}

static int64_t
really_now(struct client *c)
{
	(void)c;
	return (int64_t)time(NULL);
}

static int64_t
really_now_ms(struct client *c)
{
	(void)c;
	return proc_now_ms();
}

static void
really_wait(struct client *c, int64_t ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	(void)c;
	(void)nanosleep(&t, NULL);
}

bool
client_init(struct client *c, const char *ca_file, struct err *e)
{
	const char *file = ca_file != NULL ? ca_file : secure_getenv("PAN_AGENT_CA_FILE");
	const struct fetch_options o = {.user_agent = NULL};

	*c = (struct client){.ask = really_ask,
		.now = really_now,
		.now_ms = really_now_ms,
		.wait = really_wait,
		.ca = BUF_INIT(CA_MAX)};
	if (file != NULL && file[0] != '\0' && !cli_file_read(file, &c->ca, e))
		return false;
	return fetch_prepare(e) && fetch_new(&o, &c->fetch, e);
}

void
client_fini(struct client *c)
{
	if (c->fetch != NULL)
		fetch_free(c->fetch);
	buf_fini(&c->ca);
	*c = (struct client){.arg = NULL};
}

void
client_wipe(struct buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->cap);
	buf_fini(b);
}

bool
client_ask(struct client *c, struct fetch_request *r, struct buf *mem, struct fetch_answer *ret,
	struct err *e)
{
	struct err why = {.code = ERR_NONE};
	struct origin o = {.text = ""};

	if (!origin_parse(span_of(r->url), &o, e))
		return false;
	r->ca = buf_span(&c->ca);
	r->loopback = o.loopback;
	r->connect_ms = CONNECT_MS;
	r->total_ms = TOTAL_MS;
	r->max_bytes = CLIENT_ANSWER_MAX;
	if (c->ask(c, r, mem, ret, &why) && ret->status != 0)
		return true;
	return err_set(e, ERR_UPSTREAM, why.ref, "%s does not answer: %s%s", o.text, why.msg,
		strstr(why.msg, "certificate") != NULL && c->ca.n == 0
			? "; an authority of its own is named by --ca-file"
			: "");
}

bool
client_get(
	struct client *c, const char *url, struct buf *mem, struct fetch_answer *ret, struct err *e)
{
	struct fetch_request r = {.method = FETCH_GET, .url = url};

	return client_ask(c, &r, mem, ret, e);
}

bool
client_post(struct client *c, const char *url, struct span form, struct buf *mem,
	struct fetch_answer *ret, struct err *e)
{
	struct fetch_request r = {.method = FETCH_POST, .url = url, .body = form};

	return client_ask(c, &r, mem, ret, e);
}
