/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/settings.h"
#include "agent/base/span.h"

#include <stdbool.h>

/*
 * pan-agent policy release|extend|approve|object|agree|restrict|lift|withdraw|reinstate PID: one
 * event for the log of a dataset, recorded by the running agent.  argv[0] says which.
 */
int cli_events(int argc, char **argv);
/*
 * Have the running agent write into its ledger: `job` as in agent/gate_job.h; *status as of HTTP,
 * the JSON of "answer" or the text of "detail" is added to *ret.  False: the agent could not be
 * asked.
 */
bool cli_events_post(
	const struct settings *s, struct span job, int *status, struct buf *ret, struct err *e);
