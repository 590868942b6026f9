/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mover: it takes granted files to servers that their readers named.  It reads the answers of
 * those servers, and so it has nothing that they could be after: no key, no token of ours, no file
 * of its own, no door that others knock at; of data the one file that a transfer is of.  What it
 * does is agent/mover.c; here are its sockets, its clock and its log.
 */
#include "agent/role.h"

#include "agent/base/carry.h"
#include "agent/base/crypto.h"
#include "agent/base/fetch.h"
#include "agent/base/fetch_warm.h"
#include "agent/base/log.h"
#include "agent/base/proc.h"
#include "agent/base/scope.h"
#include "agent/haul.h"
#include "agent/mover.h"
#include "agent/sandbox.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINKS   16U /* the gate in force, the next one, old ones that end */
#define PORTS   16U
#define TURN    16U /* messages of one link at a time */
#define IDLE_MS 10000
#define SEND_MS 200 /* for a gate that is behind */

struct link {
	int fd; /* -1: none */
	unsigned number;
};

struct process_mover {
	struct role role;
	struct carry *carry;
	struct mover *mover;
	struct link links[LINKS];
	uint16_t ports[PORTS];
	size_t n_ports;
	bool draining;
	char in[FDPASS_MESSAGE];
};

/* ---- before confinement ---- */

/* The number behind the last colon, or what is meant without one. */
static void
add_port(struct process_mover *x, struct span where, uint64_t fallback)
{
	uint64_t port = fallback;
	size_t n = where.n;

	while (n > 0 && where.p[n - 1] != ':')
		n--;
	if (n > 0 && !span_u64(span_skip(where, n), UINT16_MAX, &port))
		port = fallback;
	if (x->n_ports < PORTS)
		x->ports[x->n_ports++] = (uint16_t)port;
}

/* Where this agent listens, whatever addresses this machine has. */
static void
take_own(struct process_mover *x)
{
	const struct settings *s = x->role.settings;

	add_port(x, span_skip(span_of(s->public_url), sizeof("https://") - 1), 443);
	for (size_t i = 0; i < s->listen.n; i++)
		add_port(x, span_of(s->listen.item[i]), 443);
}

static void
send_ended(const struct link *l, const struct haul_ended *h)
{
	AUTO_BUF msg = BUF_INIT(1024);
	struct pollfd p = {.fd = l->fd, .events = POLLOUT};

	haul_write_ended(h, &msg);
	enum fdpass sent = fdpass_send(l->fd, buf_span(&msg), NULL, 0, NULL);
	if (sent == FDPASS_AGAIN && poll(&p, 1, SEND_MS) > 0)
		sent = fdpass_send(l->fd, buf_span(&msg), NULL, 0, NULL);
	if (sent != FDPASS_OK)
		log_error("link", "a gate was not told of the end of a transfer",
			LOG_U64("decision", h->decision), LOG_U64("bytes", h->bytes));
}

/* To the gate that it came from, or to the one that is there now. */
static void
on_ended(void *arg, unsigned link, const struct haul_ended *h)
{
	const struct process_mover *x = arg;
	const struct link *to = NULL;

	for (size_t i = 0; i < LINKS; i++) {
		const struct link *l = &x->links[i];
		if (l->fd >= 0 && (to == NULL || l->number == link ||
					  (to->number != link && l->number > to->number)))
			to = l;
	}
	if (to != NULL)
		send_ended(to, h);
	else
		log_error("link", "no gate is there to be told of the end of a transfer",
			LOG_U64("decision", h->decision), LOG_U64("bytes", h->bytes));
}

static bool
prepare(struct process_mover *x, struct err *e)
{
	struct mover_options o = {.settings = &x->role.settings->transfer,
		.ports = x->ports,
		.metrics = x->role.metrics,
		.arg = x,
		.ended = on_ended};

	if (role_file(&x->role, "transfer.ca") != NULL &&
		!role_text(&x->role, "transfer.ca", &o.ca, e))
		return false;
	if (!crypto_prepare(e) || !fetch_prepare(e) || !carry_new(&x->carry, e))
		return false;
	take_own(x);
	o.n_ports = x->n_ports;
	if (!mover_new(&o, x->carry, &x->mover, e))
		return false;
	fetch_warm();
	return true;
}

/* ---- the loop ---- */

static void
add_link(struct process_mover *x, unsigned number, int fd)
{
	for (size_t i = 0; i < LINKS; i++)
		if (x->links[i].fd < 0) {
			x->links[i] = (struct link){.fd = fd, .number = number};
			return;
		}
	log_error("link", "too many gates: this one gets no mover", LOG_U64("slot", number));
	(void)close(fd);
}

