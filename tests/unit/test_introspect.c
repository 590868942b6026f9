/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/introspect.h"
#include "tests/unit/check.h"

#define NOW 1000000

static struct words
words_of(const char *a, const char *b)
{
	struct words w = {.n = (a != NULL) + (b != NULL)};

	w.item[0] = span_of(a);
	w.item[1] = span_of(b);
	return w;
}

static struct issuer
plain(const struct settings_issuer *s)
{
	return (struct issuer){.iss = SPAN("https://a.test"),
		.settings = s,
		.audience = words_of("https://d.test", "https://d.test/"),
		.groups = words_of("groups", NULL),
		.user = SPAN("sub"),
		.read_word = SPAN("storage.read"),
		.leeway = 30};
}

#define ACTIVE "{\"active\":true,"
#define AUD    "\"aud\":\"https://d.test\","
#define SUB    "\"sub\":\"alice\","
#define EXP    "\"exp\":1000600"
#define GOOD   ACTIVE AUD SUB EXP
#define JKT    "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"

struct fact {
	const char *name, *body;
	const char *ref; /* NULL: accepted */
};

static void
check_facts(const struct issuer *i, const struct fact *rows, size_t n)
{
	AUTO_ARENA mem = {0};

	assert_true(arena_init(&mem, 262144));
	for (size_t k = 0; k < n; k++) {
		struct claims c;
		struct err e = {0};
		CHECK_ROW(rows[k].name);
		bool ok = introspect_judge(i, span_of(rows[k].body), NOW, &mem, &c, &e);
		assert_int_equal(ok, rows[k].ref == NULL);
		if (ok) {
			check_span(c.subject.sub, "alice");
			assert_int_equal(c.subject.expires, (int64_t)c.life.exp);
			continue;
		}
		assert_int_equal(e.code, ERR_UNAUTH);
		assert_string_equal(e.ref, rows[k].ref);
	}
}

/* INT-4, each rule. */
static void
opaque(void **state)
{
	static const struct fact rows[] = {
		{"all that is needed", GOOD "}", NULL},
		{"as issuers send it",
			GOOD ",\"iss\":\"https://a.test\",\"iat\":999990,\"nbf\":999990,"
			     "\"scope\":\"a b\",\"client_id\":\"c\",\"token_type\":\"Bearer\"}",
			NULL},
		{"active false", "{\"active\":false," AUD SUB EXP "}", "RFC 7662 2.2"},
		{"active alone and false", "{\"active\":false}", "RFC 7662 2.2"},
		{"no active", "{" AUD SUB EXP "}", "RFC 7662 2.2"},
		{"active as text", "{\"active\":\"true\"," AUD SUB EXP "}", "RFC 7662 2.2"},
		{"active as a number", "{\"active\":1," AUD SUB EXP "}", "RFC 7662 2.2"},
		{"active null", "{\"active\":null," AUD SUB EXP "}", "RFC 7662 2.2"},
		{"active in another case", "{\"Active\":true," AUD SUB EXP "}", "RFC 7662 2.2"},
		{"empty", "{}", "RFC 7662 2.2"},
		{"expired", ACTIVE AUD SUB "\"exp\":1000000}", "RFC 9068 4"},
		{"one second left", ACTIVE AUD SUB "\"exp\":1000001}", NULL},
		{"no exp", ACTIVE AUD "\"sub\":\"alice\"}", "RFC 9068 2.2"},
		{"exp as text", ACTIVE AUD SUB "\"exp\":\"1000600\"}", "RFC 7519 2"},
		{"not yet", GOOD ",\"nbf\":1000031}", "RFC 7519 4.1.5"},
		{"from the future", GOOD ",\"iat\":1000031}", "RFC 7519 4.1.6"},
		{"another issuer", GOOD ",\"iss\":\"https://a.test/\"}", "RFC 7662 2.2"},
		{"issuer as a list", GOOD ",\"iss\":[\"https://a.test\"]}", "RFC 7662 2.2"},
		{"issuer null", GOOD ",\"iss\":null}", "RFC 7662 2.2"},
		{"no aud", ACTIVE SUB EXP "}", "RFC 7662 4"},
		{"no aud, and a client", ACTIVE SUB EXP ",\"client_id\":\"c\"}", "RFC 7662 4"},
		{"another aud", ACTIVE SUB EXP ",\"aud\":\"https://e.test\"}", "RFC 9068 4"},
		{"aud null", ACTIVE SUB EXP ",\"aud\":null}", "RFC 9068 4"},
		{"aud as a list", ACTIVE SUB EXP ",\"aud\":[\"x\",\"https://d.test/\"]}", NULL},
		{"bearer", GOOD ",\"token_type\":\"bearer\"}", NULL},
		{"BEARER", GOOD ",\"token_type\":\"BEARER\"}", NULL},
		{"refresh token", GOOD ",\"token_type\":\"refresh_token\"}", "RFC 6750 1.2"},
		{"token type null", GOOD ",\"token_type\":null}", "RFC 6750 1.2"},
		{"token type N_A", GOOD ",\"token_type\":\"N_A\"}", "RFC 6750 1.2"},
		{"DPoP without a key", GOOD ",\"token_type\":\"DPoP\"}", "RFC 6750 1.2"},
		{"DPoP", GOOD ",\"token_type\":\"DPoP\",\"cnf\":{\"jkt\":\"" JKT "\"}}", NULL},
		/* Whether it may come as plain Bearer is for the proof to say. */
		{"bound, of no type", GOOD ",\"cnf\":{\"jkt\":\"" JKT "\"}}", NULL},
		{"bound to a certificate",
			GOOD ",\"token_type\":\"DPoP\",\"cnf\":{\"x5t#S256\":\"" JKT "\"}}",
			"RFC 6750 1.2"},
		{"cnf null", GOOD ",\"cnf\":null}", "RFC 7800 3.1"},
		{"no sub", ACTIVE AUD EXP "}", "RFC 9068 2.2"},
		{"empty sub", ACTIVE AUD EXP ",\"sub\":\"\"}", "RFC 7519 4.1.2"},
		{"sub with a line end", ACTIVE AUD EXP ",\"sub\":\"a\\nb\"}", "RFC 7519 4.1.2"},
		{"sub as a number", ACTIVE AUD EXP ",\"sub\":7}", "RFC 9068 2.2"},
		{"scope as a list", GOOD ",\"scope\":[\"a\"]}", "RFC 9068 2.2.3"},
	};
	static const struct fact demands[] = {
		{"what the settings demand", GOOD ",\"jti\":\"j\",\"iat\":999900}", NULL},
		{"no jti", GOOD ",\"iat\":999900}", "RFC 9068 4"},
		{"too long a life", GOOD ",\"jti\":\"j\",\"iat\":999899}", "RFC 9068 4"},
	};
	const struct settings_issuer settings = {.introspection_exp = true};
	struct issuer i = plain(&settings);

	(void)state;
	check_facts(&i, rows, sizeof(rows) / sizeof(rows[0]));
	i.required = words_of("jti", NULL);
	i.max_lifetime = 700;
	check_facts(&i, demands, sizeof(demands) / sizeof(demands[0]));
}

