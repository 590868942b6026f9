/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_access.h"

#include <stdio.h>
#include <string.h>

#include "agent/cli/cli_options.h"
#include "agent/cli/command.h"

/* Options beside those of all: each with a blank behind. */
static const struct access_row {
	const char *name;
	bool id;     /* URL ID */
	bool remote; /* needs a server */
	const char *options;
	const char *help, *example;
} rows[] = {
	{"ask", false, true, "--text --action ",
		"ask URL --text WHY [--action data.read]\n\n"
		"Ask those who could open a dataset that is closed to you. They see what you "
		"write,\n"
		"and who you are at your issuer. `access list URL` shows what became of it.\n",
		"ask https://data.example/datasets/10.5072/abc --text \"for my thesis\""},
	{"list", false, false, "",
		"list [URL|PID]\n\n"
		"Requests for access: of a dataset or, with the URL of the server alone, all that\n"
		"wait for you and all that are yours. Without a URL, on the machine of an agent "
		"and\n"
		"for its administrator: all that wait.\n",
		"list https://data.example"},
	{"answer", true, true, "--grant --decline --withdraw --note --days --until ",
		"answer URL ID --grant|--decline|--withdraw [options]\n\n"
		"Answer a request: decline it with a --note, or let that one person read the "
		"dataset\n"
		"for so many --days or --until a date; take back your own. To open it for "
		"everybody\n"
		"is an event: POST URL/events.\n",
		"answer https://data.example/datasets/10.5072/abc q-3f9c01d2e4 --grant --days 30"},
	{"link", false, true, "--days --until --note --to ",
		"link URL [--days N|--until DATE] [--note TEXT] [--to WHOM]\n\n"
		"Make an address that lets whoever holds it read a dataset under embargo, such as "
		"a\n"
		"reviewer. It is printed this once; nobody can show it again.\n",
		"link https://data.example/datasets/10.5072/abc --days 30 --note \"referee 2\""},
	{"links", false, false, "",
		"links URL|PID\n\n"
		"The links and personal grants of a dataset, live and ended, without their "
		"secrets.\n",
		"links https://data.example/datasets/10.5072/abc"},
	{"revoke", true, false, "",
		"revoke URL ID, or on the agent's machine: revoke ID\n\n"
		"End a link or a personal grant, at once, also for what is being read through "
		"it.\n",
		"revoke https://data.example/datasets/10.5072/abc r-3f9c01d2e4"},
	{"accept", false, true, "--withdraw ",
		"accept URL [--withdraw]\n\n"
		"Accept terms of use, in your own name; --withdraw takes that back. The URL is "
		"the\n"
		"one that the refusal names, .../terms/ID@VERSION. Read them first.\n",
		"accept https://data.example/terms/human-data@3"},
};

static int
usage(FILE *out, int code)
{
	(void)fputs("usage: pan-agent access SUBCOMMAND URL [options]\n\n"
		    "  ask      ask for access to a dataset that is closed to you\n"
		    "  list     requests: yours, and those that wait for you\n"
		    "  answer   grant or decline one\n"
		    "  link     make an address for a reviewer\n"
		    "  links    which of them there are\n"
		    "  revoke   end one\n"
		    "  accept   accept terms of use\n"
		    "\n"
		    "`pan-agent access SUBCOMMAND --help` tells more.\n"
		    "\n"
		    "example: pan-agent access list https://data.example\n",
		out);
	return code;
}

static int
help(const struct access_row *r)
{
	(void)printf("usage: pan-agent access %s\n", r->help);
	(void)fputs("  --token-file FILE  the token (default: as `pan-agent token URL` "
		    "finds it)\n"
		    "  --ca-file FILE     PEM of the only authorities\n",
		stdout);
	if (!r->remote)
		(void)fputs("  --config FILE      agent.yaml, on the agent's machine\n", stdout);
	(void)printf("  --json             the answer as JSON\n"
		     "\n"
		     "Exit status: 0 done; 1 refused, or no answer; 2 wrong call.\n"
		     "\n"
		     "example: pan-agent access %s\n",
		r->example);
	return EXIT_DONE;
}

