/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_explain_catalogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/base/settings.h"
#include "agent/catalog/catalog.h"
#include "agent/cli/cli_accounts.h"
#include "agent/cli/cli_policy.h"
#include "agent/cli/command.h"
#include "policy/explain.h"

enum {
	DATASET_MEMORY = 64 * 1024 * 1024,
	TEXT_MAX = 4 * 1024 * 1024,
};

/* What answers one question. */
struct asking {
	const struct cli_explain_question *q;
	const struct policy_set *policies;
	struct cli_accounts accounts;
};

static int
complain(const char *what, const struct err *e)
{
	(void)fprintf(stderr, "pan-agent policy explain: %s%s%s\n", what, e != NULL ? ": " : "",
		e != NULL ? e->msg : "");
	return EXIT_CALL;
}

/* ---- the question ---- */

static bool
take_word(const char *option, const char *value, const char *const *names, int n, int *ret)
{
	int i = value != NULL ? facts_name(span_of(value), names, n) : *ret;

	if (i >= 0) {
		*ret = i;
		return true;
	}
	(void)fprintf(stderr, "pan-agent policy explain: %s '%s': one of", option, value);
	for (int k = 0; k < n; k++)
		(void)fprintf(stderr, " %s", names[k]);
	(void)fputc('\n', stderr);
	return false;
}

static bool
take_context(const struct cli_explain_question *q, struct facts *f)
{
	int action = 0;
	int network = NETWORK_INTERNET;
	int purpose = PURPOSE_UNSPECIFIED;

	if (!take_word("--action", q->action, action_names, ACTION_COUNT, &action) ||
		!take_word("--network", q->network, network_names, NETWORK_COUNT, &network) ||
		!take_word("--purpose", q->purpose, purpose_names, PURPOSE_COUNT, &purpose))
		return false;
	f->action = (enum action)action;
	f->network = (enum network)network;
	f->purpose = (enum purpose)purpose;
	f->now = (struct when){.given = true, .instant = time(NULL)};
	if (q->at == NULL || facts_parse_when(span_of(q->at), &f->now))
		return true;
	(void)fprintf(stderr,
		"pan-agent policy explain: --at '%s': write 2027-05-31 or 2027-05-31T08:00:00Z\n",
		q->at);
	return false;
}

/* "roles:pi,registered"; "roles:" is a checked token without any role. */
static bool
take_roles(struct span list, struct facts *f)
{
	while (list.p != NULL && list.n > 0) {
		struct span name = span_cut(&list, ',');
		int role = facts_name(name, role_names, ROLE_COUNT);
		if (role < 0 || role == ROLE_ANONYMOUS || role == ROLE_AUTHENTICATED) {
			(void)fprintf(stderr,
				"pan-agent policy explain: --as: '%.*s' is no role of a person\n",
				SPAN_ARG(name));
			return false;
		}
		f->roles |= 1U << role;
	}
	return true;
}

/* Name and issuer part at the last '@': a name may hold one itself. */
static bool
take_named(struct span who, struct subject *s)
{
	size_t at = who.n;

	while (at > 0 && who.p[at - 1] != '@')
		at--;
	if (at < 2 || at == who.n)
		return false;
	s->sub = span_first(who, at - 1);
	s->iss = span_skip(who, at);
	return true;
}

/* *named: the roles must be looked up in the catalogue. */
static bool
take_who(const char *as, struct subject *s, struct facts *f, bool *named)
{
	struct span who = span_of(as);
	struct span roles = SPAN("roles:");
	struct span sub = SPAN("sub:");
	struct span local = SPAN("local:");

	*named = false;
	if (span_is(who, "anonymous"))
		return true;
	s->authenticated = true;
	f->subject = s;
	if (span_starts(who, roles))
		return take_roles(span_skip(who, roles.n), f);
	if (span_starts(who, local) && who.n > local.n) {
		s->local_user = span_skip(who, local.n);
		*named = true;
	} else {
		*named = span_starts(who, sub) && take_named(span_skip(who, sub.n), s);
	}
	if (!*named)
		(void)fprintf(stderr,
			"pan-agent policy explain: --as '%s': write anonymous, "
			"roles:pi,registered, sub:NAME@ISSUER or local:ACCOUNT\n",
			as);
	return *named;
}

