/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/base64.h"
#include "auth/login.h"
#include "tests/unit/check.h"

#define NOW 1800000000

static const uint8_t key[CRYPTO_SEAL_KEY] = {7};
static const uint8_t other_key[CRYPTO_SEAL_KEY] = {8};
static const struct settings_list usual = {NULL, 0};

static struct login_start
plain(void)
{
	return (struct login_start){.issuer = SPAN("https://op.test"),
		.endpoint = SPAN("https://op.test/auth"),
		.iss_parameter = true,
		.client = SPAN("web"),
		.scopes = &usual,
		.redirect = SPAN("https://data.test/login/callback"),
		.return_to = SPAN("/data/x")};
}

struct begun {
	struct buf location, cookie;
	struct arena mem;
	struct span state;
};

static void
begin(struct begun *b, const struct login_start *s)
{
	*b = (struct begun){.location = BUF_INIT(8192), .cookie = BUF_INIT(8192)};
	assert_true(arena_init(&b->mem, 1U << 20));
	assert_true(login_begin(s, key, NOW, &b->location, &b->cookie, NULL));
	struct span query = buf_span(&b->location);
	(void)span_cut(&query, '?');
	assert_true(login_value(query, "state", 100, &b->mem, &b->state, NULL));
}

static void
end(struct begun *b)
{
	buf_fini(&b->location);
	buf_fini(&b->cookie);
	arena_fini(&b->mem);
}

/* ---- the way to the issuer ---- */

static void
locations(void **state)
{
	static const char *const words[] = {"profile", "openid", "entitlements"};
	static const struct settings_list own = {words, 3};
	static const struct {
		const char *name, *value;
	} want[] = {
		{"response_type", "code"},
		{"client_id", "web"},
		{"redirect_uri", "https://data.test/login/callback"},
		{"code_challenge_method", "S256"},
	};
	struct login_start s = plain();
	struct begun b;
	struct begun second;
	struct span v;

	(void)state;
	begin(&b, &s);
	struct span query = buf_span(&b.location);
	check_span(span_cut(&query, '?'), "https://op.test/auth");
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		CHECK_ROW(want[i].name);
		assert_true(login_value(query, want[i].name, 100, &b.mem, &v, NULL));
		check_span(v, want[i].value);
	}
	assert_true(login_value(query, "scope", 100, &b.mem, &v, NULL));
	check_span(v, "openid profile email");
	assert_false(login_value(query, "resource", 100, &b.mem, &v, NULL));
	assert_true(login_value(query, "nonce", 100, &b.mem, &v, NULL));
	assert_int_equal(v.n, 43);
	assert_false(span_eq(v, b.state));
	/* The cookie shows nothing, and two logins have nothing in common. */
	assert_null(memmem(b.cookie.p, b.cookie.n, b.state.p, b.state.n));
	s.endpoint = SPAN("https://op.test/auth?tenant=1");
	s.scopes = &own;
	begin(&second, &s);
	assert_false(span_eq(b.state, second.state));
	assert_true(span_starts(
		buf_span(&second.location), SPAN("https://op.test/auth?tenant=1&response_type=")));
	query = buf_span(&second.location);
	(void)span_cut(&query, '?');
	assert_true(login_value(query, "scope", 100, &second.mem, &v, NULL));
	check_span(v, "openid profile entitlements");
	end(&b);
	end(&second);
}