/* AUD-5: clients instead of an audience. */
static void
clients(void **state)
{
	static const struct fact rows[] = {
		{"client_id", ACTIVE SUB EXP ",\"client_id\":\"c\"}", NULL},
		{"azp", ACTIVE SUB EXP ",\"azp\":\"c\"}", NULL},
		{"both", ACTIVE SUB EXP ",\"azp\":\"c\",\"client_id\":\"c\"}", NULL},
		{"neither", ACTIVE SUB EXP "}", "RFC 7662 4"},
		{"another client", ACTIVE SUB EXP ",\"client_id\":\"d\"}", "RFC 7662 4"},
		{"another azp", ACTIVE SUB EXP ",\"azp\":\"d\",\"client_id\":\"c\"}", "RFC 7662 4"},
		{"client in a list", ACTIVE SUB EXP ",\"client_id\":[\"c\"]}", "RFC 7662 4"},
		{"client null", ACTIVE SUB EXP ",\"azp\":\"c\",\"client_id\":null}", "RFC 7662 4"},
		{"an audience decides", ACTIVE SUB EXP ",\"client_id\":\"c\",\"aud\":\"x\"}",
			"RFC 9068 4"},
		{"and without a client", GOOD ",\"client_id\":\"d\"}", NULL},
	};
	static const struct fact states[] = {
		{"the issuer tells its audience alone", ACTIVE SUB EXP "}", NULL},
		{"an aud is judged all the same", ACTIVE SUB EXP ",\"aud\":\"x\"}", "RFC 9068 4"},
	};
	struct settings_issuer settings = {.introspection_exp = true};
	struct issuer i = plain(&settings);

	(void)state;
	i.azp = words_of("c", NULL);
	check_facts(&i, rows, sizeof(rows) / sizeof(rows[0]));
	settings.introspection_audience = true;
	i.azp.n = 0;
	check_facts(&i, states, sizeof(states) / sizeof(states[0]));
}

