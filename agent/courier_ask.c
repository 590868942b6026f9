/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/courier_ask.h"

#include "agent/base/json.h"
#include "agent/base/secret.h"
#include "agent/courier_keys.h"

#include <stdlib.h>
#include <string.h>

#define FORM_MAX   (64UL * 1024)
#define TOKENS_MAX (40UL * 1024) /* of a token endpoint: with userinfo it is one message */
#define WARN_MS    60000LL       /* between two loud lines of one issuer */

struct courier_ask {
	struct courier_ask *next;
	struct courier_issuer *issuer;
	enum errand_kind kind;
	uint64_t id;
	unsigned link;
	bool unheard; /* who asked is gone */
	int64_t asked_ms;
	struct secret token, verifier, redirect;
	struct secret first; /* CODE: the token endpoint's answer, while userinfo is asked for */
};

static void
ask_free(struct courier_ask *a)
{
	secret_fini(&a->token);
	secret_fini(&a->verifier);
	secret_fini(&a->redirect);
	secret_fini(&a->first);
	free(a);
}

/* ---- answers ---- */

static void
send_answer(struct courier_issuer *i, unsigned link, const struct report *r)
{
	i->asks.results[r->result]++;
	i->courier->changed = true;
	i->world->report(i->world->arg, link, r);
}

static void
answer(struct courier_ask *a, enum report_result result, struct span body, struct span userinfo)
{
	const struct report r = {.kind = REPORT_ANSWER,
		.id = a->id,
		.issuer = a->issuer->rules->iss,
		.result = result,
		.body = body,
		.userinfo = userinfo};

	if (!a->unheard)
		send_answer(a->issuer, a->link, &r);
}

/* Takes it out of the list of those that run, and starts the next. */
static void
end(struct courier_ask *a, enum report_result result, struct span body, struct span userinfo)
{
	struct courier_issuer *i = a->issuer;
	struct courier_ask **at = &i->asks.running;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	i->asks.n_running--;
	answer(a, result, body, userinfo);
	ask_free(a);
	courier_ask_pump(i);
}

/* Said once a minute; a failure that may pass keeps nothing back that is loud. */
static void
warn(struct courier_issuer *i, enum log_level level, const char *msg, struct span text)
{
	int64_t now = courier_now(i).ms;
	bool loud = level == LOG_ERROR;

	if (i->asks.warned[loud] && now - i->asks.warned_ms[loud] < WARN_MS)
		return;
	i->asks.warned[loud] = true;
	i->asks.warned_ms[loud] = now;
	courier_note(i, level, "issuer.client", msg, text);
}

/* INT-7: loudly, for it is the administrator's to mend. */
static void
end_ours(struct courier_ask *a, const char *text)
{
	warn(a->issuer, LOG_ERROR, "it does not take our own client's credentials: mend agent.yaml",
		span_of(text));
	end(a, RESULT_OURS, SPAN_NONE, SPAN_NONE);
}

/* An issuer that never answers this as it is asked would look well otherwise, its users' 503 apart.
 */
static void
end_failed(struct courier_ask *a, enum courier_endpoint at, const struct fetch_answer *w,
	const struct err *why)
{
	AUTO_BUF text = BUF_INIT(COURIER_TEXT_MAX);

	buf_addf(&text, "%s ", courier_endpoint_names[at]);
	if (w->status == 0)
		buf_addf(&text, "gave no answer: %.120s", why != NULL ? why->msg : "");
	else if (w->status == 200)
		buf_addf(&text, "%.120s", why != NULL ? why->msg : "answered with no JSON");
	else
		buf_addf(&text, "answered with %u", w->status);
	warn(a->issuer, LOG_WARN, "it did not answer a question about a user's token, who gets 503",
		buf_span(&text));
	end(a, RESULT_FAILED, SPAN_NONE, SPAN_NONE);
}

