/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_archive.h"

#include "agent/base/form.h"
#include "agent/gate_data.h"
#include "agent/gate_grant.h"
#include "agent/gate_oblige.h"
#include "agent/gate_pack.h"
#include "agent/gate_problem.h"
#include "agent/gate_record.h"

static const struct {
	struct span ending, type;
	enum archive_form form;
} forms[] = {
	{SPAN_INIT(".tar"), SPAN_INIT("application/x-tar"), ARCHIVE_TAR},
	{SPAN_INIT(".zip"), SPAN_INIT("application/zip"), ARCHIVE_ZIP},
};

/* "/archive/PID.zip" into its parts. */
static bool
split(struct span path, struct span *ret_pid, size_t *ret_form)
{
	struct span name = span_skip(path, sizeof("/archive/") - 1);

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (!span_ends(name, forms[i].ending) || name.n == forms[i].ending.n)
			continue;
		*ret_pid = span_first(name, name.n - forms[i].ending.n);
		*ret_form = i;
		return true;
	}
	return false;
}

bool
gate_archive_holds(struct span archive, struct span path)
{
	struct span pid = SPAN_NONE;
	size_t form = 0;

	if (!span_starts(archive, SPAN("/archive/")) || !span_starts(path, SPAN("/data/")) ||
		!split(archive, &pid, &form))
		return false;
	struct span rest = span_skip(path, sizeof("/data/") - 1);
	return span_starts(rest, pid) && rest.n > pid.n && rest.p[pid.n] == '/';
}

/* First what shows names and sizes, then what gives the bytes: the answer is that of both. */
static bool
judge(struct gate_desk *d, struct gate_case *c, struct err *e)
{
	if (!gate_data_judge(d, c, ACTION_DATA_LIST, e))
		return false;
	const struct decision list = c->decision;
	if (!list.permit || list.status == 410)
		return true;
	if (!gate_data_judge(d, c, ACTION_DATA_READ, e))
		return false;
	struct decision *n = &c->decision;
	if (list.has_next_change && (!n->has_next_change || list.next_change < n->next_change)) {
		n->has_next_change = true;
		n->next_change = list.next_change;
	}
	return true;
}

void
gate_archive_begin(struct gate_desk *d, struct gate_case *c)
{
	struct err e = {0};
	struct span pid = SPAN_NONE;
	size_t form = 0;
	bool found = split(c->ask->path, &pid, &form);

	c->found = GATE_FAILED;
	if (found && catalog_by_pid(d->catalog, pid, &d->mem, &c->dataset, &e) && judge(d, c, &e)) {
		c->found = GATE_DECIDED;
		gate_record_decision(d, c);
	} else if (!found || e.code == ERR_ABSENT) {
		c->found = GATE_ABSENT;
		gate_record_absent(d, c);
	}
}

/* ---- what is no archive ---- */

static void
refuse(struct gate_desk *d, struct gate_case *c, const struct err *e, struct http_answer *ret)
{
	char text[400];

	buf_reset(&d->body);
	buf_reset(&d->fields);
	if (e->code == ERR_SYNTAX)
		gate_problem(d, c, 400, "choice", err_text(e, text, sizeof(text)), ret);
	else if (e->code == ERR_LIMIT)
		gate_problem(d, c, 413, "too-large", err_text(e, text, sizeof(text)), ret);
	else
		gate_problem_later(d, c, "The catalogue does not answer.", 10, ret);
}

static void
refuse_unmet(struct gate_desk *d, struct gate_case *c, struct span word, struct http_answer *ret)
{
	AUTO_BUF text = BUF_INIT(16384);

	buf_reset(&d->body);
	buf_adds(&text, "Nothing of this dataset is meant by \"");
	buf_add(&text, word);
	buf_adds(&text, "\": name files and folders as the listing shows them, folders with a "
			"slash at the end.");
	buf_addc(&text, '\0');
	gate_problem(d, c, 404, "no-such-member",
		buf_ok(&text) ? text.p : "Nothing of this dataset is meant by the query.", ret);
}

/* Nothing may be read of all that was chosen: then the refusal is the answer. */
static bool
refuse_all(struct gate_desk *d, struct gate_case *c, const struct gate_pack *p,
	struct http_answer *ret)
{
	AUTO_BUF path = BUF_INIT(8192);

	if (p->members > 0 || (!p->narrowed && !p->has_refused))
		return false;
	buf_reset(&d->body);
	if (p->has_refused) {
		c->decision = p->refused;
		gate_problem_denied(d, c, ret);
		return true;
	}
	buf_adds(&path, "/data/");
	buf_add(&path, c->dataset.pid);
	(void)auth_covers(d->gate->auth, &c->subject, buf_span(&path), &d->mem, &c->refusal);
	gate_problem_credential(d, c, &c->refusal, ret);
	return true;
}

/* ---- an archive ---- */

bool
gate_archive_address(const struct gate_desk *d, const struct gate_case *c, struct span folder,
	const char *ending, struct buf *out)
{
	struct facts f = c->facts;
	struct decision read;

	f.action = ACTION_DATA_READ;
	policy_decide(d->gate->policies, &f, &read);
	if (!read.permit || read.status == 410)
		return false;
	buf_adds(out, "/archive/");
	buf_add_url(out, c->dataset.pid);
	buf_adds(out, ending);
	if (folder.n > 0) {
		buf_adds(out, "?file=");
		form_percent(out, folder);
	}
	return buf_ok(out);
}

static void
add_fields(struct gate_desk *d, const struct gate_case *c, size_t form)
{
	AUTO_BUF name = BUF_INIT(1024);

	buf_adds(&name, "attachment; filename=\"");
	archive_dir(c->dataset.pid, &name);
	buf_add(&name, forms[form].ending);
	buf_addc(&name, '"');
	gate_field(d, "Content-Type", forms[form].type);
	gate_field(d, "Content-Disposition", buf_span(&name));
	gate_field(d, "X-Content-Type-Options", SPAN("nosniff"));
	gate_oblige_file(d, c, 0);
}

static void
answer_plan(struct gate_desk *d, struct gate_case *c, const struct gate_pack *p, size_t form,
	struct http_answer *ret)
{
	struct err e = {0};
	const struct gate_plan plan = {
		.bytes = buf_span(&d->body), .etag = span_of(p->etag), .modified = p->modified};

	if (!gate_grant_plan(d, c, &plan, &ret->grant, &e)) {
		buf_reset(&d->body);
		gate_problem_later(d, c, "The agent is short of memory.", 10, ret);
		return;
	}
	add_fields(d, c, form);
	ret->body = HTTP_ARCHIVE;
	ret->fields = buf_span(&d->fields);
	ret->ranges = !p->late;
}

void
gate_archive_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	struct gate_pack p = {.members = 0};
	struct err e = {0};
	struct span pid = SPAN_NONE;
	size_t form = 0;

	if (!gate_data_permitted(d, c, ret) || !split(c->ask->path, &pid, &form))
		return;
	p.form = forms[form].form;
	if (!choice_parse(c->ask->query, &d->mem, &p.choice, &e) || !gate_pack(d, c, &p, &e)) {
		refuse(d, c, &e, ret);
		return;
	}
	struct span unmet = choice_unmet(&p.choice);
	if (unmet.p != NULL)
		refuse_unmet(d, c, unmet, ret);
	else if (!refuse_all(d, c, &p, ret))
		answer_plan(d, c, &p, form, ret);
}
