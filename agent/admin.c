/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/admin.h"

#include "agent/base/scope.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 16

enum client_state { CLIENT_NONE, CLIENT_READS, CLIENT_WAITS, CLIENT_WRITES };

struct client {
	enum client_state state;
	unsigned id; /* its place, plus ADMIN_CLIENTS for each connection that was in it */
	int fd;
	bool stranger;      /* neither root nor our own user */
	long long deadline; /* of reading or writing; none while it waits for us */
	struct buf in, out;
};

struct admin {
	int listener;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct client clients[ADMIN_CLIENTS];
};

/* ---- requests ---- */

static bool
content_length(struct span head, size_t *ret, struct err *e)
{
	struct span rest = head;
	uint64_t n = 0;

	*ret = 0;
	while (rest.n > 0) {
		struct span value = span_cut(&rest, '\n');
		struct span name = span_cut(&value, ':');
		if (!span_eq_nocase(name, SPAN("Content-Length")))
			continue;
		if (value.n > 0 && value.p[value.n - 1] == '\r')
			value.n--;
		if (!span_u64(span_trim(value), ADMIN_BODY, &n))
			return err_set(e, ERR_LIMIT, "RFC 9110 8.6",
				"Content-Length must be a number to %zu", ADMIN_BODY);
		*ret = (size_t)n;
	}
	return true;
}

static bool
request_line(struct span line, struct admin_request *q, struct err *e)
{
	struct span rest = line;
	struct span method = span_cut(&rest, ' ');

	q->path = span_cut(&rest, ' ');
	if (q->path.n == 0 || q->path.p[0] != '/' || !span_starts(rest, SPAN("HTTP/1.")))
		return err_set(e, ERR_SYNTAX, "RFC 9112 3", "malformed request line");
	if (span_is(method, "GET"))
		q->method = ADMIN_GET;
	else if (span_is(method, "POST"))
		q->method = ADMIN_POST;
	else
		return err_set(e, ERR_SYNTAX, "RFC 9110 9.1", "only GET and POST are known here");
	return true;
}

enum step
admin_parse(struct span in, struct admin_request *ret, struct err *e)
{
	const char *end = in.n > 0 ? memmem(in.p, in.n, "\r\n\r\n", 4) : NULL;
	struct admin_request q = {0};
	size_t length = 0;

	if (end == NULL && in.n < ADMIN_HEAD)
		return STEP_READ;
	if (end == NULL || (size_t)(end - in.p) > ADMIN_HEAD) {
		(void)err_set(e, ERR_LIMIT, NULL, "request head above %zu bytes", ADMIN_HEAD);
		return STEP_FAIL;
	}
	struct span head = {in.p, (size_t)(end - in.p)};
	struct span body = span_skip(in, head.n + 4);
	struct span line = span_cut(&head, '\n');
	if (!request_line(line, &q, e) || !content_length(head, &length, e))
		return STEP_FAIL;
	if (body.n < length)
		return STEP_READ;
	q.body = span_first(body, length);
	*ret = q;
	return STEP_DONE;
}

/* ---- the socket ---- */

static bool
bind_path(int fd, const char *path, struct err *e)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	AUTO_FD probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (probe >= 0 && connect(probe, (const struct sockaddr *)&a, sizeof(a)) == 0)
		return err_set(e, ERR_DENIED, NULL,
			"another agent answers at %s: stop it, or set another runtime_dir", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return err_set(e, ERR_SYSTEM, NULL, "remove the old %s", path);
	if (bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 || chmod(path, 0660) < 0 ||
		listen(fd, BACKLOG) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "open the admin socket %s", path);
	return true;
}

bool
admin_open(const char *runtime_dir, struct admin **ret, struct err *e)
{
	struct admin *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "no memory for the admin socket");
	for (unsigned i = 0; i < ADMIN_CLIENTS; i++)
		a->clients[i] = (struct client){.fd = -1,
			.id = i, /* id % ADMIN_CLIENTS is its place, always */
			.in = BUF_INIT(ADMIN_HEAD + ADMIN_BODY + 4),
			.out = BUF_INIT(ADMIN_ANSWER)};
	a->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int n = snprintf(a->path, sizeof(a->path), "%s/admin.sock", runtime_dir);
	if (n < 0 || (size_t)n >= sizeof(a->path)) {
		(void)err_set(e, ERR_LIMIT, "unix(7)",
			"runtime_dir %s is too long for a socket's name (%zu bytes)", runtime_dir,
			sizeof(a->path) - sizeof("/admin.sock"));
		a->path[0] = '\0';
		admin_free(a);
		return false;
	}
	if (a->listener < 0 || !bind_path(a->listener, a->path, e)) {
		a->path[0] = '\0'; /* not ours to remove */
		admin_free(a);
		return false;
	}
	*ret = a;
	return true;
}

static void
drop(struct client *c)
{
	if (c->fd >= 0)
		(void)close(take_fd(&c->fd));
	buf_fini(&c->in);
	buf_fini(&c->out);
	c->state = CLIENT_NONE;
}

void
admin_free(struct admin *a)
{
	if (a == NULL)
		return;
	for (unsigned i = 0; i < ADMIN_CLIENTS; i++)
		drop(&a->clients[i]);
	if (a->listener >= 0)
		(void)close(a->listener);
	if (a->path[0] != '\0')
		(void)unlink(a->path);
	free(a);
}

