/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/tls_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Records of one flush: four full ones with their heads, and what the library adds by itself. */
#define CORK_SIZE 84480U

bool
tls_cork_init(struct tls_cork *c)
{
	*c = (struct tls_cork){.p = malloc(CORK_SIZE)};
	return c->p != NULL;
}

void
tls_cork_fini(struct tls_cork *c)
{
	free(c->p);
	*c = (struct tls_cork){.p = NULL};
}

void
tls_socket_fini(struct tls_socket *s)
{
	free(s->rest);
	s->rest = NULL;
}

void
tls_socket_wake(struct tls_socket *s, bool peer_closed)
{
	s->drained = false;
	s->peer_closed = s->peer_closed || peer_closed;
}

ssize_t
tls_socket_recv(struct tls_socket *s, char *out, size_t n)
{
	ssize_t r = -1;

	if (s->drained)
		return -1;
	do {
		r = recv(s->fd, out, n, 0);
	} while (r < 0 && errno == EINTR);
	if (r < 0 && errno != EAGAIN)
		s->sys = errno;
	else if (r < 0)
		s->drained = true;
	else if (r > 0)
		s->drained = (size_t)r < n && !s->peer_closed;
	else
		s->eof = true;
	return r;
}

static ssize_t
send_now(struct tls_socket *s, const char *in, size_t n)
{
	ssize_t r = -1;

	do {
		r = send(s->fd, in, n, MSG_NOSIGNAL);
	} while (r < 0 && errno == EINTR);
	if (r < 0 && errno != EAGAIN)
		s->sys = errno;
	return r;
}

bool
tls_socket_rest(struct tls_socket *s)
{
	while (s->rest_at < s->n_rest) {
		ssize_t r = send_now(s, s->rest + s->rest_at, s->n_rest - s->rest_at);
		if (r < 0)
			return false;
		s->rest_at += (size_t)r;
	}
	free(s->rest);
	s->rest = NULL;
	s->rest_at = 0;
	s->n_rest = 0;
	return true;
}

static void
rest_keep(struct tls_socket *s, const char *p, size_t n)
{
	s->rest = malloc(n);
	if (s->rest == NULL) {
		s->sys = ENOMEM;
		return;
	}
	memcpy(s->rest, p, n);
	s->rest_at = 0;
	s->n_rest = n;
}

bool
tls_socket_push(struct tls_socket *s)
{
	struct tls_cork *c = s->cork;
	bool open = tls_socket_rest(s);
	size_t at = 0;

	while (open && at < c->n) {
		ssize_t r = send_now(s, c->p + at, c->n - at);
		open = r >= 0;
		at += open ? (size_t)r : 0;
	}
	size_t left = c->n - at;
	c->n = 0;
	if (left > 0 && s->sys == 0 && s->n_rest == 0)
		rest_keep(s, c->p + at, left);
	else if (left > 0 && s->sys == 0)
		s->sys = ENOBUFS; /* never: nothing is collected while something waits */
	return open;
}

ssize_t
tls_socket_send(struct tls_socket *s, const char *in, size_t n)
{
	return tls_socket_push(s) ? send_now(s, in, n) : -1;
}

ssize_t
tls_socket_collect(struct tls_socket *s, const char *in, size_t n)
{
	struct tls_cork *c = s->cork;

	if (n > CORK_SIZE - c->n)
		return tls_socket_send(s, in, n);
	memcpy(c->p + c->n, in, n);
	c->n += n;
	return (ssize_t)n;
}

unsigned char *
tls_socket_room(struct tls_socket *s, size_t n)
{
	const struct tls_cork *c = s->cork;

	if (n > CORK_SIZE - c->n && (n > CORK_SIZE || !tls_socket_push(s)))
		return NULL;
	return (unsigned char *)c->p + c->n;
}

void
tls_socket_filled(struct tls_socket *s, size_t n)
{
	s->cork->n += n;
}

size_t
tls_socket_pending(const struct tls_socket *s)
{
	return s->n_rest - s->rest_at;
}
