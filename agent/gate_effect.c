/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_effect.h"

#include "agent/base/log.h"
#include "agent/base/proc.h"
#include "agent/base/scope.h"
#include "policy/simulate_log.h"
#include "policy/simulate_write.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define DAY_MS     (86400 * INT64_C(1000))
#define LINES_MAX  6U /* of what changed: the commonest first */
#define REPORT_MAX ((size_t)1 << 20)

static bool
events_of(
	void *arg, struct span pid, struct arena *a, const struct policy_event **ret, size_t *ret_n)
{
	struct catalog_dataset ds;

	if (!catalog_by_pid(arg, pid, a, &ds, NULL))
		return false;
	*ret = ds.facts.events;
	*ret_n = ds.facts.n_events;
	return true;
}

/* A description of our own, and of the file that has the name now; -1: none is at hand. */
static int
open_log(const struct role *r)
{
	const struct role_file *dir = role_file(r, "audit.dir");
	const char *path = r->settings->audit_file;
	const char *slash = strrchr(path, '/');

	return dir == NULL ? -1
			   : openat(dir->fd, slash != NULL ? slash + 1 : path,
				     O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

static void
write_notes(struct simulate *s, const struct gate_effect *x, struct buf *notes)
{
	AUTO_BUF table = BUF_INIT(REPORT_MAX);

	buf_addf(notes, "%" PRIu64 " of %" PRIu64 " decisions of the last day%s would be others",
		x->changed, x->decisions, x->part ? " (of those that were looked at)" : "");
	if (x->undecided > 0)
		buf_addf(notes, ", %" PRIu64 " cannot be judged", x->undecided);
	buf_addc(notes, '\n');
	if (x->changed == 0)
		return;
	simulate_write(s, &table);
	struct span rest = buf_span(&table);
	for (unsigned i = 0; rest.n > 0 && i < LINES_MAX; i++) {
		struct span line = span_cut(&rest, '\n');
		if (!span_starts(line, SPAN("un")) && line.n > 0)
			buf_addf(notes, "  %.*s\n", SPAN_ARG(line));
	}
}

static void
measure(struct simulate *s, int fd, struct buf *notes, struct gate_effect *ret)
{
	const struct simulate_limits limits = {
		.bytes = GATE_EFFECT_BYTES, .deadline_ms = proc_now_ms() + GATE_EFFECT_MS};
	struct simulate_lines lines;
	struct simulate_counts counts;
	struct stat st = {0};
	struct err e = {0};

	if (!simulate_log(s, fd, &limits, &lines, &e)) {
		log_err(LOG_WARN, "policy", &e);
		return;
	}
	simulate_counts(s, &counts);
	*ret = (struct gate_effect){.known = true,
		.part = lines.late || fstat(fd, &st) < 0 || st.st_size > (off_t)GATE_EFFECT_BYTES,
		.decisions = counts.decisions,
		.changed = counts.changed,
		.undecided = counts.undecided};
	write_notes(s, ret, notes);
}

void
gate_effect_measure(const struct role *r, const struct policy_set *s, struct catalog *c,
	int64_t now_ms, struct buf *notes, struct gate_effect *ret)
{
	const struct simulate_options o = {
		.against = s, .events = {events_of, c}, .since_ms = now_ms - DAY_MS};
	AUTO_FD fd = open_log(r);
	struct simulate *run = fd >= 0 ? simulate_new(&o) : NULL;

	*ret = (struct gate_effect){.known = false};
	if (run != NULL)
		measure(run, fd, notes, ret);
	simulate_free(run);
}
