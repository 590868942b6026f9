/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_check_fetch.h"

#include <stdlib.h>
#include <string.h>

#include "agent/base/fetch.h"
#include "agent/base/json.h"
#include "agent/base/proc.h"
#include "agent/base/scope.h"
#include "agent/base/settings_issuer.h"
#include "agent/cli/cli_file.h"
#include "agent/cli/oauth.h"
#include "auth/keys.h"

#define CA_MAX   ((size_t)4 << 20)
#define URL_MAX  2048U
#define TEXT_MAX 300U

enum stage { STAGE_DOCUMENT, STAGE_KEYS, STAGE_END };

/* One issuer being asked. */
struct ask {
	const struct settings *settings;
	const struct issuer *issuer;
	struct buf *notes;
	struct buf ca;
	enum stage stage;
	bool due; /* the next question is to be sent */
	unsigned place;
	char url[URL_MAX + 1]; /* of it */
};

static void
warn(const struct ask *a, const char *what, const char *why)
{
	const struct settings_issuer *s = a->issuer->settings;

	buf_addf(a->notes, "%s:%u:1: warning: issuer %s: %s: %s\n",
		a->settings->file != NULL ? a->settings->file : "agent.yaml", s->line, s->issuer,
		what, why);
}

static void
give_up(struct ask *a, const char *what, const char *why)
{
	warn(a, what, why);
	a->stage = STAGE_END;
}

/* Where the keys are; "": not known. */
static void
go_for_keys(struct ask *a, struct span url)
{
	const struct settings_issuer *s = a->issuer->settings;

	if (s->jwks_uri != NULL)
		url = span_of(s->jwks_uri);
	a->stage = STAGE_KEYS;
	a->due = span_cstr(url, a->url, sizeof(a->url)) && url.n > 0;
	if (!a->due)
		give_up(a, "discovery",
			"names no jwks_uri, and there is none in the settings, so its tokens "
			"cannot be checked");
}

/* The agent looks at RFC 8414's place too where the issuer has a path. */
static bool
has_path(struct span issuer)
{
	(void)span_cut(&issuer, ':');
	issuer = span_skip(issuer, 2);
	(void)span_cut(&issuer, '/');
	return issuer.n > 0;
}

/* The place that is to be asked, or asked next; false: there is no further one. */
static bool
document_place(struct ask *a)
{
	const struct settings_issuer *s = a->issuer->settings;
	AUTO_BUF url = BUF_INIT(URL_MAX);

	if (s->discovery != NULL && a->place == 0)
		buf_adds(&url, s->discovery);
	else if (s->discovery != NULL || a->place >= (has_path(a->issuer->iss) ? 2U : 1U) ||
		 !oauth_discovery_url(a->issuer->iss, a->place, &url))
		return false;
	a->due = buf_ok(&url) && span_cstr(buf_span(&url), a->url, sizeof(a->url));
	return a->due;
}

/* ---- what the settings need of the document ---- */

static bool
wants_introspection(const struct settings_issuer *s)
{
	return s->introspection_endpoint == NULL &&
	       (s->token_kind != TOKEN_JWT || s->enrich == ENRICH_INTROSPECTION);
}

static bool
wants_userinfo(const struct settings_issuer *s)
{
	return s->enrich == ENRICH_USERINFO;
}

static bool
wants_web(const struct settings_issuer *s)
{
	return s->web_client_id != NULL;
}

static bool
wants_device(const struct settings_issuer *s)
{
	return s->login_client_id != NULL;
}

static const struct need {
	const char *member, *settings;
	bool (*wanted)(const struct settings_issuer *s);
} needs[] = {
	{"introspection_endpoint", "token_kind and enrich", wants_introspection},
	{"userinfo_endpoint", "enrich", wants_userinfo},
	{"authorization_endpoint", "web_client_id", wants_web},
	{"token_endpoint", "web_client_id", wants_web},
	{"device_authorization_endpoint", "login_client_id", wants_device},
};

/* As the agent and its clients take it: https, or this machine where the settings allow that. */
static bool
usable(struct span url, bool insecure)
{
	char text[URL_MAX + 1];

	return span_starts(url, SPAN("https://")) ||
	       (insecure && span_cstr(url, text, sizeof(text)) && settings_issuer_loopback(text));
}

static void
check_needs(const struct ask *a, const struct json *document)
{
	const struct settings_issuer *s = a->issuer->settings;

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		AUTO_BUF text = BUF_INIT(TEXT_MAX);
		struct span url = SPAN_NONE;
		if (!needs[i].wanted(s) ||
			(json_get_str(document, needs[i].member, &url) && usable(url, s->insecure)))
			continue;
		buf_addf(&text, "names no %s on https, which is needed for %s", needs[i].member,
			needs[i].settings);
		buf_addc(&text, '\0');
		warn(a, "discovery", buf_ok(&text) ? text.p : needs[i].member);
	}
}

