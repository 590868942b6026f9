/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The courier: the one role that speaks to issuers.  What stands here holds its links and answers
 * pings, and asks nobody anything; the fetching belongs to whoever writes agent/base/fetch.c, who
 * replaces this file.
 */
#include "agent/role.h"

#include "agent/base/log.h"
#include "agent/sandbox.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define LINKS 8U /* the gate in force, the next one, the old ones */

struct courier {
	struct role role;
	int links[LINKS]; /* -1: none */
};

static void
keep_link(struct courier *c, int fd)
{
	for (size_t i = 0; i < LINKS; i++)
		if (c->links[i] < 0) {
			c->links[i] = fd;
			return;
		}
	(void)close(fd);
}

/* False: time to go. */
static bool
control(struct courier *c)
{
	struct role_message m;

	while (role_next(&c->role, &m)) {
		if (m.kind == ROLE_DRAIN || m.kind == ROLE_GONE)
			return false;
		if (m.kind == ROLE_LINK)
			keep_link(c, m.fd);
		else if (m.fd >= 0)
			(void)close(m.fd);
	}
	return true;
}

/* A gate that is gone, or that asks: its link ends, and it knows that nobody answers. */
static void
wait_for_work(struct courier *c)
{
	struct pollfd p[1 + LINKS];

	p[0] = (struct pollfd){.fd = c->role.control, .events = POLLIN};
	for (size_t i = 0; i < LINKS; i++)
		p[1 + i] = (struct pollfd){.fd = c->links[i], .events = POLLIN};
	if (poll(p, 1 + LINKS, -1) <= 0)
		return;
	for (size_t i = 0; i < LINKS; i++)
		if (c->links[i] >= 0 && p[1 + i].revents != 0) {
			(void)close(c->links[i]);
			c->links[i] = -1;
		}
}

int
role_courier_main(unsigned slot)
{
	struct courier *c = calloc(1, sizeof(*c));
	struct err e = {0};
	char missing[256] = "";
	char text[400];

	log_setup("courier", LOG_INFO);
	if (c == NULL || !role_start(&c->role, PROCESS_COURIER, slot, &e)) {
		log_err(LOG_ERROR, "start", &e);
		return EXIT_NO;
	}
	for (size_t i = 0; i < LINKS; i++)
		c->links[i] = -1;
	if (!sandbox_enter(&c->role, missing, sizeof(missing), &e))
		role_refuse(&c->role, EXIT_SANDBOX, span_of(err_text(&e, text, sizeof(text))));
	if (missing[0] != '\0')
		log_warn("sandbox", "not confined as it should be", LOG_STR("missing", missing));
	if (!role_ready(&c->role, "asks nobody", &e))
		return EXIT_NO;
	while (control(c))
		wait_for_work(c);
	return EXIT_OK;
}
