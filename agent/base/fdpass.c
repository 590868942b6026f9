/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/fdpass.h"

#include "agent/base/scope.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

bool
fdpass_pair(int ret[2], bool nonblock, struct err *e)
{
	int size = (int)FDPASS_MESSAGE * 4;
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | (nonblock ? SOCK_NONBLOCK : 0), 0,
		    sv) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "socketpair");
	for (int i = 0; i < 2; i++) /* best effort: the kernel may cap it */
		(void)setsockopt(sv[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	ret[0] = sv[0];
	ret[1] = sv[1];
	return true;
}

void
fdpass_attach(struct msghdr *m, struct fdpass_one *one, int fd)
{
	if (fd < 0)
		return;
	*one = (struct fdpass_one){.control = {0}};
	m->msg_control = one->control;
	m->msg_controllen = sizeof(one->control);
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
}

enum fdpass
fdpass_send(int sock, struct span msg, const int *fds, size_t nfds, struct err *e)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * FDPASS_MAX)];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)msg.p, .iov_len = msg.n};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (nfds > FDPASS_MAX || msg.n > FDPASS_MESSAGE) {
		(void)err_set(e, ERR_LIMIT, NULL, "message of %zu bytes and %zu descriptors", msg.n,
			nfds);
		return FDPASS_FAIL;
	}
	if (nfds > 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
	}
	for (;;) {
		if (sendmsg(sock, &m, MSG_NOSIGNAL) >= 0)
			return FDPASS_OK;
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN || errno == ENOBUFS)
			return FDPASS_AGAIN;
		if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
			return FDPASS_CLOSED;
		(void)err_set(e, ERR_SYSTEM, NULL, "sendmsg");
		return FDPASS_FAIL;
	}
}

static size_t
take_rights(struct msghdr *m, int fds[FDPASS_MAX])
{
	size_t n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd = -1;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (n < FDPASS_MAX)
				fds[n++] = fd;
			else
				(void)close(fd);
		}
	}
	return n;
}

static void
close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)close(take_fd(&fds[i]));
}

/* A message that came without something of it; *ret_n: its bytes, if these are all there. */
static enum fdpass
cut_off(int flags, size_t n, size_t cap, size_t *ret_n, struct err *e)
{
	bool whole = (flags & MSG_TRUNC) == 0;

	*ret_n = whole ? n : 0;
	if (whole)
		(void)err_set(e, ERR_LIMIT, NULL, "no descriptor is free for what came");
	else
		(void)err_set(e, ERR_LIMIT, NULL, "message longer than %zu bytes", cap);
	return FDPASS_FAIL;
}

enum fdpass /* NOLINTNEXTLINE(readability-function-size): buffer and array with their lengths */
fdpass_recv(int sock, char *buf, size_t cap, size_t *ret_n, int fds[FDPASS_MAX], size_t *ret_nfds,
	struct err *e)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * FDPASS_MAX)];
	} control;
	struct iovec iov = {.iov_base = buf, .iov_len = cap};
	struct msghdr m = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	ssize_t n = 0;
	bool reset = false;

	for (size_t i = 0; i < FDPASS_MAX; i++)
		fds[i] = -1;
	/* The error of a peer that left messages unread comes before its own last messages. */
	while ((n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC)) < 0 &&
		(errno == EINTR || (errno == ECONNRESET && !reset)))
		reset = reset || errno == ECONNRESET;
	if (n < 0 && errno == EAGAIN)
		return FDPASS_AGAIN;
	if (n == 0 && !reset)
		return FDPASS_CLOSED;
	if (n == 0 || (n < 0 && errno == ECONNRESET)) {
		errno = ECONNRESET;
		(void)err_set(e, ERR_SYSTEM, NULL, "peer left messages unread");
		return FDPASS_CLOSED;
	}
	if (n < 0) {
		(void)err_set(e, ERR_SYSTEM, NULL, "recvmsg");
		return FDPASS_FAIL;
	}
	size_t nfds = take_rights(&m, fds);
	if ((m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		close_all(fds, nfds);
		*ret_nfds = 0;
		return cut_off(m.msg_flags, (size_t)n, cap, ret_n, e);
	}
	*ret_n = (size_t)n;
	*ret_nfds = nfds;
	return FDPASS_OK;
}
