/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/base64.h"
#include "agent/base/buf.h"
#include "auth/credential.h"
#include "auth/jws.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* JWS-10: whatever is accepted re-encodes to the same text, and is a b64token with two dots. */
static void
check(const struct jws *j, struct span in)
{
	AUTO_BUF again = BUF_INIT(1U << 20);
	struct credential c;
	AUTO_BUF field = BUF_INIT(1U << 20);

	base64_url_encode(&again, j->header_text.p, j->header_text.n);
	buf_addc(&again, '.');
	base64_url_encode(&again, j->payload_text.p, j->payload_text.n);
	if (!span_eq(j->input, buf_span(&again)))
		abort();
	buf_addc(&again, '.');
	base64_url_encode(&again, j->sig, j->n_sig);
	if (!span_eq(in, buf_span(&again)) || !span_eq(in, j->token))
		abort();
	buf_adds(&field, "Bearer ");
	buf_add(&field, in);
	if (in.n <= CREDENTIAL_TOKEN_MAX &&
		(!credential_parse(buf_span(&field), &c, NULL) || c.kind != CREDENTIAL_JWT))
		abort();
	if (json_kind(j->header) != JSON_KIND_OBJECT || json_kind(j->payload) != JSON_KIND_OBJECT)
		abort();
}

/*
 * The input is a token; or, when it begins with a line end, two JSON texts divided by a line end,
 * which are encoded here, so that the fuzzer need not learn base64.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {(const char *)data, size};
	AUTO_BUF token = BUF_INIT(1U << 20);
	AUTO_ARENA mem = {0};
	AUTO_JWS j = {.token = SPAN_NONE};
	static const char sig[64];

	if (span_starts(in, SPAN("\n"))) {
		struct span rest = span_skip(in, 1);
		struct span header = span_cut(&rest, '\n');
		base64_url_encode(&token, header.p, header.n);
		buf_addc(&token, '.');
		base64_url_encode(&token, rest.p, rest.n);
		buf_addc(&token, '.');
		base64_url_encode(&token, sig, sizeof(sig));
		in = buf_span(&token);
	}
	if (arena_init(&mem, 4U << 20) && jws_parse(in, &mem, &j, NULL))
		check(&j, in);
	return 0;
}
