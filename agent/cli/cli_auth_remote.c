/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_auth_view.h"

#include <stdio.h>
#include <string.h>

#include "agent/cli/answer_challenge.h"
#include "agent/cli/client.h"
#include "agent/cli/command.h"
#include "agent/cli/device_login.h"
#include "agent/cli/metadata.h"
#include "agent/cli/origin.h"
#include "auth/auth_explain.h"
#include "auth/credential.h"
#include "auth/trace.h"

#define MEMORY     ((size_t)2 << 20)
#define TEXT_MAX   ((size_t)1 << 20)
#define ANSWER_MAX ((size_t)2 * CLIENT_ANSWER_MAX)
#define LEEWAY     30 /* seconds that our clock and the server's may differ */

struct remote {
	const struct cli_auth_question *q;
	struct client *client;
	struct origin server;
	struct metadata metadata;
	const struct metadata_issuer *issuer; /* NULL: not one of the server's */
	struct jws jws;
	bool jwt;
	bool elsewhere; /* the token is plainly not for this server */
	struct auth_explain x;
	struct trace trace;
};

static struct span
claim(struct remote *r, const char *name)
{
	return trace_json(&r->trace, json_get(r->jws.payload, name));
}

static struct auth_explain_step *
failed(struct remote *r, const char *check, const char *ref, const char *what)
{
	struct err e = {.code = ERR_NONE};

	(void)err_set(&e, ERR_UNAUTH, ref, "%s: %s", check, what);
	return trace_fail(&r->trace, check, &e);
}

/* ---- what can be seen here ---- */

static bool
check_form(struct remote *r)
{
	struct span token = r->q->token;
	struct err e = {.code = ERR_NONE};
	size_t dots = 0;

	if (token.n > CREDENTIAL_TOKEN_MAX || !credential_b64token(token)) {
		(void)failed(r, "token", "RFC 6750 2.1",
			"not a b64token of at most 16384 bytes; it would not be sent");
		return false;
	}
	for (size_t i = 0; i < token.n; i++)
		dots += token.p[i] == '.';
	struct span bytes = arena_printf(r->trace.mem, "%zu bytes", token.n);
	if (dots < 2) {
		trace_note(&r->trace, "form", AUTH_EXPLAIN_NOTE, bytes,
			"an opaque token: what it says is known to its issuer alone");
		return true;
	}
	if (!jws_parse(token, r->trace.mem, &r->jws, &e)) {
		(void)trace_fail(&r->trace, "form", &e);
		return false;
	}
	r->jwt = true;
	struct auth_explain_step *s = trace_add(&r->trace, "form", AUTH_EXPLAIN_OK);
	s->value = bytes;
	s->expected = SPAN("three parts, canonical base64url, strict JSON");
	s->clause = SPAN("RFC 7515 7.1");
	trace_note(&r->trace, "alg", AUTH_EXPLAIN_NOTE, span_of(jws_alg_names[r->jws.alg]), NULL);
	trace_note(&r->trace, "typ", AUTH_EXPLAIN_NOTE,
		trace_json(&r->trace, json_get(r->jws.header, "typ")), NULL);
	return true;
}

static void
check_issuer(struct remote *r)
{
	AUTO_BUF known = BUF_INIT(4096);
	struct span iss = SPAN_NONE;
	struct auth_explain_step *s = NULL;

	(void)json_get_str(r->jws.payload, "iss", &iss);
	for (size_t i = 0; i < r->metadata.n; i++) {
		const struct metadata_issuer *at = &r->metadata.issuer[i];
		buf_addf(&known, "%s%.*s", i > 0 ? ", " : "", SPAN_ARG(at->issuer));
		if (iss.p != NULL && span_eq(at->issuer, iss))
			r->issuer = at;
	}
	if (r->issuer != NULL)
		s = trace_add(&r->trace, "iss", AUTH_EXPLAIN_OK);
	else
		s = failed(r, "iss", "RFC 9728 2", "this server does not trust the issuer");
	s->value = claim(r, "iss");
	s->expected = trace_clean(&r->trace, buf_span(&known));
	r->elsewhere = r->issuer == NULL;
}

static bool
names(const struct json *aud, struct span want)
{
	struct span s = SPAN_NONE;

	if (json_str(aud, &s))
		return span_eq(s, want);
	for (size_t i = 0; json_kind(aud) == JSON_KIND_LIST && i < json_count(aud); i++)
		if (json_str(json_at(aud, i), &s) && span_eq(s, want))
			return true;
	return false;
}