/* RFC 7636 4.6: the challenge that left fits the verifier that stayed. */
static void
challenge(void **state)
{
	struct login_start s = plain();
	struct begun b;
	AUTO_BUF query = BUF_INIT(4096);
	AUTO_BUF want = BUF_INIT(64);
	uint8_t hash[CRYPTO_SHA256_SIZE];
	struct login l;
	struct span v;

	(void)state;
	begin(&b, &s);
	buf_addf(&query, "code=c1&iss=https://op.test&state=%.*s", SPAN_ARG(b.state));
	assert_true(login_back(&(struct login_answer){buf_span(&query), buf_span(&b.cookie)}, key,
		NOW + 1, &b.mem, &l, NULL));
	check_span(l.code, "c1");
	check_span(l.issuer, "https://op.test");
	check_span(l.return_to, "/data/x");
	assert_int_equal(l.until, NOW + LOGIN_SECONDS);
	assert_true(span_eq(l.state, b.state));
	assert_int_equal(l.verifier.n, 43);
	assert_true(crypto_sha256(l.verifier, hash));
	base64_url_encode(&want, hash, sizeof(hash));
	struct span sent = buf_span(&b.location);
	(void)span_cut(&sent, '?');
	assert_true(login_value(sent, "code_challenge", 100, &b.mem, &v, NULL));
	assert_true(span_eq(v, buf_span(&want)));
	assert_true(login_value(sent, "nonce", 100, &b.mem, &v, NULL));
	assert_true(span_eq(v, l.nonce));
	assert_false(span_eq(l.verifier, l.nonce));
	end(&b);
}

static void
endpoints(void **state)
{
	static const struct {
		const char *name, *endpoint;
		bool good;
	} rows[] = {
		{"https", "https://op.test/auth", true},
		{"loopback", "http://127.0.0.1:9400/auth", true},
		{"http", "http://op.test/auth", false},
		{"script", "javascript:alert(1)", false},
		{"fragment", "https://op.test/auth#x", false},
		{"line end", "https://op.test/auth\r\nX: y", false},
		{"blank", "https://op.test/a b", false},
		{"nothing", "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct login_start s = plain();
		struct err e = {0};
		AUTO_BUF location = BUF_INIT(8192);
		AUTO_BUF cookie = BUF_INIT(8192);
		CHECK_ROW(rows[i].name);
		s.endpoint = span_of(rows[i].endpoint);
		assert_int_equal(login_begin(&s, key, NOW, &location, &cookie, &e), rows[i].good);
		if (!rows[i].good)
			assert_int_equal(e.code, ERR_UPSTREAM);
	}
}

static void
local_paths(void **state)
{
	static const struct {
		const char *path;
		bool good;
	} rows[] = {
		{"/", true},
		{"/me", true},
		{"/data/10.5072/x/?y=%2f%2fevil#z", true},
		{"/a//b", true},
		{"", false},
		{"me", false},
		{"//evil.test", false},
		{"/\\evil.test", false},
		{"/a\\b", false},
		{"\\/evil.test", false},
		{"https://evil.test/", false},
		{"/\t/evil.test", false},
		{"/a\r\nSet-Cookie: x", false},
		{"/a b", false},
		{"/\x7f", false},
		{"/\xc3\xa4", false},
		{" /me", false},
	};
	static char longest[LOGIN_RETURN_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].path);
		assert_int_equal(login_local(span_of(rows[i].path)), rows[i].good);
	}
	assert_false(login_local(SPAN_NONE));
	assert_false(login_local((struct span){"/\0x", 3}));
	memset(longest, '/', sizeof(longest));
	memset(longest + 1, 'a', sizeof(longest) - 1);
	assert_true(login_local((struct span){longest, LOGIN_RETURN_MAX}));
	assert_false(login_local((struct span){longest, LOGIN_RETURN_MAX + 1}));
	/* What is refused is not sealed either. */
	struct login_start s = plain();
	struct begun b;
	AUTO_BUF query = BUF_INIT(4096);
	struct login l;
	s.return_to = SPAN("//evil.test");
	begin(&b, &s);
	buf_addf(&query, "code=c1&iss=https://op.test&state=%.*s", SPAN_ARG(b.state));
	assert_true(login_back(&(struct login_answer){buf_span(&query), buf_span(&b.cookie)}, key,
		NOW, &b.mem, &l, NULL));
	check_span(l.return_to, "/me");
	end(&b);
	/* The longest return path still fits into a cookie. */
	s.return_to = (struct span){longest, LOGIN_RETURN_MAX};
	begin(&b, &s);
	assert_true(b.cookie.n <= LOGIN_COOKIE_MAX);
	end(&b);
}

/* ---- the way back ---- */