/* application/json, with or without parameters. */
static bool
is_json(struct span type)
{
	struct span rest = type;

	return span_eq_nocase(span_trim(span_cut(&rest, ';')), SPAN("application/json"));
}

static void
on_introspection(void *arg, const struct fetch_answer *w, const struct err *why)
{
	struct courier_ask *a = arg;

	if (why == NULL && w->status == 200)
		end(a, RESULT_OK, w->body, SPAN_NONE);
	else if (w->status == 401 || w->status == 403)
		end_ours(a, "client_id and client_secret_file of its introspection endpoint");
	else
		end_failed(a, COURIER_INTROSPECTION, w, why);
}

/* error="invalid_token" in the challenge (RFC 6750 3.1). */
static bool
is_invalid_token(struct span challenge)
{
	static const struct span word = SPAN_INIT("invalid_token");

	for (size_t i = 0; i + word.n <= challenge.n; i++)
		if (memcmp(challenge.p + i, word.p, word.n) == 0)
			return true;
	return false;
}

static void
on_userinfo(void *arg, const struct fetch_answer *w, const struct err *why)
{
	struct courier_ask *a = arg;

	if (why == NULL && w->status == 200 && is_json(w->content_type))
		end(a, RESULT_OK, w->body, SPAN_NONE);
	else if (w->status == 401 && is_invalid_token(w->www_authenticate))
		end(a, RESULT_REFUSED, SPAN_NONE, SPAN_NONE);
	else
		end_failed(a, COURIER_USERINFO, w, why);
}

/* The second half of a code: without userinfo it is good as well. */
static void
on_code_userinfo(void *arg, const struct fetch_answer *w, const struct err *why)
{
	struct courier_ask *a = arg;
	struct secret first = a->first;
	bool good = why == NULL && w->status == 200 && is_json(w->content_type);

	a->first = (struct secret){0};
	end(a, RESULT_OK, secret_open(&first), good ? w->body : SPAN_NONE);
	secret_fini(&first);
}

/* ---- questions ---- */

static struct fetch_request
request_to(const struct courier_issuer *i, const char *url)
{
	return (struct fetch_request){.url = url,
		.ca = i->files.ca,
		.loopback = i->settings->insecure,
		.total_ms = COURIER_ASK_MS,
		.max_bytes = REPORT_BODY_MAX};
}

static bool
start(struct courier_ask *a, const struct fetch_request *r, fetch_done *done)
{
	return a->issuer->world->fetch(a->issuer->world->arg, r, done, a, NULL);
}

/* As a form, which has our secrets in it. */
static bool
post(struct courier_ask *a, struct fetch_request *r, struct buf *form, fetch_done *done)
{
	r->method = FETCH_POST;
	r->body = buf_span(form);
	bool ok = buf_ok(form) && start(a, r, done);
	buf_wipe(form);
	return ok;
}

/* With our own credentials, as the settings have them (RFC 6749 2.3.1). */
static bool
start_introspection(struct courier_ask *a, const char *url)
{
	const struct courier_issuer *i = a->issuer;
	struct fetch_request r = request_to(i, url);
	struct buf form = BUF_INIT(FORM_MAX);

	fetch_form(&form, "token", secret_open(&a->token));
	fetch_form(&form, "token_type_hint", SPAN("access_token"));
	if (i->settings->client_auth == CLIENT_POST) {
		fetch_form(&form, "client_id", span_of(i->settings->client_id));
		fetch_form(&form, "client_secret", i->files.secret);
	} else {
		r.user = span_of(i->settings->client_id);
		r.password = i->files.secret;
	}
	return post(a, &r, &form, on_introspection);
}

static bool
start_userinfo(struct courier_ask *a, const char *url, struct span token, fetch_done *done)
{
	struct fetch_request r = request_to(a->issuer, url);

	r.bearer = token;
	return start(a, &r, done);
}

/* The new token's userinfo, where the issuer has such an endpoint; false: there is no more to do.
 */
