/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/settings.h"
#include "agent/bundle.h"

#include <stdbool.h>
#include <sys/stat.h>

/*
 * One configuration in force: agent.yaml as it was read, and every file it names, opened.  Texts
 * are copied into sealed memory at this moment, so that a role that is started again gets what was
 * checked, whatever has happened to the files since; private keys are opened and passed on, never
 * read.
 */
struct config {
	struct settings *settings;
	struct bundle bundle;
	struct stat proposals; /* of the file that was opened; all zero: none */
};

/* The memory that all roles share; made once by the supervisor. */
struct config_shared {
	int epoch_read, epoch_write, metrics, sessions, replay; /* -1: none */
};

/*
 * Read and open for the roles of the mask `roles` (BUNDLE_ROLE).  With `create` the folders of
 * state, run time and log are made when their parents exist, and so is the audit log.  All faults
 * stand in report as "FILE:LINE:COLUMN: error: MESSAGE" lines; NULL then.
 */
struct config *config_load(const char *file, unsigned roles, bool create,
	const struct config_shared *shared, struct buf *report, struct err *e);

/* err.ref of a failure for which a policy file is to blame (others may be too). */
#define CONFIG_POLICY "POL-19"

/*
 * The configuration `old` with its policy files (and their signatures) opened anew; all else is
 * what it was, also where it has changed on disk.
 */
struct config *config_policies(const struct config *old, struct buf *report, struct err *e);
/* Of a configuration that was refused, keep what config_policies_differ needs. */
void config_keep_policies(struct config *c);
/* Do policy files on disk hold other bytes than those in force?  One that cannot be opened does. */
bool config_policies_differ(const struct config *c);
void config_free(struct config *c); /* NULL allowed */

/* Open proposals.yaml anew when it has changed on disk.  True: it was changed. */
bool config_refresh_proposals(struct config *c);

/* Is there an issuer that only the courier can ask?  Else there is no such process. */
bool config_wants_courier(const struct settings *s);
/* May files be moved to where their readers say? */
bool config_wants_mover(const struct settings *s);

/*
 * Names of the keys that differ between two configurations and that a reload cannot change, as
 * "listen, workers"; "" when there are none.  They keep the value of `old` until a restart.
 */
void config_fixed_keys(const struct settings *old, const struct settings *now, struct buf *names);
