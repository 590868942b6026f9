/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Three issuers, one of them without keys, and tokens by any signer. */
#include "auth/auth.h"
#include "tests/unit/mint.h"

#define NOW 1800000000

#define ISS "\"iss\":\"https://a.test\","
#define SUB "\"sub\":\"alice\","
#define AUD "\"aud\":\"https://data.test/\","
#define EXP "\"exp\":1800000600,"
#define REST                                                                                       \
	"\"iat\":1799999990,\"jti\":\"j1\",\"client_id\":\"cli\",\"scope\":\"openid "              \
	"storage.read:/\"}"
#define GOOD   "{" ISS SUB AUD EXP REST
#define HEADER "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"rs-1\"}"
#define H(x)   "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"rs-1\"," x "}"

enum signer { RS, ES, EVIL, B };

struct world {
	struct mint key[4];
	struct settings settings;
	struct settings_issuer issuer[3];
	struct auth *auth[2]; /* by liboauth2, and by the kept keys */
	struct buf set[2];    /* the key sets of A and B */
};

static const char *const typs[] = {"at+jwt", "JWT", "absent"};
static const char *const clients[] = {"oidc-agent"};

static inline int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct buf a = BUF_INIT(16384);
	struct buf b = BUF_INIT(16384);

	assert_non_null(w);
	w->key[RS] = mint_key("RS256", "rs-1");
	w->key[ES] = mint_key("ES256", "es-1");
	w->key[EVIL] = mint_key("RS256", "evil");
	w->key[B] = mint_key("ES256", NULL);
	buf_adds(&a, "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"oct-1\",\"k\":\"AAAA\"},");
	mint_jwk(&w->key[RS], ",\"use\":\"sig\",\"alg\":\"RS256\"", &a);
	buf_addc(&a, ',');
	mint_jwk(&w->key[ES], "", &a);
	buf_adds(&a, "]}");
	buf_adds(&b, "{\"keys\":[");
	mint_jwk(&w->key[B], "", &b);
	buf_adds(&b, "]}");
	w->issuer[0] = (struct settings_issuer){.issuer = "https://a.test",
		.name = "A",
		.profile = "generic",
		.typ = {typs, 3},
		.require_kid = -1,
		.path_scopes = 1,
		.allow_any_audience = -1,
		.require_iat = -1};
	w->issuer[1] = (struct settings_issuer){.issuer = "https://b.test",
		.name = "B",
		.profile = "egi",
		.azp = {clients, 1},
		.require_kid = 0,
		.path_scopes = -1,
		.allow_any_audience = -1,
		.require_iat = -1};
	w->issuer[2] = w->issuer[0];
	w->issuer[2].issuer = "https://dead.test";
	w->issuer[2].jwks_file = "dead.jwks"; /* it could not be read */
	w->settings = (struct settings){.file = "agent.yaml",
		.facility = "Test",
		.public_url = "https://data.test",
		.issuers = w->issuer,
		.n_issuers = 3};
	const struct span jwks[] = {buf_span(&a), buf_span(&b), SPAN_NONE};
	for (int i = 0; i < 2; i++) {
		AUTO_BUF report = BUF_INIT(8192);
		struct err e = {0};
		w->settings.kept_keys = i == 1;
		assert_true(auth_load(&w->settings, &(struct auth_texts){.jwks = jwks}, NULL,
			&report, &w->auth[i], &e));
		buf_addc(&report, '\0');
		assert_non_null(strstr(report.p, "a symmetric key (oct)"));
		assert_non_null(strstr(report.p, "https://dead.test: no keys"));
	}
	w->set[0] = a;
	w->set[1] = b;
	*state = w;
	return 0;
}

static inline int
teardown(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2; i++) {
		auth_free(w->auth[i]);
		buf_fini(&w->set[i]);
	}
	for (int i = 0; i < 4; i++)
		crypto_key_free(w->key[i].key);
	free(w);
	return 0;
}
