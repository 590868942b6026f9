/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/supervisor.h"

/*
 * What the admin socket answers: GET /metrics, GET /healthz, GET /status, GET /issuers, POST
 * /reload, POST /index.
 */
admin_handler supervisor_desk; /* ctx: struct supervisor */

/* The indexer is ready (again): it gets the job that waits, if any. */
void supervisor_desk_job(struct supervisor *s);
/* It ended while it had a job, or the job is done. */
void supervisor_desk_job_over(struct supervisor *s);
