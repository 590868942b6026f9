/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_audit_who.h"

#include "agent/base/buf.h"
#include "agent/base/jsonw.h"
#include "agent/base/scope.h"
#include "agent/base/settings.h"
#include "agent/catalog/people.h"
#include "agent/cli/cli_accounts.h"
#include "agent/cli/cli_admin.h"
#include "agent/cli/cli_audit_call.h"
#include "agent/cli/cli_audit_files.h"
#include "agent/cli/cli_audit_person.h"
#include "agent/cli/cli_audit_text.h"
#include "agent/cli/command.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define COMMAND    "audit who"
#define REPORT_MAX ((size_t)1 << 20)
#define PERSON_MAX 4096U /* of issuer and sub together, as in the log */

struct call {
	struct cli_audit_call call;
	const char *sub, *keys; /* options */
	const struct settings *settings;
	char month[AUDIT_MONTH_LEN];
	uint8_t key[AUDIT_KEY_LEN];
	const char *id; /* whom we look for */
	uint64_t tried;
	/* The person, when found. */
	bool found;
	const char *where;
	struct buf name, issuer, user;
};

static int
help(FILE *out, int code)
{
	(void)fputs(
		"usage: pan-agent audit who [--sub NAME@ISSUER] [--keys DIR] [--config FILE] "
		"[--json] ID\n"
		"\n"
		"Tells whom a name in the audit log (2026-06:1f0c...) means, by trying all "
		"persons\n"
		"whom this machine knows: of the teams in the catalogue, of the accounts, and of\n"
		"the ledger.  It needs the key of the month, which the agent deletes when the\n"
		"policies say so; then nobody can tell any more.  Run it as root or as the "
		"agent's\n"
		"user, for a reason that the archivist knows.\n"
		"\n"
		"--sub NAME@ISSUER  is it this person?  asked first\n"
		"--keys DIR         the folder of the keys, when it is not that of the log\n"
		"\n"
		"Exit status: 0 found; 1 nobody fits, or the key is gone; 2 wrong call or "
		"unreadable.\n"
		"\n"
		"example: pan-agent audit who 2026-06:1f0c5be1d9a24c77b0e2f1a4c3d59e68\n",
		out);
	return code;
}

static bool
complain(const char *what, const char *why)
{
	(void)fprintf(stderr, "pan-agent " COMMAND ": %s%s%s\n", what, why != NULL ? ": " : "",
		why != NULL ? why : "");
	return false;
}

/* ---- the month ---- */

static bool
take_id(struct call *c)
{
	struct span rest = span_of(c->id);
	struct span month = span_cut(&rest, ':');
	int64_t end = 0;
	uint8_t hex[16];

	if (!span_cstr(month, c->month, sizeof(c->month)) ||
		!audit_names_month_end(c->month, &end) ||
		!cli_audit_text_hex(rest, hex, sizeof(hex)))
		return complain(
			"this is no name of the log, which is a month, a colon and 32 hex digits",
			c->id);
	return true;
}

/* -1: go on; else the exit status. */
static int
take_key(struct call *c)
{
	char folder[PATH_MAX];
	struct err e = {0};

	if (c->keys != NULL)
		(void)snprintf(folder, sizeof(folder), "%s", c->keys);
	else
		cli_audit_files_folder(c->settings->audit_file, folder, sizeof(folder));
	AUTO_FD dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		(void)complain(folder, "cannot be opened");
		return EXIT_CALL;
	}
	if (audit_keys_month(dir, c->month, false, c->key, &e))
		return -1;
	if (e.code != ERR_ABSENT) {
		(void)complain(e.msg, "run this as root or as the agent's user");
		return EXIT_CALL;
	}
	(void)printf("The key of %s is not in %s: when it has been deleted, nobody can tell any "
		     "more whom "
		     "the names of that month mean.\n",
		c->month, folder);
	return EXIT_NO;
}

/* ---- the persons ---- */

/* True: go on. */
static bool
try_person(struct call *c, struct span iss, struct span sub, struct span user, const char *where)
{
	char id[AUDIT_ID_LEN];

	c->tried++;
	if (!audit_keys_person(c->key, c->month, iss, sub, id, NULL) || strcmp(id, c->id) != 0)
		return true;
	buf_reset(&c->name);
	buf_reset(&c->issuer);
	buf_reset(&c->user);
	buf_add(&c->name, sub);
	buf_add(&c->issuer, iss);
	buf_add(&c->user, user);
	c->found = true;
	c->where = where;
	return false;
}

