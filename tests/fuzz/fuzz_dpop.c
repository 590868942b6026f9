/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Property: a proof that is accepted has the key that the token is bound to, names this method and
 * this path, is young enough, and is refused when it comes a second time; asked again for a body in
 * work it is accepted, and never for another path.  What is refused has a clause.
 */
#include "auth/proof.h"

#include <stdlib.h>
#include <string.h>

#include "agent/base/base64.h"
#include "agent/base/crypto.h"
#include "agent/base/json.h"
#include "auth/jws.h"

#define NOW  1800000000
#define PATH "/data/10.5072/x y"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Made once: a key, its JWK and thumbprint. */
struct signer {
	struct crypto_key *key;
	struct buf jwk, jkt;
	struct replay *seen;
};

static const struct signer *
signer(void)
{
	static struct signer s; /* a fuzz target has no place to pass state through */
	AUTO_BUF pem = BUF_INIT(8192);

	if (s.key != NULL)
		return &s;
	s.jwk = (struct buf)BUF_INIT(4096);
	s.jkt = (struct buf)BUF_INIT(64);
	if (!crypto_key_generate("ES256", &pem, NULL) ||
		!crypto_key_load(buf_span(&pem), &s.key, NULL) ||
		!crypto_key_jwk(s.key, &s.jwk, &s.jkt, NULL) ||
		!replay_new(NOW - 3600, &s.seen, NULL))
		abort();
	return &s;
}

/* In the text: $J becomes the key, $A the hash of the token. */
static void
expand(const struct signer *s, struct span text, struct buf *out)
{
	uint8_t digest[CRYPTO_SHA256_SIZE];

	for (size_t i = 0; i < text.n; i++) {
		struct span two = span_first(span_skip(text, i), 2);
		if (span_is(two, "$J")) {
			buf_add(out, buf_span(&s->jwk));
			i++;
		} else if (span_is(two, "$A") && crypto_sha256(SPAN("token"), digest)) {
			base64_url_encode(out, digest, sizeof(digest));
			i++;
		} else {
			buf_addc(out, text.p[i]);
		}
	}
}

/* The input is a header and a payload, divided by a line end; signed here, or sent as it is. */
static void
make(const struct signer *s, struct span in, struct buf *out)
{
	AUTO_BUF part = BUF_INIT(1U << 20);
	AUTO_BUF sig = BUF_INIT(256);

	if (!span_starts(in, SPAN("\n"))) {
		buf_add(out, in);
		return;
	}
	in = span_skip(in, 1);
	expand(s, span_cut(&in, '\n'), &part);
	base64_url_encode(out, part.p, part.n);
	buf_addc(out, '.');
	buf_reset(&part);
	expand(s, in, &part);
	base64_url_encode(out, part.p, part.n);
	if (!crypto_key_sign(s->key, buf_span(out), &sig, NULL))
		abort();
	buf_addc(out, '.');
	base64_url_encode(out, sig.p, sig.n);
}

static void
check(struct span proof, struct arena *mem)
{
	AUTO_JWS j = {.token = SPAN_NONE};
	struct span htm;
	struct span jti;
	double iat = 0;

	arena_reset(mem);
	if (!jws_parse(proof, mem, &j, NULL) || !json_get_str(j.payload, "htm", &htm) ||
		!span_is(htm, "GET") || !json_get_str(j.payload, "jti", &jti) || jti.n == 0 ||
		!json_f64(json_get(j.payload, "iat"), &iat) || iat < NOW - PROOF_AGE ||
		iat > NOW + 30 || json_get(j.header, "crit") != NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct signer *s = signer();
	static const struct settings_issuer settings = {
		.issuer = "https://a.test", .dpop = DPOP_OPTIONAL};
	const struct issuer i = {.settings = &settings, .leeway = 30};
	AUTO_BUF proof = BUF_INIT(1U << 20);
	AUTO_ARENA mem = {0};
	const struct binding b = {.jkt = buf_span(&s->jkt)};
	struct err e = {.code = ERR_NONE};

	make(s, (struct span){(const char *)data, size}, &proof);
	struct auth_request q = {
		.dpop = buf_span(&proof), .method = SPAN("GET"), .path = SPAN(PATH)};
	const struct proof_case c = {
		&q, SPAN("token"), true, SPAN("https://data.test/"), NULL, &mem};
	if (!arena_init(&mem, 4U << 20))
		return 0;
	enum proof_verdict v = proof_check(s->seen, &i, &b, &c, NOW * 1000LL, &e);
	if (v == PROOF_BAD && strstr(e.msg, "used already") == NULL) {
		if (e.code != ERR_UNAUTH || e.ref == NULL)
			abort();
		return 0;
	}
	if (v == PROOF_TOKEN)
		abort();
	if (v == PROOF_LATER)
		return 0; /* the table is full, or the arena */
	check(q.dpop, &mem);
	arena_reset(&mem);
	if (proof_check(s->seen, &i, &b, &c, NOW * 1000LL, &e) != PROOF_BAD)
		abort();
	q.again = true;
	arena_reset(&mem);
	if (proof_check(s->seen, &i, &b, &c, (NOW + 7200) * 1000LL, &e) != PROOF_GOOD)
		abort();
	q.path = SPAN("/data/10.5072/x");
	arena_reset(&mem);
	if (proof_check(s->seen, &i, &b, &c, NOW * 1000LL, &e) != PROOF_BAD)
		abort();
	return 0;
}
