/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/settings.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Listening sockets, opened or inherited by the supervisor alone.  Own ones: for each address one
 * SO_REUSEPORT socket for each worker, in the order address 0 worker 0, address 0 worker 1, ...
 * Inherited ones (sd_listen_fds(3), name "https") are shared by all workers.
 */
#define LISTEN_MAX     128U
#define LISTEN_BACKLOG 4096

struct listen_set {
	int fd[LISTEN_MAX];
	size_t n;
	bool inherited;
};

/* Take over what systemd passes; the variables are gone afterwards.  No socket at all is fine. */
bool listen_inherit(struct listen_set *ret, struct err *e);
/* Is there somewhere to listen, and do systemd and the settings agree?  Binds nothing. */
bool listen_check(const struct listen_set *l, const struct settings *s, struct err *e);
/*
 * The sockets of the settings, or those inherited, which must then agree with `listen:` where it is
 * given.  `ret` may hold inherited ones already.
 */
bool listen_open(struct listen_set *ret, const struct settings *s, struct err *e);
void listen_close(struct listen_set *l);
/* "127.0.0.1:8443" of a bound socket. */
void listen_name(int fd, struct buf *out);
