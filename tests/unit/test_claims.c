/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/claims.h"
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
plain(void)
{
	return (struct issuer){.iss = SPAN("https://a.test"),
		.audience = words_of("https://d.test", "https://d.test/"),
		.groups = words_of("groups", "realm_access/roles"),
		.user = SPAN("sub"),
		.read_word = SPAN("storage.read"),
		.leeway = 30};
}

struct fact {
	const char *name, *payload;
	const char *ref; /* NULL: accepted */
};

static void
lives(void **state)
{
	static const struct fact rows[] = {
		{"exp alone", "{\"exp\":1000001}", NULL},
		{"exp as a fraction", "{\"exp\":1000000.25}", NULL},
		{"exp with exponent", "{\"exp\":2e6}", NULL},
		{"exp now", "{\"exp\":1000000}", "RFC 9068 4"},
		{"exp just past", "{\"exp\":999999.9}", "RFC 9068 4"},
		{"exp missing", "{}", "RFC 9068 2.2"},
		{"exp 0", "{\"exp\":0}", "RFC 7519 4.1.4"},
		{"exp negative", "{\"exp\":-1}", "RFC 7519 4.1.4"},
		{"exp below 2^53", "{\"exp\":9007199254740991}", NULL},
		{"exp 2^53", "{\"exp\":9007199254740992}", "RFC 7519 2"},
		{"exp false", "{\"exp\":false}", "RFC 7519 2"},
		{"exp object", "{\"exp\":{}}", "RFC 7519 2"},
		{"nbf 0", "{\"exp\":1000001,\"nbf\":0}", NULL},
		{"nbf at the leeway", "{\"exp\":1000001,\"nbf\":1000030}", NULL},
		{"nbf a second more", "{\"exp\":1000001,\"nbf\":1000030.5}", "RFC 7519 4.1.5"},
		{"nbf null", "{\"exp\":1000001,\"nbf\":null}", "RFC 7519 2"},
		{"iat at the leeway", "{\"exp\":1000001,\"iat\":1000030}", NULL},
		{"iat a second more", "{\"exp\":1000001,\"iat\":1000031}", "RFC 7519 4.1.6"},
		{"iat text", "{\"exp\":1000001,\"iat\":\"1\"}", "RFC 7519 2"},
	};
	struct issuer i = plain();
	struct claims_life life;
	struct err e = {0};

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		AUTO_JSON j = json_parse(span_of(rows[k].payload), NULL, NULL);
		CHECK_ROW(rows[k].name);
		assert_non_null(j);
		assert_int_equal(claims_life(&i, j, NOW, &life, &e), rows[k].ref == NULL);
		if (rows[k].ref != NULL)
			assert_string_equal(e.ref, rows[k].ref);
	}
	AUTO_JSON j = json_parse(SPAN("{\"exp\":1000001}"), NULL, NULL);
	i.require_iat = true;
	assert_false(claims_life(&i, j, NOW, &life, &e));
	assert_string_equal(e.ref, "RFC 9068 2.2");
}

/* Clients instead of an audience, where the issuer is set so. */
static void
audiences(void **state)
{
	static const struct fact rows[] = {
		{"azp", "{\"azp\":\"c\"}", NULL},
		{"other azp", "{\"azp\":\"d\"}", "OpenID Connect Core 1.0, 2"},
		{"azp list", "{\"azp\":[\"c\"]}", "OpenID Connect Core 1.0, 2"},
		{"client_id is not azp", "{\"client_id\":\"c\"}", "OpenID Connect Core 1.0, 2"},
		{"aud and azp", "{\"aud\":\"https://d.test\",\"azp\":\"x\"}", NULL},
		{"wrong aud and azp", "{\"aud\":\"x\",\"azp\":\"c\"}", "RFC 9068 4"},
		{"null aud and azp", "{\"aud\":null,\"azp\":\"c\"}", "RFC 9068 4"},
		{"empty aud and azp", "{\"aud\":[],\"azp\":\"c\"}", "RFC 9068 4"},
		{"aud is a client", "{\"aud\":\"c\",\"azp\":\"c\"}", "RFC 9068 4"},
		{"second of a list", "{\"aud\":[\"x\",\"https://d.test/\"]}", NULL},
		{"ID token", "{\"aud\":\"c\",\"at_hash\":\"x\"}", "RFC 8725 3.9"},
	};
	struct issuer i = plain();
	struct err e = {0};

	(void)state;
	i.azp = words_of("c", NULL);
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		AUTO_JSON j = json_parse(span_of(rows[k].payload), NULL, NULL);
		CHECK_ROW(rows[k].name);
		assert_int_equal(claims_audience(&i, j, &e), rows[k].ref == NULL);
		if (rows[k].ref != NULL)
			assert_string_equal(e.ref, rows[k].ref);
	}
}

