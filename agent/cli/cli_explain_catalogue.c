/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_explain_catalogue.h"

#include <stdio.h>
#include <time.h>

#include "agent/cli/cli_access.h"
#include "agent/cli/cli_facts.h"
#include "agent/cli/command.h"
#include "policy/explain.h"

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

/* ---- the answer ---- */

static int
show(const struct cli_facts *w, const struct cli_explain_question *q, const struct facts *f)
{
	AUTO_BUF out = BUF_INIT(TEXT_MAX);
	struct decision d;
	struct err e = {0};

	policy_decide(w->policies, f, &d);
	if (q->json) {
		decision_write_json(&d, SPAN_NONE, &out);
		buf_addc(&out, '\n');
	} else {
		explain_write(w->policies, f, span_of(q->as), &out);
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
	return show(w, q, &f);
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
