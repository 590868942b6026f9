/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/buf.h"
#include "agent/base/crypto.h"
#include "agent/base/log.h"
#include "agent/base/metric.h"
#include "agent/front_peers.h"
#include "agent/front_worker.h"
#include "agent/http/tls.h"
#include "agent/role.h"
#include "agent/sandbox.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * The front: TLS and HTTP from the network.  It holds the TLS keys and its sockets, and can open
 * nothing; one thread for each worker, each with its own link to the gate.
 */
#define WORKERS_MAX      64U
#define NAMES_MAX        64U
#define POLL_MS          100    /* while draining */
#define DESCRIPTORS      65536U /* as agent/sandbox.c sets it */
#define DESCRIPTORS_OURS 512U   /* listeners, links, loops, what the bundle holds */

struct front {
	struct role role;
	struct front_setup setup; /* its lists are below */
	struct tls_pair *pairs;
	struct tls_backend *backend;
	struct span own[NAMES_MAX];
	int listen[16]; /* of the worker in work */
	struct front_worker *worker[WORKERS_MAX];
	unsigned n_workers;
	bool draining;
};

/* ---- certificates ---- */

static bool
load_pair(struct front *f, size_t i, struct err *e)
{
	struct tls_pair *p = &f->pairs[i];
	char name[32];

	(void)snprintf(name, sizeof(name), "tls.chain.%zu", i);
	if (!role_text(&f->role, name, &p->chain, e))
		return false;
	p->name = role_file(&f->role, name)->path;
	(void)snprintf(name, sizeof(name), "tls.key.%zu", i);
	return role_text(&f->role, name, &p->key, e);
}

/* A secret that every node with this key derives alike (conn_answer.c). */
static bool
boundary_key(struct front *f, struct err *e)
{
	if (!crypto_hmac_sha256(
		    f->pairs[0].key, SPAN("pan-agent multipart boundary"), f->setup.boundary_key))
		return err_set(e, ERR_SYSTEM, NULL, "HMAC-SHA-256");
	return true;
}

