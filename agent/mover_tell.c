/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/mover_run.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

/* As much as fits; a marker is one write, and so one chunk. */
void
mover_flush(struct move *v)
{
	while (v->out.n > 0 && !v->gone) {
		ssize_t n = write(v->pipe, v->out.p, v->out.n);
		if (n > 0)
			buf_drop(&v->out, (size_t)n);
		else if (errno != EINTR && errno != EAGAIN)
			v->gone = true;
		else if (errno == EAGAIN)
			return;
	}
}

uint64_t
mover_sent(const struct move *v)
{
	return v->step == MOVE_SEND && v->job != NULL ? carry_sent(v->job) : v->sent;
}

void
mover_mark(struct move *v, int64_t now_ms)
{
	char remote[80] = "";

	v->marker_ms = now_ms;
	if (v->out.n > 0) /* the client does not read: no more of what is old by then */
		return;
	if (v->job != NULL)
		carry_remote(v->job, remote);
	tpc_marker(&v->out, time(NULL), mover_sent(v), span_of(remote));
	mover_flush(v);
}

void
mover_begin(struct move *v, int64_t now_ms)
{
	if (v->begun)
		return;
	v->begun = true;
	buf_adds(&v->out, "202\n");
	mover_flush(v);
	mover_mark(v, now_ms);
}
