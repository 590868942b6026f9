/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/indexer_report.h"

#include "agent/base/jsonw.h"
#include "agent/base/proc.h"
#include "agent/base/scope.h"

#include <errno.h>
#include <poll.h>

#define REPORT_LINE    ((size_t)64 * 1024)
#define REPORT_WAIT_MS 1000
#define REPORT_EACH_MS 200U

void
indexer_report_init(struct indexer_report *r, int fd)
{
	*r = (struct indexer_report){
		.fd = fd, .started_ms = proc_now_ms(), .line = BUF_INIT(REPORT_LINE)};
}

static void
hang_up(struct indexer_report *r)
{
	scope_close(&r->fd);
	r->fd = -1;
}

void
indexer_report_fini(struct indexer_report *r)
{
	hang_up(r);
	buf_fini(&r->line);
}

static void
tell(struct indexer_report *r)
{
	buf_addc(&r->line, '\n');
	for (size_t at = 0; r->fd >= 0 && buf_ok(&r->line) && at < r->line.n;) {
		struct pollfd p = {.fd = r->fd, .events = POLLOUT};
		if (poll(&p, 1, REPORT_WAIT_MS) <= 0 || (p.revents & POLLOUT) == 0) {
			hang_up(r);
			return;
		}
		ssize_t n = write(r->fd, r->line.p + at, r->line.n - at);
		if (n < 0 && errno != EINTR && errno != EAGAIN) {
			hang_up(r);
			return;
		}
		at += n > 0 ? (size_t)n : 0;
	}
}

static void
begin(struct indexer_report *r, struct jsonw *w, const char *event)
{
	buf_reset(&r->line);
	jsonw_init(w, &r->line);
	jsonw_obj(w, NULL);
	jsonw_cstr(w, "event", event);
}

void
indexer_report_progress(struct indexer_report *r)
{
	uint64_t now = proc_now_ms();
	struct jsonw w;

	if (r->fd < 0 || now - r->told_ms < REPORT_EACH_MS)
		return;
	r->told_ms = now;
	begin(r, &w, "progress");
	jsonw_u64(&w, "files", r->counts.files);
	jsonw_u64(&w, "total", r->total > r->counts.files ? r->total : r->counts.files);
	jsonw_u64(&w, "bytes", r->counts.bytes);
	jsonw_end(&w, '}');
	tell(r);
}

void
indexer_report_file(
	struct indexer_report *r, struct span root, struct span path, struct span problem)
{
	AUTO_BUF whole = BUF_INIT(REPORT_LINE / 4);
	struct jsonw w;

	if (r->fd < 0)
		return;
	buf_add(&whole, root);
	buf_addc(&whole, '/');
	buf_add(&whole, path);
	begin(r, &w, "file");
	jsonw_str(&w, "path", buf_span(&whole));
	jsonw_str(&w, "problem", problem);
	jsonw_end(&w, '}');
	tell(r);
}

void
indexer_report_error(struct indexer_report *r, struct span text)
{
	struct jsonw w;

	while (text.n > 0) {
		struct span one = span_cut(&text, '\n');
		if (one.n == 0)
			continue;
		begin(r, &w, "error");
		jsonw_str(&w, "text", one);
		jsonw_end(&w, '}');
		tell(r);
	}
}

void
indexer_report_binding(struct indexer_report *r, struct span pid, struct span was, struct span now)
{
	struct jsonw w;

	begin(r, &w, "binding");
	jsonw_str(&w, "pid", pid);
	jsonw_str(&w, "was", was);
	jsonw_str(&w, "bound", now);
	jsonw_end(&w, '}');
	tell(r);
}

void
indexer_report_done(struct indexer_report *r)
{
	const struct indexer_report_counts *c = &r->counts;
	struct jsonw w;

	begin(r, &w, "done");
	jsonw_u64(&w, "datasets", c->datasets);
	jsonw_u64(&w, "files", c->files);
	jsonw_u64(&w, "hdf5", c->hdf5);
	jsonw_u64(&w, "plain", c->plain);
	jsonw_u64(&w, "broken", c->broken);
	jsonw_u64(&w, "unchanged", c->unchanged);
	jsonw_u64(&w, "removed", c->removed);
	jsonw_u64(&w, "problems", c->problems);
	jsonw_u64(&w, "bound", c->bound);
	jsonw_u64(&w, "uncatalogued", c->uncatalogued);
	jsonw_u64(&w, "bytes", c->bytes);
	jsonw_f64(&w, "seconds", (double)(proc_now_ms() - r->started_ms) / 1000.0);
	jsonw_end(&w, '}');
	tell(r);
}
