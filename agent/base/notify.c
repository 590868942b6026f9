/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/notify.h"

#include "agent/base/buf.h"
#include "agent/base/scope.h"
#include "agent/base/span.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

enum { NOTIFY_MESSAGE = 512, NOTIFY_STATUS = 400 /* bytes of a status; the rest is cut */ };

/* "/run/..." or "@abstract". */
static bool
connect_to(struct span name, int *ret, struct err *e)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	AUTO_FD fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_set(e, ERR_SYSTEM, NULL, "socket for NOTIFY_SOCKET");
	if ((!span_starts(name, SPAN("/")) && !span_starts(name, SPAN("@"))) || name.n < 2 ||
		!span_cstr(name, a.sun_path, sizeof(a.sun_path)))
		return err_set(e, ERR_SYNTAX, "sd_notify(3)",
			"NOTIFY_SOCKET is not an absolute path or a name that begins with @");
	if (a.sun_path[0] == '@')
		a.sun_path[0] = '\0';
	socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name.n);
	if (connect(fd, (const struct sockaddr *)&a, n) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "connect to NOTIFY_SOCKET");
	*ret = take_fd(&fd);
	return true;
}

/* WATCHDOG_USEC, unless WATCHDOG_PID names another process (sd_watchdog_enabled(3)). */
static uint64_t
watchdog(void)
{
	struct span usec = span_of(secure_getenv("WATCHDOG_USEC"));
	struct span pid = span_of(secure_getenv("WATCHDOG_PID"));
	uint64_t p = 0;
	uint64_t v = 0;

	if (pid.p != NULL && (!span_u64(pid, INT32_MAX, &p) || (pid_t)p != getpid()))
		return 0;
	return span_u64(usec, INT64_MAX, &v) ? v : 0;
}

bool
notify_init(struct notify *n, struct err *e)
{
	static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};
	const char *name = secure_getenv(names[0]);

	*n = (struct notify){.fd = -1};
	bool ok = name == NULL || connect_to(span_of(name), &n->fd, e);
	if (n->fd >= 0)
		n->watchdog_us = watchdog();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unsetenv(names[i]); /* NOLINT(concurrency-mt-unsafe): no threads yet */
	return ok;
}

void
notify_fini(struct notify *n)
{
	scope_close(&n->fd);
	n->fd = -1;
}

static bool
tell(const struct notify *n, const struct buf *text, struct err *e)
{
	if (n->fd < 0)
		return true;
	if (!buf_ok(text))
		return err_set(e, ERR_LIMIT, NULL, "no memory for a notification");
	if (send(n->fd, text->p, text->n, MSG_NOSIGNAL) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "write to NOTIFY_SOCKET");
	return true;
}

/* A status goes up to its limit or first line end, which would begin another assignment. */
static void
add_status(struct buf *text, const char *status)
{
	struct span rest = span_of(status);

	buf_adds(text, "STATUS=");
	buf_add(text, span_first(span_cut(&rest, '\n'), NOTIFY_STATUS));
	buf_addc(text, '\n');
}

bool
notify_ready(const struct notify *n, const char *status, struct err *e)
{
	AUTO_BUF text = BUF_INIT(NOTIFY_MESSAGE);

	buf_adds(&text, "READY=1\n");
	add_status(&text, status);
	buf_addf(&text, "MAINPID=%d\n", (int)getpid());
	return tell(n, &text, e);
}

bool
notify_reloading(const struct notify *n, struct err *e)
{
	AUTO_BUF text = BUF_INIT(NOTIFY_MESSAGE);
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "clock_gettime");
	buf_addf(&text, "RELOADING=1\nMONOTONIC_USEC=%lld\n",
		(long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
	return tell(n, &text, e);
}

bool
notify_stopping(const struct notify *n, const char *status, struct err *e)
{
	AUTO_BUF text = BUF_INIT(NOTIFY_MESSAGE);

	buf_adds(&text, "STOPPING=1\n");
	add_status(&text, status);
	return tell(n, &text, e);
}

bool
notify_extend(const struct notify *n, unsigned seconds, struct err *e)
{
	AUTO_BUF text = BUF_INIT(NOTIFY_MESSAGE);

	buf_addf(&text, "EXTEND_TIMEOUT_USEC=%llu\n", seconds * 1000000ULL);
	return tell(n, &text, e);
}

bool
notify_watchdog(const struct notify *n, struct err *e)
{
	AUTO_BUF text = BUF_INIT(NOTIFY_MESSAGE);

	buf_adds(&text, "WATCHDOG=1\n");
	return tell(n, &text, e);
}
