/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/supervisor_link.h"

#include "agent/base/fdpass.h"
#include "agent/base/log.h"

#include <unistd.h>

static void
join(struct child *a, unsigned slot_at_a, struct child *b, unsigned slot_at_b)
{
	const struct control to_a = {
		.kind = CONTROL_LINK, .peer = (unsigned)b->what, .slot = slot_at_a};
	const struct control to_b = {
		.kind = CONTROL_LINK, .peer = (unsigned)a->what, .slot = slot_at_b};
	struct err e = {0};
	int sv[2];

	if (!fdpass_pair(sv, true, &e)) {
		log_err(LOG_ERROR, "link", &e);
		return;
	}
	child_tell(a, &to_a, sv[0]);
	child_tell(b, &to_b, sv[1]);
	(void)close(sv[0]);
	(void)close(sv[1]);
}

static void
join_reader(struct supervisor *s, unsigned slot)
{
	struct child *reader = &s->child[SEAT_READER + slot];
	struct child *indexer = &s->child[SEAT_INDEXER];

	if (child_alive(reader) && child_alive(indexer))
		join(indexer, slot, reader, 0);
}

void
supervisor_link_gate(struct supervisor *s)
{
	struct child *front = &s->child[SEAT_FRONT];
	struct child *gate = &s->child[SEAT_GATE];

	if (!child_alive(front) || gate->state != CHILD_READY)
		return;
	for (unsigned w = 0; w < s->boot->settings->workers; w++)
		join(front, w, gate, w);
}

/* Is it a gate that answers questions? */
static bool
serves(const struct child *gate)
{
	return child_alive(gate) && (gate->state == CHILD_READY || gate->state == CHILD_DRAINING);
}

static void
join_net(struct supervisor *s, enum seat seat, enum seat with)
{
	struct child *other = &s->child[with];
	struct child *gate = &s->child[seat];

	if (child_alive(other) && serves(gate))
		join(gate, 0, other, s->links++ & 0xffff);
}

static void
join_courier(struct supervisor *s, enum seat seat)
{
	join_net(s, seat, SEAT_COURIER);
}

static void
join_mover(struct supervisor *s, enum seat seat)
{
	join_net(s, seat, SEAT_MOVER);
}

static void
join_indexer(struct supervisor *s, enum seat seat)
{
	struct child *indexer = &s->child[SEAT_INDEXER];
	struct child *gate = &s->child[seat];

	if (!s->once && child_alive(indexer) && serves(gate))
		join(gate, 0, indexer, 0);
}

void
supervisor_link_helpers(struct supervisor *s, enum seat seat)
{
	join_courier(s, seat);
	join_mover(s, seat);
	join_indexer(s, seat);
}

/* With the gate in force, and with those before and behind it. */
static void
each_gate(struct supervisor *s, void (*joins)(struct supervisor *, enum seat))
{
	joins(s, SEAT_GATE);
	for (unsigned i = SEAT_NEXT; i < SEAT_READER; i++)
		joins(s, (enum seat)i);
}

void
supervisor_link_started(struct supervisor *s, enum seat seat)
{
	if (seat == SEAT_FRONT)
		supervisor_link_gate(s);
	if (seat == SEAT_COURIER)
		each_gate(s, join_courier);
	if (seat == SEAT_MOVER)
		each_gate(s, join_mover);
	if (seat == SEAT_INDEXER)
		each_gate(s, join_indexer);
	for (unsigned i = 0; seat == SEAT_INDEXER && i < SEATS - SEAT_READER; i++)
		join_reader(s, i);
	if (seat >= SEAT_READER)
		join_reader(s, (unsigned)(seat - SEAT_READER));
}
