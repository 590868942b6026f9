/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/log.h"

#include "agent/base/buf.h"
#include "agent/base/jsonw.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_MAX 4096U

/* The one piece of state at file scope in this program (conventions: no globals but the log's). */
static struct {
	const char *role;
	enum log_level max;
	int journal; /* stderr is the journal: lines carry <3> to <7> */
} log_state = {.role = "-", .max = LOG_INFO};

void
log_setup(const char *role, enum log_level max)
{
	log_state.role = role;
	log_state.max = max;
	log_state.journal = secure_getenv("JOURNAL_STREAM") != NULL;
}

static void
add_time(struct buf *b)
{
	struct timespec t;
	struct tm tm;
	char text[32];

	(void)clock_gettime(CLOCK_REALTIME, &t);
	(void)gmtime_r(&t.tv_sec, &tm);
	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_addf(b, "%s.%06ldZ", text, t.tv_nsec / 1000);
}

static void
add_field(struct jsonw *w, const struct log_field *f)
{
	switch (f->kind) {
	case LOG_F_STR:
		jsonw_str(w, f->name, span_first(f->s, 1024));
		break;
	case LOG_F_U64:
		jsonw_u64(w, f->name, f->u);
		break;
	case LOG_F_I64:
		jsonw_i64(w, f->name, f->i);
		break;
	}
}

void
log_write(
	enum log_level l, const char *event, const char *msg, const struct log_field *f, unsigned n)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	static const char *const prefix[] = {"<3>", "<4>", "<6>", "<7>"};

	if (l > log_state.max)
		return;
	AUTO_BUF b = BUF_INIT(LOG_LINE_MAX);
	AUTO_BUF ts = BUF_INIT(64);
	struct jsonw w;
	jsonw_init(&w, &b);
	if (log_state.journal)
		buf_adds(&b, prefix[l]);
	jsonw_obj(&w, NULL);
	add_time(&ts);
	jsonw_str(&w, "ts", buf_span(&ts));
	jsonw_cstr(&w, "level", names[l]);
	jsonw_cstr(&w, "role", log_state.role);
	jsonw_cstr(&w, "event", event);
	jsonw_cstr(&w, "msg", msg);
	for (unsigned i = 0; i < n; i++)
		add_field(&w, &f[i]);
	jsonw_end(&w, '}');
	buf_addc(&b, '\n');
	if (buf_ok(&b) && write(STDERR_FILENO, b.p, b.n) < 0)
		return; /* a log that cannot be written cannot be complained about */
}

void
log_err(enum log_level l, const char *event, const struct err *e)
{
	log_msg(l, event, e->msg, LOG_STR("ref", e->ref), LOG_I64("errno", e->sys));
}
