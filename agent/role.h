/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/fdpass.h"
#include "agent/base/settings.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What every confined role does alike: take its bundle from the supervisor, say that it is ready,
 * answer pings, and be told of links, drain and jobs.  `pan-agentd --role NAME --slot N` with the
 * control socket as descriptor 3.
 */
enum process {
	PROCESS_SUPERVISOR,
	PROCESS_FRONT,
	PROCESS_GATE,
	PROCESS_READER,
	PROCESS_INDEXER,
	PROCESS_COURIER, /* only where an issuer is fetched: config_wants_courier */
	PROCESS_MOVER,   /* only where files are moved elsewhere: config_wants_mover */
	PROCESS_COUNT
};
extern const char *const process_names[PROCESS_COUNT];

#define ROLE_CONTROL_FD 3

/* Exit codes of a role and of the daemon.  A refused policy or key file is a refused configuration.
 */
enum { EXIT_OK = 0, EXIT_NO = 1, EXIT_USAGE = 2, EXIT_CONFIG = 2, EXIT_SANDBOX = 4 };

/*
 * The bundle: every file that a role may read besides data, opened by the supervisor.  Names:
 *   agent.yaml            the configuration, all roles
 *   tls.chain.N tls.key.N certificates (front)
 *   listen.N              listening sockets (front); one for each worker, or one for all
 *   policy.N              policy files (gate), in the order of settings.policies
 *   policy.N.sig          signatures of policy N, where they are needed and there (gate)
 *   policies.before       what the gate before this one told as "policies" (gate, in a reload)
 *   jwks.N                key file of issuer N, where it has one (gate)
 *   accounts              accounts.yaml, where there is one (gate)
 *   replay                used proofs of possession (gate), auth/replay.h
 *   sessions              shared memory of SESSION_BYTES (gate): browsers' logins, which outlive it
 *   secret.N websecret.N  client_secret_file, web_client_secret_file of issuer N (courier)
 *   transfer.ca           transfer.ca_file (mover)
 *   ca.N                  ca_file of issuer N (courier)
 *   courier.dir           STATE_DIR/issuers, O_PATH | O_DIRECTORY (courier): keys between two lives
 *   audit                 the audit log, O_APPEND | O_RDWR (gate)
 *   audit.dir             its folder, O_PATH (gate): keys, older files (policy/audit_names.h)
 *   root.N                data root N, O_PATH | O_DIRECTORY (gate, indexer)
 *   catalogue.dir         folder of the catalogue, O_PATH | O_DIRECTORY (gate, indexer)
 *   ledger.dir            folder of the ledger, O_PATH | O_DIRECTORY (gate)
 *   proposals             proposals.yaml (indexer)
 *   epoch, metrics        shared memory (all; metrics not for readers)
 */
struct role_file {
	char name[32];
	char path[256]; /* for messages */
	int fd;
};

struct role_message {
	enum {
		/*
		 * A new socketpair to `peer` slot `slot`: fd.  Between gate and courier there is
		 * one for each gate that lives; peer PROCESS_COURIER, slot 0 at the gate: the new
		 * one takes the place of the old; peer PROCESS_GATE at the courier: the slot is a
		 * running number, and a link ends when its gate does.  The same with PROCESS_MOVER.
		 */
		ROLE_LINK,
		ROLE_JOB,   /* text: JSON of the job; fd: where its progress goes (may be -1) */
		ROLE_DRAIN, /* no new work; exit when done */
		ROLE_GONE,  /* the supervisor died: exit */
	} kind;
	enum process peer;
	unsigned slot;
	int fd; /* taken by the receiver */
	char text[4096];
	size_t n_text;
};

/* listen 128, issuers 4 * 32, policies 2 * 32, roots 32, certificates 2 * 8, and a dozen more. */
#define ROLE_FILES 416U

struct role {
	enum process what;
	unsigned slot;
	int control;
	struct settings *settings;
	struct role_file files[ROLE_FILES];
	size_t n_files;
	const uint64_t *epoch;   /* shared, read with __atomic_load_n */
	uint64_t *epoch_rw;      /* in the gate only */
	struct metrics *metrics; /* shared; see agent/base/metric.h */
};

/* Blocks until the bundle is complete.  Links may follow at any time as ROLE_LINK messages. */
bool role_start(struct role *r, enum process what, unsigned slot, struct err *e);
/* Index in files, or NULL. */
const struct role_file *role_file(const struct role *r, const char *name);
/* The content of a bundle file, mapped read-only for the life of the process. */
bool role_text(const struct role *r, const char *name, struct span *ret, struct err *e);
/* Confined and serving: the supervisor may route work here.  `status` is one line for people. */
bool role_ready(struct role *r, const char *status, struct err *e);
/* Tell the supervisor why this role refuses to run (report: lines for the operator), then exit with
 * `code`.
 */
_Noreturn void role_refuse(struct role *r, int code, struct span report);
/* The next message, pings answered on the way.  False: nothing now.  Non-blocking; poll r->control
 * for reading. */
bool role_next(struct role *r, struct role_message *ret);
/* Indexer: have reader `slot` killed (it overran its deadline).  A new link to it follows. */
bool role_kill_reader(struct role *r, unsigned slot, struct err *e);
/* A job's end, for the supervisor's one-shot mode: exit code. */
bool role_job_done(struct role *r, int code, struct err *e);

/*
 * Text that the supervisor keeps, the last one of each name, and shows on the admin socket:
 *   courier  "issuers"         JSON of GET /issuers: {"issuers":[{"issuer":"https://...",
 *                              "name":"...","profile":"...","source":"file"|"discovery"|"jwks_uri",
 *                              "state":"never"|"fresh"|"stale"|"expired","keys":3,"dropped":0,
 *                              "failures":0,"fetched":UTC,"next":UTC,"error":"...","since":UTC}]};
 *                              UTC in seconds; keys and dropped are left out for keys in a file;
 *                              fetched, next, error and since when there is none
 *            "issuer-metrics"  lines for GET /metrics: pan_issuer_..., pan_introspections_...
 *   gate     "token-metrics"   the same: pan_token_refused_total
 *            "policies"        JSON of what is in force (policy/inforce.h), in GET /status
 *            "policy-metrics"  lines for GET /metrics: pan_policy_...
 *            "policy-notes"    lines for whoever asked for a reload
 *            "clock"           ROLE_CLOCK_HELD: the wall clock stepped ahead and is not followed
 *                              until a reload confirms it; else anything
 * At most CONTROL_TEXT_MAX bytes, else ERR_LIMIT.  Any other name is the end of this process.
 */
#define ROLE_CLOCK_HELD "held"
bool role_report(struct role *r, const char *name, struct span text, struct err *e);

/* First of the stripes of a role in the metrics (agent/base/metric.h): the front and the gate have
 * one for each worker, slot = worker. */
unsigned role_stripe(enum process what, unsigned slot);

int role_front_main(unsigned slot);
int role_gate_main(unsigned slot);
int role_reader_main(unsigned slot);
int role_indexer_main(unsigned slot);
int role_courier_main(unsigned slot);
int role_mover_main(unsigned slot);
