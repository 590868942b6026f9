/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/json.h"
#include "auth/keys.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A kept key fits some alg of the list, is strong, and its text is a JWK of public members. */
static void
check(const struct key *k, unsigned algs)
{
	AUTO_JSON jwk = json_parse(span_of(k->jwk), NULL, NULL);
	struct span kid = SPAN_NONE;

	if (k->algs == 0 || (k->algs & ~algs) != 0 || k->pkey == NULL || jwk == NULL)
		abort();
	if (json_get(jwk, "d") != NULL || json_get(jwk, "k") != NULL || json_count(jwk) > 5)
		abort();
	if ((k->algs & (1U << JWS_RS256 | 1U << JWS_PS256)) != 0 && k->bits < 2048)
		abort();
	if (json_get_str(jwk, "kid", &kid) != (k->kid.p != NULL) || !span_eq(kid, k->kid))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned algs = 1U << JWS_RS256 | 1U << JWS_ES256 | 1U << JWS_ES384;
	struct span in = {(const char *)data, size};
	AUTO_BUF report = BUF_INIT(1U << 20);
	struct keys *k = NULL;

	if (!keys_load(in, algs, &report, &k, NULL))
		return 0;
	for (size_t i = 0; i < keys_count(k); i++)
		check(keys_at(k, i), algs);
	keys_free(k);
	return 0;
}
