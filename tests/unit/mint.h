/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/base64.h"
#include "agent/base/buf.h"
#include "agent/base/crypto.h"
#include "agent/base/json.h"
#include "agent/base/jsonw.h"
#include "tests/unit/check.h"

/* Keys and tokens for tests: whatever header and payload text is asked for, well signed. */
struct mint {
	struct crypto_key *key;
	const char *kid;
};

static inline struct mint
mint_key(const char *alg, const char *kid)
{
	AUTO_BUF pem = BUF_INIT(8192);
	struct mint m = {.kid = kid};

	assert_true(crypto_key_generate(alg, &pem, NULL));
	assert_true(crypto_key_load(buf_span(&pem), &m.key, NULL));
	return m;
}

/* The public key as a JWK with kid m->kid (NULL: none) and `more` (",\"x\":1", or "") at its end.
 */
static inline void
mint_jwk(const struct mint *m, const char *more, struct buf *out)
{
	AUTO_BUF text = BUF_INIT(8192);
	static const char *const names[] = {"kty", "crv", "x", "y", "n", "e"};
	struct span v;

	assert_true(crypto_key_jwk(m->key, &text, NULL, NULL));
	AUTO_JSON j = json_parse(buf_span(&text), NULL, NULL);
	struct jsonw w;
	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	if (m->kid != NULL)
		jsonw_cstr(&w, "kid", m->kid);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_get_str(j, names[i], &v))
			jsonw_str(&w, names[i], v);
	buf_adds(out, more);
	jsonw_end(&w, '}');
}

/* header.payload.signature of these very bytes. */
static inline void
mint_token(const struct mint *m, struct span header, struct span payload, struct buf *out)
{
	AUTO_BUF sig = BUF_INIT(4096);
	size_t from = out->n;

	base64_url_encode(out, header.p, header.n);
	buf_addc(out, '.');
	base64_url_encode(out, payload.p, payload.n);
	assert_true(crypto_key_sign(m->key, span_skip(buf_span(out), from), &sig, NULL));
	buf_addc(out, '.');
	base64_url_encode(out, sig.p, sig.n);
	assert_true(buf_ok(out));
}