bool
cli_access_is_url(const char *word)
{
	return word != NULL && strstr(word, "://") != NULL;
}

static bool
takes(const struct access_row *r, const char *option)
{
	char word[32];

	(void)snprintf(word, sizeof(word), "%s ", option);
	return strstr(r->options, word) != NULL;
}

static bool
read_call(const struct access_row *r, int argc, char **argv, struct cli_access_call *c)
{
	const struct cli_option all[] = {
		{"--text", &c->text, NULL},
		{"--action", &c->action, NULL},
		{"--note", &c->note, NULL},
		{"--to", &c->to, NULL},
		{"--days", &c->days, NULL},
		{"--until", &c->until, NULL},
		{"--grant", NULL, &c->grant},
		{"--decline", NULL, &c->decline},
		{"--withdraw", NULL, &c->withdraw},
		{"--token-file", &c->token_file, NULL},
		{"--ca-file", &c->ca_file, NULL},
		{"--config", &c->config, NULL},
		{"--json", NULL, &c->json},
	};
	enum { N = sizeof(all) / sizeof(all[0]), OWN = 9 };
	struct cli_option table[N];
	char command[32];
	size_t n = 0;
	/* "URL ID": the word that is no URL goes last. */
	bool two = r->id && argc > 2 && cli_access_is_url(argv[1]) && argv[2][0] != '-';

	for (size_t i = 0; i < N; i++)
		if (i >= OWN || takes(r, all[i].name))
			table[n++] = all[i];
	(void)snprintf(command, sizeof(command), "access %s", r->name);
	const struct cli_call call = {command, argc, argv, two ? 3 : 1};
	if (two)
		c->url = argv[1];
	if (two)
		c->id = argv[2];
	const char *word = two ? c->id : NULL;
	if (!cli_options_read(&call, table, n, two ? NULL : &word, &c->help))
		return false;
	if (!two && r->id && !cli_access_is_url(word))
		c->id = word;
	else if (!two)
		c->url = word;
	return true;
}

/* What is missing in the call, or NULL. */
static const char *
missing(const struct access_row *r, const struct cli_access_call *c)
{
	if (r->id && c->id == NULL)
		return "which one? Give its ID behind the URL";
	if (r->remote && !cli_access_is_url(c->url))
		return "at which server? Give a URL";
	if (strcmp(r->name, "ask") == 0 && c->text == NULL)
		return "--text is missing: say what you need the data for";
	if (strcmp(r->name, "answer") == 0 && c->grant + c->decline + c->withdraw != 1)
		return "one of --grant, --decline and --withdraw";
	if (strcmp(r->name, "links") == 0 && c->url == NULL)
		return "of which dataset? Give its URL, or its PID on the agent's machine";
	return NULL;
}

int
cli_access(int argc, char **argv)
{
	const struct access_row *r = NULL;
	struct cli_access_call c = {.name = NULL};

	if (argc < 2)
		return usage(stderr, EXIT_CALL);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return usage(stdout, EXIT_DONE);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(argv[1], rows[i].name) == 0)
			r = &rows[i];
	if (r == NULL) {
		(void)fprintf(stderr,
			"pan-agent access: no subcommand '%s'; see pan-agent access --help\n",
			argv[1]);
		return EXIT_CALL;
	}
	c.name = r->name;
	if (!read_call(r, argc - 1, argv + 1, &c))
		return EXIT_CALL;
	if (c.help)
		return help(r);
	if (missing(r, &c) != NULL) {
		(void)fprintf(
			stderr, "pan-agent access %s: %s; see --help\n", r->name, missing(r, &c));
		return EXIT_CALL;
	}
	return cli_access_is_url(c.url) ? cli_access_remote(&c) : cli_access_local(&c);
}