static bool
load_tls(struct front *f, struct err *e)
{
	size_t n = f->role.settings->n_certificates;

	if (n == 0)
		return err_set(e, ERR_ABSENT, NULL,
			"no certificate: name a chain and a key under tls.certificates");
	f->pairs = calloc(n, sizeof(*f->pairs));
	if (f->pairs == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for certificates");
	for (size_t i = 0; i < n; i++) {
		if (!load_pair(f, i, e))
			return false;
	}
	f->setup.pairs = f->pairs;
	f->setup.n_pairs = n;
	return boundary_key(f, e) && tls_keys_new(&f->setup.keys, e);
}

/* Its libraries are opened now: later the front can open nothing. */
static void
choose_backend(struct front *f)
{
	struct err e = {.code = ERR_NONE};

	if (f->role.settings->tls_own_ciphers)
		log_info("tls", "OpenSSL encrypts, as tls.provider says");
	else if (!tls_backend_new(&f->backend, &e))
		log_err(e.code == ERR_ABSENT ? LOG_INFO : LOG_WARN, "tls", &e);
	f->setup.backend = f->backend;
}

/* The workers have their own copies inside libssl: the text of the keys can go. */
static void
forget_keys(struct front *f)
{
	for (size_t i = 0; i < f->setup.n_pairs; i++) {
		struct span *key = &f->pairs[i].key;
		if (key->n > 0)
			(void)munmap((void *)(uintptr_t)key->p, key->n);
		*key = SPAN_NONE;
	}
	for (size_t i = 0; i < f->role.n_files; i++) {
		if (strncmp(f->role.files[i].name, "tls.key.", 8) == 0)
			(void)close(f->role.files[i].fd);
	}
}

/* ---- names that Host may carry ---- */

static void
add_name(struct front *f, struct span name)
{
	if (name.n > 0 && f->setup.n_own < NAMES_MAX)
		f->own[f->setup.n_own++] = name;
}

static void
load_names(struct front *f)
{
	const struct settings *s = f->role.settings;
	struct span origin = span_of(s->public_url);

	if (origin.n == 0)
		return; /* any name is ours */
	add_name(f, span_skip(origin, sizeof("https://") - 1));
	for (size_t i = 0; i < s->hosts.n; i++)
		add_name(f, span_of(s->hosts.item[i]));
	for (size_t i = 0; i < s->listen.n; i++)
		add_name(f, span_of(s->listen.item[i]));
	f->setup.own = f->own;
}

/* ---- workers ---- */

/* Sockets of one worker; without SO_REUSEPORT (socket activation) they belong to all. */
static size_t
listeners_of(const struct front *f, unsigned worker, int *ret, size_t max)
{
	size_t n = 0;

	for (unsigned i = 0; i < ROLE_FILES && n < max; i++) {
		char name[32];
		int shared_port = 0;
		socklen_t len = sizeof(shared_port);
		(void)snprintf(name, sizeof(name), "listen.%u", i);
		const struct role_file *file = role_file(&f->role, name);
		if (file == NULL)
			break;
		(void)getsockopt(file->fd, SOL_SOCKET, SO_REUSEPORT, &shared_port, &len);
		if (shared_port == 0 || i % f->n_workers == worker)
			ret[n++] = file->fd;
	}
	return n;
}

static bool
start_worker(struct front *f, unsigned i, struct err *e)
{
	f->setup.listen = f->listen;
	f->setup.n_listen = listeners_of(f, i, f->listen, sizeof(f->listen) / sizeof(f->listen[0]));
	if (f->setup.n_listen == 0)
		return err_set(e, ERR_ABSENT, NULL, "no listening socket for worker %u", i);
	f->setup.metrics = metric_stripe(f->role.metrics, role_stripe(PROCESS_FRONT, i));
	if (i == 0) /* a gauge is the sum over the stripes */
		metric_set(f->setup.metrics,
			f->backend != NULL ? METRIC_TLS_IMB : METRIC_TLS_OPENSSL, 1);
	return front_worker_new(&f->setup, &f->worker[i], e) && front_worker_start(f->worker[i], e);
}

/* The workers hold descriptors of their own: on drain they must be the last. */
static void
forget_listeners(struct front *f)
{
	for (size_t i = 0; i < f->role.n_files; i++) {
		if (strncmp(f->role.files[i].name, "listen.", 7) == 0)
			(void)close(f->role.files[i].fd);
	}
}

/* What the system lets us have, without our own. */
static uint64_t
descriptors(void)
{
	struct rlimit r = {.rlim_max = DESCRIPTORS};

	(void)getrlimit(RLIMIT_NOFILE, &r);
	uint64_t all = r.rlim_max < DESCRIPTORS ? r.rlim_max : DESCRIPTORS;
	return all > 2UL * DESCRIPTORS_OURS ? all - DESCRIPTORS_OURS : DESCRIPTORS_OURS;
}

/*
 * Descriptors are for a socket of each connection, and for the files of those that have one in
 * work: a quarter is left for these.  Kept grants have what is over, and give way.
 */
static unsigned
connections(const struct front *f)
{
	const struct settings_limits *l = &f->role.settings->limits;
	uint64_t most = descriptors() / 4 * 3;

	if (l->connections <= most)
		return l->connections;
	log_warn("limits", "fewer connections than configured: the descriptors do not suffice",
		LOG_U64("connections", most), LOG_U64("descriptors", descriptors()));
	return (unsigned)most;
}

static bool
start(struct front *f, struct err *e)
{
	const struct settings *s = f->role.settings;
	const struct settings_limits *l = &s->limits;

	f->setup.settings = s;
	f->setup.epoch = f->role.epoch;
	f->n_workers = s->workers < WORKERS_MAX ? s->workers : WORKERS_MAX;
	if (!load_tls(f, e))
		return false;
	choose_backend(f);
	load_names(f);
	unsigned most = connections(f);
	uint8_t seed[16];
	uint64_t kept = descriptors() / 4 * 3;
	f->setup.high = (int)(descriptors() / 8 * 7);
	if (!front_peers_new(most, l->connections_per_address, &f->setup.peers, e) ||
		!front_peers_new(most, l->connections_per_identity, &f->setup.identities, e) ||
		!rate_table_new(0, &f->setup.rates, e) || !crypto_random(seed, sizeof(seed), e) ||
		!kept_new(l->kept_grants < kept ? l->kept_grants : kept, seed, &f->setup.kept, e) ||
		(l->link_mbit > 0 && !share_new(l->link_mbit, 0, &f->setup.share, e)) ||
		!crypto_random(f->setup.identity_key, sizeof(f->setup.identity_key), e))
		return false;
	for (unsigned i = 0; i < f->n_workers; i++) {
		if (!start_worker(f, i, e))
			return false;
	}
	forget_keys(f);
	forget_listeners(f);
	return true;
}

_Noreturn static void
refuse(struct front *f, const struct err *e, int code)
{
	char text[512];
	struct buf report = BUF_INIT(1024);

	buf_addf(&report, "front: %s\n", err_text(e, text, sizeof(text)));
	role_refuse(&f->role, code, buf_span(&report));
}

/* ---- messages of the supervisor ---- */

static void
take(struct front *f, struct role_message *m)
{
	switch (m->kind) {
	case ROLE_LINK:
		if (m->peer == PROCESS_GATE && m->slot < f->n_workers)
			front_worker_link(f->worker[m->slot], m->fd);
		else
			(void)close(m->fd);
		return;
	case ROLE_DRAIN:
		f->draining = true;
		for (unsigned i = 0; i < f->n_workers; i++)
			front_worker_drain(f->worker[i]);
		return;
	case ROLE_GONE:
		_exit(EXIT_NO);
	case ROLE_JOB:
		break;
	}
	if (m->fd >= 0)
		(void)close(m->fd);
}

static bool
all_ended(const struct front *f)
{
	for (unsigned i = 0; i < f->n_workers; i++) {
		if (!front_worker_ended(f->worker[i]))
			return false;
	}
	return true;
}

static void
serve(struct front *f)
{
	struct pollfd p = {.fd = f->role.control, .events = POLLIN};
	struct role_message m;

	while (!f->draining || !all_ended(f)) {
		(void)poll(&p, 1, f->draining ? POLL_MS : -1);
		while (role_next(&f->role, &m))
			take(f, &m);
	}
	for (unsigned i = 0; i < f->n_workers; i++)
		front_worker_join(f->worker[i]);
}

static void
ignore_signals(void)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)sigaction(SIGINT, &ignore, NULL); /* of the terminal: the supervisor drains us */
	(void)sigaction(SIGHUP, &ignore, NULL);
}

