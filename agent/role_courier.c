/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The courier: the one role that speaks to issuers.  It reads their answers and nothing else of the
 * world, opens no data, and decides nothing: it hands keys and answers to the gates.  What it does
 * and when is agent/courier.c; here are its sockets, its clock, its disk and its log.
 */
#include "agent/role.h"

#include "agent/base/crypto.h"
#include "agent/base/fetch.h"
#include "agent/base/fetch_warm.h"
#include "agent/base/log.h"
#include "agent/base/proc.h"
#include "agent/base/secret.h"
#include "agent/control.h"
#include "agent/courier.h"
#include "agent/courier_kept.h"
#include "agent/courier_link.h"
#include "agent/courier_tell.h"
#include "agent/sandbox.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINKS     16U     /* the gate in force, the next one, old ones that end */
#define TELL_MS   1000LL  /* between two reports to the supervisor, at least */
#define TELL_LONG 30000LL /* and at most: ages grow */
#define REPORT    ((size_t)256 * 1024)

struct process_courier {
	struct role role;
	struct issuers issuers;
	char origin[512];
	struct courier_files *files;
	struct secret *secrets; /* two for each issuer */
	struct fetch *fetch;
	struct courier *courier;
	struct courier_link links[LINKS];
	int64_t told_ms; /* 0: never */
	bool changed, draining;
};

/* ---- the world of agent/courier.c ---- */

static struct courier_now
world_now(void *arg)
{
	(void)arg;
	return (struct courier_now){proc_now_ms(), time(NULL)};
}

static uint32_t
world_random(void *arg)
{
	uint32_t v = 0;

	(void)arg;
	(void)crypto_random(&v, sizeof(v), NULL); /* only to spread retrievals */
	return v;
}

static bool
world_fetch(
	void *arg, const struct fetch_request *r, fetch_done *done, void *done_arg, struct err *e)
{
	struct process_courier *x = arg;

	return fetch_start(x->fetch, r, done, done_arg, e);
}

static void
world_report(void *arg, unsigned link, const struct report *r)
{
	struct process_courier *x = arg;

	for (size_t i = 0; i < LINKS; i++)
		if (x->links[i].fd >= 0 && (link == COURIER_ALL || x->links[i].number == link))
			courier_link_send(&x->links[i], r);
}

static void
note_kept(struct span issuer, const char *msg, const struct err *e)
{
	log_msg(LOG_WARN, "issuer.kept", msg, LOG_SPAN("issuer", issuer), LOG_STR("why", e->msg));
}

static void
world_keep(void *arg, const struct courier_kept *k)
{
	const struct process_courier *x = arg;
	const struct role_file *dir = role_file(&x->role, "courier.dir");
	struct err e = {0};

	if (dir != NULL && !courier_kept_save(dir->fd, k, &e))
		note_kept(k->issuer, "its keys are used but could not be kept for a restart", &e);
}

static void
world_note(void *arg, enum log_level l, const char *event, const char *msg, struct span issuer,
	struct span text)
{
	(void)arg;
	if (text.n > 0)
		log_msg(l, event, msg, LOG_SPAN("issuer", issuer), LOG_SPAN("why", text));
	else
		log_msg(l, event, msg, LOG_SPAN("issuer", issuer));
}

/* ---- before confinement ---- */

/* A file of the bundle that may be missing. */
static bool
take_text(
	struct process_courier *x, const char *what, size_t issuer, struct span *ret, struct err *e)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "%s.%zu", what, issuer);
	return role_file(&x->role, name) == NULL || role_text(&x->role, name, ret, e);
}

/* A copy, for its file may be written again meanwhile; the secret ends before the line ends. */
static bool
take_secret(struct process_courier *x, const char *what, size_t issuer, struct secret *store,
	struct span *ret, struct err *e)
{
	struct span text = SPAN_NONE;

