/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "auth/courier.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The courier's end of the socketpair to one gate: errands come in, reports go out
 * (agent/errand.h). Nothing waits: what the gate has not room for stays in a queue, and one that
 * takes nothing for COURIER_LINK_QUEUE bytes is broken.  Messages hold tokens, so they are wiped.
 */
#define COURIER_LINK_QUEUE ((size_t)8 * 1024 * 1024)

struct courier_letter;

struct courier_link {
	int fd; /* -1: not in use */
	unsigned number;
	bool broken; /* to be given up: the gate is gone, takes nothing, or says nonsense */
	struct courier_letter *first, **last;
	size_t bytes;
	struct buf in;
};

/* Takes fd. */
void courier_link_init(struct courier_link *l, int fd, unsigned number);
void courier_link_fini(struct courier_link *l); /* leaves it not in use */
void courier_link_send(struct courier_link *l, const struct report *r);
void courier_link_flush(struct courier_link *l);
static inline bool
courier_link_full(const struct courier_link *l)
{
	return l->first != NULL;
}
/* The next errand, its spans good until the next call; false: none now, or broken with *e. */
bool courier_link_next(struct courier_link *l, struct errand *ret, struct err *e);