struct back {
	const char *name, *query; /* "$" is the state */
	const char *ref;          /* NULL: accepted */
	enum err_code code;
	const char *says;
};

static void
fill(struct buf *out, const char *text, struct span state)
{
	for (; *text != '\0'; text++) {
		if (*text == '$')
			buf_add(out, state);
		else
			buf_addc(out, *text);
	}
}

static void
answers(void **state)
{
	static const struct back rows[] = {
		{"good", "code=c&state=$&iss=https%3A%2F%2Fop.test", NULL, ERR_NONE, NULL},
		{"more parameters", "x=1&code=c&session_state=y&state=$&iss=https://op.test&", NULL,
			ERR_NONE, NULL},
		{"no query", "", "RFC 6749 3.1", ERR_SYNTAX, "state: absent"},
		{"no state", "code=c&iss=https://op.test", "RFC 6749 3.1", ERR_SYNTAX, "state"},
		{"empty state", "code=c&state=&iss=https://op.test", "RFC 6749 3.1", ERR_SYNTAX,
			"state"},
		{"another state",
			"code=c&state=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA&iss=https://"
			"op.test",
			"RFC 6749 10.12", ERR_UNAUTH, "no login is under way"},
		{"prefix of the state", "code=c&state=A&iss=https://op.test", "RFC 6749 10.12",
			ERR_UNAUTH, "no login"},
		{"longer state", "code=c&state=$A&iss=https://op.test", "RFC 6749 3.1", ERR_SYNTAX,
			"state"},
		{"state twice", "code=c&state=$&state=$&iss=https://op.test", "RFC 6749 3.1",
			ERR_SYNTAX, "state: stands twice"},
		{"code twice", "code=c&code=d&state=$&iss=https://op.test", "RFC 6749 3.1",
			ERR_SYNTAX, "code: stands twice"},
		{"iss twice", "code=c&state=$&iss=https://op.test&iss=https://op.test",
			"RFC 9207 2.4", ERR_UNAUTH, "iss"},
		{"no iss", "code=c&state=$", "RFC 9207 2.4", ERR_UNAUTH, "iss: absent"},
		{"another iss", "code=c&state=$&iss=https://evil.test", "RFC 9207 2.4", ERR_UNAUTH,
			"another issuer's"},
		{"iss with a slash more", "code=c&state=$&iss=https://op.test/", "RFC 9207 2.4",
			ERR_UNAUTH, "another issuer's"},
		{"no code", "state=$&iss=https://op.test", "RFC 6749 3.1", ERR_SYNTAX,
			"code: absent"},
		{"empty code", "code=&state=$&iss=https://op.test", "RFC 6749 3.1", ERR_SYNTAX,
			"code"},
		{"code with a blank", "code=a+b&state=$&iss=https://op.test", "RFC 6749 A.11",
			ERR_SYNTAX, "code"},
		{"code with a line end", "code=a%0d%0ab&state=$&iss=https://op.test",
			"RFC 6749 A.11", ERR_SYNTAX, "code"},
		{"half an escape", "code=a%2&state=$&iss=https://op.test", "RFC 6749 3.1",
			ERR_SYNTAX, "code: malformed"},
		{"no escape", "code=a%zz&state=$&iss=https://op.test", "RFC 6749 3.1", ERR_SYNTAX,
			"code: malformed"},
		{"refused", "error=access_denied&state=$&iss=https://op.test", "RFC 6749 4.1.2.1",
			ERR_DENIED, "the issuer refused: access_denied"},
		{"refused with words",
			"error=access_denied&error_description=not+%3Cb%3Eyou%0a%c3&state=$&iss="
			"https://op.test",
			"RFC 6749 4.1.2.1", ERR_DENIED,
			"the issuer refused: access_denied: not <b>you??"},
		{"error beside a code", "code=c&error=x&state=$&iss=https://op.test",
			"RFC 6749 4.1.2.1", ERR_DENIED, "refused: x"},
		{"error without our state",
			"error=x&error_description=call+0800&iss=https://op.test", "RFC 6749 3.1",
			ERR_SYNTAX, "state: absent"},
		{"error twice", "error=x&error=y&state=$&iss=https://op.test", "RFC 6749 3.1",
			ERR_SYNTAX, "error: stands twice"},
		{"error of another issuer", "error=x&state=$&iss=https://evil.test", "RFC 9207 2.4",
			ERR_UNAUTH, "iss"},
	};
	struct login_start s = plain();
	struct begun b;

	(void)state;
	begin(&b, &s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF query = BUF_INIT(4096);
		struct login l;
		struct err e = {0};
		CHECK_ROW(rows[i].name);
		fill(&query, rows[i].query, b.state);
		bool ok = login_back(&(struct login_answer){buf_span(&query), buf_span(&b.cookie)},
			key, NOW, &b.mem, &l, &e);
		assert_int_equal(ok, rows[i].ref == NULL);
		if (ok)
			continue;
		assert_string_equal(e.ref, rows[i].ref);
		assert_int_equal(e.code, rows[i].code);
		if (strstr(e.msg, rows[i].says) == NULL)
			fail_msg("\"%s\" lacks \"%s\"", e.msg, rows[i].says);
	}
	end(&b);
}

