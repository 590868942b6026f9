/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/jsonw.h"
#include "auth/auth_explain.h"

#define INDENT "                  "

static void
write_line(struct buf *out, const char *before, struct span text)
{
	if (text.n > 0)
		buf_addf(out, INDENT "%s%.*s\n", before, SPAN_ARG(text));
}

static void
write_step(struct buf *out, const struct auth_explain_step *s)
{
	static const char *const words[] = {"ok", "FAILED", "-", "note"};

	buf_addf(out, "%-7s%-11s%.*s\n", words[s->result], s->check,
		SPAN_ARG(s->value.n > 0 ? s->value : SPAN("")));
	while (out->n > 1 && out->p[out->n - 2] == ' ') { /* no blanks at the end of a line */
		out->p[out->n - 2] = '\n';
		out->n--;
	}
	if (s->result == AUTH_EXPLAIN_OK && s->expected.n == 0)
		return;
	write_line(out, "", s->why);
	write_line(out, "expected: ", s->expected);
	write_line(out, "by ", s->clause);
}

static void
write_verdict(const struct auth_explain *x, struct buf *out)
{
	switch (x->status) {
	case 200:
		buf_adds(out, "accepted: this is a good token here; what it may read, policy "
			      "decides\n");
		break;
	case 0:
		buf_adds(out, "not known: ask the running agent\n");
		break;
	case 503:
		buf_addf(out, "503: it cannot be told now, because of: %s\n",
			x->step[x->decisive].check);
		break;
	default:
		buf_addf(out, "refused with %d, because of: %s\n", x->status,
			x->step[x->decisive].check);
		break;
	}
}

void
auth_explain_text(const struct auth_explain *x, struct buf *out)
{
	for (size_t k = 0; k < x->n; k++)
		write_step(out, &x->step[k]);
	write_verdict(x, out);
}

/* An absent span leaves the member out. */
static void
member(struct jsonw *w, const char *name, struct span s)
{
	if (s.p != NULL)
		jsonw_str(w, name, s);
}

static void
write_subject(struct jsonw *w, const struct subject *s)
{
	static const char *const levels[] = {"none", "low", "medium", "high"};

	if (!s->authenticated) {
		jsonw_null(w, "subject");
		return;
	}
	jsonw_obj(w, "subject");
	jsonw_str(w, "iss", s->iss);
	jsonw_str(w, "sub", s->sub);
	member(w, "client", s->client);
	jsonw_iso(w, "expires", s->expires);
	jsonw_cstr(w, "assurance", levels[s->assurance]);
	member(w, "acr", s->acr);
	jsonw_strs(w, "entitlements", s->entitlements, s->n_entitlements);
	jsonw_strs(w, "scopes", s->scopes, s->n_scopes);
	if (s->scoped) {
		jsonw_strs(w, "read_paths", s->read_paths, s->n_read_paths);
		jsonw_strs(w, "write_paths", s->write_paths, s->n_write_paths);
	}
	member(w, "user", s->local_user.n > 0 ? s->local_user : SPAN_NONE);
	jsonw_strs(w, "proposals", s->proposals, s->n_proposals);
	jsonw_end(w, '}');
}

void
auth_explain_json(const struct auth_explain *x, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	jsonw_i64(&w, "status", x->status);
	if (x->decisive < x->n)
		jsonw_cstr(&w, "decisive", x->step[x->decisive].check);
	else
		jsonw_null(&w, "decisive");
	jsonw_list(&w, "steps");
	for (size_t k = 0; k < x->n; k++) {
		const struct auth_explain_step *s = &x->step[k];
		jsonw_obj(&w, NULL);
		jsonw_cstr(&w, "check", s->check);
		jsonw_cstr(&w, "result", auth_explain_result_names[s->result]);
		member(&w, "value", s->value);
		member(&w, "expected", s->expected);
		member(&w, "clause", s->clause);
		member(&w, "why", s->why);
		jsonw_end(&w, '}');
	}
	jsonw_end(&w, ']');
	write_subject(&w, &x->subject);
	jsonw_end(&w, '}');
}