	if (!take_text(x, what, issuer, &text, e))
		return false;
	while (text.n > 0 && strchr("\r\n", text.p[text.n - 1]) != NULL)
		text.n--;
	if (text.p == NULL)
		return true;
	if (!secret_set(store, text))
		return err_set(e, ERR_SYSTEM, NULL, "no memory for a secret");
	*ret = secret_open(store);
	return true;
}

static bool
take_files(struct process_courier *x, struct err *e)
{
	x->files = calloc(x->issuers.n + 1, sizeof(*x->files));
	x->secrets = calloc(2 * x->issuers.n + 1, sizeof(*x->secrets));
	if (x->files == NULL || x->secrets == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "no memory for the issuers");
	for (size_t i = 0; i < x->issuers.n; i++) {
		struct courier_files *f = &x->files[i];
		struct secret *own = &x->secrets[2 * i];
		if (!take_text(x, "ca", i, &f->ca, e) ||
			!take_secret(x, "secret", i, &own[0], &f->secret, e) ||
			!take_secret(x, "websecret", i, &own[1], &f->websecret, e))
			return false;
	}
	return true;
}

/* The rules of each issuer, as the gate has them. */
static bool
take_issuers(struct process_courier *x, struct err *e)
{
	AUTO_BUF report = BUF_INIT(REPORT);
	const char *url = x->role.settings->public_url;

	(void)snprintf(x->origin, sizeof(x->origin), "%s/", url != NULL ? url : "");
	return issuers_load(x->role.settings, span_of(x->origin), &report, &x->issuers, e);
}

/* Keys of before; a file that is of no use is ignored with one line. */
static void
restore(struct process_courier *x)
{
	const struct role_file *dir = role_file(&x->role, "courier.dir");

	for (size_t i = 0; dir != NULL && i < x->issuers.n; i++) {
		AUTO_BUF text = BUF_INIT(COURIER_KEPT_MAX + 4096);
		struct err e = {.code = ERR_NONE};
		struct span iss = x->issuers.item[i].iss;
		if (!courier_fetches(x->courier, i))
			continue;
		if (!courier_kept_load(dir->fd, iss, &text, &e)) {
			if (e.code != ERR_ABSENT)
				note_kept(iss, "what was kept of it cannot be read", &e);
		} else if (!courier_restore(x->courier, i, buf_span(&text), &e)) {
			note_kept(iss, "what was kept of it is not used", &e);
		}
	}
}

static bool
prepare(struct process_courier *x, struct err *e)
{
	const struct fetch_options options = {.proxy = x->role.settings->proxy};
	const struct courier_world world = {.arg = x,
		.now = world_now,
		.random = world_random,
		.fetch = world_fetch,
		.report = world_report,
		.keep = world_keep,
		.note = world_note};

	if (!crypto_prepare(e) || !fetch_prepare(e) || !fetch_new(&options, &x->fetch, e) ||
		!take_issuers(x, e) || !take_files(x, e) ||
		!courier_new(&world, &x->issuers, x->files, &x->courier, e))
		return false;
	fetch_warm();
	restore(x);
	return true;
}

/* ---- the loop ---- */

static void
add_link(struct process_courier *x, unsigned number, int fd)
{
	size_t i = 0;

	while (i < LINKS && x->links[i].fd >= 0)
		i++;
	if (i == LINKS) {
		log_error("link", "too many gates: this one gets no courier",
			LOG_U64("slot", number));
		(void)close(fd);
		return;
	}
	courier_link_init(&x->links[i], fd, number);
	courier_link(x->courier, number);
}

static void
drop_links(struct process_courier *x)
{
	for (size_t i = 0; i < LINKS; i++)
		if (x->links[i].fd >= 0 && x->links[i].broken) {
			courier_unlink(x->courier, x->links[i].number);
			courier_link_fini(&x->links[i]);
		}
}

