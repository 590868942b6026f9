/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/base64.h"
#include "auth/auth_explain.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
is(bool fact)
{
	if (!fact)
		abort();
}

static void
make(struct settings_issuer s[2], struct issuers *ret)
{
	const struct settings settings = {.issuers = s, .n_issuers = 2};
	AUTO_BUF report = BUF_INIT(8192);

	for (int i = 0; i < 2; i++)
		s[i] = (struct settings_issuer){
			.issuer = i == 0 ? "https://a.test" : "https://b.test",
			.profile = i == 0 ? "wlcg" : "egi-checkin",
			.require_kid = -1,
			.path_scopes = -1,
			.allow_any_audience = -1,
			.require_iat = -1};
	is(issuers_load(&settings, SPAN("https://d.test/"), &report, ret, NULL));
}

/* header NUL payload: both are encoded, so that the reader gets past the encoding. */
static void
token_of(struct span text, struct buf *out)
{
	static const char sig[256] = {1};
	struct span payload = text;
	struct span header = span_cut(&payload, '\0');

	base64_url_encode(out, header.p, header.n);
	buf_addc(out, '.');
	if (payload.p != NULL)
		base64_url_encode(out, payload.p, payload.n);
	buf_addc(out, '.');
	base64_url_encode(out, sig, 256);
}

/*
 * Nothing that moves a cursor comes out, and JSON that parses; the decisive step is a failed one
 * exactly where the token is refused; without keys nobody is accepted.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = {(const char *)data, size};
	static struct auth_explain x;
	struct settings_issuer s[2];
	struct issuers all;
	AUTO_BUF token = BUF_INIT(1U << 20);
	AUTO_BUF out = BUF_INIT(1U << 22);
	AUTO_BUF json = BUF_INIT(1U << 22);
	AUTO_ARENA mem = {0};

	if (size == 0 || !arena_init(&mem, 1U << 22))
		return 0;
	make(s, &all);
	const struct auth_explain_case c = {
		.issuers = &all, .now = 1800000000, .path = SPAN("/data/x"), .proven = true};
	if (data[0] % 2 == 0)
		token_of(span_skip(text, 1), &token);
	else
		buf_add(&token, span_skip(text, 1));
	if (auth_explain(&c, buf_span(&token), &mem, &x, NULL)) {
		is(x.status == 400 || x.status == 401 || x.status == 503);
		is(x.decisive < x.n && x.step[x.decisive].result == AUTH_EXPLAIN_FAILED);
		is(!x.subject.authenticated);
		auth_explain_text(&x, &out);
		for (size_t i = 0; i < out.n; i++)
			is(out.p[i] == '\n' ||
				((unsigned char)out.p[i] >= 0x20 && out.p[i] != 0x7f));
		auth_explain_json(&x, &json);
		AUTO_JSON j = json_parse(buf_span(&json), NULL, NULL);
		is(j != NULL && json_count(json_get(j, "steps")) == x.n);
	}
	issuers_fini(&all);
	return 0;
}