static void
without_iss(void **state)
{
	static const struct {
		const char *name, *query;
		bool good;
	} rows[] = {
		{"absent", "code=c&state=$", true},
		{"right", "code=c&state=$&iss=https://op.test", true},
		{"wrong", "code=c&state=$&iss=https://evil.test", false},
	};
	struct login_start s = plain();
	struct begun b;

	(void)state;
	s.iss_parameter = false;
	begin(&b, &s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF query = BUF_INIT(4096);
		struct login l;
		CHECK_ROW(rows[i].name);
		fill(&query, rows[i].query, b.state);
		assert_int_equal(
			login_back(&(struct login_answer){buf_span(&query), buf_span(&b.cookie)},
				key, NOW, &b.mem, &l, NULL),
			rows[i].good);
	}
	end(&b);
}

/* The cookie: whose, how old, and whether it is whole. */
static void
cookies(void **state)
{
	struct login_start s = plain();
	struct begun b;
	struct begun another;
	AUTO_BUF query = BUF_INIT(4096);
	struct login l;
	struct err e = {0};

	(void)state;
	begin(&b, &s);
	begin(&another, &s);
	fill(&query, "code=c&iss=https://op.test&state=$", b.state);
	struct span q = buf_span(&query);
	struct span c = buf_span(&b.cookie);
	assert_true(login_back(
		&(struct login_answer){q, c}, key, NOW + LOGIN_SECONDS - 1, &b.mem, &l, NULL));
	assert_false(
		login_back(&(struct login_answer){q, c}, key, NOW + LOGIN_SECONDS, &b.mem, &l, &e));
	assert_int_equal(e.code, ERR_UNAUTH);
	assert_string_equal(e.ref, "RFC 6749 10.12");
	assert_true(login_back(&(struct login_answer){q, c}, key, NOW - 5, &b.mem, &l, NULL));
	assert_false(login_back(&(struct login_answer){q, c}, key, NOW - 3600, &b.mem, &l, &e));
	assert_false(login_back(&(struct login_answer){q, c}, other_key, NOW, &b.mem, &l, &e));
	assert_false(login_back(&(struct login_answer){q, SPAN_NONE}, key, NOW, &b.mem, &l, &e));
	assert_false(login_back(&(struct login_answer){q, SPAN("")}, key, NOW, &b.mem, &l, &e));
	/* Somebody else's browser: a link with a good answer of another login. */
	assert_false(login_back(
		&(struct login_answer){q, buf_span(&another.cookie)}, key, NOW, &b.mem, &l, &e));
	assert_int_equal(e.code, ERR_UNAUTH);
	for (size_t i = 0; i < b.cookie.n; i++) {
		b.cookie.p[i] ^= 1;
		assert_false(login_back(&(struct login_answer){q, c}, key, NOW, &b.mem, &l, &e));
		assert_int_equal(e.code, ERR_UNAUTH);
		b.cookie.p[i] ^= 1;
	}
	assert_false(login_back(
		&(struct login_answer){q, span_first(c, c.n - 1)}, key, NOW, &b.mem, &l, &e));
	end(&b);
	end(&another);
}