/* ---- clients ---- */

static bool
may_ask(int fd)
{
	struct ucred peer = {0};
	socklen_t n = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static void
accept_one(struct admin *a, long long now)
{
	AUTO_FD fd = accept4(a->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	bool stranger = !may_ask(fd);
	for (unsigned i = 0; i < ADMIN_CLIENTS; i++)
		if (a->clients[i].state == CLIENT_NONE) {
			a->clients[i].fd = take_fd(&fd);
			a->clients[i].state = CLIENT_READS;
			a->clients[i].stranger = stranger;
			a->clients[i].id += ADMIN_CLIENTS;
			a->clients[i].deadline = now + ADMIN_MS;
			return;
		}
	/* all places are taken: the connection ends, the caller may try again */
}

/* The connection that was given out as `id`, or NULL when it is gone. */
static struct client *
find(struct admin *a, unsigned id)
{
	struct client *c = &a->clients[id % ADMIN_CLIENTS];

	return c->id == id && c->state != CLIENT_NONE ? c : NULL;
}

static const char *
reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 409:
		return "Conflict";
	case 503:
		return "Service Unavailable";
	default:
		return "Error";
	}
}

void
admin_answer(struct admin *a, unsigned client, int status, const char *type, struct span body)
{
	struct client *c = find(a, client);

	if (c == NULL || c->state == CLIENT_WRITES)
		return;
	buf_addf(&c->out,
		"HTTP/1.0 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
		"Connection: close\r\n\r\n",
		status, reason(status), type, body.n);
	buf_add(&c->out, body);
	c->state = CLIENT_WRITES;
	c->deadline = 0; /* set when writing begins */
	if (!buf_ok(&c->out))
		drop(c);
}

int
admin_take(struct admin *a, unsigned client, const char *type)
{
	struct client *c = find(a, client);
	char head[256];
	int n = snprintf(head, sizeof(head),
		"HTTP/1.0 200 OK\r\nContent-Type: %s\r\nConnection: close\r\n\r\n", type);

	if (c == NULL || c->state != CLIENT_WAITS || n < 0)
		return -1;
	if (send(c->fd, head, (size_t)n, MSG_NOSIGNAL) != n) {
		drop(c);
		return -1;
	}
	int fd = take_fd(&c->fd);
	drop(c);
	return fd;
}

static void
read_request(struct admin *a, struct client *c, admin_handler *handler, void *ctx)
{
	struct admin_request q;
	struct err e = {0};

	if (!buf_reserve(&c->in, 1)) {
		admin_answer(a, c->id, 400, "text/plain", SPAN("request too long\n"));
		return;
	}
	ssize_t n = recv(c->fd, c->in.p + c->in.n, c->in.cap - c->in.n, 0);
	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			drop(c);
		return;
	}
	c->in.n += (size_t)n;
	switch (admin_parse(buf_span(&c->in), &q, &e)) {
	case STEP_DONE:
		c->state = CLIENT_WAITS;
		if (c->stranger)
			admin_answer(a, c->id, 403, "text/plain",
				SPAN("the admin socket answers root and the agent's own user\n"));
		else
			handler(ctx, c->id, &q);
		break;
	case STEP_FAIL:
		admin_answer(a, c->id, 400, "text/plain", span_of(e.msg));
		break;
	case STEP_READ:
	case STEP_WRITE:
		break;
	}
}

static void
write_answer(struct client *c, long long now)
{
	ssize_t n = send(c->fd, c->out.p, c->out.n, MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 || (size_t)n == c->out.n) {
		drop(c);
		return;
	}
	buf_drop(&c->out, (size_t)n);
	c->deadline = now + ADMIN_MS;
}

size_t
admin_poll(const struct admin *a, struct pollfd *p)
{
	static const short events[] = {[CLIENT_NONE] = 0,
		[CLIENT_READS] = POLLIN,
		[CLIENT_WAITS] = 0,
		[CLIENT_WRITES] = POLLOUT};

	p[0] = (struct pollfd){.fd = a->listener, .events = POLLIN};
	for (unsigned i = 0; i < ADMIN_CLIENTS; i++)
		p[i + 1] = (struct pollfd){
			.fd = a->clients[i].fd, .events = events[a->clients[i].state]};
	return ADMIN_CLIENTS + 1;
}

void
admin_serve(struct admin *a, const struct pollfd *p, size_t n, long long now,
	admin_handler *handler, void *ctx)
{
	for (unsigned i = 0; i + 1 < n; i++) {
		struct client *c = &a->clients[i];
		bool ready = p[i + 1].fd >= 0 && p[i + 1].fd == c->fd && p[i + 1].revents != 0;
		if (c->state == CLIENT_WRITES && c->deadline == 0)
			c->deadline = now + ADMIN_MS;
		bool late =
			c->state != CLIENT_NONE && c->state != CLIENT_WAITS && now > c->deadline;
		if (ready && c->state == CLIENT_READS)
			read_request(a, c, handler, ctx);
		else if (ready && c->state == CLIENT_WRITES)
			write_answer(c, now);
		else if (ready || late) /* it hung up while it waited, or dawdles */
			drop(c);
	}
	if (n > 0 && p[0].revents != 0)
		accept_one(a, now);
}
