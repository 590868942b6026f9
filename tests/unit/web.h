/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A web server for tests, on 127.0.0.1 and a port of the system's choice: one thread that accepts,
 * one for each connection.  `serve` gets each request whole (head and body, NUL-terminated) and
 * answers with web_send; false closes the connection.
 */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#define WEB_CONNECTIONS 64

struct web {
	bool (*serve)(struct web *w, int fd, const char *request);
	void *arg;
	int sock;
	unsigned port;
	atomic_bool stop;
	atomic_uint connections, requests;
	pthread_t thread;
	pthread_t each[WEB_CONNECTIONS];
	char url[64]; /* http://127.0.0.1:PORT */
};

struct web_connection {
	struct web *w;
	int fd;
};

/* Also for what must wait a while: ends early when the test ends. */
static inline void
web_sleep(struct web *w, int ms)
{
	for (; ms > 0 && !atomic_load(&w->stop); ms -= 10)
		(void)usleep(10000);
}

static inline bool
web_send(int fd, const char *text)
{
	size_t n = strlen(text);

	return send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n;
}

/* The length of the first request in `in`, or 0. */
static inline size_t
web_whole(const char *in)
{
	const char *end = strstr(in, "\r\n\r\n");
	const char *length = strcasestr(in, "\r\nContent-Length:");

	if (end == NULL)
		return 0;
	size_t body = length != NULL && length < end ? (size_t)atoi(length + 17) : 0;
	size_t all = (size_t)(end - in) + 4 + body;
	return strlen(in) >= all ? all : 0;
}

static inline void *
web_connection(void *arg)
{
	struct web_connection c = *(struct web_connection *)arg;
	char in[65536] = "";
	size_t n = 0;
	bool open = true;

	free(arg);
	while (open && !atomic_load(&c.w->stop)) {
		struct pollfd p = {.fd = c.fd, .events = POLLIN};
		size_t whole = 0;
		if (poll(&p, 1, 20) > 0) {
			ssize_t got = recv(c.fd, in + n, sizeof(in) - 1 - n, 0);
			if (got <= 0)
				break;
			n += (size_t)got;
			in[n] = '\0';
		}
		while (open && (whole = web_whole(in)) > 0) {
			char rest = in[whole];
			in[whole] = '\0';
			(void)atomic_fetch_add(&c.w->requests, 1);
			open = c.w->serve(c.w, c.fd, in);
			in[whole] = rest;
			memmove(in, in + whole, n - whole + 1);
			n -= whole;
		}
	}
	(void)close(c.fd);
	return NULL;
}

static inline void *
web_accept(void *arg)
{
	struct web *w = arg;
	unsigned n = 0;

	while (!atomic_load(&w->stop) && n < WEB_CONNECTIONS) {
		struct pollfd p = {.fd = w->sock, .events = POLLIN};
		if (poll(&p, 1, 20) <= 0)
			continue;
		struct web_connection *c = calloc(1, sizeof(*c));
		*c = (struct web_connection){w, accept(w->sock, NULL, NULL)};
		assert_true(c->fd >= 0);
		assert_int_equal(pthread_create(&w->each[n++], NULL, web_connection, c), 0);
		atomic_store(&w->connections, n);
	}
	for (unsigned i = 0; i < n; i++)
		(void)pthread_join(w->each[i], NULL);
	return NULL;
}

static inline void
web_start(struct web *w, bool (*serve)(struct web *w, int fd, const char *request), void *arg)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);

	*w = (struct web){.serve = serve, .arg = arg};
	w->sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(w->sock >= 0);
	assert_int_equal(bind(w->sock, (const struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(w->sock, 64), 0);
	assert_int_equal(getsockname(w->sock, (struct sockaddr *)&a, &n), 0);
	w->port = ntohs(a.sin_port);
	(void)snprintf(w->url, sizeof(w->url), "http://127.0.0.1:%u", w->port);
	assert_int_equal(pthread_create(&w->thread, NULL, web_accept, w), 0);
}

static inline void
web_stop(struct web *w)
{
	atomic_store(&w->stop, true);
	(void)pthread_join(w->thread, NULL);
	(void)close(w->sock);
}
