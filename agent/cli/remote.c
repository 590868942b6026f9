/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/remote.h"

#include <string.h>

#include "agent/base/json.h"
#include "agent/cli/origin.h"
#include "agent/cli/tokens.h"

bool
remote_is_url(const char *s)
{
	struct span at = span_of(s);

	return span_starts(at, SPAN("https://")) || span_starts(at, SPAN("http://"));
}

bool
remote_dataset(const char *url, const char *tail, struct buf *ret, struct err *e)
{
	static const struct span prefixes[] = {SPAN_INIT("/datasets/"), SPAN_INIT("/data/")};
	struct origin o;
	struct span pid = SPAN_NONE;

	if (!origin_parse(span_of(url), &o, e))
		return false;
	for (size_t i = 0; i < 2 && pid.p == NULL; i++)
		if (span_starts(o.rest, prefixes[i]))
			pid = span_skip(o.rest, prefixes[i].n);
	while (pid.p != NULL && pid.n > 0 && pid.p[pid.n - 1] == '/')
		pid.n--;
	if (pid.n == 0 || span_has(pid, '?'))
		return err_set(e, ERR_SYNTAX, NULL,
			"%s: give the address of a dataset, https://HOST/datasets/PID", url);
	buf_addf(ret, "%s/datasets/%.*s/%s", o.text, SPAN_ARG(pid), tail);
	buf_addc(ret, '\0');
	return buf_ok(ret) || err_set(e, ERR_LIMIT, NULL, "the address is too long");
}

static bool /* NOLINTNEXTLINE(readability-function-size): asked for in one call */
ask(struct client *c, const struct remote *r, const char *url, struct fetch_request *q,
	struct buf *mem, struct fetch_answer *ret, struct err *e)
{
	const struct tokens_options o = {.file = r->token_file, .ca_file = r->ca_file, .client = c};
	AUTO_TOKENS found = {.from = TOKENS_NONE};

	if (!tokens_find(url, &o, &found, e))
		return false;
	q->bearer = secret_open(&found.token);
	return client_ask(c, q, mem, ret, e);
}

bool
remote_ask(const struct remote *r, const char *url, struct span body, struct buf *mem,
	struct fetch_answer *ret, struct err *e)
{
	struct fetch_request q = {.method = body.p != NULL ? FETCH_POST : FETCH_GET,
		.url = url,
		.body = body,
		.content_type = "application/json"};
	AUTO_CLIENT own = {.fetch = NULL};

	if (r->client != NULL)
		return ask(r->client, r, url, &q, mem, ret, e);
	return client_init(&own, r->ca_file, e) && ask(&own, r, url, &q, mem, ret, e);
}

void
remote_detail(const struct fetch_answer *a, struct buf *out)
{
	const struct json_limits limits = {.object = true};
	AUTO_JSON j = json_parse(a->body, &limits, NULL);
	struct span detail = SPAN_NONE;

	if (!json_get_str(j, "detail", &detail)) {
		buf_addf(out, "the server answers with status %u", a->status);
		return;
	}
	for (size_t i = 0; i < detail.n; i++) {
		unsigned char c = (unsigned char)detail.p[i];
		buf_addc(out, c < 0x20 || c == 0x7f ? '?' : detail.p[i]);
	}
}
