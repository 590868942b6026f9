/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"

/*
 * /data/: the datasets that show to whoever asks, by pid, as a page or as JSON.  A page ends after
 * 1000 of them, and names the last one to go on behind it (?after=PID); or after so many looks at
 * datasets, shown or not, that a thread has worked long enough.  Then it names a place by a sealed
 * cursor, which tells nobody what stands there (?cursor=TEXT).
 */
#define GATE_CATALOGUE_PAGE 1000U
#define GATE_CATALOGUE_LOOK 10000U

void gate_catalogue_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);
