/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_audit.h"

#include "agent/base/log.h"
#include "agent/base/proc.h"
#include "agent/base/scope.h"
#include "policy/audit_expire.h"
#include "policy/audit_record.h"

#include <stdlib.h>
#include <string.h>

#define EXPIRE_MS 3600000L

struct audit_place
gate_audit_place(const struct settings *s, int dir)
{
	const char *slash = strrchr(s->audit_file, '/');

	return (struct audit_place){.dir = dir,
		.name = slash != NULL ? slash + 1 : s->audit_file,
		.max = (uint64_t)s->audit_max_size << 20};
}

void
gate_audit_init(struct gate_audit *g, struct audit *audit, const struct audit_place *at,
	const struct policy_set *policies, struct metrics *m)
{
	*g = (struct gate_audit){.audit = audit, .at = *at, .metrics = m};
	policy_set_audit(policies, &g->rules);
}

/* ---- what is too old ---- */

static void
tell_gone(const char (*names)[AUDIT_NAME_MAX], size_t n, const char *what, struct span *ret)
{
	for (size_t i = 0; i < n; i++) {
		ret[i] = span_of(names[i]);
		log_info("audit", what, LOG_SPAN("file", ret[i]));
	}
}

static bool
record_gone(
	struct gate_audit *g, const struct audit_expired_names *gone, int64_t now_ms, struct err *e)
{
	struct span files[AUDIT_EXPIRE_MAX];
	struct span keys[AUDIT_EXPIRE_MAX];
	const struct audit_expired x = {
		.files = files, .n_files = gone->n_files, .keys = keys, .n_keys = gone->n_keys};
	struct audit_item item = {.kind = "expired"};
	AUTO_BUF text = BUF_INIT(AUDIT_LINE_MAX);

	tell_gone(gone->files, gone->n_files, "an old file of the log was deleted", files);
	tell_gone(gone->keys, gone->n_keys,
		"the key of a month was deleted: its names mean nobody from now on", keys);
	audit_record_expired(&text, &x);
	item.rest = buf_span(&text);
	return buf_ok(&text) && audit_append(g->audit, &item, 1, now_ms, e);
}

static void
expire(struct gate_audit *g, int64_t now_ms)
{
	AUTO_FREE struct audit_expired_names *gone = calloc(1, sizeof(*gone));
	struct err e = {0};

	g->expire_at = proc_now_ms() + EXPIRE_MS;
	if (gone == NULL || g->at.dir < 0)
		return;
	if (!audit_expire(&g->at, &g->rules, now_ms / 1000, gone, &e))
		log_err(LOG_ERROR, "audit", &e);
	if (gone->n_files + gone->n_keys > 0 && !record_gone(g, gone, now_ms, &e))
		log_err(LOG_ERROR, "audit", &e);
}

/* ---- once a second ---- */

static void
tell(struct gate_audit *g)
{
	struct audit_news news;

	audit_news(g->audit, &news);
	metric_set(g->metrics, METRIC_AUDIT_FAILING, news.failing ? 1 : 0);
	if (news.torn)
		log_warn("audit", "a half-written last line was moved to a file of its own",
			LOG_STR("log", g->at.name));
	if (news.lost_to > 0)
		log_error("audit", "records that were in the log are not there any more",
			LOG_U64("from", news.lost_from), LOG_U64("to", news.lost_to));
	if (news.turned[0] != '\0')
		log_info("audit", "a new file was begun", LOG_STR("old", news.turned));
	if (news.stuck)
		log_warn("audit", "no new file could be begun: the old one goes on",
			LOG_STR("log", g->at.name));
}

void
gate_audit_tick(struct gate_audit *g, int64_t now_ms)
{
	struct err e = {0};
	bool failing = metric_get(g->metrics, METRIC_AUDIT_FAILING) > 0;

	/* While it fails a checkpoint is what finds out that it does not any more. */
	bool ok = audit_checkpoint(g->audit, now_ms, failing, &e);
	if (!ok && !failing)
		log_err(LOG_ERROR, "audit", &e);
	if (!audit_flush(g->audit, &e))
		log_err(LOG_ERROR, "audit", &e);
	if (ok && proc_now_ms() >= g->expire_at)
		expire(g, now_ms);
	tell(g);
}

void
gate_audit_end(struct gate_audit *g, int64_t now_ms)
{
	(void)audit_checkpoint(g->audit, now_ms, true, NULL);
	(void)audit_flush(g->audit, NULL);
	tell(g);
}

void
gate_audit_clock(struct gate_audit *g, struct trusted_time *time)
{
	struct audit_item item = {.kind = "clock"};
	int64_t step = 0;
	int64_t used = 0;
	struct err e = {0};
	AUTO_BUF text = BUF_INIT(AUDIT_LINE_MAX);

	if (trusted_time_alarm(time, &step, &used)) {
		metric_add(g->metrics, METRIC_CLOCK_STEPS, 1);
		log_warn("clock",
			step > 0 ? "the wall clock stepped ahead: policy goes on by the boot clock "
				   "until a reload confirms the new time"
				 : "the wall clock is behind: policy goes on with its own time "
				   "until "
				   "that has caught up",
			LOG_I64("step_s", step / 1000), LOG_I64("used", used / 1000));
		audit_record_clock(&text, step / 1000, used / 1000);
		item.rest = buf_span(&text);
		bool ok = audit_append(g->audit, &item, 1, used, &e);
		metric_add(g->metrics, ok ? METRIC_AUDIT_RECORDS : METRIC_AUDIT_FAILED, 1);
		if (!ok)
			log_err(LOG_ERROR, "audit", &e);
	}
	if (!trusted_time_keep(time, false, &e))
		log_err(LOG_ERROR, "clock", &e);
}