static bool
go_on(struct courier_ask *a, struct span body)
{
	static const struct json_limits limits = {
		.bytes = TOKENS_MAX, .depth = 8, .members = 256, .object = true, .no_nul = true};
	const char *url = courier_keys_endpoint(a->issuer, COURIER_USERINFO);
	AUTO_JSON j = url != NULL ? json_parse(body, &limits, NULL) : NULL;
	struct span token = SPAN_NONE;

	return j != NULL && json_get_str(j, "access_token", &token) && token.n > 0 &&
	       secret_set(&a->first, body) && start_userinfo(a, url, token, on_code_userinfo);
}

static void
on_code(void *arg, const struct fetch_answer *w, const struct err *why)
{
	struct courier_ask *a = arg;

	if (why == NULL && w->status == 200) {
		if (!go_on(a, w->body))
			end(a, RESULT_OK, w->body, SPAN_NONE);
	} else if (w->status == 400) {
		end(a, RESULT_REFUSED, SPAN_NONE, SPAN_NONE);
	} else if (w->status == 401) {
		end_ours(a, "web_client_id and web_client_secret_file of its token endpoint");
	} else {
		end_failed(a, COURIER_TOKEN, w, why);
	}
}

/* A public client names itself in the form (RFC 6749 4.1.3). */
static bool
start_code(struct courier_ask *a, const char *url)
{
	const struct courier_issuer *i = a->issuer;
	struct fetch_request r = request_to(i, url);
	struct buf form = BUF_INIT(FORM_MAX);

	r.max_bytes = TOKENS_MAX;
	fetch_form(&form, "grant_type", SPAN("authorization_code"));
	fetch_form(&form, "code", secret_open(&a->token));
	fetch_form(&form, "redirect_uri", secret_open(&a->redirect));
	fetch_form(&form, "code_verifier", secret_open(&a->verifier));
	if (i->files.websecret.p != NULL) {
		r.user = span_of(i->settings->web_client_id);
		r.password = i->files.websecret;
	} else {
		fetch_form(&form, "client_id", span_of(i->settings->web_client_id));
	}
	return post(a, &r, &form, on_code);
}

static enum courier_endpoint
endpoint_for(enum errand_kind kind)
{
	switch (kind) {
	case ERRAND_INTROSPECT:
		return COURIER_INTROSPECTION;
	case ERRAND_USERINFO:
		return COURIER_USERINFO;
	case ERRAND_CODE:
	case ERRAND_REFRESH:
		break;
	}
	return COURIER_TOKEN;
}

/* May this issuer be asked such a thing, by the settings? */
static bool
is_allowed(const struct courier_issuer *i, enum errand_kind kind)
{
	switch (kind) {
	case ERRAND_INTROSPECT:
		return i->settings->client_id != NULL && i->files.secret.p != NULL;
	case ERRAND_USERINFO:
		return i->settings->enrich == ENRICH_USERINFO;
	case ERRAND_CODE:
		return i->settings->web_client_id != NULL;
	case ERRAND_REFRESH:
		break;
	}
	return false;
}

static bool
start_one(struct courier_ask *a, const char *url)
{
	switch (a->kind) {
	case ERRAND_INTROSPECT:
		return start_introspection(a, url);
	case ERRAND_USERINFO:
		return start_userinfo(a, url, secret_open(&a->token), on_userinfo);
	case ERRAND_CODE:
		return start_code(a, url);
	case ERRAND_REFRESH:
		break;
	}
	return false;
}

/* ---- the list of those that wait ---- */

static void
pop(struct courier_asks *q)
{
	q->waiting = q->waiting->next;
	if (q->waiting == NULL)
		q->last = &q->waiting;
	q->n_waiting--;
}

static void
refuse_first(struct courier_issuer *i, enum report_result result)
{
	struct courier_ask *a = i->asks.waiting;

	pop(&i->asks);
	answer(a, result, SPAN_NONE, SPAN_NONE);
	ask_free(a);
}

