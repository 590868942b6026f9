/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_auth.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/settings.h"
#include "agent/cli/cli_auth_view.h"
#include "agent/cli/cli_file.h"
#include "agent/cli/cli_options.h"
#include "agent/cli/client.h"
#include "agent/cli/command.h"
#include "agent/cli/origin.h"
#include "agent/cli/tokens.h"

#define TOKEN_MAX  ((size_t)64 << 10) /* more than any agent takes: too long is an answer too */
#define REPORT_MAX ((size_t)4 << 20)

static const char usage_text[] =
	"usage: pan-agent auth explain [URL] [options] < TOKEN\n"
	"\n"
	"Each check that a token has to pass, in order: what was found, what is expected, by\n"
	"which clause.  With a configuration, as the agent sees it, offline, and for a URL\n"
	"below /data/ what policy says then; without one, as the server at URL tells it.\n"
	"  --token-file FILE  the token (default: standard input; on a terminal, the one that\n"
	"                     pan-agent token URL prints)\n"
	"  --config FILE      agent.yaml (default $PAN_AGENT_CONFIG, /etc/pan-agent/agent.yaml\n"
	"                     where it can be read)\n"
	"  --remote           ask the server, though there is a configuration\n"
	"  --network N        for policy: internet (default), facility, eosc\n"
	"  --ca-file FILE     PEM of the only authorities (also $PAN_AGENT_CA_FILE)\n"
	"  --json             one JSON object\n"
	"\n"
	"The claims of the token are shown, its text and signature never.\n"
	"Exit status: 0 accepted; 1 refused, or nobody can tell; 2 wrong call.\n"
	"\n"
	"example: pan-agent auth explain https://data.example/data/10.5072/abc < token\n";

struct call {
	struct cli_auth_question q;
	const char *token_file, *config;
	bool remote, help;
};

static int
wrong(const char *what, const char *more)
{
	(void)fprintf(
		stderr, "pan-agent auth: %s%s; see pan-agent auth explain --help\n", what, more);
	return EXIT_CALL;
}

/* The agent's own view, when there are settings. */
static int
with_config(const struct call *c, const char *file)
{
	AUTO_BUF report = BUF_INIT(REPORT_MAX);
	struct settings *s = settings_load(file, &report, NULL);

	if (report.n > 0)
		(void)fwrite(report.p, 1, report.n, stderr);
	if (s == NULL)
		return EXIT_CALL;
	int code = cli_auth_local(&c->q, s);
	settings_free(s);
	return code;
}

static int
explain(const struct call *c)
{
	const char *file = command_config(c->config);

	if (c->config != NULL || (!c->remote && access(file, R_OK) == 0))
		return with_config(c, file);
	if (c->q.url == NULL)
		return wrong("by which server? give its URL, or its configuration by --config", "");
	return cli_auth_remote(&c->q);
}

/* From where it is to be had; `found` or `text` holds it. */
static bool
get_token(const struct call *c, struct tokens *found, struct buf *text, struct span *ret,
	struct err *e)
{
	const struct tokens_options o = {.ca_file = c->q.ca_file};

	if (c->token_file == NULL && isatty(STDIN_FILENO) == 1) {
		if (!tokens_find(c->q.url, &o, found, e))
			return false;
		(void)fprintf(stderr, "token from %s\n", found->where);
		*ret = secret_open(&found->token);
		return true;
	}
	if (!buf_reserve(text, TOKEN_MAX))
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	if (!cli_file_read(c->token_file != NULL ? c->token_file : "-", text, e))
		return false;
	*ret = tokens_strip(buf_span(text));
	return ret->n > 0 || err_set(e, ERR_SYNTAX, NULL, "there is no token in it");
}

static int
run(struct call *c)
{
	AUTO_TOKENS found = {.from = TOKENS_NONE};
	AUTO_WIPED text = BUF_INIT(TOKEN_MAX);
	struct err e = {.code = ERR_NONE};
	struct origin o;

	if (c->q.url != NULL && !origin_parse(span_of(c->q.url), &o, &e))
		return wrong(e.msg, "");
	if (c->remote && c->config != NULL)
		return wrong("--config or --remote?", "");
	if (get_token(c, &found, &text, &c->q.token, &e))
		return explain(c);
	(void)fprintf(stderr, "pan-agent auth explain: %s\n", e.msg);
	return e.code == ERR_SYNTAX || e.code == ERR_SYSTEM ? EXIT_CALL : EXIT_NO;
}

int
cli_auth(int argc, char **argv)
{
	struct call c = {.remote = false};
	const struct cli_option table[] = {
		{"--token-file", &c.token_file, NULL},
		{"--config", &c.config, NULL},
		{"--network", &c.q.network, NULL},
		{"--ca-file", &c.q.ca_file, NULL},
		{"--remote", NULL, &c.remote},
		{"--json", NULL, &c.q.json},
	};
	const struct cli_call call = {"auth explain", argc, argv, 2};
	bool help = argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);

	if (!help && (argc < 2 || strcmp(argv[1], "explain") != 0))
		return wrong("explain? ", argc > 1 ? argv[1] : "");
	if (!help && !cli_options_read(
			     &call, table, sizeof(table) / sizeof(table[0]), &c.q.url, &c.help))
		return EXIT_CALL;
	if (!help && !c.help)
		return run(&c);
	(void)fputs(usage_text, stdout);
	return EXIT_DONE;
}