static bool
of_team(void *ctx, struct span iss, struct span sub)
{
	return try_person(ctx, iss, sub, SPAN_NONE, "a team of the catalogue");
}

static bool
of_ledger(void *ctx, struct span iss, struct span sub)
{
	return try_person(ctx, iss, sub, SPAN_NONE, "the ledger");
}

/* All of them: who was found without an account gets it here. */
static void
try_accounts(struct call *c, const struct accounts *a)
{
	struct span iss;
	struct span id;
	struct span user;

	for (size_t i = 0; a != NULL && i < accounts_count(a); i++)
		if (accounts_row(a, i, &iss, &id, &user) &&
			!try_person(c, iss, id, user, "an account"))
			return;
}

static void
warn(const char *what, const struct err *e)
{
	(void)fprintf(stderr, "pan-agent " COMMAND ": %s not asked: %s\n", what, e->msg);
}

static void
try_all(struct call *c, const struct accounts *a)
{
	struct err e = {0};
	struct span sub;
	struct span iss;

	if (c->sub != NULL && cli_audit_person_split(span_of(c->sub), &sub, &iss))
		(void)try_person(c, iss, sub, SPAN_NONE, "your question");
	try_accounts(c, a);
	if (!c->found && !people_of_catalogue(c->settings->catalogue, of_team, c, &e))
		warn("the catalogue was", &e);
	if (!c->found && !people_of_ledger(c->settings->ledger, of_ledger, c, &e))
		warn("the ledger was", &e);
}

/* ---- the answer ---- */

static void
print_json(const struct call *c)
{
	AUTO_BUF out = BUF_INIT(64UL * 1024);
	struct jsonw w;

	jsonw_init(&w, &out);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "id", c->id);
	jsonw_str(&w, "sub", c->found ? buf_span(&c->name) : SPAN_NONE);
	jsonw_str(&w, "iss", c->found ? buf_span(&c->issuer) : SPAN_NONE);
	jsonw_str(&w, "user", c->user.n > 0 ? buf_span(&c->user) : SPAN_NONE);
	jsonw_cstr(&w, "from", c->where);
	jsonw_u64(&w, "tried", c->tried);
	jsonw_end(&w, '}');
	(void)printf("%.*s\n", SPAN_ARG(buf_span(&out)));
}

static void
print_words(const struct call *c)
{
	if (!c->found) {
		(void)printf("%s is none of the %llu persons whom this machine knows; ask about "
			     "somebody "
			     "with --sub NAME@ISSUER\n",
			c->id, (unsigned long long)c->tried);
		return;
	}
	(void)printf("%s is %.*s of %.*s", c->id, SPAN_ARG(buf_span(&c->name)),
		SPAN_ARG(buf_span(&c->issuer)));
	if (c->user.n > 0)
		(void)printf(", account %.*s", SPAN_ARG(buf_span(&c->user)));
	(void)printf(" (known by %s)\n", c->where);
}

static int
who(struct call *c)
{
	AUTO_BUF report = BUF_INIT(REPORT_MAX);
	struct cli_accounts a = {.origin = NULL};
	int code = take_id(c) ? take_key(c) : EXIT_CALL;

	if (code >= 0)
		return code;
	if (!cli_accounts_load(c->settings, true, &report, &a))
		(void)fwrite(report.p, 1, report.n, stderr);
	try_all(c, a.accounts);
	(c->call.json ? print_json : print_words)(c);
	cli_accounts_fini(&a);
	return c->found ? EXIT_DONE : EXIT_NO;
}

int
cli_audit_who(int argc, char **argv)
{
	struct call c = {.name = BUF_INIT(PERSON_MAX),
		.issuer = BUF_INIT(PERSON_MAX),
		.user = BUF_INIT(PERSON_MAX)};
	const struct cli_option more[] = {{"--sub", &c.sub, NULL}, {"--keys", &c.keys, NULL}};

	c.call = (struct cli_audit_call){.command = COMMAND, .more = more, .n_more = 2};
	if (!cli_audit_call_read(&c.call, argc, argv))
		return EXIT_CALL;
	if (c.call.help)
		return help(stdout, EXIT_DONE);
	if (c.call.n_words != 1)
		return help(stderr, EXIT_CALL);
	struct settings *s = cli_admin_settings(COMMAND, c.call.config);
	if (s == NULL)
		return EXIT_CALL;
	c.settings = s;
	c.id = c.call.words[0];
	int code = who(&c);
	explicit_bzero(c.key, sizeof(c.key));
	buf_fini(&c.name);
	buf_fini(&c.issuer);
	buf_fini(&c.user);
	settings_free(s);
	return code;
}
