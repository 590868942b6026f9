/* SPDX-License-Identifier: Apache-2.0 */
/* A browser's login at the gate: the test plays the browser, the courier and the issuer. */
#include "agent/gate_page.h"
#include "agent/session.h"
#include "auth/login.h"
#include "tests/unit/gate_world.h"
#include "tests/unit/mint.h"

#include <sys/mman.h>

#define NOW_MS  (NOW * 1000LL)
#define ORIGIN  "https://localhost"
#define BROWSER "text/html,application/xhtml+xml,*/*;q=0.8"

struct world {
	struct gate_place *p;
	struct mint key;
	int sessions;
	bool away;      /* the courier: nothing can be sent */
	unsigned codes; /* errands so far */
	unsigned refreshes;
	uint64_t id; /* of the last code errand */
	char code[64], verifier[64], redirect[128];
	/* what the browser holds */
	char state[64], nonce[64], challenge[64];
	char login[4096], session[64];
	/* the last answer */
	unsigned status;
	struct buf fields, text;
};

static void
keep(char *to, size_t n, struct span s)
{
	assert_true(span_cstr(s, to, n));
}

static bool
take_errand(void *arg, const struct errand *r)
{
	struct world *w = arg;

	if (w->away)
		return false;
	if (r->kind == ERRAND_REFRESH) {
		w->refreshes++;
		return true;
	}
	assert_int_equal(r->kind, ERRAND_CODE);
	assert_true(span_is(r->issuer, KEYS_ISS));
	w->codes++;
	w->id = r->id;
	keep(w->code, sizeof(w->code), r->token);
	keep(w->verifier, sizeof(w->verifier), r->verifier);
	keep(w->redirect, sizeof(w->redirect), r->redirect);
	return true;
}

static void
keys_come(struct world *w, bool with_key, int64_t now_ms)
{
	AUTO_BUF jwks = BUF_INIT(8192);

	buf_adds(&jwks, "{\"keys\":[");
	if (with_key)
		mint_jwk(&w->key, "", &jwks);
	buf_adds(&jwks, "]}");
	const struct report r = {.kind = REPORT_KEYS,
		.issuer = SPAN(KEYS_ISS),
		.jwks = buf_span(&jwks),
		.fetched = now_ms / 1000,
		.authorization_endpoint = SPAN("https://keys.test/auth"),
		.end_session_endpoint = SPAN("https://keys.test/end"),
		.iss_parameter = true};
	auth_report(w->p->gate.auth, &r, now_ms);
}

static int
login_setup(void **state)
{
	static const struct session_rules rules = {.idle = 600, .max = 3600};
	struct world *w = calloc(1, sizeof(*w));
	void *place = NULL;

	assert_non_null(w);
	assert_int_equal(setup(&place), 0);
	w->p = place;
	w->key = mint_key("ES256", "k1");
	w->fields = (struct buf)BUF_INIT(1UL << 20);
	w->text = (struct buf)BUF_INIT(1UL << 20);
	w->p->issuer.web_client_id = "web";
	w->sessions = memfd_create("sessions", MFD_CLOEXEC);
	assert_int_equal(
		ftruncate(w->sessions, (off_t)(SESSION_HEAD_BYTES + 8 * SESSION_SLOT_BYTES)), 0);
	assert_true(session_open(w->sessions, &rules, &w->p->gate.sessions, NULL));
	w->p->settings.session_idle = 600;
	w->p->settings.session_max = 3600;
	auth_courier(w->p->gate.auth, take_errand, w);
	keys_come(w, true, NOW_MS);
	*state = w;
	return 0;
}

static int
login_teardown(void **state)
{
	struct world *w = *state;
	void *place = w->p;

	session_close(w->p->gate.sessions);
	(void)close(w->sessions);
	crypto_key_free(w->key.key);
	buf_fini(&w->fields);
	buf_fini(&w->text);
	free(w);
	return teardown(&place);
}

/* ---- the browser ---- */

static void
note(struct world *w, const struct http_answer *a)
{
	w->status = a->status;
	buf_reset(&w->fields);
	buf_reset(&w->text);
	buf_add(&w->fields, a->fields);
	buf_addc(&w->fields, '\0');
	buf_add(&w->text, a->text);
	buf_addc(&w->text, '\0');
	grant_unref(a->grant);
}

