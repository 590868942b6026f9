/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"

#include <stdbool.h>

/* `what`: the reason that OpenSSL gave last.  Takes it from the thread's queue; always false. */
bool tls_fail(struct err *e, enum err_code code, const char *what);