static void
check_audience(struct remote *r)
{
	const struct json *aud = json_get(r->jws.payload, "aud");
	struct span want = r->issuer != NULL && r->issuer->audience.p != NULL
				   ? r->issuer->audience
				   : r->metadata.resource;
	struct auth_explain_step *s = NULL;

	if (aud == NULL) {
		trace_note(&r->trace, "aud", AUTH_EXPLAIN_NOTE, SPAN("absent"),
			"the server may go by azp for this issuer; most servers refuse it");
		return;
	}
	if (names(aud, want) || names(aud, r->metadata.resource)) {
		s = trace_add(&r->trace, "aud", AUTH_EXPLAIN_OK);
		s->clause = SPAN("RFC 9068 4");
	} else {
		s = failed(r, "aud", "RFC 9068 4",
			"the token is for somebody else; pan-agent login asks for the right one");
		r->elsewhere = true;
	}
	s->value = claim(r, "aud");
	s->expected = trace_clean(&r->trace, want);
}

static void
check_time(struct remote *r, const char *name, bool good, const char *why, const char *expected)
{
	const struct json *j = json_get(r->jws.payload, name);
	struct auth_explain_step *s = good ? trace_add(&r->trace, name, AUTH_EXPLAIN_OK)
					   : failed(r, name, "RFC 7519 4.1", why);

	s->value = trace_date(&r->trace, j);
	s->expected = span_of(expected);
}

static void
check_life(struct remote *r)
{
	double now = (double)r->trace.now;
	double at = 0;

	bool dated = json_f64(json_get(r->jws.payload, "exp"), &at);
	check_time(r, "exp", dated && at > now, "missing, or it has ended; get a new token",
		"a time to come");
	if (json_get(r->jws.payload, "nbf") == NULL)
		return;
	dated = json_f64(json_get(r->jws.payload, "nbf"), &at);
	check_time(r, "nbf", dated && at <= now + LEEWAY,
		"it is not good yet; are the clocks right?", "a time that has come");
}

static void
check_rest(struct remote *r)
{
	trace_note(&r->trace, "sub", AUTH_EXPLAIN_NOTE, claim(r, "sub"), NULL);
	trace_note(&r->trace, "scope", AUTH_EXPLAIN_NOTE, claim(r, "scope"), NULL);
	if (r->metadata.scopes.p != NULL)
		r->x.step[r->x.n - 1].expected = trace_clean(&r->trace, r->metadata.scopes);
	if (json_get(r->jws.payload, "cnf") != NULL)
		failed(r, "cnf", "RFC 7800 3.1",
			"the token is bound to a key, whose possession this client cannot prove")
			->value = claim(r, "cnf");
	trace_note(&r->trace, "signature", AUTH_EXPLAIN_SKIPPED,
		arena_printf(r->trace.mem, "%zu bytes", r->jws.n_sig), "the server checks it");
}

/* ---- the server's word ---- */

/* Why, as its challenge says; the spans lie in the arena. */
static struct span
reason(struct remote *r, const struct fetch_answer *a)
{
	struct answer_challenge c = {.error = SPAN_NONE};

	if (a->www_authenticate.p != NULL &&
		!answer_challenge_parse(a->www_authenticate, r->trace.mem, &c, NULL))
		return SPAN("its challenge is malformed");
	if (c.error.p == NULL)
		return a->status == 403 ? SPAN("the token is good; policy does not let it through")
		       : a->status == 503 ? SPAN("it cannot tell now; try again later")
					  : SPAN("it gives no reason");
	return arena_printf(r->trace.mem, "%.*s: %.*s%s%.*s", SPAN_ARG(c.error),
		SPAN_ARG(c.description), c.scope.p != NULL ? "; needed: " : "", SPAN_ARG(c.scope));
}

