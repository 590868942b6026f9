/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"

/* Every key with type, default and one line of explanation, separated by tabs, as `pan-agent
 * --dump-options` prints them; the manual is checked against it. */
void settings_dump(struct buf *out);
