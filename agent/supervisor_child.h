/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/bundle.h"
#include "agent/control.h"
#include "agent/role.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * One role process as its parent sees it: started, ready, hung, ended, to be started again.  Knows
 * nothing of the others; agent/supervisor.c holds the table and the order of things.
 */
enum child_state {
	CHILD_NONE,     /* not wanted */
	CHILD_WAITING,  /* to be started at `at` */
	CHILD_STARTING, /* has its bundle, has not said that it is ready */
	CHILD_READY,
	CHILD_DRAINING, /* was told to end when done */
};

/* The texts of role_report that are kept: the last one of each name that its role may use. */
#define CHILD_REPORTS 5U

struct child {
	enum process what;
	unsigned slot;
	enum child_state state;
	pid_t pid;    /* 0: no process */
	int control;  /* -1: none */
	bool ordered; /* its end is our own doing: no failure */
	bool gone;    /* it has ended, and was not yet forgotten */
	int how;      /* it ended, as of waitpid(2) */
	long long at, since;
	unsigned failures, restarts;
	uint32_t asked, answered; /* pings */
	long long asked_at;
	int code;          /* of a refusal; 0: none */
	char status[520];  /* its own line, or how it ended */
	struct buf report; /* of a refusal */
	struct buf said[CHILD_REPORTS];
};

#define CHILD_PING_MS  2000LL
#define CHILD_LATE_MS  5000LL   /* an answer that is later than that is missed */
#define CHILD_HUNG_MS  20000LL  /* a role that is silent that long is killed */
#define CHILD_START_MS 120000LL /* and one that does not become ready */

void child_init(struct child *c, enum process what, unsigned slot);
void child_fini(struct child *c); /* kills what still runs */
/* Start it and hand it its bundle; the old report is forgotten. */
bool child_start(struct child *c, const struct bundle *b, long long now, struct err *e);
bool child_alive(const struct child *c); /* there is a process that has not ended */
/* A message with a descriptor or -1; what cannot be delivered shows up as the child's end. */
void child_tell(struct child *c, const struct control *m, int fd);
void child_drain(struct child *c);
void child_kill(struct child *c);
/* Has it ended?  Its last messages can still be read, until child_forget. */
bool child_ended(struct child *c);
/* After the end: CHILD_NONE without descriptors, `status` says how it ended. */
void child_forget(struct child *c);
/*
 * To be started again: at once the first time (and when the end was ordered), then after 100 ms,
 * 200 ms, ... 5 s.  A life of 10 s in readiness wipes the record.
 */
void child_again(struct child *c, long long now);
/* The same without a process before: how long the n-th failure in a row waits. */
long long child_delay(unsigned failures);
/* Ask whether it lives, when it is time; kill it when it has been silent too long. */
void child_watch(struct child *c, long long now);
/* Not known to hang: it is not serving, or its last ping was answered or is young. */
bool child_well(const struct child *c, long long now);
/* Next message of the child: pongs, readiness and refusals are kept here, and the kind is returned
 * for the caller's part of it; 0: nothing now.  A child that breaks the protocol is killed. */
enum control_kind child_read(struct child *c, long long now, struct control *ret);
/* What it reported last under this name, in this life or one before; empty: nothing yet. */
struct span child_said(const struct child *c, const char *name);
void child_forget_reports(struct child *c);
