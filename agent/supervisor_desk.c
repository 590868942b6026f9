/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/supervisor_desk.h"

#include "agent/base/jsonw.h"
#include "agent/base/log.h"
#include "agent/base/scope.h"
#include "agent/metric_lines.h"
#include "agent/supervisor_reload.h"

#include <string.h>

#define STATUS_MAX ((size_t)256 * 1024)

static const char *const states[] = {
	[CHILD_NONE] = "none",
	[CHILD_WAITING] = "waiting",
	[CHILD_STARTING] = "starting",
	[CHILD_READY] = "ready",
	[CHILD_DRAINING] = "draining",
};

static const char *
phase_name(enum phase p)
{
	switch (p) {
	case PHASE_START:
		return "starting";
	case PHASE_SERVE:
		return "serving";
	case PHASE_DRAIN:
	case PHASE_LAST:
	case PHASE_END:
		return "draining";
	}
	return "";
}

/* What roles report, of their own series alone. */
static void
write_reported(const struct supervisor *s, struct buf *out)
{
	static const char *const of_courier[] = {"pan_issuer_", "pan_introspections_", NULL};
	static const char *const tokens[] = {"pan_token_refused_", "pan_access_", NULL};
	static const char *const policies[] = {"pan_policy_version_", "pan_policy_loaded_", NULL};

	(void)metric_lines(child_said(&s->child[SEAT_COURIER], "issuer-metrics"), of_courier, out);
	(void)metric_lines(child_said(&s->child[SEAT_GATE], "token-metrics"), tokens, out);
	(void)metric_lines(child_said(&s->child[SEAT_GATE], "policy-metrics"), policies, out);
}

static void
get_metrics(struct supervisor *s, unsigned client, struct span body)
{
	AUTO_BUF out = BUF_INIT(ADMIN_ANSWER / 2);

	(void)body;
	metric_write(s->metrics, &out);
	write_reported(s, &out);
	admin_answer(
		s->admin, client, 200, "text/plain; version=0.0.4; charset=utf-8", buf_span(&out));
}

/* 200 as long as requests are answered, under an old policy too; the text says so. */
static void
get_health(struct supervisor *s, unsigned client, struct span body)
{
	AUTO_BUF out = BUF_INIT(1024);
	bool up = s->phase == PHASE_SERVE && s->child[SEAT_FRONT].state == CHILD_READY;

	(void)body;
	buf_addf(&out, "status: %s\npolicy: %s\naudit: %s\n",
		up                        ? "ok"
		: s->phase == PHASE_SERVE ? "a role is starting again"
					  : phase_name(s->phase),
		supervisor_reload_stale(s) ? "stale" : "current",
		metric_get(s->metrics, METRIC_AUDIT_FAILING) > 0 ? "failing" : "ok");
	admin_answer(s->admin, client, up ? 200 : 503, "text/plain", buf_span(&out));
}

static void
write_role(struct jsonw *w, const struct child *c)
{
	jsonw_obj(w, NULL);
	jsonw_cstr(w, "role", process_names[c->what]);
	jsonw_u64(w, "slot", c->slot);
	jsonw_cstr(w, "state", states[c->state]);
	jsonw_i64(w, "pid", c->pid);
	jsonw_u64(w, "restarts", c->restarts);
	jsonw_cstr(w, "status", c->status);
	jsonw_end(w, '}');
}

static void
write_sockets(struct jsonw *w, const struct listen_set *l)
{
	AUTO_BUF last = BUF_INIT(64);

	jsonw_list(w, "listen");
	for (size_t i = 0; i < l->n; i++) {
		AUTO_BUF name = BUF_INIT(64);
		listen_name(l->fd[i], &name);
		if (!span_eq(buf_span(&name), buf_span(&last))) /* one for each worker */
			jsonw_str(w, NULL, buf_span(&name));
		buf_reset(&last);
		buf_add(&last, buf_span(&name));
	}
	jsonw_end(w, ']');
}

/* The gate's own words, as they are: it has no parser of ours to attack here. */
static void
write_policies(struct jsonw *w, struct span list)
{
	bool whole = list.n > 1 && list.p[0] == '[' && list.p[list.n - 1] == ']' && span_utf8(list);

	jsonw_raw(w, "policies", whole ? list : SPAN("[]"));
}

static void
get_status(struct supervisor *s, unsigned client, struct span body)
{
	AUTO_BUF out = BUF_INIT(STATUS_MAX);
	struct jsonw w;

	(void)body;
	jsonw_init(&w, &out);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "version", PAN_VERSION);
	jsonw_cstr(&w, "state", phase_name(s->phase));
	jsonw_i64(&w, "pid", getpid());
	jsonw_cstr(&w, "config", s->file);
	write_sockets(&w, &s->sockets);
	jsonw_cstr(&w, "sandbox", s->boot->settings->sandbox_required ? "required" : "best-effort");
	jsonw_cstr(&w, "policy", supervisor_reload_stale(s) ? "stale" : "current");
	jsonw_u64(&w, "epoch", __atomic_load_n(s->epoch, __ATOMIC_RELAXED));
	jsonw_u64(&w, "reloads", s->reload.done);
	jsonw_u64(&w, "reloads_failed", s->reload.failed);
	jsonw_str(&w, "needs_restart",
		s->reload.restart.n > 0 ? buf_span(&s->reload.restart) : SPAN_NONE);
	jsonw_str(
		&w, "report", supervisor_reload_stale(s) ? buf_span(&s->reload.report) : SPAN_NONE);
	write_policies(&w, child_said(&s->child[SEAT_GATE], "policies"));
	jsonw_bool(&w, "indexing", s->job.running || s->job.waiting);
	jsonw_list(&w, "roles");
	for (int i = 0; i < SEATS; i++)
		if (s->child[i].state != CHILD_NONE)
			write_role(&w, &s->child[i]);
	jsonw_end(&w, ']');
	jsonw_end(&w, '}');
	buf_addc(&out, '\n');
	admin_answer(s->admin, client, 200, "application/json", buf_span(&out));
}