/* The unique id by profile. */
static void
ids(void **state)
{
	static const struct {
		const char *name;
		enum { PLAIN, EGI, OWN, EDU } how;
		const char *payload, *want, *ref;
	} rows[] = {
		{"sub", PLAIN, "{\"sub\":\"Alice\"}", "Alice", NULL},
		{"sub with a control character of C1", PLAIN, "{\"sub\":\"a\\u0085b\"}", NULL,
			"RFC 7519 4.1.2"},
		{"sub with DEL", PLAIN, "{\"sub\":\"a\\u007fb\"}", NULL, "RFC 7519 4.1.2"},
		{"sub empty", PLAIN, "{\"sub\":\"\"}", NULL, "RFC 7519 4.1.2"},
		{"voperson_id first", EGI, "{\"sub\":\"s\",\"voperson_id\":\"v\"}", "v", NULL},
		{"else sub", EGI, "{\"sub\":\"s\"}", "s", NULL},
		{"voperson_id of a wrong kind is not absent", EGI,
			"{\"sub\":\"s\",\"voperson_id\":1}", NULL, "RFC 9068 2.2"},
		{"sub is needed all the same", EGI, "{\"voperson_id\":\"v\"}", NULL,
			"RFC 9068 2.2"},
		{"own claim", OWN, "{\"sub\":\"s\",\"uid\":\"u\"}", "u", NULL},
		{"own claim missing", OWN, "{\"sub\":\"s\"}", NULL, "RFC 9068 2.2"},
		{"eduTEAMS", EDU, "{\"sub\":\"0AbC@EduTeams.org\"}", "0abc@eduteams.org", NULL},
		{"test account", EDU, "{\"sub\":\"Test@eduteams.org\"}", NULL, "eduPersonUniqueId"},
		{"no scope", EDU, "{\"sub\":\"abc\"}", NULL, "eduPersonUniqueId"},
		{"empty scope", EDU, "{\"sub\":\"abc@\"}", NULL, "eduPersonUniqueId"},
		{"two at signs", EDU, "{\"sub\":\"abc@x@y\"}", NULL, "eduPersonUniqueId"},
		{"sign in the id", EDU, "{\"sub\":\"a-b@x\"}", NULL, "eduPersonUniqueId"},
	};
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 65536));
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		AUTO_JSON j = json_parse(span_of(rows[k].payload), NULL, NULL);
		struct issuer i = plain();
		struct subject s;
		struct err e = {0};
		CHECK_ROW(rows[k].name);
		if (rows[k].how == EGI) {
			i.user = SPAN("voperson_id");
			i.user_else = SPAN("sub");
		} else if (rows[k].how == OWN) {
			i.user = SPAN("uid");
		}
		i.edu_id = rows[k].how == EDU;
		assert_int_equal(claims_subject(&i, j, &mem, &s, &e), rows[k].want != NULL);
		if (rows[k].want != NULL)
			check_span(s.sub, rows[k].want);
		else
			assert_string_equal(e.ref, rows[k].ref);
	}
}

