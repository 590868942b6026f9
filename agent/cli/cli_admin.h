/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/settings.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * Asking the running agent over its admin socket (runtime_dir/admin.sock, HTTP/1.0).  For commands;
 * blocks.
 */

/* The settings of --config FILE (or the default); NULL after the faults went to standard error. */
struct settings *cli_admin_settings(const char *command, const char *given);

/* Connected, or -1: ERR_ABSENT when no agent answers there. */
int cli_admin_connect(const char *runtime_dir, struct err *e);
/* Send a request and read the answer's head: the body is what the socket gives next. */
bool cli_admin_begin(
	int fd, const char *method, const char *path, struct span body, int *status, struct err *e);
/* The whole exchange; the body of the answer is added to *ret. */
bool cli_admin_ask(const char *runtime_dir, const char *method, const char *path, int *status,
	struct buf *ret, struct err *e);

/* The same with a body, by POST. */
bool cli_admin_post(const char *runtime_dir, const char *path, struct span body, int *status,
	struct buf *ret, struct err *e);

/* A command that shows one answer of the agent: [--json] [--config FILE] [--help]. */
struct cli_admin_page {
	const char *command; /* "status" */
	const char *path;    /* of the admin socket */
	size_t max;          /* bytes of the answer */
	int (*help)(FILE *out, int code);
	int (*show)(struct span answer, bool json); /* the exit status */
};
int cli_admin_page(const struct cli_admin_page *p, int argc, char **argv);
