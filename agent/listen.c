/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/listen.h"

#include "agent/base/scope.h"
#include "agent/base/span.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_INHERITED 3 /* SD_LISTEN_FDS_START */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage room;
};

/* The text was checked by settings_check_listen. */
static socklen_t
parse_address(const char *text, union address *ret)
{
	char host[INET6_ADDRSTRLEN];
	bool v6 = text[0] == '[';
	struct span port = v6 ? span_skip(span_of(text), 1) : span_of(text);
	struct span name = span_cut(&port, v6 ? ']' : ':');
	uint64_t number = 0;

	*ret = (union address){0};
	if (!span_cstr(name, host, sizeof(host)) ||
		!span_u64(v6 ? span_skip(port, 1) : port, 65535, &number))
		return 0;
	if (v6) {
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = htons((uint16_t)number);
		return inet_pton(AF_INET6, host, &ret->v6.sin6_addr) == 1 ? sizeof(ret->v6) : 0;
	}
	ret->v4.sin_family = AF_INET;
	ret->v4.sin_port = htons((uint16_t)number);
	return inet_pton(AF_INET, host, &ret->v4.sin_addr) == 1 ? sizeof(ret->v4) : 0;
}

void
listen_name(int fd, struct buf *out)
{
	union address a = {0};
	socklen_t n = sizeof(a);
	char host[INET6_ADDRSTRLEN] = "?";

	if (getsockname(fd, &a.any, &n) < 0)
		return;
	if (a.any.sa_family == AF_INET6) {
		(void)inet_ntop(AF_INET6, &a.v6.sin6_addr, host, sizeof(host));
		buf_addf(out, "[%s]:%u", host, ntohs(a.v6.sin6_port));
	} else {
		(void)inet_ntop(AF_INET, &a.v4.sin_addr, host, sizeof(host));
		buf_addf(out, "%s:%u", host, ntohs(a.v4.sin_port));
	}
}

static bool
set_options(int fd, const union address *a, bool shared)
{
	int one = 1;

	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
	       (a->any.sa_family != AF_INET6 ||
		       setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) == 0) &&
	       (!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) == 0) &&
	       setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0;
}

/* One bound socket, or -1 with errno. */
static int
bind_one(const union address *a, socklen_t n, bool shared)
{
	AUTO_FD fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || !set_options(fd, a, shared) || bind(fd, &a->any, n) < 0)
		return -1;
	return take_fd(&fd);
}

/*
 * SO_REUSEPORT lets another process of ours bind the same port in silence: a first bind without it
 * finds out that the port is taken.
 */
static bool
port_is_free(union address *a, socklen_t n)
{
	AUTO_FD fd = bind_one(a, n, false);

	return fd >= 0 && (listen(fd, 1) == 0) && getsockname(fd, &a->any, &n) == 0;
}

static bool
open_address(struct listen_set *l, const char *text, unsigned workers, struct err *e)
{
	union address a;
	socklen_t n = parse_address(text, &a);

	if (n == 0)
		return err_set(e, ERR_SYNTAX, NULL, "listen: '%s' is no address", text);
	if (!port_is_free(&a, n)) /* port 0 is a number from here on, the same for each worker */
		return err_set(e, ERR_SYSTEM, NULL, "cannot listen on %s", text);
	for (unsigned i = 0; i < workers && l->n < LISTEN_MAX; i++) {
		AUTO_FD fd = bind_one(&a, n, true);
		if (fd < 0 || listen(fd, LISTEN_BACKLOG) < 0)
			return err_set(e, ERR_SYSTEM, NULL, "cannot listen on %s", text);
		l->fd[l->n++] = take_fd(&fd);
	}
	return true;
}