/* Groups: where they stand, what the issuer may assert, what is left out. */
static void
group_claims(void **state)
{
	static const struct {
		const char *name, *payload, *space, *want;
	} rows[] = {
		{"list", "{\"sub\":\"s\",\"groups\":[\"a\",\"b\"]}", NULL, "a|b|"},
		{"text", "{\"sub\":\"s\",\"groups\":\"a\"}", NULL, "a|"},
		{"deeper", "{\"sub\":\"s\",\"realm_access\":{\"roles\":[\"r\"]}}", NULL, "r|"},
		{"both", "{\"sub\":\"s\",\"groups\":[\"a\"],\"realm_access\":{\"roles\":[\"r\"]}}",
			NULL, "a|r|"},
		{"a member with a slash in its name",
			"{\"sub\":\"s\",\"realm_access/roles\":[\"x\"]}", NULL, "x|"},
		{"deeper than there is", "{\"sub\":\"s\",\"realm_access\":[\"roles\"]}", NULL, ""},
		{"other kinds are left out",
			"{\"sub\":\"s\",\"groups\":[1,null,[\"x\"],\"a\",\"\"]}", NULL, "a|"},
		{"normal form", "{\"sub\":\"s\",\"groups\":[\"URN:X:Y:group:G\"]}", NULL,
			"urn:x:y:group:G|"},
		{"namespace allowed", "{\"sub\":\"s\",\"groups\":[\"urn:x:y:group:g\"]}", "URN:x:Y",
			"urn:x:y:group:g|"},
		{"namespace of others", "{\"sub\":\"s\",\"groups\":[\"urn:x:z:group:g\"]}",
			"urn:x:y", ""},
		{"below an allowed namespace", "{\"sub\":\"s\",\"groups\":[\"urn:x:y:w:group:g\"]}",
			"urn:x:y", ""},
		{"EGI's older form, namespace allowed",
			"{\"sub\":\"s\",\"groups\":[\"urn:mace:egi.eu:aai.egi.eu:member@vo\"]}",
			"urn:mace:egi.eu", "urn:mace:egi.eu:aai.egi.eu:member@vo|"},
		{"EGI's older form, namespace of others",
			"{\"sub\":\"s\",\"groups\":[\"urn:mace:egi.eu:aai.egi.eu:member@vo\"]}",
			"urn:mace", ""},
		{"a URN of another form", "{\"sub\":\"s\",\"groups\":[\"Urn:x:y:g\",\"plain\"]}",
			"urn:x:y", "plain|"},
	};
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 65536));
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		AUTO_JSON j = json_parse(span_of(rows[k].payload), NULL, NULL);
		AUTO_BUF text = BUF_INIT(1024);
		struct issuer i = plain();
		struct subject s;
		CHECK_ROW(rows[k].name);
		i.namespaces = words_of(rows[k].space, NULL);
		assert_true(claims_subject(&i, j, &mem, &s, NULL));
		for (size_t m = 0; m < s.n_entitlements; m++) {
			buf_add(&text, s.entitlements[m]);
			buf_addc(&text, '|');
		}
		check_span(buf_span(&text), rows[k].want);
	}
}

static void
many_groups(void **state)
{
	AUTO_ARENA mem = {0};
	struct issuer i = plain();

	(void)state;
	for (unsigned n = CLAIMS_ENTITLEMENTS_MAX; n <= CLAIMS_ENTITLEMENTS_MAX + 1; n++) {
		AUTO_BUF text = BUF_INIT(65536);
		struct subject s;
		struct err e = {0};
		assert_true(arena_init(&mem, 262144));
		buf_adds(&text, "{\"sub\":\"s\",\"groups\":[\"g\"");
		for (unsigned k = 1; k < n; k++)
			buf_adds(&text, ",\"g\"");
		buf_adds(&text, "]}");
		AUTO_JSON j = json_parse(buf_span(&text), NULL, NULL);
		bool ok = claims_subject(&i, j, &mem, &s, &e);
		assert_int_equal(ok, n == CLAIMS_ENTITLEMENTS_MAX);
		assert_int_equal(e.code, ok ? ERR_NONE : ERR_UNAUTH);
		arena_reset(&mem);
		mem.cap = 4096; /* a small arena is a limit of ours, not the token's fault */
		if (ok) {
			assert_false(claims_subject(&i, j, &mem, &s, &e));
			assert_int_equal(e.code, ERR_LIMIT);
		}
		mem.cap = 262144;
		arena_fini(&mem);
	}
}

static void
long_group(void **state)
{
	AUTO_ARENA mem = {0};
	struct issuer i = plain();

	(void)state;
	assert_true(arena_init(&mem, 65536));
	for (unsigned n = 1024; n <= 1025; n++) {
		AUTO_BUF text = BUF_INIT(4096);
		struct subject s;
		struct err e = {0};
		buf_adds(&text, "{\"sub\":\"s\",\"groups\":\"");
		for (unsigned k = 0; k < n; k++)
			buf_addc(&text, 'g');
		buf_adds(&text, "\"}");
		AUTO_JSON j = json_parse(buf_span(&text), NULL, NULL);
		assert_int_equal(claims_subject(&i, j, &mem, &s, &e), n == 1024);
		assert_int_equal(e.code, n == 1024 ? ERR_NONE : ERR_UNAUTH);
	}
}