/* Without exp, where that is allowed, an answer is good for a minute. */
static void
no_exp(void **state)
{
	const struct settings_issuer settings = {.introspection_exp = false};
	struct issuer i = plain(&settings);
	AUTO_ARENA mem = {0};
	struct claims c;
	struct err e = {0};

	(void)state;
	assert_true(arena_init(&mem, 65536));
	assert_true(introspect_judge(&i, SPAN(ACTIVE AUD "\"sub\":\"alice\"}"), NOW, &mem, &c, &e));
	assert_int_equal(c.subject.expires, NOW + 60);
	assert_true(introspect_judge(&i, SPAN(GOOD "}"), NOW, &mem, &c, &e));
	assert_int_equal(c.subject.expires, 1000600);
	assert_false(introspect_judge(&i, SPAN(ACTIVE AUD SUB "\"exp\":null}"), NOW, &mem, &c, &e));
	assert_string_equal(e.ref, "RFC 7519 2");
}

/* What cannot be read says nothing of the token: the issuer is in trouble, not the user. */
static void
unreadable(void **state)
{
	static const struct fact rows[] = {
		{"nothing", "", ""},
		{"HTML", "<html>", ""},
		{"a list", "[" GOOD "}]", ""},
		{"true", "true", ""},
		{"a member twice", ACTIVE "\"active\":true," AUD SUB EXP "}", ""},
		{"something behind", GOOD "}{}", ""},
		{"cut", GOOD, ""},
		{"NUL", GOOD ",\"x\":\"\\u0000\"}", ""},
		{"not UTF-8", GOOD ",\"x\":\"\xff\"}", ""},
		{"a byte order mark", "\xef\xbb\xbf" GOOD "}", ""},
		{"a signed answer", "eyJhbGciOiJSUzI1NiJ9.e30.AAAA", ""},
	};
	const struct settings_issuer settings = {.introspection_exp = true};
	struct issuer i = plain(&settings);
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 65536));
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct claims c;
		struct err e = {0};
		CHECK_ROW(rows[k].name);
		assert_false(introspect_judge(&i, span_of(rows[k].body), NOW, &mem, &c, &e));
		assert_int_equal(e.code, ERR_UPSTREAM);
	}
}

#define JWT                                                                                        \
	"{\"iss\":\"https://a.test\"," AUD SUB EXP                                                 \
	",\"jti\":\"j\",\"scope\":\"own\",\"groups\":[\"old\"]}"

/* INT-8: what is taken from the answer, and what makes it worthless. */
static void
enriched(void **state)
{
	static const struct {
		const char *name;
		enum settings_enrich how;
		const char *body, *ref, *group;
	} rows[] = {
		{"userinfo", ENRICH_USERINFO, "{\"sub\":\"alice\",\"groups\":[\"g\"]}", NULL, "g"},
		{"nothing to add", ENRICH_USERINFO, "{\"sub\":\"alice\"}", NULL, "old"},
		{"userinfo of somebody else", ENRICH_USERINFO,
			"{\"sub\":\"bob\",\"groups\":[\"g\"]}", "OpenID Connect Core 1.0, 5.3.2",
			NULL},
		{"userinfo without sub", ENRICH_USERINFO, "{\"groups\":[\"g\"]}",
			"OpenID Connect Core 1.0, 5.3.2", NULL},
		{"another case of sub", ENRICH_USERINFO, "{\"sub\":\"Alice\"}",
			"OpenID Connect Core 1.0, 5.3.2", NULL},
		{"userinfo of another issuer", ENRICH_USERINFO,
			"{\"iss\":\"https://b.test\",\"sub\":\"alice\"}", "RFC 7662 2.2", NULL},
		{"introspection", ENRICH_INTROSPECTION, ACTIVE SUB "\"groups\":[\"g\"]}", NULL,
			"g"},
		{"introspection needs active", ENRICH_INTROSPECTION,
			"{\"sub\":\"alice\",\"groups\":[\"g\"]}", "RFC 7662 2.2", NULL},
		{"revoked", ENRICH_INTROSPECTION, "{\"active\":false}", "RFC 7662 2.2", NULL},
		{"exp, aud and scope are the token's", ENRICH_INTROSPECTION,
			ACTIVE SUB "\"exp\":1,\"aud\":\"x\",\"scope\":\"more\",\"jti\":\"k\"}",
			NULL, "old"},
		{"a second sub", ENRICH_USERINFO, "{\"sub\":\"alice\",\"sub\":\"alice\"}",
			"RFC 8259", NULL},
	};
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 262144));
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		const struct settings_issuer settings = {.enrich = rows[k].how};
		const struct introspect_texts t = {SPAN(JWT), span_of(rows[k].body)};
		struct issuer i = plain(&settings);
		struct claims c;
		struct err e = {0};
		CHECK_ROW(rows[k].name);
		assert_int_equal(introspect_enrich(&i, &t, NOW, &mem, &c, &e), rows[k].ref == NULL);
		if (rows[k].ref != NULL) {
			if (e.code == ERR_UNAUTH)
				assert_string_equal(e.ref, rows[k].ref);
			continue;
		}
		check_span(c.subject.sub, "alice");
		check_span(c.subject.jti, "j");
		assert_int_equal(c.subject.expires, 1000600);
		assert_int_equal(c.subject.n_entitlements, 1);
		check_span(c.subject.entitlements[0], rows[k].group);
	}
}

