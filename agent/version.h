/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"

/*
 * `pan-agentd --version`: our version, those of the libraries that run, and the licence of this
 * binary as a whole, which follows from the liboauth2 that is linked.
 */
void version_write(struct buf *out);
