/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/metric.h"
#include "agent/base/settings.h"
#include "agent/base/span.h"
#include "agent/front_peers.h"
#include "agent/http/kept.h"
#include "agent/http/rate.h"
#include "agent/http/share.h"
#include "agent/http/tls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One worker thread of the front: its loop, its listener, its TLS context, its link to the gate and
 * its connections.  What it shares with the others is read-only, or says that it locks.
 */
struct front_setup {
	const struct settings *settings;
	const struct tls_pair *pairs;
	size_t n_pairs;
	struct tls_keys *keys;
	const struct tls_backend *backend; /* NULL: OpenSSL alone */
	struct front_peers *peers;         /* by address */
	struct front_peers *identities;    /* by credential */
	struct rate_table *rates;          /* by identity and rate class */
	struct kept *kept;                 /* answers that may be used again */
	struct share *share;               /* the link, by identity; NULL: it has no limit */
	uint64_t identity_key[2];
	const struct span *own; /* names that Host may carry */
	size_t n_own;
	const uint64_t *epoch;
	struct metrics *metrics; /* of this worker */
	uint8_t boundary_key[32];
	const int *listen; /* listening sockets, borrowed; n may be 0 */
	size_t n_listen;
	int high; /* a descriptor of this number or above says that they run short */
};

struct front_worker;

/* Everything is opened here; nothing is accepted before front_worker_go(). */
bool front_worker_new(const struct front_setup *s, struct front_worker **ret, struct err *e);
/* Starts the thread, which waits for front_worker_go(). */
bool front_worker_start(struct front_worker *w, struct err *e);
/* From another thread: */
void front_worker_go(struct front_worker *w);
void front_worker_link(struct front_worker *w, int fd); /* takes fd: the gate's socket */
void front_worker_drain(struct front_worker *w);        /* finish within drain_seconds */
bool front_worker_ended(const struct front_worker *w);
void front_worker_join(struct front_worker *w); /* waits for the end, and frees */