static void
judge(struct remote *r, const char *what, const struct fetch_answer *a)
{
	struct span value = arena_printf(r->trace.mem, "%u to %s", a->status, what);
	bool refused = a->status == 400 || a->status == 401 || a->status == 403 || a->status >= 500;
	struct auth_explain_step *s = NULL;
	struct err e = {.code = ERR_NONE};

	if (!refused) {
		trace_note(&r->trace, "server", AUTH_EXPLAIN_OK, value,
			a->status == 404 ? "there is nothing at this path, or nothing that you may "
					   "know of"
					 : NULL);
		return;
	}
	enum err_code code = a->status >= 500   ? ERR_UPSTREAM
			     : a->status == 403 ? ERR_DENIED
						: ERR_UNAUTH;
	(void)err_set(&e, code, "RFC 6750 3", "server: refused");
	s = trace_fail(&r->trace, "server", &e);
	s->value = value;
	s->why = reason(r, a); /* at its full length */
}

/* False: it did not answer, which is a step too. */
static bool
ask(struct remote *r, enum fetch_method method, struct span path, struct fetch_answer *a,
	struct buf *text)
{
	char url[ORIGIN_URL_MAX + ORIGIN_TEXT_MAX];
	struct err e = {.code = ERR_NONE};
	int n = snprintf(url, sizeof(url), "%s%.*s", r->server.text, SPAN_ARG(path));
	struct fetch_request q = {.method = method, .url = url, .bearer = r->q->token};

	if (n > 0 && (size_t)n < sizeof(url) && client_ask(r->client, &q, text, a, &e))
		return true;
	(void)trace_fail(&r->trace, "server", &e);
	return false;
}

/* /me says what the server makes of the token; HEAD of the path, what it may read. */
static void
ask_server(struct remote *r)
{
	AUTO_BUF text = BUF_INIT(ANSWER_MAX);
	struct span path = r->server.rest;
	struct fetch_answer a;

	if (!ask(r, FETCH_GET, SPAN("/me"), &a, &text))
		return;
	bool told = a.status != 404 && a.status != 405 && a.status != 501;
	if (told)
		judge(r, "GET /me", &a);
	if (told && (a.status >= 400 || path.n == 0 || span_is(path, "/")))
		return;
	bool data = span_starts(path, SPAN("/data/"));
	if (!data) /* where every agent judges tokens */
		path = SPAN("/data/");
	if (ask(r, FETCH_HEAD, path, &a, &text))
		judge(r, data ? "HEAD of the URL" : "HEAD /data/", &a);
}

static void
check_all(struct remote *r)
{
	bool sendable = check_form(r);

	if (r->jwt) {
		check_issuer(r);
		check_life(r);
		check_audience(r);
		check_rest(r);
	}
	if (sendable && !r->elsewhere) {
		/* The server's word counts, not what we make of the token. */
		r->x.status = 200;
		ask_server(r);
	} else {
		trace_note(&r->trace, "server", AUTH_EXPLAIN_SKIPPED, SPAN_NONE,
			"not asked: a token is sent only to a server that it is for");
	}
	if (r->x.status == 200)
		r->x.decisive = r->x.n;
}

static int
print(const struct remote *r)
{
	AUTO_BUF out = BUF_INIT(TEXT_MAX);

	buf_adds(&out, r->q->json ? "{\"token\":" : "");
	if (r->q->json)
		auth_explain_json(&r->x, &out);
	else
		auth_explain_text(&r->x, &out);
	buf_adds(&out, r->q->json ? ",\"policy\":null}\n" : ""); /* as cli_auth_local.c has it */
	if (!buf_ok(&out) || fwrite(out.p, 1, out.n, stdout) != out.n || fflush(stdout) != 0)
		return EXIT_CALL;
	return r->x.status == 200 ? EXIT_DONE : EXIT_NO;
}

int
cli_auth_remote(const struct cli_auth_question *q)
{
	AUTO_CLIENT client = {.arg = NULL};
	AUTO_ARENA mem = {0};
	struct err e = {.code = ERR_NONE};
	struct remote r = {.q = q, .client = &client, .x = {.status = 200}};

	if (!arena_init(&mem, MEMORY))
		return EXIT_CALL;
	if (!origin_parse(span_of(q->url), &r.server, &e) ||
		!client_init(&client, q->ca_file, &e) ||
		!device_login_metadata(&client, r.server.text, &mem, &r.metadata, &e)) {
		(void)fprintf(stderr, "pan-agent auth explain: %s\n", e.msg);
		return EXIT_NO;
	}
	r.trace = (struct trace){&r.x, &mem, client.now(&client)};
	check_all(&r);
	int code = print(&r);
	if (r.jwt)
		jws_fini(&r.jws);
	explicit_bzero(mem.base, mem.used);
	return code;
}
