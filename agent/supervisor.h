/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/admin.h"
#include "agent/base/buf.h"
#include "agent/base/metric.h"
#include "agent/base/notify.h"
#include "agent/config.h"
#include "agent/listen.h"
#include "agent/supervisor_child.h"
#include "agent/watch.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The parent of all roles: it reads the configuration, opens what the roles may read, holds the
 * listening sockets and starts the roles again when they end.  It sees no byte of a client.  One
 * thread, one poll loop; everything below is its state.
 */

/* The places of the child table. */
enum seat {
	SEAT_INDEXER,
	SEAT_GATE,
	SEAT_FRONT,
	SEAT_COURIER,
	SEAT_MOVER,
	SEAT_NEXT, /* the gate of a configuration that is being tried */
	SEAT_OLD,  /* gates that finish their work after a reload */
	SEAT_READER = SEAT_OLD + 4,
	SEATS = SEAT_READER + 16
};

enum phase {
	PHASE_START, /* until all roles were ready once: a failure ends the daemon */
	PHASE_SERVE,
	PHASE_DRAIN, /* SIGTERM: the front finishes, then the others go */
	PHASE_LAST,  /* the front is gone: the others are told to end */
	PHASE_END,
};

struct supervisor_reload {
	bool busy;     /* SEAT_NEXT is starting */
	bool again;    /* asked for meanwhile */
	bool policies; /* it is of policy files alone */
	/* The last one was refused, so what is on disk is not in force: all of it, or policies. */
	bool stale, policy_stale;
	struct config *refused; /* that one's policy files; NULL: they could not be opened */
	struct buf report;
	struct buf restart; /* names of what needs a restart */
	unsigned waiters[ADMIN_CLIENTS];
	size_t n_waiters;
	uint64_t done, failed;
};

struct supervisor_job {
	bool running; /* the indexer has it */
	bool waiting; /* until the indexer is ready */
	bool stale;   /* the indexer that runs it has the files of an older configuration */
	int fd;       /* where its progress goes, while it waits */
	struct buf text;
};

struct supervisor_net {
	uint64_t names;       /* what the name service's files were, at the last look */
	long long looked;     /* then */
	long long drained[2]; /* when the courier and the mover were told to end */
	uint64_t mover;       /* what it was started with */
};

struct supervisor {
	const char *file;
	bool once; /* one job of the indexer, then the end */
	enum phase phase;
	int code; /* exit status */
	long long now, until;
	struct config *boot;   /* the front's: what a reload cannot change */
	struct config *config; /* in force; may be the same */
	struct config *next;   /* being tried */
	struct config_shared shared;
	uint64_t *epoch;
	long long moved; /* when the epoch was, last */
	struct metrics *metrics;
	struct listen_set sockets;
	struct child child[SEATS];
	int signals; /* signalfd */
	int lock;    /* of the catalogue */
	struct admin *admin;
	struct notify notify;
	long long watchdog_at, extend_at; /* the next message to systemd */
	struct supervisor_reload reload;
	struct supervisor_job job;
	struct supervisor_net net;
	struct watch *watch; /* of policy files; NULL: none */
	unsigned links;      /* of gates with courier or mover, so far */
};

struct supervisor_options {
	const char *file; /* agent.yaml */
	const char *job;  /* JSON of one job of the indexer, or NULL: serve */
};

/* The whole life of the daemon; the exit status. */
int supervisor_run(const struct supervisor_options *o);

/* For the parts of it (supervisor_*.c). */
void supervisor_start(struct supervisor *s, enum seat seat);
void supervisor_notify_ready(struct supervisor *s); /* READY=1 with its STATUS */
/* What decisions rest on has changed: all grants end, and the gate is asked again. */
void supervisor_move_epoch(struct supervisor *s);
