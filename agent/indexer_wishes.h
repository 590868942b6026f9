/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/wish.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The indexer's side of its links to gates: what they wish waits here in the order in which it
 * came, each dataset once, until a run between two datasets has time for it.  Nothing blocks.
 */
struct indexer_wishes;

#define INDEXER_GATES  8U   /* the one in force, the next one, old ones that end */
#define INDEXER_WISHES 256U /* more are told to come again */
#define INDEXER_LATE   64U  /* of them may be for digests, which anybody can ask for */

bool indexer_wishes_new(struct indexer_wishes **ret, struct err *e);
void indexer_wishes_free(struct indexer_wishes *w); /* NULL allowed */
/* Takes fd. */
void indexer_wishes_link(struct indexer_wishes *w, int fd);
/* Readable when a gate has written, or `also` is; an epoll descriptor, to be polled. */
bool indexer_wishes_watch(struct indexer_wishes *w, int also, struct err *e);
int indexer_wishes_fd(const struct indexer_wishes *w);
/* Read what has come. */
void indexer_wishes_take(struct indexer_wishes *w);
/* The oldest of this kind; borrowed until indexer_wishes_done.  False: none. */
bool indexer_wishes_next(const struct indexer_wishes *w, enum wish_kind kind, struct wish *ret);
/* Report the oldest of this kind, and with it all that wish the same. */
void indexer_wishes_done(struct indexer_wishes *w, enum wish_kind kind, bool ok);
size_t indexer_wishes_count(const struct indexer_wishes *w);
size_t indexer_wishes_count_of(const struct indexer_wishes *w, enum wish_kind kind);
