/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"

/*
 * PROPFIND above the datasets, so that WebDAV clients can walk down from /data/: the collections
 * are the beginnings of the pids that show to whoever asks (/data/10.5072/ holds the datasets whose
 * pids begin with "10.5072/"), and nothing else is one.  It has no pages, so the work of an answer
 * is bounded by GATE_COLLECTION_LOOK rows, shown or not; beyond that the list of /data/ as JSON,
 * which has pages, is what the client is told of.
 */
#define GATE_COLLECTION_LOOK 100000U

/* Does c->ask->path lie above a dataset that shows?  False with ERR_NONE: it does not, or not
 * among the rows that may be looked at. */
bool gate_collection_shows(struct gate_desk *d, struct gate_case *c, struct err *e);
/* Of /data/ itself, or of a path that shows. */
void gate_collection_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);