/* RFC 8414 3.3: the document must name the issuer that was asked, and its keys must be on https. */
static void
read_document(struct ask *a, struct span body)
{
	const struct json_limits limits = {.object = true, .depth = 16, .members = 2048};
	struct err e = {.code = ERR_NONE};
	AUTO_JSON j = json_parse(body, &limits, &e);
	struct span named = SPAN_NONE;
	struct span url = SPAN_NONE;
	AUTO_BUF text = BUF_INIT(TEXT_MAX);

	if (j == NULL) {
		give_up(a, "discovery", e.msg);
		return;
	}
	(void)json_get_str(j, "issuer", &named);
	if (!span_eq(named, a->issuer->iss)) {
		buf_addf(&text,
			"%s is of the issuer '%.*s'; write that name, or another URL (RFC 8414 "
			"3.3)",
			a->url, SPAN_ARG(span_control(named) ? SPAN("?") : span_first(named, 80)));
		buf_addc(&text, '\0');
		give_up(a, "discovery", buf_ok(&text) ? text.p : "is of another issuer");
		return;
	}
	check_needs(a, j);
	(void)json_get_str(j, "jwks_uri", &url);
	go_for_keys(a, url);
}

static void
read_keys(struct ask *a, struct span body)
{
	AUTO_BUF dropped = BUF_INIT(65536);
	struct keys *keys = NULL;
	struct err e = {.code = ERR_NONE};

	a->stage = STAGE_END;
	if (!keys_load(body, a->issuer->algs, &dropped, &keys, &e)) {
		warn(a, a->url, e.msg);
		return;
	}
	for (struct span rest = buf_span(&dropped); rest.n > 0;) {
		char line[TEXT_MAX];
		struct span one = span_first(span_cut(&rest, '\n'), sizeof(line) - 1);
		if (!span_control(one) && span_cstr(one, line, sizeof(line)))
			warn(a, "a key is not used", line);
	}
	if (keys_count(keys) == 0)
		warn(a, a->url, "holds no usable key, so its tokens cannot be checked");
	keys_free(keys);
}

/* No answer, or none that is of use: the other place, where there is one; else that is told. */
static void
not_there(struct ask *a, unsigned status, const struct err *why)
{
	AUTO_BUF text = BUF_INIT(TEXT_MAX);

	if (a->stage == STAGE_DOCUMENT && status >= 400 && status < 500) {
		a->place++;
		if (document_place(a))
			return;
	}
	if (status != 0)
		buf_addf(&text, "answered with %u", status);
	else
		buf_adds(&text, why != NULL ? why->msg : "no answer");
	buf_addc(&text, '\0');
	give_up(a, a->url, buf_ok(&text) ? text.p : "no answer");
}

static void
on_answer(void *arg, const struct fetch_answer *answer, const struct err *why)
{
	struct ask *a = arg;

	if (why != NULL || answer->status != 200)
		not_there(a, answer->status, why);
	else if (a->stage == STAGE_DOCUMENT)
		read_document(a, answer->body);
	else
		read_keys(a, answer->body);
}

static void
send(struct fetch *f, struct ask *a, int64_t left_ms)
{
	const struct fetch_request r = {.url = a->url,
		.ca = buf_span(&a->ca),
		.loopback = a->issuer->settings->insecure,
		.total_ms = left_ms > 1 ? (unsigned)left_ms : 1};
	struct err e = {.code = ERR_NONE};

	a->due = false;
	if (!fetch_start(f, &r, on_answer, a, &e))
		give_up(a, a->url, e.msg);
}

/* What is asked of this issuer first; a file of keys leaves the document alone. */
static void
begin(struct ask *a)
{
	const struct settings_issuer *s = a->issuer->settings;
	struct err e = {.code = ERR_NONE};

	a->stage = STAGE_END;
	if (!settings_issuer_fetched(s))
		return;
	if (s->ca_file != NULL && !cli_file_read(s->ca_file, &a->ca, &e))
		return; /* a fault, and reported as one */
	a->stage = STAGE_DOCUMENT;
	if (!document_place(a))
		give_up(a, "discovery", "its URL is too long");
}

static void
run(struct fetch *f, struct ask *ask, size_t n)
{
	int64_t end = proc_now_ms() + CLI_CHECK_FETCH_MS;
	bool more = true;
	struct err e = {.code = ERR_NONE};

	while (more) {
		for (size_t i = 0; i < n; i++)
			if (ask[i].stage != STAGE_END && ask[i].due)
				send(f, &ask[i], end - proc_now_ms());
		if (fetch_active(f) > 0 && !fetch_turn(f, 100, NULL, 0, &e))
			return;
		more = fetch_active(f) > 0;
		for (size_t i = 0; i < n; i++)
			more = more || (ask[i].stage != STAGE_END && ask[i].due);
	}
}

void
cli_check_fetch(const struct settings *s, const struct issuers *issuers, struct buf *notes)
{
	const struct fetch_options options = {.proxy = s->proxy};
	AUTO_FREE struct ask *ask = calloc(issuers->n + 1, sizeof(*ask));
	struct fetch *f = NULL;
	struct err e = {.code = ERR_NONE};

	if (ask == NULL || !fetch_prepare(&e) || !fetch_new(&options, &f, &e)) {
		buf_addf(notes, "note: the issuers could not be asked: %s\n", e.msg);
		return;
	}
	for (size_t i = 0; i < issuers->n; i++) {
		ask[i] = (struct ask){.settings = s,
			.issuer = &issuers->item[i],
			.notes = notes,
			.ca = BUF_INIT(CA_MAX)};
		begin(&ask[i]);
	}
	run(f, ask, issuers->n);
	fetch_free(f);
	for (size_t i = 0; i < issuers->n; i++)
		buf_fini(&ask[i].ca);
}