static struct http_ask
ask(const struct world *w, const char *path, const char *query)
{
	return (struct http_ask){.id = 1,
		.method = HTTP_GET,
		.path = span_of(path),
		.query = span_of(query),
		.accept = SPAN(BROWSER),
		.login = w->login[0] != '\0' ? span_of(w->login) : SPAN_NONE,
		.session = w->session[0] != '\0' ? span_of(w->session) : SPAN_NONE,
		.trace = {7}};
}

static void
get(struct world *w, const char *path, const char *query, int64_t now_ms)
{
	const struct http_ask q = ask(w, path, query);
	struct http_answer a;

	gate_answer(&w->p->desk, &q, now_ms, &a);
	note(w, &a);
}

static void
check_text(const struct world *w, unsigned status, const char *says)
{
	if (w->status != status || strstr(w->text.p, says) == NULL)
		fail_msg("%u, want %u and \"%s\": %s%s", w->status, status, says, w->fields.p,
			w->text.p);
}

/* The value of a cookie that the answer sets; NULL: it sets none of that name. */
static const char *
cookie(struct world *w, const char *name, char *to, size_t n)
{
	AUTO_BUF line = BUF_INIT(256);

	buf_addf(&line, "Set-Cookie: %s=", name);
	buf_addc(&line, '\0');
	const char *at = strstr(w->fields.p, line.p);
	if (at == NULL)
		return NULL;
	at += strlen(line.p);
	keep(to, n, (struct span){at, strcspn(at, ";")});
	return to;
}

static void
value(struct world *w, const char *name, char *to, size_t n)
{
	const char *at = strstr(w->fields.p, name);

	assert_non_null(at);
	at += strlen(name);
	keep(to, n, (struct span){at, strcspn(at, "&\r")});
}

/* GET /login; what it gave stays with the browser. */
static void
go_to_issuer(struct world *w, const char *query)
{
	get(w, "/login", query, NOW_MS);
	assert_int_equal(w->status, 303);
	assert_non_null(strstr(w->fields.p, "Location: https://keys.test/auth?"));
	value(w, "&state=", w->state, sizeof(w->state));
	value(w, "&nonce=", w->nonce, sizeof(w->nonce));
	value(w, "code_challenge=", w->challenge, sizeof(w->challenge));
	assert_non_null(cookie(w, HTTP_COOKIE_LOGIN, w->login, sizeof(w->login)));
}

/* ---- the way back, in halves, as gate_batch does it ---- */

struct coming {
	struct http_ask ask;
	struct gate_case c;
	struct gate_wait wait;
	char query[512];
};

static void
come(struct world *w, struct coming *k, int64_t now_ms, bool first)
{
	if (first) {
		(void)snprintf(k->query, sizeof(k->query),
			"code=c1&iss=https%%3A%%2F%%2Fkeys.test&state=%s", w->state);
		k->ask = ask(w, "/login/callback", k->query);
		k->wait = (struct gate_wait){.keys = 0};
	}
	gate_start(&w->p->desk);
	gate_begin(&w->p->desk, &k->ask, now_ms, first ? NULL : &k->wait, &k->c);
	if (k->c.found == GATE_WAITS) {
		k->wait = k->c.wait;
		gate_end(&w->p->desk);
	}
}

static void
finish(struct world *w, struct coming *k, bool record)
{
	struct http_answer a;

	assert_int_not_equal(k->c.found, GATE_WAITS);
	if (record)
		gate_record(&w->p->desk, &k->c, 1);
	else
		w->p->desk.mark = w->p->desk.mem.used;
	gate_finish(&w->p->desk, &k->c, &a);
	note(w, &a);
	gate_end(&w->p->desk);
}

static void
write_tokens(struct world *w, const char *more, struct buf *out)
{
	AUTO_BUF payload = BUF_INIT(8192);

	buf_addf(&payload,
		"{\"iss\":\"" KEYS_ISS "\",\"aud\":\"web\",\"sub\":\"alice\",\"iat\":%d,"
		"\"exp\":%d,\"nonce\":\"%s\"%s}",
		NOW, NOW + 600, w->nonce, more);
	buf_adds(out, "{\"token_type\":\"Bearer\",\"access_token\":\"at\",\"id_token\":\"");
	mint_token(&w->key, SPAN("{\"alg\":\"ES256\",\"kid\":\"k1\"}"), buf_span(&payload), out);
	buf_adds(out, "\"}");
}

