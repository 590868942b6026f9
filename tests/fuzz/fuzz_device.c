/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an issuer may answer to the client.  The input is answers divided by line ends; the first
 * byte of each is its status (2: 200, 4: 400, 5: 503, else none came), the rest its body.
 * Property: the polling goes forward in time and ends; what is shown is safe to show; tokens can be
 * sent in a header.
 */
#include "agent/cli/device.h"
#include "agent/cli/metadata.h"
#include "agent/cli/origin.h"
#include "auth/credential.h"
#include "tests/fuzz/hold.h"

static bool
is_url(struct span s)
{
	struct origin o;

	return origin_parse(s, &o, NULL);
}

static void
check_code(struct span body, struct arena *mem)
{
	struct oauth_code c;

	if (!oauth_code_parse(body, mem, &c, NULL))
		return;
	hold(metadata_words(c.user_code) && is_url(c.uri));
	hold(c.complete.p == NULL || is_url(c.complete));
	hold(c.expires_in >= 1 && c.expires_in <= OAUTH_WAIT_MAX);
	hold(c.interval >= 1 && c.interval <= 60);
}

static void
check_server(struct span body, struct arena *mem)
{
	struct oauth_server s;

	if (!oauth_server_parse(body, SPAN("https://i.test"), mem, &s, NULL))
		return;
	hold(span_starts(s.token, SPAN("https:")) || span_starts(s.token, SPAN("HTTPS:")) ||
		is_url(s.token));
	hold(s.device.p == NULL || is_url(s.device));
	hold(s.revocation.p == NULL || is_url(s.revocation));
	hold(s.scopes_supported.p == NULL || metadata_words(s.scopes_supported));
}

/* True: it goes on. */
static bool
check_turn(struct device *d, int64_t *now, const struct device_answer *a, struct arena *mem)
{
	struct oauth_tokens t = {.lifetime = 0};
	struct err e = {.code = ERR_NONE};

	*now = d->next_ms;
	enum device_turn turn = device_judge(d, a, *now, mem, &t, &e);
	hold((turn == DEVICE_NO) == (e.code != ERR_NONE));
	for (size_t i = 0; e.msg[i] != '\0'; i++)
		hold((e.msg[i] >= ' ' && e.msg[i] <= '~') || turn != DEVICE_NO || a->status == 200);
	if (turn == DEVICE_AGAIN)
		hold(d->next_ms > *now && d->next_ms < d->until_ms);
	if (turn == DEVICE_DONE)
		hold(credential_b64token(secret_open(&t.access)) && t.lifetime >= 0 &&
			(t.scope.p == NULL || metadata_words(t.scope)));
	oauth_tokens_fini(&t);
	return turn == DEVICE_AGAIN;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct oauth_code code = {.expires_in = OAUTH_WAIT_MAX, .interval = 5};
	struct span rest = {(const char *)data, size};
	AUTO_ARENA mem = {0};
	struct device d;
	int64_t now = 0;
	bool on = true;

	if (!arena_init(&mem, 4U << 20))
		return 0;
	device_begin(&code, 0, &d);
	while (rest.n > 0 && on) {
		struct span body = span_cut(&rest, '\n');
		char kind = body.n > 0 ? body.p[0] : '0';
		struct device_answer a = {.status = kind == '2'   ? 200
						    : kind == '4' ? 400
						    : kind == '5' ? 503
								  : 0,
			.retry_after = -1};
		body = span_skip(body, 1);
		a.body = body;
		check_code(body, &mem);
		check_server(body, &mem);
		on = check_turn(&d, &now, &a, &mem);
		arena_reset(&mem);
	}
	return 0;
}
