/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_auth_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/base/scope.h"
#include "agent/cli/cli_auth_keys.h"
#include "agent/cli/cli_explain_path.h"
#include "agent/cli/cli_file.h"
#include "agent/cli/command.h"
#include "agent/cli/origin.h"
#include "auth/auth_explain.h"

#define MEMORY   ((size_t)64 << 20)
#define TEXT_MAX ((size_t)8 << 20)

struct local {
	const struct cli_auth_question *q;
	const struct settings *settings;
	struct arena mem;
	struct issuers issuers;
	struct span *jwks; /* of each issuer */
	struct accounts *accounts;
	struct span path; /* of the URL, decoded; absent: no URL */
	int64_t now;
	struct auth_explain x;
	bool permit;
};

static void
say(const char *what, const struct err *e)
{
	char text[320];

	(void)fprintf(stderr, "pan-agent auth explain: %s%s\n", what,
		e != NULL ? err_text(e, text, sizeof(text)) : "");
}

/* ---- the agent's state ---- */

static bool
load_issuers(struct local *l)
{
	AUTO_BUF report = BUF_INIT(TEXT_MAX);
	const char *url = l->settings->public_url;
	struct span origin = arena_printf(&l->mem, "%s/", url != NULL ? url : "");
	struct err e = {.code = ERR_NONE};

	if (issuers_load(l->settings, origin, &report, &l->issuers, &e))
		return true;
	(void)fwrite(report.p, 1, report.n, stderr);
	return false;
}

/* A set that is not to be had is no end: the explanation says so where it matters. */
static bool
load_keys(struct local *l)
{
	l->jwks = arena_array(&l->mem, l->settings->n_issuers + 1, sizeof(*l->jwks));
	for (size_t i = 0; l->jwks != NULL && i < l->settings->n_issuers; i++) {
		const struct settings_issuer *at = &l->settings->issuers[i];
		struct err e = {.code = ERR_NONE};
		if (cli_auth_keys(l->settings, at, l->now, &l->mem, &l->jwks[i], &e))
			continue;
		l->jwks[i] = SPAN_NONE;
		(void)fprintf(stderr, "note: keys of %s: %s\n", at->issuer, e.msg);
	}
	return l->jwks != NULL;
}

static bool
load_accounts(struct local *l)
{
	const char *file = l->settings->accounts;
	AUTO_BUF text = BUF_INIT(ACCOUNTS_BYTES_MAX);
	AUTO_BUF report = BUF_INIT(TEXT_MAX);
	struct err e = {.code = ERR_NONE};

	if (file == NULL)
		return true;
	if (!cli_file_read(file, &text, &e)) {
		say("", &e);
		return false;
	}
	if (accounts_load(buf_span(&text), file, &l->issuers, &report, &l->accounts, &e))
		return true;
	(void)fwrite(report.p, 1, report.n, stderr);
	return false;
}

/* ---- the URL ---- */

static bool
ours(const struct settings *s, const struct origin *o)
{
	struct span host = span_skip(span_of(o->text), sizeof("https://") - 1);
	struct span name = span_cut(&host, ':');

	if (s->public_url != NULL && origin_same(o, span_of(s->public_url)))
		return true;
	for (size_t i = 0; i < s->hosts.n; i++)
		if (span_eq_nocase(name, span_of(s->hosts.item[i])))
			return true;
	return false;
}

static bool
take_url(struct local *l)
{
	struct origin o;
	struct err e = {.code = ERR_NONE};

	if (l->q->url == NULL)
		return true;
	if (!origin_parse(span_of(l->q->url), &o, &e) ||
		!cli_explain_path_decode(o.rest, &l->mem, &l->path, &e)) {
		say("", &e);
		return false;
	}
	if (!ours(l->settings, &o))
		(void)fprintf(
			stderr, "note: %s is no name of the agent of this configuration\n", o.text);
	return true;
}

/* ---- the answer ---- */

static bool
write_policy(struct local *l, struct buf *out)
{
	const struct cli_explain_path q = {.path = l->path,
		.subject = &l->x.subject,
		.network = l->q->network,
		.now = l->now,
		.json = l->q->json};
	struct err e = {.code = ERR_NONE};

	if (cli_explain_path(l->settings, &q, &l->mem, out, &l->permit, &e))
		return true;
	say("policy: ", &e);
	return false;
}

static int
print(struct local *l)
{
	AUTO_BUF out = BUF_INIT(TEXT_MAX);
	struct span data = SPAN("/data/");
	bool asked = l->x.status == 200 && l->path.n > data.n && span_starts(l->path, data);

	l->permit = l->x.status == 200;
	buf_adds(&out, l->q->json ? "{\"token\":" : "");
	if (l->q->json)
		auth_explain_json(&l->x, &out);
	else
		auth_explain_text(&l->x, &out);
	buf_adds(&out, l->q->json ? ",\"policy\":" : asked ? "\npolicy\n" : "");
	if (asked && !write_policy(l, &out))
		return EXIT_CALL;
	if (!asked && l->q->json)
		buf_adds(&out, "null");
	buf_adds(&out, l->q->json ? "}\n" : "");
	if (!buf_ok(&out) || fwrite(out.p, 1, out.n, stdout) != out.n || fflush(stdout) != 0)
		return EXIT_CALL;
	return l->permit ? EXIT_DONE : EXIT_NO;
}

static int
explain(struct local *l)
{
	struct err e = {.code = ERR_NONE};

	if (!load_issuers(l) || !load_accounts(l) || !load_keys(l) || !take_url(l))
		return EXIT_CALL;
	const struct auth_explain_case c = {.issuers = &l->issuers,
		.jwks = l->jwks,
		.accounts = l->accounts,
		.now = l->now,
		.path = l->path};
	if (auth_explain(&c, l->q->token, &l->mem, &l->x, &e))
		return print(l);
	say("", &e);
	return EXIT_CALL;
}

int
cli_auth_local(const struct cli_auth_question *q, const struct settings *s)
{
	struct local *l = calloc(1, sizeof(*l));
	int code = EXIT_CALL;

	if (l == NULL)
		return EXIT_CALL;
	*l = (struct local){.q = q, .settings = s, .now = (int64_t)time(NULL)};
	if (arena_init(&l->mem, MEMORY))
		code = explain(l);
	accounts_free(l->accounts);
	issuers_fini(&l->issuers);
	if (l->mem.base != NULL)
		explicit_bzero(l->mem.base, l->mem.used); /* parts of the token */
	arena_fini(&l->mem);
	free(l);
	return code;
}
