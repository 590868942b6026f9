/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_dmp_ask.h"

#include "agent/base/jsonw.h"
#include "agent/catalog/event_json.h"
#include "agent/cli/cli_events.h"
#include "policy/scalar.h"

enum { JOB_MAX = 8192, ANSWER_MAX = 256 * 1024, CREATED = 201 };

/* The job of agent/gate_job.h to the running agent. */
static bool
post(const struct cli_facts *w, const struct buf *job, struct err *e)
{
	AUTO_BUF answer = BUF_INIT(ANSWER_MAX);
	int status = 0;

	if (!buf_ok(job))
		return err_set(e, ERR_LIMIT, NULL, "too much text for one request");
	if (!cli_events_post(w->settings, buf_span(job), &status, &answer, e))
		return false;
	return status == CREATED ||
	       err_set(e, ERR_DENIED, NULL, "%.*s", SPAN_ARG(span_first(buf_span(&answer), 200)));
}

bool
cli_dmp_ask_release(struct cli_facts *w, const struct cli_dmp_ask *a, struct err *e)
{
	AUTO_BUF job = BUF_INIT(JOB_MAX);
	AUTO_BUF day = BUF_INIT(32);
	struct jsonw j;

	scalar_write_date(&day, a->day);
	const struct event_text t = {
		.value = {[EVENT_TEXT_TYPE] = span_of(event_names[EVENT_RELEASE]),
			[EVENT_TEXT_BY] = span_of(a->by),
			[EVENT_TEXT_ON] = buf_span(&day),
			[EVENT_TEXT_NOTE] = a->note}};
	jsonw_init(&j, &job);
	jsonw_obj(&j, NULL);
	jsonw_cstr(&j, "job", "event");
	jsonw_str(&j, "pid", a->pid);
	jsonw_obj(&j, "event");
	event_json_write(&t, &j);
	jsonw_end(&j, '}');
	jsonw_end(&j, '}');
	return post(w, &job, e);
}

bool
cli_dmp_ask_flag(struct cli_facts *w, const struct cli_dmp_ask *a, struct err *e)
{
	AUTO_BUF job = BUF_INIT(JOB_MAX);
	struct jsonw j;

	jsonw_init(&j, &job);
	jsonw_obj(&j, NULL);
	jsonw_cstr(&j, "job", "flag");
	if (a->proposal.p != NULL)
		jsonw_str(&j, "proposal", a->proposal);
	else
		jsonw_str(&j, "pid", a->pid);
	jsonw_cstr(&j, "flag", flag_names[FLAG_PERSONAL_DATA]);
	jsonw_str(&j, "note", a->note);
	jsonw_end(&j, '}');
	return post(w, &job, e);
}
