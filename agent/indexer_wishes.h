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

bool indexer_wishes_new(struct indexer_wishes **ret, struct err *e);
void indexer_wishes_free(struct indexer_wishes *w); /* NULL allowed */
/* Takes fd. */
void indexer_wishes_link(struct indexer_wishes *w, int fd);
/* Readable when a gate has written, or `also` is; an epoll descriptor, to be polled. */
bool indexer_wishes_watch(struct indexer_wishes *w, int also, struct err *e);
int indexer_wishes_fd(const struct indexer_wishes *w);
/* Read what has come. */
void indexer_wishes_take(struct indexer_wishes *w);
/* The oldest; borrowed until indexer_wishes_done.  False: none. */
bool indexer_wishes_next(struct indexer_wishes *w, struct wish *ret);
/* Report the oldest, and with it all that wish the same. */
void indexer_wishes_done(struct indexer_wishes *w, bool ok);
size_t indexer_wishes_count(const struct indexer_wishes *w);