static void
assurances(void **state)
{
#define REFEDS "https://refeds.org/assurance/"
	static const struct {
		const char *name, *payload;
		enum assurance want;
	} rows[] = {
		{"none", "{\"sub\":\"s\"}", ASSURANCE_NONE},
		{"low", "{\"sub\":\"s\",\"eduperson_assurance\":[\"" REFEDS "IAP/low\"]}",
			ASSURANCE_LOW},
		{"the highest counts",
			"{\"sub\":\"s\",\"eduperson_assurance\":[\"" REFEDS "IAP/medium\",\"" REFEDS
			"IAP/low\"]}",
			ASSURANCE_MEDIUM},
		{"espresso",
			"{\"sub\":\"s\",\"eduperson_assurance\":\"" REFEDS "profile/espresso\"}",
			ASSURANCE_HIGH},
		{"cappuccino",
			"{\"sub\":\"s\",\"eduperson_assurance\":[\"" REFEDS
			"profile/cappuccino\"]}",
			ASSURANCE_MEDIUM},
		{"own vocabulary",
			"{\"sub\":\"s\",\"eduperson_assurance\":[\"https://aai.egi.eu/LoA#High\"]}",
			ASSURANCE_NONE},
		{"number", "{\"sub\":\"s\",\"eduperson_assurance\":3}", ASSURANCE_NONE},
	};
	AUTO_ARENA mem = {0};
	struct issuer i = plain();

	(void)state;
	assert_true(arena_init(&mem, 65536));
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		AUTO_JSON j = json_parse(span_of(rows[k].payload), NULL, NULL);
		struct subject s;
		CHECK_ROW(rows[k].name);
		assert_true(claims_subject(&i, j, &mem, &s, NULL));
		assert_int_equal(s.assurance, rows[k].want);
	}
}

/* Scopes are looked at where the issuer demands them, and nowhere else (SCP-6). */
static void
path_scopes(void **state)
{
	AUTO_JSON j = json_parse(
		SPAN("{\"sub\":\"s\",\"scope\":\"storage.read\",\"client_id\":\"c\",\"azp\":\"z\","
		     "\"jti\":\"a\\nb\",\"acr\":\"https://refeds.org/profile/mfa\"}"),
		NULL, NULL);
	AUTO_ARENA mem = {0};
	struct issuer i = plain();
	struct subject s;
	struct err e = {0};

	(void)state;
	assert_true(arena_init(&mem, 65536));
	assert_true(claims_subject(&i, j, &mem, &s, &e));
	assert_false(s.scoped);
	check_span(s.client, "c");
	check_span(s.jti, NULL); /* not fit for an audit line */
	check_span(s.acr, "https://refeds.org/profile/mfa");
	i.path_scopes = true;
	assert_false(claims_subject(&i, j, &mem, &s, &e));
	assert_string_equal(e.ref, "WLCG profile 1.3, 2.2.1");
}

/* An answer of introspection may lack exp, where the settings say so. */
static void
life_of_an_answer(void **state)
{
	static const struct fact rows[] = {
		{"no exp", "{}", NULL},
		{"its own exp counts", "{\"exp\":999999}", "RFC 9068 4"},
		{"exp of a wrong kind is not absent", "{\"exp\":null}", "RFC 7519 2"},
		{"nbf all the same", "{\"nbf\":1000031}", "RFC 7519 4.1.5"},
		{"iat all the same", "{\"iat\":1000031}", "RFC 7519 4.1.6"},
	};
	struct issuer i = plain();
	struct claims_life life;
	struct err e = {0};

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		AUTO_JSON j = json_parse(span_of(rows[k].payload), NULL, NULL);
		CHECK_ROW(rows[k].name);
		assert_int_equal(
			claims_life_or(&i, j, NOW + 60, NOW, &life, &e), rows[k].ref == NULL);
		if (rows[k].ref != NULL)
			assert_string_equal(e.ref, rows[k].ref);
		else
			assert_true(claims_alive(&life, 0, NOW + 59, NULL) &&
				    !claims_alive(&life, 0, NOW + 60, NULL));
	}
}

