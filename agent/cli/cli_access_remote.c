/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_access.h"

#include <stdio.h>
#include <string.h>

#include "agent/base/json.h"
#include "agent/base/jsonw.h"
#include "agent/cli/cli_catalogue.h"
#include "agent/cli/client.h"
#include "agent/cli/command.h"
#include "agent/cli/origin.h"
#include "agent/cli/tokens.h"

#define BODY_MAX   ((size_t)64 << 10)
#define ANSWER_MAX ((size_t)2 * CLIENT_ANSWER_MAX)
#define URL_MAX    (ORIGIN_URL_MAX + 512U)

struct remote {
	const struct cli_access_call *c;
	struct origin server;
	struct client *client;
	struct span token;
	char url[URL_MAX]; /* that is asked */
	struct buf body;
};

static int
complain(const struct cli_access_call *c, const struct err *e)
{
	(void)fprintf(stderr, "pan-agent access %s: %s\n", c->name, e->msg);
	return e->code == ERR_SYNTAX ? EXIT_CALL : EXIT_NO;
}

bool
cli_access_dataset(struct span rest, struct span *ret_pid)
{
	static const struct span below[] = {SPAN_INIT("/datasets/"), SPAN_INIT("/data/")};
	static const struct span behind[] = {
		SPAN_INIT("/"), SPAN_INIT("/access-requests"), SPAN_INIT("/links")};
	struct span pid = SPAN_NONE;

	if (span_has(rest, '?'))
		return false;
	for (size_t i = 0; i < 2 && pid.p == NULL; i++)
		if (span_starts(rest, below[i]))
			pid = span_skip(rest, below[i].n);
	for (size_t i = 0; i < 3; i++)
		if (span_ends(pid, behind[i]))
			pid.n -= behind[i].n;
	if (pid.n == 0)
		return false;
	*ret_pid = pid;
	return true;
}

/* ---- the request ---- */

/* "SERVER HEAD PATH TAIL ID" in one; absent and NULL: nothing. */
static bool
set_url(struct remote *r, const char *head, struct span path, const char *tail, struct err *e)
{
	int n = snprintf(r->url, sizeof(r->url), "%s%s%.*s%s%s", r->server.text, head,
		SPAN_ARG(path), tail, r->c->id != NULL ? r->c->id : "");

	return (n > 0 && (size_t)n < sizeof(r->url)) ||
	       err_set(e, ERR_SYNTAX, NULL, "the URL is too long");
}

/* An id is what the server gave: never a way to another path. */
static bool
good_id(const char *id)
{
	return id == NULL || strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(id);
}

static bool
find_url(struct remote *r, struct err *e)
{
	const struct cli_access_call *c = r->c;
	struct span pid = SPAN_NONE;
	struct span rest = r->server.rest;

	if (!good_id(c->id))
		return err_set(e, ERR_SYNTAX, NULL, "'%s' is no id", c->id);
	if (strcmp(c->name, "accept") == 0)
		return span_starts(rest, SPAN("/terms/")) && !span_has(rest, '?')
			       ? set_url(r, "", rest, "", e)
			       : err_set(e, ERR_SYNTAX, NULL,
					 "the URL of terms ends in /terms/ID@VERSION");
	if (strcmp(c->name, "list") == 0 && (rest.n == 0 || span_is(rest, "/")))
		return set_url(r, "/me", SPAN_NONE, "", e);
	if (!cli_access_dataset(rest, &pid))
		return err_set(e, ERR_SYNTAX, NULL,
			"the URL of a dataset is .../datasets/PID, or .../data/PID/");
	bool links = strcmp(c->name, "link") == 0 || strcmp(c->name, "links") == 0 ||
		     strcmp(c->name, "revoke") == 0;
	return set_url(r, "/datasets/", pid,
		links ? (c->id != NULL ? "/links/" : "/links")
		      : (c->id != NULL ? "/access-requests/" : "/access-requests"),
		e);
}

