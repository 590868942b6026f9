/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/supervisor_child.h"

#include "agent/base/fdpass.h"
#include "agent/base/proc.h"
#include "agent/base/scope.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DELAY_FIRST 100LL
#define DELAY_MAX   5000LL
#define GOOD_LIFE   10000LL /* ready that long: earlier failures are forgotten */

void
child_init(struct child *c, enum process what, unsigned slot)
{
	*c = (struct child){
		.what = what, .slot = slot, .control = -1, .report = BUF_INIT(CONTROL_TEXT_MAX)};
	for (unsigned i = 0; i < CHILD_REPORTS; i++)
		c->said[i] = (struct buf)BUF_INIT(CONTROL_TEXT_MAX);
}

static void
forget_process(struct child *c)
{
	if (c->control >= 0)
		(void)close(take_fd(&c->control));
	c->pid = 0;
	c->gone = false;
	c->state = CHILD_NONE;
}

void
child_fini(struct child *c)
{
	if (c->pid > 0 && !child_ended(c))
		(void)kill(c->pid, SIGKILL);
	forget_process(c);
	buf_fini(&c->report);
	child_forget_reports(c);
}

bool
child_alive(const struct child *c)
{
	return c->pid > 0 && !c->gone;
}

bool
child_start(struct child *c, const struct bundle *b, long long now, struct err *e)
{
	char slot[16];
	char name[16];
	char program[] = "pan-agentd";
	char role_option[] = "--role";
	char slot_option[] = "--slot";
	char *const argv[] = {program, role_option, name, slot_option, slot, NULL};
	int sv[2];

	(void)snprintf(name, sizeof(name), "%s", process_names[c->what]);
	(void)snprintf(slot, sizeof(slot), "%u", c->slot);
	if (!fdpass_pair(sv, true, e))
		return false;
	AUTO_FD its = sv[1];
	c->control = sv[0];
	if (!proc_spawn(argv, its, &c->pid, e)) {
		forget_process(c);
		return false;
	}
	c->state = CHILD_STARTING;
	c->since = c->asked_at = now;
	c->asked = c->answered = 0;
	c->ordered = false;
	c->code = 0;
	buf_reset(&c->report);
	(void)snprintf(c->status, sizeof(c->status), "starting");
	if (!bundle_send(b, c->control, c->what, e)) {
		child_kill(c);
		return false;
	}
	return true;
}

void
child_tell(struct child *c, const struct control *m, int fd)
{
	AUTO_BUF msg = BUF_INIT(CONTROL_MESSAGE);

	if (c->control < 0)
		return;
	control_write(m, &msg);
	/* A role that leaves its messages lying until the socket is full does not live. */
	if (fdpass_send(c->control, buf_span(&msg), &fd, fd >= 0 ? 1 : 0, NULL) == FDPASS_AGAIN)
		child_kill(c);
}

void
child_drain(struct child *c)
{
	const struct control m = {.kind = CONTROL_DRAIN};

	if (!child_alive(c))
		return;
	child_tell(c, &m, -1);
	c->state = CHILD_DRAINING;
	c->ordered = true;
}

void
child_kill(struct child *c)
{
	if (child_alive(c)) /* its number is its own until it was waited for */
		(void)kill(c->pid, SIGKILL);
}

bool
child_ended(struct child *c)
{
	if (c->pid > 0 && !c->gone)
		c->gone = proc_ended(c->pid, &c->how);
	return c->gone;
}

void
child_forget(struct child *c)
{
	forget_process(c);
	(void)proc_status_text(c->how, c->status, sizeof(c->status));
}

long long
child_delay(unsigned failures)
{
	if (failures == 0)
		return 0;
	long long delay = failures < 8 ? DELAY_FIRST << (failures - 1) : DELAY_MAX;
	return delay < DELAY_MAX ? delay : DELAY_MAX;
}

void
child_again(struct child *c, long long now)
{
	c->state = CHILD_WAITING;
	c->at = now + child_delay(c->ordered ? 0 : c->failures);
	if (c->ordered)
		return;
	c->failures++;
	c->restarts++;
}

