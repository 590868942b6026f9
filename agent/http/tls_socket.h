/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * The socket below TLS.  It reads no socket that is known to be empty, collects sealed records so
 * that they leave in one system call, and keeps what the socket did not take.  Non-blocking.
 */
struct tls_cork {
	char *p; /* sealed records of the connection that writes now; shared by a worker's */
	size_t n;
};

struct tls_socket {
	int fd;
	int sys; /* errno of the call that failed for good; 0: none */
	struct tls_cork *cork;
	char *rest; /* owned: sealed bytes that the socket did not take */
	size_t rest_at, n_rest;
	bool drained;     /* the socket had no more at the last read */
	bool peer_closed; /* there is an end of stream to read: never take it for drained */
	bool eof;
};

bool tls_cork_init(struct tls_cork *c); /* false: no memory */
void tls_cork_fini(struct tls_cork *c);

void tls_socket_fini(struct tls_socket *s);
/* The loop says that there is something to read. */
void tls_socket_wake(struct tls_socket *s, bool peer_closed);
/* As recv(2) and send(2); -1 with s->sys 0: not now.  Sending sends what waits first. */
ssize_t tls_socket_recv(struct tls_socket *s, char *out, size_t n);
ssize_t tls_socket_send(struct tls_socket *s, const char *in, size_t n);
/* Collect; when the cork is full, send. */
ssize_t tls_socket_collect(struct tls_socket *s, const char *in, size_t n);
/* The same without a copy: where n bytes may be written (NULL: not now, or s->sys); then that n are
 * there. */
unsigned char *tls_socket_room(struct tls_socket *s, size_t n);
void tls_socket_filled(struct tls_socket *s, size_t n);
/* Send what the socket did not take before; then what was collected.  False: not all left. */
bool tls_socket_rest(struct tls_socket *s);
bool tls_socket_push(struct tls_socket *s);
size_t tls_socket_pending(const struct tls_socket *s);