/* A text of another kind that was sealed with the same key is no login. */
static void
other_seals(void **state)
{
	static const struct {
		const char *name, *context, *text;
	} rows[] = {
		{"other purpose", "pan-agent session 1", "{}"},
		{"not JSON", "pan-agent login 1", "x"},
		{"no members", "pan-agent login 1", "{}"},
		{"return elsewhere", "pan-agent login 1",
			"{\"iss\":\"https://op.test\",\"iss_parameter\":false,"
			"\"state\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
			"\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
			"\"verifier\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
			"\"return\":\"//evil.test\",\"until\":1800000600}"},
		{"short state", "pan-agent login 1",
			"{\"iss\":\"https://op.test\",\"iss_parameter\":false,\"state\":\"\","
			"\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
			"\"verifier\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
			"\"return\":\"/me\",\"until\":1800000600}"},
	};
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 1U << 20));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF sealed = BUF_INIT(4096);
		AUTO_BUF cookie = BUF_INIT(4096);
		struct login l;
		CHECK_ROW(rows[i].name);
		assert_true(crypto_seal(
			key, span_of(rows[i].context), span_of(rows[i].text), &sealed, NULL));
		base64_url_encode(&cookie, sealed.p, sealed.n);
		assert_false(login_back(
			&(struct login_answer){
				SPAN("code=c&state=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
				buf_span(&cookie)},
			key, NOW, &mem, &l, NULL));
	}
}

static void
sizes(void **state)
{
	static char big[LOGIN_QUERY_MAX + 1];
	struct login_start s = plain();
	struct begun b;
	AUTO_BUF query = BUF_INIT(4 * LOGIN_QUERY_MAX);
	struct login l;
	struct err e = {0};

	(void)state;
	begin(&b, &s);
	memset(big, 'c', sizeof(big));
	fill(&query, "iss=https://op.test&state=$&code=", b.state);
	size_t head = query.n;
	buf_add(&query, (struct span){big, LOGIN_CODE_MAX});
	assert_true(login_back(&(struct login_answer){buf_span(&query), buf_span(&b.cookie)}, key,
		NOW, &b.mem, &l, NULL));
	buf_addc(&query, 'c');
	assert_false(login_back(&(struct login_answer){buf_span(&query), buf_span(&b.cookie)}, key,
		NOW, &b.mem, &l, &e));
	assert_string_equal(e.ref, "RFC 6749 3.1");
	query.n = head;
	buf_add(&query, (struct span){big, sizeof(big)});
	assert_false(login_back(&(struct login_answer){buf_span(&query), buf_span(&b.cookie)}, key,
		NOW, &b.mem, &l, &e));
	assert_string_equal(e.ref, "RFC 6749 4.1.2");
	query.n = head;
	buf_addc(&query, 'c');
	for (int i = 0; i < 70; i++)
		buf_adds(&query, "&a=b");
	assert_false(login_back(&(struct login_answer){buf_span(&query), buf_span(&b.cookie)}, key,
		NOW, &b.mem, &l, &e));
	assert_string_equal(e.ref, "RFC 6749 3.1");
	/* An issuer whose name leaves no room in a cookie is told at once. */
	s.issuer = (struct span){big, 4000};
	AUTO_BUF location = BUF_INIT(8192);
	AUTO_BUF cookie = BUF_INIT(8192);
	assert_false(login_begin(&s, key, NOW, &location, &cookie, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	end(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(locations),
		cmocka_unit_test(challenge),
		cmocka_unit_test(endpoints),
		cmocka_unit_test(local_paths),
		cmocka_unit_test(answers),
		cmocka_unit_test(without_iss),
		cmocka_unit_test(cookies),
		cmocka_unit_test(other_seals),
		cmocka_unit_test(sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
