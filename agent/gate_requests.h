/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"

/*
 * /datasets/PID/access-requests: who is refused may ask those who could open the dataset.
 *
 * POST by a person to whom its public record shows and its data do not: one request at a time for
 * each dataset, GATE_REQUESTS_DAY a day.  GET: those who could grant it see what waits, with the
 * name that the asker goes by at the issuer (asking is consenting to that, and the form says so);
 * everybody sees their own, and what became of them.  POST .../ID answers: `decline` with a note,
 * or `grant`, a personal grant for the asker's own token until a date; `withdraw` by who asked.
 * Nobody is mailed: /me shows what waits.
 */
#define GATE_REQUESTS_DAY 10U

void gate_requests_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);

/*
 * What waits for the person of this question, and what they have asked: for /me, as members of the
 * object that *w stands in, or as tables with links.
 */
struct jsonw;
void gate_requests_json(struct gate_desk *d, struct gate_case *c, struct jsonw *w);
void gate_requests_page(struct gate_desk *d, struct gate_case *c);
