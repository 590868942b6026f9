/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/*
 * Messages with descriptors over a SOCK_SEQPACKET pair (unix(7), SCM_RIGHTS).  One message is one
 * send and arrives whole or not at all.
 */
#define FDPASS_MAX     8U             /* descriptors in one message */
#define FDPASS_MESSAGE (128UL * 1024) /* bytes in one message */

/* A pair of close-on-exec sockets with room for full messages.  ret[0], ret[1]. */
bool fdpass_pair(int ret[2], bool nonblock, struct err *e);

/* For who sends many messages at once: room for the descriptor of one. */
struct fdpass_one {
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
};
/* The message takes a copy of fd along (-1: none); `one` lives until it is sent. */
void fdpass_attach(struct msghdr *m, struct fdpass_one *one, int fd);

enum fdpass { FDPASS_OK, FDPASS_AGAIN, FDPASS_CLOSED, FDPASS_FAIL };

/* Send a copy of the descriptors with the bytes; the caller keeps its own. */
enum fdpass fdpass_send(int sock, struct span msg, const int *fds, size_t nfds, struct err *e);
/*
 * Receive one message into buf (cap bytes; a longer one is FDPASS_FAIL).  Up to FDPASS_MAX
 * descriptors land in fds, close-on-exec; the caller owns them.  Unused entries of fds are set to
 * -1.  FDPASS_FAIL with ERR_LIMIT and *ret_n > 0: the bytes are there, but this process had no room
 * for the descriptors, which are closed.  FDPASS_CLOSED with e->sys == ECONNRESET: the peer went
 * away with messages of ours unread.
 */
enum fdpass fdpass_recv(int sock, char *buf, size_t cap, size_t *ret_n, int fds[FDPASS_MAX],
	size_t *ret_nfds, struct err *e);