/* Inherited sockets and `listen:` must name the same addresses. */
static bool
agree(const struct listen_set *l, const struct settings *s, struct err *e)
{
	AUTO_BUF have = BUF_INIT(8192);
	size_t matched = 0;

	for (size_t i = 0; i < l->n; i++) {
		AUTO_BUF name = BUF_INIT(64);
		listen_name(l->fd[i], &name);
		buf_addf(&have, "%s%.*s", i > 0 ? ", " : "", SPAN_ARG(buf_span(&name)));
		for (size_t j = 0; j < s->listen.n; j++)
			matched += span_is(buf_span(&name), s->listen.item[j]);
	}
	if (matched == l->n && matched == s->listen.n)
		return true;
	return err_set(e, ERR_SYNTAX, NULL,
		"systemd passes %.*s but `listen:` begins with %s: make them agree, or leave "
		"`listen:` out",
		SPAN_ARG(span_first(buf_span(&have), 100)), s->listen.item[0]);
}

bool
listen_check(const struct listen_set *l, const struct settings *s, struct err *e)
{
	if (l->inherited)
		return s->listen.n == 0 || agree(l, s, e);
	return s->listen.n > 0 ||
	       err_set(e, ERR_SYNTAX, NULL,
		       "nowhere to listen: set `listen:` in %s, or start by pan-agentd.socket",
		       s->file);
}

bool
listen_open(struct listen_set *ret, const struct settings *s, struct err *e)
{
	if (!listen_check(ret, s, e))
		return false;
	for (size_t i = 0; !ret->inherited && i < s->listen.n; i++)
		if (!open_address(ret, s->listen.item[i], s->workers, e)) {
			listen_close(ret);
			return false;
		}
	return true;
}

void
listen_close(struct listen_set *l)
{
	for (size_t i = 0; i < l->n; i++)
		(void)close(l->fd[i]);
	l->n = 0;
}

static bool
take_inherited(struct listen_set *l, int fd, struct span name, struct err *e)
{
	int on = 0;
	socklen_t n = sizeof(on);

	if (!span_is(name, "https"))
		return err_set(e, ERR_SYNTAX, "sd_listen_fds(3)",
			"a socket of the unknown name '%.*s': FileDescriptorName= must be https",
			SPAN_ARG(span_first(name, 64)));
	if (l->n == LISTEN_MAX)
		return err_set(e, ERR_LIMIT, NULL, "more than %u sockets", LISTEN_MAX);
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &n) < 0 || on == 0)
		return err_set(
			e, ERR_SYNTAX, "sd_listen_fds(3)", "descriptor %d does not listen", fd);
	/* Away from descriptor 3, which is the control socket in the roles. */
	AUTO_FD mine = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_INHERITED + 1 + (int)LISTEN_MAX);
	int flags = mine >= 0 ? fcntl(mine, F_GETFL) : -1;
	if (flags < 0 || fcntl(mine, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "take over descriptor %d", fd);
	l->fd[l->n++] = take_fd(&mine);
	return true;
}

static bool
inherit(struct listen_set *l, const char *fds, const char *names, struct err *e)
{
	struct span rest = span_of(names);
	uint64_t count = 0;

	if (!span_u64(span_of(fds), LISTEN_MAX, &count))
		return err_set(e, ERR_SYNTAX, "sd_listen_fds(3)", "LISTEN_FDS is no number to %u",
			LISTEN_MAX);
	for (int i = 0; i < (int)count; i++) {
		struct span name = span_cut(&rest, ':');
		if (!take_inherited(l, FIRST_INHERITED + i, name, e)) {
			listen_close(l);
			return false;
		}
		(void)close(FIRST_INHERITED + i);
	}
	l->inherited = l->n > 0;
	return true;
}

bool
listen_inherit(struct listen_set *ret, struct err *e)
{
	const char *pid = secure_getenv("LISTEN_PID");
	const char *fds = secure_getenv("LISTEN_FDS");
	const char *names = secure_getenv("LISTEN_FDNAMES");
	uint64_t number = 0;
	bool good = true;

	*ret = (struct listen_set){0};
	if (pid != NULL && fds != NULL && span_u64(span_of(pid), UINT32_MAX, &number) &&
		number == (uint64_t)getpid())
		good = inherit(ret, fds, names != NULL ? names : "", e);
	/* NOLINTBEGIN(concurrency-mt-unsafe): before any thread; no child may take them for its own
	 */
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	/* NOLINTEND(concurrency-mt-unsafe) */
	return good;
}