/* What the issuer's answer adds to a token, and what it may not change (INT-8). */
static void
completed(void **state)
{
#define TOKEN                                                                                      \
	"{\"sub\":\"s\",\"groups\":[\"old\"],\"acr\":\"one\",\"jti\":\"j\",\"client_id\":"         \
	"\"c\",\"eduperson_assurance\":\"https://refeds.org/assurance/IAP/high\"}"
	static const struct {
		const char *name, *answer, *ref;
		const char *id, *groups, *acr;
		enum assurance level;
	} rows[] = {
		{"nothing", "{}", NULL, "s", "old", "one", ASSURANCE_HIGH},
		{"all",
			"{\"voperson_id\":\"v\",\"groups\":[\"new\"],\"acr\":\"two\","
			"\"eduperson_assurance\":\"https://refeds.org/assurance/IAP/low\"}",
			NULL, "v", "new", "two", ASSURANCE_LOW},
		{"nothing else", "{\"jti\":\"x\",\"client_id\":\"x\",\"scope\":7,\"exp\":0}", NULL,
			"s", "old", "one", ASSURANCE_HIGH},
		{"no groups any more", "{\"groups\":[]}", NULL, "s", "", "one", ASSURANCE_HIGH},
		{"somebody else", "{\"sub\":\"t\"}", "RFC 7662 2.2", "", "", "", ASSURANCE_NONE},
		{"an id of a wrong kind", "{\"voperson_id\":1}", "RFC 9068 2.2", "", "", "",
			ASSURANCE_NONE},
		{"an id with a line end", "{\"voperson_id\":\"a\\nb\"}", "RFC 7519 4.1.2", "", "",
			"", ASSURANCE_NONE},
		{"acr that is not a name", "{\"acr\":\"a\\nb\"}", NULL, "s", "old", "one",
			ASSURANCE_HIGH},
	};
	AUTO_JSON token = json_parse(SPAN(TOKEN), NULL, NULL);
	AUTO_ARENA mem = {0};
	struct issuer i = plain();

	(void)state;
	i.user = SPAN("voperson_id");
	i.user_else = SPAN("sub");
	assert_true(arena_init(&mem, 65536));
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		AUTO_JSON j = json_parse(span_of(rows[k].answer), NULL, NULL);
		struct subject s;
		struct err e = {0};
		CHECK_ROW(rows[k].name);
		assert_true(claims_subject(&i, token, &mem, &s, NULL));
		assert_int_equal(claims_complete(&i, token, j, &mem, &s, &e), rows[k].ref == NULL);
		if (rows[k].ref != NULL) {
			assert_string_equal(e.ref, rows[k].ref);
			check_span(s.sub, "s");
			continue;
		}
		check_span(s.sub, rows[k].id);
		check_span(s.n_entitlements == 1 ? s.entitlements[0] : SPAN(""), rows[k].groups);
		check_span(s.acr, rows[k].acr);
		check_span(s.jti, "j");
		check_span(s.client, "c");
		assert_int_equal(s.assurance, rows[k].level);
	}
}

/* An id that only the issuer's answer has: until then `sub` stands in for it. */
static void
id_to_come(void **state)
{
	AUTO_JSON token = json_parse(SPAN("{\"sub\":\"s\"}"), NULL, NULL);
	AUTO_JSON none = json_parse(SPAN("{}"), NULL, NULL);
	AUTO_JSON given = json_parse(SPAN("{\"uid\":\"u\"}"), NULL, NULL);
	AUTO_JSON has = json_parse(SPAN("{\"sub\":\"s\",\"uid\":\"w\"}"), NULL, NULL);
	const struct settings_issuer asks = {.enrich = ENRICH_USERINFO};
	AUTO_ARENA mem = {0};
	struct issuer i = plain();
	struct subject s;
	struct err e = {0};

	(void)state;
	i.user = SPAN("uid");
	i.settings = &asks;
	assert_true(arena_init(&mem, 65536));
	assert_true(claims_subject(&i, token, &mem, &s, &e));
	check_span(s.sub, "s");
	assert_false(claims_complete(&i, token, none, &mem, &s, &e));
	assert_true(claims_complete(&i, token, given, &mem, &s, &e));
	check_span(s.sub, "u");
	assert_true(claims_subject(&i, has, &mem, &s, &e));
	check_span(s.sub, "w");
	assert_false(claims_complete(&i, has, given, &mem, &s, &e));
}

