/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_facts.h"

#include <stdio.h>

#include "agent/cli/cli_access.h"
#include "agent/cli/command.h"

#define MEMORY ((size_t)64 * 1024 * 1024)
#define REPORT ((size_t)4 * 1024 * 1024)

int
cli_facts_complain(const struct cli_facts *f, const char *what, const struct err *e)
{
	(void)fprintf(stderr, "pan-agent %s: %s%s%s\n", f->command, what, e != NULL ? ": " : "",
		e != NULL ? e->msg : "");
	return EXIT_CALL;
}

/* ---- open ---- */

static int
load_policies(struct cli_facts *f, const struct policy_set *given)
{
	f->policies = given;
	if (given != NULL)
		return -1;
	if (!cli_policy_read(f->settings->policies.item, f->settings->policies.n, &f->file))
		return EXIT_CALL;
	f->own = cli_policy_load(&f->file);
	f->policies = f->own;
	return f->own != NULL ? -1 : EXIT_CALL;
}

static int
load_accounts(struct cli_facts *f)
{
	AUTO_BUF report = BUF_INIT(REPORT);

	if (f->settings->accounts == NULL ||
		cli_accounts_load(f->settings, true, &report, &f->accounts))
		return -1;
	(void)fwrite(report.p, 1, report.n, stderr);
	return cli_facts_complain(f, "the accounts cannot be read", NULL);
}

static int
open_all(struct cli_facts *f, const char *config, const struct policy_set *given)
{
	AUTO_BUF report = BUF_INIT(REPORT);
	struct err e = {0};
	int code = -1;

	f->settings = settings_load(command_config(config), &report, NULL);
	if (report.n > 0)
		(void)fwrite(report.p, 1, report.n, stderr);
	if (f->settings == NULL)
		return EXIT_CALL;
	code = load_policies(f, given);
	if (code < 0)
		code = load_accounts(f);
	if (code >= 0)
		return code;
	if (!arena_init(&f->arena, MEMORY))
		return cli_facts_complain(f, "no memory", NULL);
	if (!catalog_open(f->settings->catalogue, &f->catalog, &e))
		return cli_facts_complain(f, "catalogue", &e);
	if (!ledger_open(f->settings->ledger, LEDGER_READ, &f->ledger, &e))
		return cli_facts_complain(f, f->settings->ledger, &e);
	catalog_use_ledger(f->catalog, f->ledger);
	return -1;
}

int
cli_facts_open(struct cli_facts *f, const char *command, const char *config,
	const struct policy_set *policies)
{
	*f = (struct cli_facts){.command = command};
	int code = open_all(f, config, policies);
	if (code >= 0)
		cli_facts_close(f);
	return code;
}

void
cli_facts_close(struct cli_facts *f)
{
	if (f->catalog != NULL)
		catalog_close(f->catalog);
	ledger_close(f->ledger);
	cli_accounts_fini(&f->accounts);
	policy_set_free(f->own);
	cli_policy_files_fini(&f->file);
	arena_fini(&f->arena);
	settings_free(f->settings);
	*f = (struct cli_facts){.command = f->command};
}

/* ---- who asks ---- */

/* "pi,registered"; nothing is a checked token without any role. */
static bool
take_roles(const struct cli_facts *f, struct span list, uint32_t *ret)
{
	while (list.p != NULL && list.n > 0) {
		struct span name = span_cut(&list, ',');
		int role = facts_name(name, role_names, ROLE_COUNT);
		if (role < 0 || role == ROLE_ANONYMOUS || role == ROLE_AUTHENTICATED) {
			(void)fprintf(stderr, "pan-agent %s: --as: '%.*s' is no role of a person\n",
				f->command, SPAN_ARG(name));
			return false;
		}
		*ret |= 1U << role;
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

bool
cli_facts_who(const struct cli_facts *f, const char *as, struct cli_facts_who *ret)
{
	struct span who = span_of(as);
	struct span roles = SPAN("roles:");
	struct span sub = SPAN("sub:");
	struct span local = SPAN("local:");
	struct span bearer = SPAN("link:");

	*ret = (struct cli_facts_who){.named = false};
	if (span_is(who, "anonymous"))
		return true;
	ret->subject.authenticated = true;
	if (span_starts(who, roles))
		return take_roles(f, span_skip(who, roles.n), &ret->roles);
	if (span_starts(who, bearer) && who.n > bearer.n) {
		ret->link = span_skip(who, bearer.n);
		return true;
	}
	if (span_starts(who, local) && who.n > local.n) {
		ret->subject.local_user = span_skip(who, local.n);
		ret->named = true;
	} else {
		ret->named =
			span_starts(who, sub) && take_named(span_skip(who, sub.n), &ret->subject);
	}
	if (!ret->named)
		(void)fprintf(stderr,
			"pan-agent %s: --as '%s': write anonymous, roles:pi,registered, "
			"sub:NAME@ISSUER, local:ACCOUNT or link:ID\n",
			f->command, as);
	return ret->named;
}

/* The account that the file links to this sub, as the agent would. */
static void
link_account(const struct cli_accounts *a, struct subject *s)
{
	const struct issuer *i = issuers_find(&a->issuers, s->iss);

	if (i != NULL)
		accounts_find(a->accounts, i, NULL, s);
}

/* ---- facts ---- */

bool
cli_facts_dataset(struct cli_facts *f, struct span pid, struct catalog_dataset *ret, struct err *e)
{
	return catalog_by_pid(f->catalog, pid, &f->arena, ret, e);
}

enum explain_binding
cli_facts_binding(const struct catalog_dataset *ds)
{
	return ds->policy.p != NULL ? EXPLAIN_PROPOSALS : EXPLAIN_STORED;
}

bool
cli_facts_fill(struct cli_facts *f, const struct catalog_dataset *ds, struct cli_facts_who *who,
	struct facts *ret, struct err *e)
{
	uint32_t roles = who->roles;

	if (who->named) {
		link_account(&f->accounts, &who->subject);
		if (!catalog_roles(f->catalog, ds->document, &who->subject, &roles, e))
			return false;
		if (who->subject.local_user.n > 0)
			roles |= 1U << ROLE_REGISTERED;
	}
	ret->subject = who->subject.authenticated ? &who->subject : NULL;
	ret->roles = roles;
	ret->object = ds->facts;
	struct cli_access_asker asker = {.ledger = f->ledger, .link = who->link};
	if (!cli_access_facts(&asker, &f->arena, ret, e))
		return false;
	who->granted = asker.granted;
	return true;
}
