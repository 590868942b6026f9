/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"

#include <stdbool.h>

/*
 * Add a whole file ("-": standard input) to `ret`; its `max` is the limit.  ERR_SYSTEM with errno,
 * ERR_LIMIT when it is larger.
 */
bool cli_file_read(const char *path, struct buf *ret, struct err *e);