/* False: time to go at once. */
static bool
control(struct process_mover *x)
{
	struct role_message m;

	while (role_next(&x->role, &m)) {
		if (m.kind == ROLE_GONE)
			return false;
		if (m.kind == ROLE_LINK && m.peer == PROCESS_GATE) {
			add_link(x, m.slot, m.fd);
			continue;
		}
		if (m.kind == ROLE_DRAIN)
			x->draining = true;
		if (m.fd >= 0)
			(void)close(m.fd);
	}
	return true;
}

static void
take_haul(struct process_mover *x, unsigned link, struct span msg, int fds[FDPASS_MAX])
{
	static const char busy[] = "503 The agent is being reconfigured: try again in a while.\n";
	struct haul h;
	struct err e = {.code = ERR_NONE};

	if (!haul_read(msg, &fds[0], &h, &e) || fds[1] < 0) {
		log_err(LOG_ERROR, "link", &e);
		return;
	}
	if (x->draining) {
		struct haul_ended ended = {.decision = grant_info(h.grant)->decision,
			.result = HAUL_CUT,
			.host = SPAN("-")};
		memcpy(ended.trace, h.trace, sizeof(ended.trace));
		(void)!write(fds[1], busy, sizeof(busy) - 1);
		grant_unref(h.grant);
		on_ended(x, link, &ended);
		return;
	}
	mover_take(x->mover, link, &h, &fds[1], proc_now_ms());
}

static bool
serve_one(struct process_mover *x, struct link *l)
{
	int fds[FDPASS_MAX];
	size_t n = 0;
	size_t n_fds = 0;
	enum fdpass got = fdpass_recv(l->fd, x->in, sizeof(x->in), &n, fds, &n_fds, NULL);

	if (got == FDPASS_OK)
		take_haul(x, l->number, (struct span){x->in, n}, fds);
	explicit_bzero(x->in, n); /* what is sent on may be a token */
	for (size_t i = 0; i < n_fds; i++)
		scope_close(&fds[i]);
	if (got == FDPASS_CLOSED || got == FDPASS_FAIL)
		(void)close(take_fd(&l->fd));
	return got == FDPASS_OK;
}

static void
serve_link(struct process_mover *x, struct link *l)
{
	for (unsigned i = 0; i < TURN && serve_one(x, l); i++) {
	}
}

static bool
wait_for_work(struct process_mover *x, struct err *e)
{
	struct pollfd p[CARRY_EXTRA];
	struct link *of[1 + LINKS];
	int ms = mover_active(x->mover) > 0 ? MOVER_TICK_MS : IDLE_MS;
	unsigned n = 0;

	p[n++] = (struct pollfd){.fd = x->role.control, .events = POLLIN};
	for (size_t i = 0; i < LINKS; i++)
		if (x->links[i].fd >= 0) {
			of[n] = &x->links[i];
			p[n++] = (struct pollfd){.fd = x->links[i].fd, .events = POLLIN};
		}
	unsigned pipes = mover_poll(x->mover, p + n, CARRY_EXTRA - n);
	if (!carry_turn(x->carry, ms, p, n + pipes, e))
		return false;
	mover_tend(x->mover, p + n, pipes, proc_now_ms());
	for (unsigned i = 1; i < n; i++)
		if (p[i].revents != 0)
			serve_link(x, of[i]);
	return true;
}

static int
serve(struct process_mover *x)
{
	struct err e = {.code = ERR_NONE};

	while (control(x)) {
		if (x->draining && mover_active(x->mover) == 0)
			return EXIT_OK;
		if (!wait_for_work(x, &e)) {
			log_err(LOG_ERROR, "mover", &e);
			return EXIT_NO;
		}
	}
	return EXIT_OK;
}

static void
finish(struct process_mover *x)
{
	mover_free(x->mover);
	carry_free(x->carry);
	for (size_t i = 0; i < LINKS; i++)
		scope_close(&x->links[i].fd);
}

int
role_mover_main(unsigned slot)
{
	struct process_mover *x = calloc(1, sizeof(*x));
	struct err e = {.code = ERR_NONE};
	char missing[256] = "";
	char text[512];

	log_setup("mover", LOG_INFO);
	if (x == NULL || !role_start(&x->role, PROCESS_MOVER, slot, &e)) {
		log_err(LOG_ERROR, "start", &e);
		free(x);
		return EXIT_NO;
	}
	for (size_t i = 0; i < LINKS; i++)
		x->links[i].fd = -1;
	if (!prepare(x, &e))
		role_refuse(&x->role, EXIT_NO, span_of(err_text(&e, text, sizeof(text))));
	if (!sandbox_enter(&x->role, missing, sizeof(missing), &e))
		role_refuse(&x->role, EXIT_SANDBOX, span_of(err_text(&e, text, sizeof(text))));
	if (missing[0] != '\0')
		log_warn("sandbox.partial", "confined in part", LOG_STR("missing", missing));
	int code = EXIT_NO;
	if (role_ready(&x->role, "mover ready", &e))
		code = serve(x);
	else
		log_err(LOG_ERROR, "start", &e);
	finish(x);
	free(x);
	return code;
}