/* What to do, as the server calls it; NULL: only to look. */
static const char *
deed(const struct cli_access_call *c)
{
	if (strcmp(c->name, "ask") == 0)
		return "ask";
	if (strcmp(c->name, "answer") == 0)
		return c->grant ? "grant" : c->decline ? "decline" : "withdraw";
	if (strcmp(c->name, "link") == 0)
		return "make";
	if (strcmp(c->name, "revoke") == 0)
		return "revoke";
	if (strcmp(c->name, "accept") == 0)
		return c->withdraw ? "withdraw" : "accept";
	return NULL;
}

static void
write_body(struct remote *r)
{
	const struct cli_access_call *c = r->c;
	const struct {
		const char *name, *value;
	} words[] = {{"do", deed(c)}, {"text", c->text}, {"action", c->action}, {"note", c->note},
		{"to", c->to}, {"days", c->days}, {"until", c->until}};
	struct jsonw w;

	jsonw_init(&w, &r->body);
	jsonw_obj(&w, NULL);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].value != NULL)
			jsonw_cstr(&w, words[i].name, words[i].value);
	jsonw_end(&w, '}');
}

/* ---- the answer, for people ---- */

static struct span
text_of(const struct json *j, const char *name)
{
	struct span s = SPAN_NONE;

	(void)json_get_str(j, name, &s);
	return s;
}

static void
print_day(const struct json *j, const char *name)
{
	cli_catalogue_print(span_first(text_of(j, name), 10));
}

static void
print_request(const struct json *j)
{
	const struct json *who = json_get(j, "who");

	cli_catalogue_print(text_of(j, "id"));
	(void)fputs("  ", stdout);
	print_day(j, "at");
	(void)fputs("  ", stdout);
	cli_catalogue_print(text_of(j, "state"));
	(void)fputs("  ", stdout);
	cli_catalogue_print(text_of(j, "pid"));
	if (who != NULL) {
		(void)fputs("  ", stdout);
		cli_catalogue_print(text_of(who, "sub"));
		(void)fputs(" at ", stdout);
		cli_catalogue_print(text_of(who, "issuer"));
	}
	(void)fputs("\n    ", stdout);
	cli_catalogue_print(text_of(j, "text"));
	if (text_of(j, "note").n > 0) {
		(void)fputs("\n    answer: ", stdout);
		cli_catalogue_print(text_of(j, "note"));
	}
	(void)fputc('\n', stdout);
}

static void
print_requests(const struct json *j)
{
	static const char *const names[] = {"waiting", "own"};
	static const char *const heads[] = {"wait for you", "yours"};
	const struct json *of = json_get(j, "requests") != NULL ? json_get(j, "requests") : j;

	for (size_t k = 0; k < 2; k++) {
		const struct json *list = json_get(of, names[k]);
		(void)printf("%s: %zu\n", heads[k], json_count(list));
		for (size_t i = 0; i < json_count(list); i++)
			print_request(json_at(list, i));
	}
}

static void
print_links(const struct json *j)
{
	const struct json *list = json_get(j, "links");

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *k = json_at(list, i);
		bool live = false;
		(void)json_truth(json_get(k, "live"), &live);
		cli_catalogue_print(text_of(k, "id"));
		(void)printf("  %s  until ", live ? "live " : "ended");
		cli_catalogue_print(text_of(k, "until"));
		(void)fputs("  made by ", stdout);
		cli_catalogue_print(text_of(k, "by"));
		(void)fputs(", for ", stdout);
		cli_catalogue_print(text_of(k, "to"));
		(void)fputs(", last used ", stdout);
		print_day(k, "last_used");
		(void)fputs("  ", stdout);
		cli_catalogue_print(text_of(k, "note"));
		(void)fputc('\n', stdout);
	}
}

