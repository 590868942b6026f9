/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/base64.h"
#include "auth/id_token.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every signature is taken for good, so that the claims are what is tested. */
static enum keyring_verdict
sign(void *arg, size_t issuer, const struct jws *j, struct err *e)
{
	(void)arg;
	(void)issuer;
	(void)j;
	(void)e;
	return KEYRING_GOOD;
}

static void
demand(bool holds)
{
	if (!holds)
		abort();
}

/* What is kept is small, reads back, and is of the person that both texts are about. */
static void
check(const struct issuer *i, struct span kept, struct span payload, struct span userinfo)
{
	AUTO_JSON j = json_parse(kept, NULL, NULL);
	AUTO_JSON token = json_parse(payload, NULL, NULL);
	AUTO_JSON info = userinfo.n > 0 ? json_parse(userinfo, NULL, NULL) : NULL;
	const struct json *claims = json_get(j, "claims");
	struct span s = SPAN_NONE;
	struct subject subject;
	AUTO_ARENA mem = {0};

	demand(j != NULL && token != NULL && kept.n <= ID_TOKEN_CLAIMS_MAX);
	demand(json_get_str(token, "nonce", &s) && span_is(s, "n"));
	demand(json_get_str(token, "iss", &s) && span_eq(s, i->iss));
	demand(json_same(json_get(claims, "sub"), json_get(token, "sub")));
	demand(json_same(json_get(claims, "aud"), json_get(token, "aud")));
	demand(info == NULL || json_same(json_get(info, "sub"), json_get(token, "sub")));
	if (!arena_init(&mem, 4UL << 20) || !id_token_subject(i, NULL, j, &mem, &subject, NULL))
		return;
	demand(subject.authenticated && subject.sub.n > 0 && span_eq(subject.iss, i->iss));
}

/* The input is HEADER line end PAYLOAD line end USERINFO, three JSON texts; no third: none came. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char sig[64];
	static const struct issuer issuer = {.iss = SPAN_INIT("https://op.test"),
		.algs = 1U << JWS_ES256,
		.groups = {.item = {SPAN_INIT("groups")}, .n = 1},
		.user = SPAN_INIT("voperson_id"),
		.user_else = SPAN_INIT("sub"),
		.leeway = 30};
	struct span rest = {(const char *)data, size};
	struct span header = span_cut(&rest, '\n');
	struct span payload = rest.p != NULL ? span_cut(&rest, '\n') : SPAN_NONE;
	AUTO_BUF body = BUF_INIT(1UL << 20);
	AUTO_BUF kept = BUF_INIT(1UL << 20);
	AUTO_ARENA mem = {0};

	buf_adds(&body, "{\"access_token\":\"at\",\"token_type\":\"Bearer\",\"id_token\":\"");
	base64_url_encode(&body, header.p, header.n);
	buf_addc(&body, '.');
	base64_url_encode(&body, payload.p, payload.n);
	buf_addc(&body, '.');
	base64_url_encode(&body, sig, sizeof(sig));
	buf_adds(&body, "\"}");
	const struct id_token_answer a = {.issuer = &issuer,
		.client = SPAN("web"),
		.nonce = SPAN("n"),
		.body = buf_span(&body),
		.userinfo = rest.n > 0 ? rest : SPAN_NONE,
		.sign = sign,
		.now = 1800000000};
	if (arena_init(&mem, 4UL << 20) && id_token_check(&a, &mem, &kept, NULL) == KEYRING_GOOD)
		check(&issuer, buf_span(&kept), payload, rest);
	return 0;
}