/* The token is judged again when the answer comes: it may have ended meanwhile. */
static void
enriched_too_late(void **state)
{
	const struct settings_issuer settings = {.enrich = ENRICH_USERINFO};
	const struct introspect_texts t = {SPAN(JWT), SPAN("{\"sub\":\"alice\"}")};
	struct issuer i = plain(&settings);
	AUTO_ARENA mem = {0};
	struct claims c;
	struct err e = {0};

	(void)state;
	assert_true(arena_init(&mem, 65536));
	assert_true(introspect_enrich(&i, &t, 1000599, &mem, &c, &e));
	assert_false(introspect_enrich(&i, &t, 1000600, &mem, &c, &e));
	assert_string_equal(e.ref, "RFC 9068 4");
}

/* A key that the issuer alone tells of must be proved as one that the token names. */
static void
bound_by_the_answer(void **state)
{
	static const char other[] = "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	static const struct {
		const char *name, *token, *answer, *jkt, *x5t; /* jkt and x5t NULL: refused */
	} rows[] = {
		{"nobody tells of one", "", "", "", ""},
		{"the token alone", ",\"cnf\":{\"jkt\":\"" JKT "\"}", "", JKT, ""},
		{"the answer alone", "", ",\"cnf\":{\"jkt\":\"" JKT "\"}", JKT, ""},
		{"the answer alone, a certificate", "", ",\"cnf\":{\"x5t#S256\":\"" JKT "\"}", "",
			JKT},
		{"both", ",\"cnf\":{\"jkt\":\"" JKT "\"}", ",\"cnf\":{\"jkt\":\"" JKT "\"}", JKT,
			""},
		{"one each", ",\"cnf\":{\"jkt\":\"" JKT "\"}",
			",\"cnf\":{\"x5t#S256\":\"" JKT "\"}", JKT, JKT},
		{"two keys", ",\"cnf\":{\"jkt\":\"" JKT "\"}", ",\"cnf\":{\"jkt\":\"%s\"}", NULL,
			NULL},
		{"what is not understood", "", ",\"cnf\":{\"kid\":\"x\"}", NULL, NULL},
		{"null", "", ",\"cnf\":null", NULL, NULL},
	};
	const struct settings_issuer settings = {.enrich = ENRICH_INTROSPECTION};
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 262144));
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		AUTO_BUF token = BUF_INIT(4096);
		AUTO_BUF answer = BUF_INIT(4096);
		struct issuer i = plain(&settings);
		struct claims c;
		struct err e = {0};
		CHECK_ROW(rows[k].name);
		buf_addf(&token, "{\"iss\":\"https://a.test\"," AUD SUB EXP "%s}", rows[k].token);
		buf_adds(&answer, "{\"active\":true,\"sub\":\"alice\"");
		if (strstr(rows[k].answer, "%s") != NULL)
			buf_addf(&answer, ",\"cnf\":{\"jkt\":\"%s\"}", other);
		else
			buf_adds(&answer, rows[k].answer);
		buf_addc(&answer, '}');
		const struct introspect_texts t = {buf_span(&token), buf_span(&answer)};
		assert_int_equal(introspect_enrich(&i, &t, NOW, &mem, &c, &e), rows[k].jkt != NULL);
		if (rows[k].jkt == NULL)
			continue;
		check_span(c.binding.jkt, rows[k].jkt);
		check_span(c.binding.x5t, rows[k].x5t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opaque),
		cmocka_unit_test(clients),
		cmocka_unit_test(no_exp),
		cmocka_unit_test(unreadable),
		cmocka_unit_test(enriched),
		cmocka_unit_test(enriched_too_late),
		cmocka_unit_test(bound_by_the_answer),
	};
	return cmocka_run_group_tests_name("introspect", tests, NULL, NULL);
}