static void
print_done(const struct cli_access_call *c, const struct json *j)
{
	bool accepted = false;
	bool sooner = false;

	if (strcmp(c->name, "accept") == 0) {
		cli_catalogue_print(text_of(j, "terms"));
		(void)json_truth(json_get(j, "accepted"), &accepted);
		(void)fputs(accepted ? ": accepted\n" : ": taken back\n", stdout);
	} else if (strcmp(c->name, "link") == 0) {
		cli_catalogue_print(text_of(j, "url"));
		(void)fputc('\n', stdout);
		(void)json_truth(json_get(j, "sooner"), &sooner);
		(void)fprintf(stderr, "%.*s, until %.*s%s; it is shown this once\n",
			SPAN_ARG(text_of(j, "id")), SPAN_ARG(text_of(j, "until")),
			sooner ? " (sooner than asked: as long as the policy allows)" : "");
	} else if (strcmp(c->name, "revoke") == 0) {
		cli_catalogue_print(text_of(j, "id"));
		(void)fputs(": revoked\n", stdout);
	} else {
		cli_catalogue_print(text_of(j, "id"));
		(void)fputs(": ", stdout);
		cli_catalogue_print(text_of(j, "state"));
		if (text_of(j, "until").n > 0) {
			(void)fputs(" until ", stdout);
			cli_catalogue_print(text_of(j, "until"));
		}
		(void)fputc('\n', stdout);
	}
}

static void
print_answer(const struct remote *r, const struct fetch_answer *a, const struct json *j)
{
	if (r->c->json)
		(void)fwrite(a->body.p, 1, a->body.n, stdout);
	else if (strcmp(r->c->name, "list") == 0)
		print_requests(j);
	else if (strcmp(r->c->name, "links") == 0)
		print_links(j);
	else
		print_done(r->c, j);
}

static int
show(const struct remote *r, const struct fetch_answer *a, struct err *e)
{
	const struct json_limits limits = {.object = true};
	AUTO_JSON j = json_parse(a->body, &limits, NULL);
	struct span detail = text_of(j, "detail");

	if (a->status < 300 && j != NULL) {
		print_answer(r, a, j);
		return fflush(stdout) == 0 ? EXIT_DONE : EXIT_CALL;
	}
	if (detail.n == 0 || span_control(detail))
		detail = SPAN("no reason given");
	(void)err_set(e, ERR_DENIED, NULL, "%u from %s: %.*s", a->status, r->server.text,
		SPAN_ARG(detail));
	return complain(r->c, e);
}

static int
exchange(struct remote *r, struct err *e)
{
	AUTO_WIPED text = BUF_INIT(ANSWER_MAX); /* a link's secret may stand in it */
	struct fetch_answer a;
	struct fetch_request q = {.method = deed(r->c) != NULL ? FETCH_POST : FETCH_GET,
		.url = r->url,
		.bearer = r->token,
		.content_type = "application/json",
		.body = SPAN_NONE};

	if (q.method == FETCH_POST) {
		write_body(r);
		q.body = buf_span(&r->body);
	}
	if (!client_ask(r->client, &q, &text, &a, e))
		return complain(r->c, e);
	return show(r, &a, e);
}

int
cli_access_remote(const struct cli_access_call *c)
{
	AUTO_CLIENT client = {.arg = NULL};
	AUTO_TOKENS found = {.from = TOKENS_NONE};
	struct err e = {.code = ERR_NONE};
	struct remote r = {.c = c, .client = &client, .body = BUF_INIT(BODY_MAX)};
	const struct tokens_options o = {.file = c->token_file, .ca_file = c->ca_file};

	if (!origin_parse(span_of(c->url), &r.server, &e) || !find_url(&r, &e) ||
		!tokens_find(c->url, &o, &found, &e) || !client_init(&client, c->ca_file, &e))
		return complain(c, &e);
	r.token = secret_open(&found.token);
	int code = exchange(&r, &e);
	buf_fini(&r.body);
	return code;
}
