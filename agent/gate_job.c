/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_job.h"

#include "agent/base/civil.h"
#include "agent/base/crypto.h"
#include "agent/base/json.h"
#include "agent/base/jsonw.h"
#include "agent/catalog/event_json.h"
#include "agent/gate_data.h"
#include "agent/gate_events.h"
#include "agent/gate_ledger.h"
#include "agent/gate_links.h"
#include "policy/audit_record.h"

#include <string.h>

#define JOB_BYTES  8192U
#define RECORD_MAX AUDIT_REST_MAX

struct job {
	struct gate_desk *d;
	struct gate_case *c;
	const struct json *json;
	struct buf *answer; /* JSON of one object */
	unsigned status;    /* of a failure, too */
};

static bool
fault(struct job *j, struct err *e, const char *what)
{
	j->status = 400;
	return err_set(e, ERR_SYNTAX, NULL, "%s", what);
}

/* ---- an event ---- */

static bool
find_dataset(struct job *j, struct err *e)
{
	struct gate_case *c = j->c;
	struct span pid = SPAN_NONE;

	if (!json_get_str(j->json, "pid", &pid))
		return fault(j, e, "\"pid\" is missing: which dataset?");
	if (!catalog_by_pid(j->d->catalog, pid, &j->d->mem, &c->dataset, e)) {
		j->status = e->code == ERR_ABSENT ? 404 : 503;
		return false;
	}
	return gate_data_judge(j->d, c, ACTION_META_FULL, e);
}

static bool
run_event(struct job *j, struct err *e)
{
	struct gate_event ev = {.trusted = true};
	AUTO_BUF text = BUF_INIT(JOB_BYTES);
	const struct json *event = json_get(j->json, "event");

	if (event == NULL)
		return fault(j, e, "\"event\" is missing");
	json_write(event, &text);
	if (!event_json_read(buf_span(&text), &j->d->mem, &ev.text, e)) {
		j->status = 400;
		return false;
	}
	return find_dataset(j, e) && gate_events_record(j->d, j->c, &ev, j->answer, &j->status, e);
}

/* ---- a flag ---- */

static bool
insert_flag(struct ledger *l, struct gate_entry *x, struct err *e)
{
	return ledger_flag_add(l, x->what, e);
}

static bool
write_flag(struct job *j, const struct ledger_flag *f, struct err *e)
{
	const struct facts facts = {.object = {.pid = f->of_proposal ? SPAN_NONE : f->target,
					    .proposal = f->of_proposal ? f->target : SPAN_NONE,
					    .flags = 1U << f->flag}};
	const struct audit_who nobody = {.id = SPAN_NONE};
	AUTO_BUF record = BUF_INIT(RECORD_MAX);
	struct gate_entry x = {.kind = "event",
		.now_ms = j->c->now_ms,
		.insert = insert_flag,
		.what = (void *)(uintptr_t)f};
	struct jsonw w;

	jsonw_init(&w, j->answer);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "type", "flag");
	jsonw_cstr(&w, "flag", flag_names[f->flag]);
	jsonw_str(&w, "at", f->at);
	if (f->note.p != NULL)
		jsonw_str(&w, "note", f->note);
	jsonw_end(&w, '}');
	audit_record_event(&record, j->c->ask->trace, nobody, &facts, buf_span(j->answer));
	x.record = buf_span(&record);
	j->status = 503;
	if (!buf_ok(&record))
		return err_set(e, ERR_LIMIT, NULL, "the note is too long");
	if (!gate_ledger_write(j->d->gate->ledger, &x, e))
		return false;
	j->status = 201;
	return true;
}

static bool
run_flag(struct job *j, struct err *e)
{
	struct span name = SPAN_NONE;
	struct ledger_flag f = {.of_proposal = true};
	AUTO_BUF at = BUF_INIT(64);

	if (!json_get_str(j->json, "proposal", &f.target)) {
		f.of_proposal = false;
		if (!json_get_str(j->json, "pid", &f.target))
			return fault(j, e, "\"proposal\" or \"pid\" is missing");
	}
	int flag = json_get_str(j->json, "flag", &name) ? facts_name(name, flag_names, FLAG_COUNT)
							: -1;
	if (flag < 0 || f.target.n == 0 || f.target.n > 512)
		return fault(j, e,
			"\"flag\" is personal-data, export-control or third-party-rights, of a "
			"proposal or dataset");
	(void)json_get_str(j->json, "note", &f.note);
	f.flag = (enum flag)flag;
	civil_write_iso(&at, j->c->now);
	f.at = buf_span(&at);
	return write_flag(j, &f, e);
}

/* ---- a reviewer's link ---- */

static bool
run_revoke(struct job *j, struct err *e)
{
	struct span id = SPAN_NONE;
	struct jsonw w;

	if (!json_get_str(j->json, "link", &id))
		return fault(j, e, "\"link\" is missing: which one?");
	if (!gate_links_revoke(j->d, j->c, id, e)) {
		j->status = e->code == ERR_ABSENT ? 404 : 503;
		return false;
	}
	j->status = 200;
	jsonw_init(&w, j->answer);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "id", id);
	jsonw_bool(&w, "live", false);
	jsonw_end(&w, '}');
	return true;
}

/* ---- the answer ---- */

static bool
run(struct job *j, struct err *e)
{
	static const struct {
		struct span name;
		bool (*run)(struct job *j, struct err *e);
	} kinds[] = {
		{SPAN_INIT("event"), run_event},
		{SPAN_INIT("flag"), run_flag},
		{SPAN_INIT("revoke"), run_revoke},
	};
	struct span name = SPAN_NONE;

	if (j->d->gate->ledger == NULL)
		return fault(j, e, "this agent keeps no ledger");
	if (!json_get_str(j->json, "job", &name))
		return fault(j, e, "\"job\" is missing");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (span_eq(name, kinds[i].name))
			return kinds[i].run(j, e);
	return fault(j, e, "\"job\" is event, flag or revoke");
}

static void
write_answer(const struct job *j, bool ok, const struct err *e, struct buf *out)
{
	char text[400];
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	jsonw_u64(&w, "status", j->status);
	if (ok)
		jsonw_raw(&w, "answer", buf_span(j->answer));
	else
		jsonw_cstr(&w, "detail", err_text(e, text, sizeof(text)));
	jsonw_end(&w, '}');
	buf_addc(out, '\n');
}

void
gate_job_run(struct gate_desk *d, struct span job, int64_t now_ms, struct buf *out)
{
	const struct json_limits limits = {
		.bytes = JOB_BYTES, .depth = 3, .members = 64, .object = true, .no_nul = true};
	struct err e = {0};
	AUTO_JSON json = json_parse(job, &limits, &e);
	AUTO_BUF answer = BUF_INIT((size_t)4 * JOB_BYTES);
	struct http_ask ask = {.method = HTTP_POST};
	int64_t now = gate_time_ms(d->gate, now_ms);
	struct gate_case c = {.ask = &ask,
		.now = now / 1000,
		.now_ms = now,
		.wall = now_ms / 1000,
		.wall_ms = now_ms};
	struct job j = {.d = d, .c = &c, .json = json, .answer = &answer, .status = 400};

	(void)crypto_random(ask.trace, sizeof(ask.trace), NULL);
	gate_start(d);
	c.epoch = d->epoch;
	bool ok = json != NULL && run(&j, &e);
	gate_end(d);
	write_answer(&j, ok, &e, out);
}