/* The courier's own words; not read here, so that it has no parser of ours to attack. */
static void
get_issuers(struct supervisor *s, unsigned client, struct span body)
{
	struct span text = child_said(&s->child[SEAT_COURIER], "issuers");

	(void)body;
	if (text.n == 0)
		text = SPAN("{\"issuers\":[]}\n");
	admin_answer(s->admin, client, 200, "application/json", text);
}

static void
post_reload(struct supervisor *s, unsigned client, struct span body)
{
	(void)body;
	supervisor_reload_begin(s, (long)client);
}

void
supervisor_desk_job(struct supervisor *s)
{
	const struct control m = {.kind = CONTROL_JOB, .text = buf_span(&s->job.text)};

	if (!s->job.waiting || s->child[SEAT_INDEXER].state != CHILD_READY)
		return;
	child_tell(&s->child[SEAT_INDEXER], &m, s->job.fd);
	if (s->job.fd >= 0)
		(void)close(take_fd(&s->job.fd));
	s->job.waiting = false;
	s->job.running = true;
}

void
supervisor_desk_job_over(struct supervisor *s)
{
	s->job.running = false;
	if (s->job.stale)
		child_drain(&s->child[SEAT_INDEXER]);
	s->job.stale = false;
	supervisor_move_epoch(s); /* teams, embargoes and files may be others now */
}

/* The connection itself goes to the indexer, which streams its progress to the client. */
static void
post_index(struct supervisor *s, unsigned client, struct span body)
{
	if (s->job.running || s->job.waiting || s->phase != PHASE_SERVE) {
		admin_answer(s->admin, client, 409, "text/plain",
			s->phase == PHASE_SERVE
				? SPAN("an index job is running: wait for its end\n")
				: SPAN("the agent is not serving\n"));
		return;
	}
	/* The text first: it goes with the connection's buffers. */
	buf_reset(&s->job.text);
	buf_add(&s->job.text, body.n > 0 ? body : SPAN("{\"job\":\"index\"}"));
	int fd = admin_take(s->admin, client, "application/x-ndjson");
	if (fd < 0)
		return;
	s->job.fd = fd;
	s->job.waiting = true;
	log_info("index", "asked for by the admin socket", LOG_SPAN("job", buf_span(&s->job.text)));
	if (config_refresh_proposals(s->config))
		child_drain(&s->child[SEAT_INDEXER]); /* it comes back with the new file */
	supervisor_desk_job(s);
}

/* The connection goes to the gate, which alone writes the ledger and answers (agent/gate_job.h). */
static void
post_ledger(struct supervisor *s, unsigned client, struct span body)
{
	AUTO_BUF text = BUF_INIT(ADMIN_BODY);
	struct child *gate = &s->child[SEAT_GATE];

	if (s->phase != PHASE_SERVE || gate->state != CHILD_READY) {
		admin_answer(s->admin, client, 503, "text/plain",
			SPAN("the gate is not there now: try again\n"));
		return;
	}
	buf_add(&text, body); /* it goes with the connection's buffers */
	AUTO_FD fd = admin_take(s->admin, client, "application/json");
	const struct control m = {.kind = CONTROL_JOB, .text = buf_span(&text)};
	if (fd >= 0)
		child_tell(gate, &m, fd);
}

void
supervisor_desk(void *ctx, unsigned client, const struct admin_request *q)
{
	static const struct route {
		const char *path;
		enum admin_method method;
		void (*run)(struct supervisor *s, unsigned client, struct span body);
	} routes[] = {
		{"/metrics", ADMIN_GET, get_metrics},
		{"/healthz", ADMIN_GET, get_health},
		{"/status", ADMIN_GET, get_status},
		{"/issuers", ADMIN_GET, get_issuers},
		{"/reload", ADMIN_POST, post_reload},
		{"/index", ADMIN_POST, post_index},
		{"/ledger", ADMIN_POST, post_ledger},
	};
	struct supervisor *s = ctx;

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!span_is(q->path, routes[i].path))
			continue;
		if (routes[i].method == q->method)
			routes[i].run(s, client, q->body);
		else
			admin_answer(s->admin, client, 405, "text/plain",
				routes[i].method == ADMIN_GET ? SPAN("use GET\n")
							      : SPAN("use POST\n"));
		return;
	}
	admin_answer(s->admin, client, 404, "text/plain",
		SPAN("GET /metrics /healthz /status /issuers, POST /reload /index /ledger\n"));
}