int
role_front_main(unsigned slot)
{
	static struct front f; /* too large for the stack */
	char missing[256] = "";
	char status[512];
	struct err e = {.code = ERR_NONE};

	ignore_signals();
	if (!role_start(&f.role, PROCESS_FRONT, slot, &e)) {
		log_err(LOG_ERROR, "start_failed", &e);
		return EXIT_NO;
	}
	if (!crypto_prepare(&e) || !start(&f, &e))
		refuse(&f, &e, EXIT_CONFIG);
	if (!sandbox_enter(&f.role, missing, sizeof(missing), &e))
		refuse(&f, &e, EXIT_SANDBOX);
	(void)snprintf(status, sizeof(status), "%u workers%s%s", f.n_workers,
		missing[0] != '\0' ? ", not confined: " : "", missing);
	if (!role_ready(&f.role, status, &e)) {
		log_err(LOG_ERROR, "start_failed", &e);
		return EXIT_NO;
	}
	for (unsigned i = 0; i < f.n_workers; i++)
		front_worker_go(f.worker[i]);
	serve(&f);
	tls_keys_free(f.setup.keys);
	tls_backend_free(f.backend);
	front_peers_free(f.setup.peers);
	front_peers_free(f.setup.identities);
	rate_table_free(f.setup.rates);
	kept_free(f.setup.kept);
	share_free(f.setup.share);
	free(f.pairs);
	return EXIT_OK;
}