void
child_watch(struct child *c, long long now)
{
	if (!child_alive(c))
		return;
	if (c->state == CHILD_READY && now - c->since > GOOD_LIFE)
		c->failures = 0;
	bool silent = c->control < 0 || c->asked != c->answered;
	if (silent && now - c->asked_at > CHILD_HUNG_MS)
		child_kill(c);
	if (c->state == CHILD_STARTING && now - c->since > CHILD_START_MS)
		child_kill(c);
	if (silent)
		return;
	if (c->state == CHILD_READY && now - c->asked_at >= CHILD_PING_MS) {
		const struct control m = {.kind = CONTROL_PING, .number = c->asked + 1};
		c->asked++;
		c->asked_at = now;
		child_tell(c, &m, -1);
	}
}

bool
child_well(const struct child *c, long long now)
{
	return c->state != CHILD_READY || c->asked == c->answered ||
	       now - c->asked_at < CHILD_LATE_MS;
}

/* ---- reports ---- */

/* The place of a name among those that this role may use; CHILD_REPORTS: it may not. */
static unsigned
place_of(const struct child *c, struct span name)
{
	static const char *const names[PROCESS_COUNT][CHILD_REPORTS] = {
		[PROCESS_COURIER] = {"issuers", "issuer-metrics"},
		[PROCESS_GATE] = {"token-metrics", "policies", "policy-metrics", "policy-notes",
			"clock"},
	};
	unsigned i = 0;

	while (i < CHILD_REPORTS &&
		(names[c->what][i] == NULL || !span_is(name, names[c->what][i])))
		i++;
	return i;
}

static bool
keep_report(struct child *c, const struct control *m)
{
	unsigned at = place_of(c, m->name);

	if (at == CHILD_REPORTS)
		return false;
	buf_reset(&c->said[at]);
	buf_add(&c->said[at], m->text);
	return true;
}

struct span
child_said(const struct child *c, const char *name)
{
	unsigned at = place_of(c, span_of(name));

	return at < CHILD_REPORTS ? buf_span(&c->said[at]) : SPAN_NONE;
}

void
child_forget_reports(struct child *c)
{
	for (unsigned i = 0; i < CHILD_REPORTS; i++)
		buf_fini(&c->said[i]);
}

/* What is kept here of a message; false: one that this role may not send. */
static bool
note(struct child *c, long long now, const struct control *m)
{
	if (m->kind == CONTROL_PONG && m->number == c->asked)
		c->answered = c->asked;
	if (m->kind == CONTROL_READY) {
		if (c->state == CHILD_STARTING)
			c->state = CHILD_READY;
		c->since = c->asked_at = now;
		(void)snprintf(c->status, sizeof(c->status), "%.*s", SPAN_ARG(m->text));
	}
	if (m->kind == CONTROL_REFUSE) {
		c->code = m->number > 0 && m->number < 126 ? (int)m->number : EXIT_NO;
		buf_reset(&c->report);
		buf_add(&c->report, m->text);
	}
	return m->kind != CONTROL_REPORT || keep_report(c, m);
}

enum control_kind
child_read(struct child *c, long long now, struct control *ret)
{
	static const enum control_kind nothing = (enum control_kind)0;
	AUTO_BUF msg = BUF_INIT(CONTROL_MESSAGE);
	int fds[FDPASS_MAX];
	size_t n = 0;
	size_t nfds = 0;

	if (c->control < 0 || !buf_reserve(&msg, CONTROL_MESSAGE))
		return nothing;
	enum fdpass got = fdpass_recv(c->control, msg.p, CONTROL_MESSAGE, &n, fds, &nfds, NULL);
	if (got == FDPASS_AGAIN)
		return nothing;
	for (size_t i = 0; got == FDPASS_OK && i < nfds; i++)
		(void)close(fds[i]); /* roles have nothing to hand over */
	if (got != FDPASS_OK || !control_read((struct span){msg.p, n}, true, ret, NULL) ||
		!note(c, now, ret)) {
		(void)close(take_fd(&c->control));
		if (got != FDPASS_CLOSED)
			child_kill(c);
		return nothing;
	}
	ret->text = ret->name = SPAN_NONE; /* they were kept, and the message goes */
	return ret->kind;
}