/* Roles of a person: by the catalogue, and of whoever has an account here. */
static bool
look_up_roles(struct catalog *c, const struct catalog_dataset *ds, struct facts *f, struct err *e)
{
	if (!catalog_roles(c, ds->document, f->subject, &f->roles, e))
		return false;
	if (f->subject->local_user.n > 0)
		f->roles |= 1U << ROLE_REGISTERED;
	return true;
}

/* The account that the file links to this sub, as the agent would. */
static void
link_account(const struct cli_accounts *a, struct subject *s)
{
	const struct issuer *i = issuers_find(&a->issuers, s->iss);

	if (i != NULL)
		accounts_find(a->accounts, i, NULL, s);
}

/* ---- the answer ---- */

static int
show(const struct cli_explain_question *q, const struct policy_set *s, const struct facts *f)
{
	AUTO_BUF out = BUF_INIT(TEXT_MAX);
	struct decision d;

	policy_decide(s, f, &d);
	if (q->json) {
		decision_write_json(&d, SPAN_NONE, &out);
		buf_addc(&out, '\n');
	} else {
		explain_write(s, f, span_of(q->as), &out);
	}
	if (!buf_ok(&out))
		return complain("the explanation is too long", NULL);
	(void)fwrite(out.p, 1, out.n, stdout);
	return q->exit_code && !d.permit ? EXIT_NO : EXIT_DONE;
}

static int
ask_catalogue(const struct asking *k, struct catalog *c, struct arena *a)
{
	const struct cli_explain_question *q = k->q;
	struct catalog_dataset ds;
	struct subject subject = {0};
	struct facts f = {0};
	struct err e = {0};
	bool named = false;

	if (!take_context(q, &f) || !take_who(q->as, &subject, &f, &named))
		return EXIT_CALL;
	if (!catalog_by_pid(c, span_of(q->on), a, &ds, &e))
		return complain(q->on, &e);
	if (named) {
		link_account(&k->accounts, &subject);
		if (!look_up_roles(c, &ds, &f, &e))
			return complain("roles", &e);
	}
	f.object = ds.facts;
	return show(q, k->policies, &f);
}

static int
with_catalogue(const struct asking *k, const struct settings *st)
{
	struct catalog *c = NULL;
	struct err e = {0};
	AUTO_ARENA a = {0};

	if (!arena_init(&a, DATASET_MEMORY))
		return complain("no memory", NULL);
	if (!catalog_open(st->catalogue, &c, &e))
		return complain("catalogue", &e);
	int code = ask_catalogue(k, c, &a);
	catalog_close(c);
	return code;
}

static int
with_policies(
	const struct cli_explain_question *q, const struct settings *st, const struct policy_set *s)
{
	struct asking k = {.q = q, .policies = s};
	AUTO_BUF report = BUF_INIT(TEXT_MAX);

	if (st->accounts != NULL && !cli_accounts_load(st, true, &report, &k.accounts)) {
		(void)fwrite(report.p, 1, report.n, stderr);
		cli_accounts_fini(&k.accounts);
		return complain("the accounts cannot be read", NULL);
	}
	int code = with_catalogue(&k, st);
	cli_accounts_fini(&k.accounts);
	return code;
}

static int
with_settings(const struct cli_explain_question *q, const struct settings *st)
{
	struct cli_policy_files files = {0};

	if (!cli_policy_read(st->policies.item, st->policies.n, &files))
		return EXIT_CALL;
	struct policy_set *s = cli_policy_load(&files);
	int code = s != NULL ? with_policies(q, st, s) : EXIT_CALL;
	policy_set_free(s);
	cli_policy_files_fini(&files);
	return code;
}

int
cli_explain_catalogue(const struct cli_explain_question *q, const struct policy_set *s)
{
	AUTO_BUF report = BUF_INIT(TEXT_MAX);
	struct settings *st = settings_load(command_config(q->config), &report, NULL);

	if (report.n > 0)
		(void)fwrite(report.p, 1, report.n, stderr);
	if (st == NULL)
		return EXIT_CALL;
	int code = s != NULL ? with_policies(q, st, s) : with_settings(q, st);
	settings_free(st);
	return code;
}