static void
answer_code(struct world *w, enum report_result result, const char *more, const char *userinfo)
{
	AUTO_BUF body = BUF_INIT(65536);

	if (result == RESULT_OK)
		write_tokens(w, more, &body);
	const struct report r = {.kind = REPORT_ANSWER,
		.id = w->id,
		.issuer = SPAN(KEYS_ISS),
		.result = result,
		.body = result == RESULT_OK ? buf_span(&body) : SPAN_NONE,
		.userinfo = span_of(userinfo)};
	auth_report(w->p->gate.auth, &r, NOW_MS);
}

static void
log_in(struct world *w, const char *more, const char *userinfo)
{
	struct coming k;

	go_to_issuer(w, "return=/data/");
	come(w, &k, NOW_MS, true);
	assert_int_equal(k.c.found, GATE_WAITS);
	answer_code(w, RESULT_OK, more, userinfo);
	assert_true(gate_ready(&w->p->desk, &k.wait, NOW_MS));
	come(w, &k, NOW_MS, false);
	finish(w, &k, true);
	if (w->status != 303)
		fail_msg("%u %s", w->status, w->text.p);
	assert_non_null(cookie(w, HTTP_COOKIE_SESSION, w->session, sizeof(w->session)));
}

static bool
logged(const struct world *w, const char *what)
{
	char line[AUDIT_LINE_MAX];
	bool found = false;
	FILE *f = fopen(w->p->audit, "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		found = found || strstr(line, what) != NULL;
	(void)fclose(f);
	return found;
}

/* ---- tests ---- */

static void
whole_way(void **state)
{
	struct world *w = *state;
	char gone[8];

	log_in(w, "", "{\"sub\":\"alice\",\"name\":\"Alice <A>\"}");
	assert_string_equal(w->code, "c1");
	assert_string_equal(w->redirect, ORIGIN "/login/callback");
	assert_int_equal(strlen(w->verifier), 43);
	assert_non_null(strstr(w->fields.p, "Location: /data/\r\n"));
	assert_non_null(strstr(w->fields.p, "; Secure; HttpOnly; SameSite=Lax; Path=/\r\n"));
	assert_string_equal(cookie(w, HTTP_COOKIE_LOGIN, gone, sizeof(gone)), "");
	assert_true(logged(w, "\"kind\":\"login\""));
	assert_false(logged(w, "alice"));
	get(w, "/me", NULL, NOW_MS);
	check_text(w, 200, "Alice &lt;A&gt;");
	assert_null(strstr(w->text.p, "<A>"));
	get(w, "/me", NULL, NOW_MS + 599000);
	assert_int_equal(w->status, 200);
	get(w, "/me", NULL, NOW_MS + 2000000);
	check_text(w, 200, "Not logged in");
}

/* Each thing that an issuer may answer, and what the person then reads. */
static void
issuers_answers(void **state)
{
	static const struct {
		const char *name;
		enum report_result result;
		const char *more, *userinfo;
		unsigned status;
		const char *says;
	} rows[] = {
		{"refused", RESULT_REFUSED, "", NULL, 403, "does not take the code"},
		{"our own client", RESULT_OURS, "", NULL, 502, "own credentials"},
		{"failed", RESULT_FAILED, "", NULL, 502, "did not answer"},
		{"busy", RESULT_BUSY, "", NULL, 502, "did not answer"},
		{"another person's userinfo", RESULT_OK, "", "{\"sub\":\"bob\"}", 403, "5.3.2"},
		{"azp of another client", RESULT_OK, ",\"azp\":\"cli\"", NULL, 403, "azp"},
		{"two of one claim", RESULT_OK, ",\"sub\":\"bob\"", NULL, 403, "payload"},
		{"not of the token endpoint", RESULT_OK, "", "no JSON", 502, "userinfo"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct coming k;
		char gone[8];
		CHECK_ROW(rows[i].name);
		go_to_issuer(w, NULL);
		come(w, &k, NOW_MS + (int64_t)i * 1000, true);
		assert_int_equal(k.c.found, GATE_WAITS);
		answer_code(w, rows[i].result, rows[i].more, rows[i].userinfo);
		come(w, &k, NOW_MS + (int64_t)i * 1000, false);
		finish(w, &k, true);
		check_text(w, rows[i].status, rows[i].says);
		assert_null(strstr(w->fields.p, HTTP_COOKIE_SESSION));
		assert_string_equal(cookie(w, HTTP_COOKIE_LOGIN, gone, sizeof(gone)), "");
		if (rows[i].status >= 500)
			assert_non_null(strstr(w->fields.p, "Retry-After: "));
	}
	assert_false(logged(w, "\"kind\":\"login\""));
	assert_true(logged(w, "login: "));
}

/* Too much of a person is said plainly, and nobody is half logged in. */
static void
too_much(void **state)
{
	struct world *w = *state;
	AUTO_BUF more = BUF_INIT(65536);
	struct coming k;

	buf_adds(&more, "{\"sub\":\"alice\",\"x\":\"");
	for (int i = 0; i < 16000; i++)
		buf_addc(&more, 'x');
	buf_adds(&more, "\"}");
	buf_addc(&more, '\0');
	go_to_issuer(w, NULL);
	come(w, &k, NOW_MS, true);
	answer_code(w, RESULT_OK, "", more.p);
	come(w, &k, NOW_MS, false);
	finish(w, &k, true);
	check_text(w, 403, "web_scopes");
	assert_int_equal(session_count(w->p->gate.sessions, NOW), 0);
}

/* The ID token names a key that is not known yet: the login waits for it, and goes on. */
static void
new_keys(void **state)
{
	struct world *w = *state;
	struct coming k;

	keys_come(w, false, NOW_MS);
	go_to_issuer(w, NULL);
	come(w, &k, NOW_MS, true);
	answer_code(w, RESULT_OK, "", NULL);
	come(w, &k, NOW_MS, false);
	assert_int_equal(k.c.found, GATE_WAITS);
	assert_int_equal(w->refreshes, 1);
	assert_false(gate_ready(&w->p->desk, &k.wait, NOW_MS + 10));
	/* Asked too early it waits on. */
	come(w, &k, NOW_MS + 20, false);
	assert_int_equal(k.c.found, GATE_WAITS);
	keys_come(w, true, NOW_MS + 30);
	assert_true(gate_ready(&w->p->desk, &k.wait, NOW_MS + 30));
	come(w, &k, NOW_MS + 30, false);
	finish(w, &k, true);
	assert_int_equal(w->status, 303);
	assert_int_equal(w->codes, 1);
}

static void
late(void **state)
{
	struct world *w = *state;
	struct coming k;

	go_to_issuer(w, NULL);
	come(w, &k, NOW_MS, true);
	assert_false(gate_ready(&w->p->desk, &k.wait, NOW_MS + 1000));
	come(w, &k, NOW_MS + 1000, false);
	assert_int_equal(k.c.found, GATE_WAITS);
	assert_true(gate_ready(&w->p->desk, &k.wait, NOW_MS + EXCHANGE_MS));
	come(w, &k, NOW_MS + EXCHANGE_MS, false);
	finish(w, &k, true);
	check_text(w, 502, "did not answer");
	/* Keys that do not come end in the same way. */
	keys_come(w, false, NOW_MS);
	go_to_issuer(w, NULL);
	come(w, &k, NOW_MS, true);
	answer_code(w, RESULT_OK, "", NULL);
	come(w, &k, NOW_MS, false);
	assert_int_equal(k.c.found, GATE_WAITS);
	come(w, &k, NOW_MS + EXCHANGE_MS, false);
	finish(w, &k, true);
	assert_true(w->status == 502 || w->status == 403);
	assert_null(strstr(w->fields.p, HTTP_COOKIE_SESSION));
}

/* What cannot be recorded does not happen. */
static void
no_record(void **state)
{
	struct world *w = *state;
	struct coming k;

	go_to_issuer(w, NULL);
	come(w, &k, NOW_MS, true);
	answer_code(w, RESULT_OK, "", NULL);
	come(w, &k, NOW_MS, false);
	finish(w, &k, false);
	check_text(w, 503, "audit log");
	assert_null(strstr(w->fields.p, HTTP_COOKIE_SESSION));
	assert_int_equal(session_count(w->p->gate.sessions, NOW), 0);
}

static void
spent_once(void **state)
{
	struct world *w = *state;
	struct coming k;
	struct coming again;

	go_to_issuer(w, NULL);
	come(w, &k, NOW_MS, true);
	/* The same answer while the first is under way, and after it. */
	come(w, &again, NOW_MS, true);
	finish(w, &again, true);
	check_text(w, 403, "finished before");
	answer_code(w, RESULT_OK, "", NULL);
	come(w, &k, NOW_MS, false);
	finish(w, &k, true);
	assert_int_equal(w->status, 303);
	come(w, &again, NOW_MS + 1000, true);
	finish(w, &again, true);
	check_text(w, 403, "finished before");
	assert_int_equal(w->codes, 1);
}

/* The courier is away, the address asks too often, the login is not set up. */
static void
not_now(void **state)
{
	struct world *w = *state;
	struct coming k;

	w->away = true;
	go_to_issuer(w, NULL);
	come(w, &k, NOW_MS, true);
	finish(w, &k, true);
	check_text(w, 502, "cannot be asked now");
	w->away = false;
	for (unsigned i = 0; i < GATE_LOGINS + 1; i++) {
		go_to_issuer(w, NULL);
		come(w, &k, NOW_MS + 5000, true);
		assert_int_equal(k.c.found == GATE_WAITS, i < GATE_LOGINS);
	}
	finish(w, &k, true);
	check_text(w, 503, "too many logins from your address");
	w->p->issuer.web_client_id = NULL;
	get(w, "/login", NULL, NOW_MS);
	check_text(w, 404, "pan-agent login https://localhost");
	get(w, "/me", NULL, NOW_MS);
	check_text(w, 200, "Nobody can log in with a browser here");
	come(w, &k, NOW_MS + 20000, true);
	finish(w, &k, true);
	check_text(w, 403, "any more");
	w->p->issuer.web_client_id = "web";
	struct session_store *kept = w->p->gate.sessions;
	w->p->gate.sessions = NULL;
	get(w, "/login", NULL, NOW_MS);
	check_text(w, 404, "no login in a browser");
	get(w, "/login/callback", "code=c&state=x", NOW_MS);
	check_text(w, 404, "no login in a browser");
	w->p->gate.sessions = kept;
}

/* A second login ends the first, whatever the cookie was that the browser came with. */
static void
fixation(void **state)
{
	struct world *w = *state;
	char first[64] = "";

	memset(w->session, 'A', SESSION_COOKIE_LEN);
	memcpy(first, w->session, SESSION_COOKIE_LEN);
	log_in(w, "", NULL);
	assert_string_not_equal(first, w->session);
	memcpy(first, w->session, sizeof(first));
	log_in(w, "", NULL);
	assert_string_not_equal(first, w->session);
	assert_int_equal(session_count(w->p->gate.sessions, NOW), 1);
	memcpy(w->session, first, sizeof(first));
	get(w, "/me", NULL, NOW_MS);
	check_text(w, 200, "Not logged in");
}

/* An issuer that is taken out of the configuration takes its sessions along. */
static void
issuer_gone(void **state)
{
	struct world *w = *state;

	log_in(w, "", NULL);
	w->p->issuer.web_client_id = NULL;
	get(w, "/me", NULL, NOW_MS);
	check_text(w, 200, "Not logged in");
}

static void
post_logout(struct world *w, const char *origin, const char *site, const char *token)
{
	struct http_ask q = ask(w, "/logout", NULL);
	struct http_answer a;
	char body[128];

	(void)snprintf(body, sizeof(body), "token=%s", token);
	q.method = HTTP_POST;
	q.body = span_of(body);
	q.origin = span_of(origin);
	q.fetch_site = span_of(site);
	gate_answer(&w->p->desk, &q, NOW_MS, &a);
	note(w, &a);
}

static void
logouts(void **state)
{
	static const struct {
		const char *name, *origin, *site;
		bool token;
		unsigned status;
	} rows[] = {
		{"another site", "https://evil.test", NULL, true, 403},
		{"another site that claims more", "https://evil.test", "same-origin", true, 403},
		{"our origin with a port", ORIGIN ":444", NULL, true, 403},
		{"nothing said", NULL, NULL, true, 403},
		{"opaque", "null", NULL, true, 403},
		{"a sister site", NULL, "same-site", true, 403},
		{"typed", NULL, "none", true, 403},
		{"without the token", ORIGIN, "same-origin", false, 403},
		{"ours", ORIGIN, NULL, true, 200},
	};
	struct world *w = *state;
	char token[64];

	log_in(w, "", NULL);
	get(w, "/me", NULL, NOW_MS);
	const char *at = strstr(w->text.p, "name=\"token\" value=\"");
	assert_non_null(at);
	at += strlen("name=\"token\" value=\"");
	keep(token, sizeof(token), (struct span){at, strcspn(at, "\"")});
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		post_logout(w, rows[i].origin, rows[i].site,
			rows[i].token ? token : "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
		assert_int_equal(w->status, rows[i].status);
		if (rows[i].status != 200)
			assert_null(strstr(w->fields.p, "Set-Cookie"));
		assert_int_equal(session_count(w->p->gate.sessions, NOW), rows[i].status != 200);
	}
	check_text(w, 200, "https://keys.test/end?client_id=web");
	assert_true(logged(w, "\"kind\":\"logout\""));
	/* Nobody is there any more: the cookies go, and that is all. */
	post_logout(w, ORIGIN, NULL, token);
	assert_int_equal(w->status, 303);
	assert_non_null(strstr(w->fields.p, "Location: /me\r\n"));
	/* SameSite held the cookie back: a page of others must not make the browser drop it. */
	w->session[0] = '\0';
	post_logout(w, "https://evil.test", NULL, token);
	assert_int_equal(w->status, 403);
	assert_null(strstr(w->fields.p, "Set-Cookie"));
}

/* Several issuers: the person chooses, and comes back to where she was. */
static void
choice(void **state)
{
	static const struct settings_list none = {NULL, 0};
	struct world *w = *state;
	struct settings_issuer two[3] = {w->p->issuer, w->p->issuer, w->p->issuer};
	AUTO_BUF report = BUF_INIT(8192);

	two[1].issuer = "https://other.test/a?b=c&d";
	two[1].name = "Other <b>";
	two[1].web_scopes = none;
	two[2].issuer = "https://tokens.test";
	two[2].web_client_id = NULL;
	w->p->settings.issuers = two;
	w->p->settings.n_issuers = 3;
	auth_free(w->p->gate.auth);
	assert_true(auth_load(&w->p->settings, NULL, NULL, &report, &w->p->gate.auth, NULL));
	keys_come(w, true, NOW_MS);
	get(w, "/login", "return=/data/%3Fa%26b", NOW_MS);
	check_text(w, 200, "Where do you have an account?");
	assert_non_null(
		strstr(w->text.p, "href=\"/login?issuer=https%3A%2F%2Fother.test%2Fa%3Fb%3Dc"
				  "%26d&amp;return=%2Fdata%2F%3Fa%26b\">Log in at Other "
				  "&lt;b&gt;<"));
	assert_null(strstr(w->text.p, "tokens.test"));
	get(w, "/login", "return=//evil.test/", NOW_MS);
	assert_null(strstr(w->text.p, "evil"));
	go_to_issuer(w, "issuer=https%3A%2F%2Fkeys.test");
	get(w, "/login", "issuer=https%3A%2F%2Ftokens.test", NOW_MS);
	check_text(w, 404, "nobody can log in here by that issuer");
	get(w, "/login", "issuer=a&issuer=b", NOW_MS);
	check_text(w, 400, "issuer: stands twice");
	/* Not fetched yet: where it is is not known. */
	get(w, "/login", "issuer=https%3A%2F%2Fother.test%2Fa%3Fb%3Dc%26d", NOW_MS);
	check_text(w, 503, "cannot be asked now");
	assert_null(strstr(w->fields.p, "Set-Cookie"));
	auth_free(w->p->gate.auth);
	w->p->settings.issuers = &w->p->issuer;
	w->p->settings.n_issuers = 1;
	assert_true(auth_load(&w->p->settings, NULL, NULL, &report, &w->p->gate.auth, NULL));
}

/* Which of page and JSON is wanted. */
static void
wanted(void **state)
{
	static const struct {
		const char *accept;
		bool page, json;
	} rows[] = {
		{NULL, false, false},
		{"", false, false},
		{"*/*", false, false},
		{BROWSER, true, false},
		{"application/json", false, true},
		{"application/json, text/html", false, true},
		{"text/html;q=0.9, application/json", true, false},
		{" TEXT/HTML ", true, false},
		{"text/htmlx", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].accept != NULL ? rows[i].accept : "(none)");
		assert_int_equal(gate_page_wanted(span_of(rows[i].accept)), rows[i].page);
		assert_int_equal(gate_page_wants_json(span_of(rows[i].accept)), rows[i].json);
	}
}

#define WITH_LOGIN(f) cmocka_unit_test_setup_teardown(f, login_setup, login_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOGIN(whole_way),
		WITH_LOGIN(issuers_answers),
		WITH_LOGIN(too_much),
		WITH_LOGIN(new_keys),
		WITH_LOGIN(late),
		WITH_LOGIN(no_record),
		WITH_LOGIN(spent_once),
		WITH_LOGIN(not_now),
		WITH_LOGIN(fixation),
		WITH_LOGIN(issuer_gone),
		WITH_LOGIN(logouts),
		WITH_LOGIN(choice),
		cmocka_unit_test(wanted),
	};
	return cmocka_run_group_tests_name("gate_login", tests, NULL, NULL);
}