/* RFC 7800: a key to prove, or a refusal; never a token that is taken without its proof. */
static void
bindings(void **state)
{
#define T43 "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
	static const struct {
		const char *name, *payload, *jkt, *x5t, *ref;
	} rows[] = {
		{"none", "{}", NULL, NULL, NULL},
		{"DPoP", "{\"cnf\":{\"jkt\":\"" T43 "\"}}", T43, NULL, NULL},
		{"mTLS", "{\"cnf\":{\"x5t#S256\":\"" T43 "\"}}", NULL, T43, NULL},
		{"both", "{\"cnf\":{\"x5t#S256\":\"" T43 "\",\"jkt\":\"" T43 "\"}}", T43, T43,
			NULL},
		{"null", "{\"cnf\":null}", NULL, NULL, "RFC 7800 3.1"},
		{"text", "{\"cnf\":\"" T43 "\"}", NULL, NULL, "RFC 7800 3.1"},
		{"list", "{\"cnf\":[{\"jkt\":\"" T43 "\"}]}", NULL, NULL, "RFC 7800 3.1"},
		{"false", "{\"cnf\":false}", NULL, NULL, "RFC 7800 3.1"},
		{"empty", "{\"cnf\":{}}", NULL, NULL, "RFC 7800 3.1"},
		{"whole key", "{\"cnf\":{\"jwk\":{\"kty\":\"EC\"}}}", NULL, NULL, "RFC 7800 3.1"},
		{"kid", "{\"cnf\":{\"kid\":\"x\"}}", NULL, NULL, "RFC 7800 3.1"},
		{"jkt and something else", "{\"cnf\":{\"jkt\":\"" T43 "\",\"kid\":\"x\"}}", NULL,
			NULL, "RFC 7800 3.1"},
		{"other case", "{\"cnf\":{\"JKT\":\"" T43 "\"}}", NULL, NULL, "RFC 7800 3.1"},
		{"jkt empty", "{\"cnf\":{\"jkt\":\"\"}}", NULL, NULL, "RFC 9449 6.1"},
		{"jkt with padding", "{\"cnf\":{\"jkt\":\"" T43 "=\"}}", NULL, NULL,
			"RFC 9449 6.1"},
		{"jkt with unused bits",
			"{\"cnf\":{\"jkt\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}}", NULL,
			NULL, "RFC 9449 6.1"},
		{"jkt null", "{\"cnf\":{\"jkt\":null}}", NULL, NULL, "RFC 9449 6.1"},
		{"x5t of hexadecimal",
			"{\"cnf\":{\"x5t#S256\":\"d1970e08e459358cbe0d6a6aab7d236722461d33747761e0"
			"941577ba282e0382\"}}",
			NULL, NULL, "RFC 8705 3.1"},
	};
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 65536));
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		AUTO_JSON j = json_parse(span_of(rows[k].payload), NULL, NULL);
		struct binding b = {SPAN("old"), SPAN("old")};
		struct err e = {0};
		CHECK_ROW(rows[k].name);
		assert_non_null(j);
		assert_int_equal(claims_binding(j, &mem, &b, &e), rows[k].ref == NULL);
		if (rows[k].ref != NULL) {
			assert_string_equal(e.ref, rows[k].ref);
			continue;
		}
		check_span(b.jkt, rows[k].jkt);
		check_span(b.x5t, rows[k].x5t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lives),
		cmocka_unit_test(life_of_an_answer),
		cmocka_unit_test(completed),
		cmocka_unit_test(id_to_come),
		cmocka_unit_test(audiences),
		cmocka_unit_test(ids),
		cmocka_unit_test(group_claims),
		cmocka_unit_test(many_groups),
		cmocka_unit_test(long_group),
		cmocka_unit_test(assurances),
		cmocka_unit_test(path_scopes),
		cmocka_unit_test(bindings),
	};
	return cmocka_run_group_tests_name("claims", tests, NULL, NULL);
}
