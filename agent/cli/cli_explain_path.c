/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_explain_path.h"

#include "agent/base/jsonw.h"
#include "agent/catalog/catalog.h"
#include "agent/catalog/ledger.h"
#include "agent/cli/cli_access.h"
#include "agent/cli/cli_facts.h"
#include "agent/cli/cli_policy.h"
#include "policy/explain.h"
#include "policy/granted.h"

#define DATA     "/data/"
#define HEX_BITS 4U

/* ---- the path ---- */

static bool
refused(struct err *e, const char *what)
{
	return err_set(e, ERR_SYNTAX, "RFC 3986 3.3", "the agent refuses this path: %s", what);
}

/* One byte, decoded; false: half an escape, or one for a slash or NUL. */
static bool
decode_one(struct span *s, char *to)
{
	uint64_t v = 0;

	*to = s->p[0];
	*s = span_skip(*s, 1);
	if (*to != '%')
		return true;
	if (s->n < 2 || !span_hex_u64(span_first(*s, 2), 255, &v) || v == 0 || v == '/')
		return false;
	*to = (char)v;
	*s = span_skip(*s, 2);
	return true;
}

/* No dot segment, and none that is empty but the last. */
static bool
good_segments(struct span path)
{
	struct span rest = span_skip(path, 1);

	while (rest.p != NULL) {
		struct span part = span_cut(&rest, '/');
		if (span_is(part, ".") || span_is(part, "..") || (part.n == 0 && rest.p != NULL))
			return false;
	}
	return true;
}

bool
cli_explain_path_decode(struct span rest, struct arena *mem, struct span *ret, struct err *e)
{
	struct span path = span_cut(&rest, '?');
	char *to = arena_alloc(mem, path.n + 2);
	size_t n = 0;

	if (to == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	while (path.n > 0)
		if (!decode_one(&path, &to[n++]))
			return refused(e, "a broken escape, or an encoded slash");
	if (n == 0)
		to[n++] = '/';
	struct span got = {to, n};
	if (to[0] != '/' || !span_utf8(got) || span_control(got) || !good_segments(got))
		return refused(e, "dot segments, empty ones, control characters, or no UTF-8");
	*ret = got;
	return true;
}

/* ---- the decision ---- */

static bool
take_network(const char *name, enum network *ret, struct err *e)
{
	int i = name != NULL ? facts_name(span_of(name), network_names, NETWORK_COUNT)
			     : (int)NETWORK_INTERNET;

	if (i < 0)
		return err_set(e, ERR_SYNTAX, NULL, "--network: internet, facility or eosc");
	*ret = (enum network)i;
	return true;
}

static bool
fill_facts(const struct cli_explain_path *q, struct catalog *c, const struct catalog_dataset *ds,
	struct facts *f, struct err *e)
{
	uint32_t roles = 0;

	if (ds->document != 0 && !catalog_roles(c, ds->document, q->subject, &roles, e))
		return false;
	if (q->subject->local_user.p != NULL)
		roles |= 1U << ROLE_REGISTERED;
	*f = (struct facts){.subject = q->subject,
		.roles = roles,
		.object = ds->facts,
		.purpose = PURPOSE_UNSPECIFIED,
		.protocol = PROTOCOL_HTTPS,
		.now = {.given = true, .instant = q->now}};
	return take_network(q->network, &f->network, e);
}

static void
no_dataset(const struct cli_explain_path *q, struct buf *out)
{
	if (q->json)
		buf_adds(out, "null");
	else
		buf_addf(out, "no dataset of the catalogue is at %.*s: 404\n", SPAN_ARG(q->path));
}

/* What the answer is made from, and where it goes. */
struct desk {
	const struct cli_explain_path *q;
	const struct policy_set *policies;
	struct catalog *catalog;
	struct ledger *ledger;
	struct arena *mem;
	struct buf *out;
	bool permit;
};

static bool
decide(struct desk *d, const struct catalog_dataset *ds, struct span rest, struct err *e)
{
	struct decision n;
	struct facts f;

	struct cli_access_asker asker = {.ledger = d->ledger};

	if (!fill_facts(d->q, d->catalog, ds, &f, e) || !cli_access_facts(&asker, d->mem, &f, e))
		return false;
	f.action = rest.n == 0 || span_ends(rest, SPAN("/")) ? ACTION_DATA_LIST : ACTION_DATA_READ;
	(void)granted_roles(d->policies, &f, asker.granted);
	policy_decide(d->policies, &f, &n);
	d->permit = n.permit;
	if (d->q->json)
		decision_write_json(&n, SPAN_NONE, d->out);
	else
		explain_write(d->policies, &f,
			&(struct explain_options){
				.who = d->q->subject->sub, .how = cli_facts_binding(ds)},
			d->out);
	return true;
}

static bool
ask(struct desk *d, struct err *e)
{
	struct span path = span_skip(d->q->path, sizeof(DATA) - 1);
	struct catalog_dataset ds;
	struct span rest = SPAN_NONE;

	if (catalog_match(d->catalog, path, d->mem, &ds, &rest, e))
		return decide(d, &ds, rest, e);
	if (e->code != ERR_ABSENT)
		return false;
	no_dataset(d->q, d->out);
	return true;
}

bool
cli_explain_path(const struct settings *s, const struct cli_explain_path *q, struct arena *mem,
	struct buf *out, bool *permit, struct err *e)
{
	struct desk d = {.q = q, .mem = mem, .out = out};
	struct cli_policy_files files = {0};
	struct policy_set *set = NULL;
	struct ledger *ledger = NULL;
	struct err why = {.code = ERR_NONE};

	bool ok = cli_policy_read(s->policies.item, s->policies.n, &files) ||
		  err_set(&why, ERR_SYSTEM, NULL, "the policy files cannot be read");
	if (ok)
		set = cli_policy_load(&files);
	ok = ok && (set != NULL || err_set(&why, ERR_SYNTAX, NULL, "the policy files have faults"));
	d.policies = set;
	ok = ok && ledger_open(s->ledger, LEDGER_READ, &ledger, &why) &&
	     catalog_open(s->catalogue, &d.catalog, &why);
	if (ok)
		catalog_use_ledger(d.catalog, ledger);
	d.ledger = ledger;
	ok = ok && ask(&d, &why);
	if (d.catalog != NULL)
		catalog_close(d.catalog);
	ledger_close(ledger);
	policy_set_free(set);
	cli_policy_files_fini(&files);
	*permit = ok && d.permit;
	if (!ok && e != NULL)
		*e = why;
	return ok;
}