/* False: it stays, for where to ask may be known soon. */
static bool
start_first(struct courier_issuer *i)
{
	struct courier_asks *q = &i->asks;
	struct courier_ask *a = q->waiting;
	const char *url = courier_keys_endpoint(i, endpoint_for(a->kind));

	if (a->unheard) {
		refuse_first(i, RESULT_BUSY);
		return true;
	}
	if (url == NULL && courier_keys_hope(i))
		return false;
	if (url == NULL) {
		warn(i, LOG_ERROR, "its discovery document has no endpoint for this",
			span_of(courier_endpoint_names[endpoint_for(a->kind)]));
		refuse_first(i, RESULT_FAILED);
		return true;
	}
	if (!start_one(a, url)) {
		refuse_first(i, RESULT_FAILED);
		return true;
	}
	pop(q);
	a->next = q->running;
	q->running = a;
	q->n_running++;
	return true;
}

void
courier_ask_pump(struct courier_issuer *i)
{
	struct courier_asks *q = &i->asks;
	int64_t now = courier_now(i).ms;

	while (q->waiting != NULL && now - q->waiting->asked_ms >= COURIER_ASK_MS)
		refuse_first(i, RESULT_BUSY);
	while (q->waiting != NULL && q->n_running < COURIER_ASKS_RUNNING)
		if (!start_first(i))
			break;
}

static struct courier_ask *
ask_new(struct courier_issuer *i, unsigned link, const struct errand *r)
{
	struct courier_ask *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->issuer = i;
	a->kind = r->kind;
	a->id = r->id;
	a->link = link;
	a->asked_ms = courier_now(i).ms;
	if (secret_set(&a->token, r->token) &&
		(r->kind != ERRAND_CODE || (secret_set(&a->verifier, r->verifier) &&
						   secret_set(&a->redirect, r->redirect))))
		return a;
	ask_free(a);
	return NULL;
}

void
courier_ask(struct courier_issuer *i, unsigned link, const struct errand *r)
{
	struct courier_asks *q = &i->asks;
	bool full = q->n_waiting >= COURIER_ASKS_WAITING || i->courier->draining;
	struct courier_ask *a = NULL;

	if (is_allowed(i, r->kind) && !full)
		a = ask_new(i, link, r);
	if (a == NULL) {
		const struct report busy = {.kind = REPORT_ANSWER,
			.id = r->id,
			.issuer = i->rules->iss,
			.result = is_allowed(i, r->kind) ? RESULT_BUSY : RESULT_FAILED};
		send_answer(i, link, &busy);
		return;
	}
	*q->last = a;
	q->last = &a->next;
	q->n_waiting++;
	courier_ask_pump(i);
}

void
courier_ask_unlink(struct courier_issuer *i, unsigned link)
{
	struct courier_asks *q = &i->asks;

	for (struct courier_ask *a = q->running; a != NULL; a = a->next)
		a->unheard = a->unheard || a->link == link;
	for (struct courier_ask *a = q->waiting; a != NULL; a = a->next)
		a->unheard = a->unheard || a->link == link;
}

void
courier_ask_drain(struct courier_issuer *i)
{
	while (i->asks.waiting != NULL)
		refuse_first(i, RESULT_BUSY);
}

int64_t
courier_ask_next(const struct courier_issuer *i)
{
	return i->asks.waiting != NULL ? i->asks.waiting->asked_ms + COURIER_ASK_MS : INT64_MAX;
}

void
courier_ask_init(struct courier_issuer *i)
{
	i->asks.last = &i->asks.waiting;
}

void
courier_ask_fini(struct courier_issuer *i)
{
	struct courier_ask *a = NULL;

	while ((a = i->asks.waiting) != NULL) {
		pop(&i->asks);
		ask_free(a);
	}
	while ((a = i->asks.running) != NULL) {
		i->asks.running = a->next;
		ask_free(a);
	}
}
