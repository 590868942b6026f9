/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>

/*
 * Add a whole file ("-": standard input) to `ret`; its `max` is the limit.  ERR_SYSTEM with errno,
 * ERR_LIMIT when it is larger.
 */
bool cli_file_read(const char *path, struct buf *ret, struct err *e);
/*
 * Put `text` into a file of this folder, mode 0600: written to a new name and renamed, so that a
 * reader sees the old or the new text, whole.  SIGINT, SIGTERM and SIGHUP wait meanwhile, so that
 * they leave no half of it behind.
 */
bool cli_file_replace(int folder, const char *name, struct span text, struct err *e);
/* The same with mode 0644, whatever the umask: for what everybody may read. */
bool cli_file_publish(int folder, const char *name, struct span text, struct err *e);
