/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_explain_catalogue.h"

#include <stdio.h>
#include <time.h>

#include "agent/cli/cli_access.h"
#include "agent/cli/cli_facts.h"
#include "agent/cli/command.h"
#include "policy/explain.h"
#include "policy/granted.h"

enum { TEXT_MAX = 4 * 1024 * 1024 };

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
	int protocol = PROTOCOL_HTTPS;

	if (!take_word("--action", q->action, action_names, ACTION_COUNT, &action) ||
		!take_word("--network", q->network, network_names, NETWORK_COUNT, &network) ||
		!take_word("--purpose", q->purpose, purpose_names, PURPOSE_COUNT, &purpose) ||
		!take_word("--protocol", q->protocol, protocol_names, PROTOCOL_COUNT, &protocol))
		return false;
	f->action = (enum action)action;
	f->network = (enum network)network;
	f->purpose = (enum purpose)purpose;
	f->protocol = (enum protocol)protocol;
	f->now = (struct when){.given = true, .instant = time(NULL)};
	if (q->at == NULL || facts_parse_when(span_of(q->at), &f->now))
		return true;
	(void)fprintf(stderr,
		"pan-agent policy explain: --at '%s': write 2027-05-31 or 2027-05-31T08:00:00Z\n",
		q->at);
	return false;
}

/* ---- what if? ---- */

/* Texts after those that are there. */
static bool
add_texts(struct cli_facts *w, const struct span **list, size_t *n, const char *const *more,
	size_t n_more)
{
	struct span *all = arena_array(&w->arena, *n + n_more + 1, sizeof(*all));

	if (all == NULL)
		return false;
	for (size_t i = 0; i < *n; i++)
		all[i] = (*list)[i];
	for (size_t i = 0; i < n_more; i++)
		all[*n + i] = span_of(more[i]);
	*list = all;
	*n += n_more;
	return true;
}

static bool
suppose_subject(struct cli_facts *w, const struct cli_explain_question *q, struct facts *f,
	struct subject *s)
{
	int assurance = s->assurance;

	if (q->assurance == NULL && q->n_entitlements == 0 && q->n_accepted == 0)
		return true;
	if (f->subject == NULL) {
		(void)cli_facts_complain(w,
			"--assurance, --entitlement and --accepted are of somebody with a token: "
			"write --as roles: for one without any role",
			NULL);
		return false;
	}
	if (!take_word(
		    "--assurance", q->assurance, assurance_names, ASSURANCE_HIGH + 1, &assurance))
		return false;
	s->assurance = (enum assurance)assurance;
	return add_texts(w, &s->entitlements, &s->n_entitlements, q->entitlements,
		       q->n_entitlements) &&
	       add_texts(w, &f->accepted, &f->n_accepted, q->accepted, q->n_accepted);
}

static bool
suppose_object(const struct cli_explain_question *q, struct object_facts *o)
{
	int kind = o->kind;
	int flag = 0;

	if (!take_word("--kind", q->kind, kind_names, KIND_COUNT, &kind))
		return false;
	o->kind = (enum kind)kind;
	for (size_t i = 0; i < q->n_flags; i++) {
		if (!take_word("--flag", q->flags[i], flag_names, FLAG_COUNT, &flag))
			return false;
		o->flags |= 1U << flag;
	}
	return true;
}

/* ---- the answer ---- */

static int
show(const struct cli_facts *w, const struct cli_explain_question *q, const struct facts *f,
	enum explain_binding how)
{
	const struct explain_options o = {.who = span_of(q->as), .how = how, .all = q->all};
	AUTO_BUF out = BUF_INIT(TEXT_MAX);
	struct decision d;
	struct err e = {0};

	policy_decide(w->policies, f, &d);
	if (q->json) {
		decision_write_json(&d, SPAN_NONE, &out);
		buf_addc(&out, '\n');
	} else {
		explain_write(w->policies, f, &o, &out);
		if (!cli_access_links(w->ledger, f->object.pid, f->now, &out, &e))
			return cli_facts_complain(w, "the ledger", &e);
	}
	if (!buf_ok(&out))
		return cli_facts_complain(w, "the explanation is too long", NULL);
	(void)fwrite(out.p, 1, out.n, stdout);
	return q->exit_code && !d.permit ? EXIT_NO : EXIT_DONE;
}

static int
ask(struct cli_facts *w, const struct cli_explain_question *q)
{
	struct cli_facts_who who;
	struct catalog_dataset ds;
	struct facts f = {0};
	struct err e = {0};

	if (!take_context(q, &f) || !cli_facts_who(w, q->as, &who))
		return EXIT_CALL;
	if (!cli_facts_dataset(w, span_of(q->on), &ds, &e) || !cli_facts_fill(w, &ds, &who, &f, &e))
		return cli_facts_complain(w, q->on, &e);
	if (!suppose_object(q, &f.object) || !suppose_subject(w, q, &f, &who.subject))
		return EXIT_CALL;
	(void)granted_roles(w->policies, &f, who.granted);
	return show(w, q, &f, cli_facts_binding(&ds));
}

int
cli_explain_catalogue(const struct cli_explain_question *q, const struct policy_set *s)
{
	struct cli_facts w;
	int code = cli_facts_open(&w, "policy explain", q->config, s);

	if (code >= 0)
		return code;
	code = ask(&w, q);
	cli_facts_close(&w);
	return code;
}
