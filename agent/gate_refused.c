/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_refused.h"

#include "agent/base/log.h"
#include "policy/audit_record.h"

#include <pthread.h>
#include <stdlib.h>

/* So many in each second of the clock; the rest is counted. */
struct limit {
	unsigned most;
	int64_t second;
	unsigned passed; /* in that second */
	uint64_t left;   /* out, since the last telling */
};

struct gate_refused {
	pthread_mutex_t lock;
	struct limit records, lines;
};

bool
gate_refused_new(struct gate_refused **ret, struct err *e)
{
	struct gate_refused *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	(void)pthread_mutex_init(&r->lock, NULL);
	r->records.most = GATE_REFUSED_RECORDS;
	r->lines.most = GATE_REFUSED_LINES;
	*ret = r;
	return true;
}

void
gate_refused_free(struct gate_refused *r)
{
	if (r == NULL)
		return;
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

static bool
pass(struct gate_refused *r, struct limit *l, int64_t second)
{
	(void)pthread_mutex_lock(&r->lock);
	if (l->second != second) { /* also when the clock goes back */
		l->second = second;
		l->passed = 0;
	}
	bool yes = l->passed < l->most;
	if (yes)
		l->passed++;
	else
		l->left++;
	(void)pthread_mutex_unlock(&r->lock);
	return yes;
}

bool
gate_refused_record(struct gate_refused *r, int64_t now_ms)
{
	return r == NULL || pass(r, &r->records, now_ms / 1000);
}

bool
gate_refused_line(struct gate_refused *r, int64_t now_ms)
{
	return r == NULL || pass(r, &r->lines, now_ms / 1000);
}

/* What was left out; 0 while its second runs, so that one second is one telling. */
static uint64_t
take(struct gate_refused *r, struct limit *l, int64_t now_ms, bool all)
{
	uint64_t n = 0;

	(void)pthread_mutex_lock(&r->lock);
	if (all || l->second != now_ms / 1000) {
		n = l->left;
		l->left = 0;
	}
	(void)pthread_mutex_unlock(&r->lock);
	return n;
}

static void
put_back(struct gate_refused *r, struct limit *l, uint64_t n)
{
	(void)pthread_mutex_lock(&r->lock);
	l->left += n;
	(void)pthread_mutex_unlock(&r->lock);
}

void
gate_refused_tell(
	struct gate_refused *r, struct audit *log, struct metrics *m, int64_t now_ms, bool all)
{
	struct audit_item item = {.kind = "refused-more"};
	AUTO_BUF text = BUF_INIT(AUDIT_LINE_MAX);

	if (r == NULL)
		return;
	uint64_t lines = take(r, &r->lines, now_ms, all);
	if (lines > 0)
		log_info("token", "more were refused", LOG_U64("count", lines));
	uint64_t records = take(r, &r->records, now_ms, all);
	if (records == 0)
		return;
	audit_record_refused_more(&text, records);
	item.rest = buf_span(&text);
	bool ok = audit_append(log, &item, 1, now_ms, NULL);
	metric_add(m, ok ? METRIC_AUDIT_RECORDS : METRIC_AUDIT_FAILED, 1);
	if (!ok)
		put_back(r, &r->records, records);
}