/* False: time to go at once. */
static bool
control(struct process_courier *x)
{
	struct role_message m;

	while (role_next(&x->role, &m)) {
		if (m.kind == ROLE_GONE)
			return false;
		if (m.kind == ROLE_LINK && m.peer == PROCESS_GATE) {
			add_link(x, m.slot, m.fd);
			continue;
		}
		if (m.kind == ROLE_DRAIN) {
			x->draining = true;
			courier_drain(x->courier);
		}
		if (m.fd >= 0)
			(void)close(m.fd);
	}
	return true;
}

static void
tell_one(struct process_courier *x, const char *name,
	void write(const struct courier *c, struct buf *out))
{
	AUTO_BUF text = BUF_INIT(REPORT);
	struct err e = {0};

	write(x->courier, &text);
	if (!role_report(&x->role, name, buf_span(&text), &e))
		log_err(LOG_WARN, "issuer.tell", &e);
}

/* Milliseconds until there is something to tell. */
static int64_t
tell(struct process_courier *x)
{
	int64_t now = proc_now_ms();

	x->changed = courier_changed(x->courier) || x->changed;
	int64_t due = x->told_ms + (x->changed ? TELL_MS : TELL_LONG);
	if (x->told_ms != 0 && now < due)
		return due - now;
	x->told_ms = now;
	x->changed = false;
	tell_one(x, "issuers", courier_tell_json);
	tell_one(x, "issuer-metrics", courier_tell_metrics);
	return TELL_LONG;
}

static void
serve_link(struct process_courier *x, struct courier_link *l)
{
	struct errand r;
	struct err e = {.code = ERR_NONE};

	courier_link_flush(l);
	while (courier_link_next(l, &r, &e))
		courier_errand(x->courier, l->number, &r);
	if (e.code != ERR_NONE)
		log_err(LOG_ERROR, "link", &e);
}

static bool
wait_for_work(struct process_courier *x, int64_t ms, struct err *e)
{
	struct pollfd p[1 + LINKS];
	struct courier_link *of[1 + LINKS];
	unsigned n = 0;

	p[n++] = (struct pollfd){.fd = x->role.control, .events = POLLIN};
	for (size_t i = 0; i < LINKS; i++) {
		struct courier_link *l = &x->links[i];
		if (l->fd < 0)
			continue;
		of[n] = l;
		p[n++] = (struct pollfd){.fd = l->fd,
			.events = (short)(POLLIN | (courier_link_full(l) ? POLLOUT : 0))};
	}
	if (!fetch_turn(x->fetch, (int)ms, p, n, e))
		return false;
	for (unsigned i = 1; i < n; i++)
		if (p[i].revents != 0)
			serve_link(x, of[i]);
	return true;
}

static int
serve(struct process_courier *x)
{
	struct err e = {0};

	while (control(x)) {
		int64_t ms = courier_turn(x->courier);
		int64_t told = tell(x);
		drop_links(x);
		if (x->draining && courier_idle(x->courier))
			return EXIT_OK;
		if (!wait_for_work(x, told < ms ? told : ms, &e)) {
			log_err(LOG_ERROR, "issuer.fetch", &e);
			return EXIT_NO;
		}
	}
	return EXIT_OK;
}

static void
finish(struct process_courier *x)
{
	fetch_free(x->fetch); /* first: it knows what it was asked for */
	courier_free(x->courier);
	for (size_t i = 0; i < LINKS; i++)
		courier_link_fini(&x->links[i]);
	for (size_t i = 0; i < 2 * x->issuers.n; i++)
		secret_fini(&x->secrets[i]);
	free(x->secrets);
	free(x->files);
	issuers_fini(&x->issuers);
}

int
role_courier_main(unsigned slot)
{
	struct process_courier *x = calloc(1, sizeof(*x));
	struct err e = {0};
	char missing[256] = "";
	char text[512];

	log_setup("courier", LOG_INFO);
	if (x == NULL || !role_start(&x->role, PROCESS_COURIER, slot, &e)) {
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
	if (role_ready(&x->role, "courier ready", &e))
		code = serve(x);
	else
		log_err(LOG_ERROR, "start", &e);
	finish(x);
	free(x);
	return code;
}
