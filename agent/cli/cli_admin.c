/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_admin.h"

#include "agent/base/scope.h"
#include "agent/cli/cli_file.h"
#include "agent/cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define HEAD_MAX   4096U
#define REPORT_MAX ((size_t)1 << 20)

struct settings *
cli_admin_settings(const char *command, const char *given)
{
	AUTO_BUF report = BUF_INIT(REPORT_MAX);
	struct err e = {0};
	struct settings *s = settings_load(command_config(given), &report, &e);

	if (s == NULL) {
		(void)fwrite(report.p, 1, report.n, stderr);
		(void)fprintf(stderr, "pan-agent %s: %s\n", command, e.msg);
	}
	return s;
}

int
cli_admin_connect(const char *runtime_dir, struct err *e)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int n = snprintf(a.sun_path, sizeof(a.sun_path), "%s/admin.sock", runtime_dir);

	if (fd < 0 || n < 0 || (size_t)n >= sizeof(a.sun_path)) {
		(void)err_set(
			e, ERR_LIMIT, NULL, "the name %s/admin.sock is too long", runtime_dir);
		return -1;
	}
	if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) == 0)
		return take_fd(&fd);
	if (errno == ENOENT || errno == ECONNREFUSED)
		(void)err_set(e, ERR_ABSENT, NULL,
			"no agent answers at %s: is pan-agentd running, with this configuration?",
			a.sun_path);
	else
		(void)err_set(e, ERR_SYSTEM, NULL, "%s", a.sun_path);
	return -1;
}

static bool
send_all(int fd, struct span s)
{
	while (s.n > 0) {
		ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return false;
		s = span_skip(s, n > 0 ? (size_t)n : 0);
	}
	return true;
}

/* Up to the empty line, byte by byte: what follows belongs to the caller. */
static bool
read_head(int fd, char head[HEAD_MAX], size_t *ret)
{
	size_t n = 0;

	while (n < HEAD_MAX && recv(fd, head + n, 1, 0) == 1) {
		n++;
		if (n >= 4 && memcmp(head + n - 4, "\r\n\r\n", 4) == 0) {
			*ret = n;
			return true;
		}
	}
	return false;
}

bool
cli_admin_begin(
	int fd, const char *method, const char *path, struct span body, int *status, struct err *e)
{
	char head[HEAD_MAX];
	AUTO_BUF request = BUF_INIT((size_t)64 * 1024);
	size_t n = 0;
	uint64_t code = 0;

	buf_addf(&request, "%s %s HTTP/1.0\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n",
		method, path, body.n);
	buf_add(&request, body);
	if (!buf_ok(&request))
		return err_set(e, ERR_LIMIT, NULL, "the request is too long");
	if (!send_all(fd, buf_span(&request)) || !read_head(fd, head, &n))
		return err_set(e, ERR_UPSTREAM, NULL, "the agent hung up: see its log");
	struct span rest = {head, n};
	(void)span_cut(&rest, ' ');
	if (!span_u64(span_first(rest, 3), 599, &code))
		return err_set(e, ERR_UPSTREAM, NULL, "the agent's answer is no HTTP");
	*status = (int)code;
	return true;
}

static bool
read_body(int fd, struct buf *ret, struct err *e)
{
	ssize_t n = 1;

	while (n > 0 && buf_reserve(ret, 16384)) {
		n = recv(fd, ret->p + ret->n, 16384, 0);
		ret->n += n > 0 ? (size_t)n : 0;
	}
	return (n == 0 && buf_ok(ret)) ||
	       err_set(e, ERR_UPSTREAM, NULL, "the agent's answer was cut");
}

bool
cli_admin_ask(const char *runtime_dir, const char *method, const char *path, int *status,
	struct buf *ret, struct err *e)
{
	AUTO_FD fd = cli_admin_connect(runtime_dir, e);

	return fd >= 0 && cli_admin_begin(fd, method, path, SPAN(""), status, e) &&
	       read_body(fd, ret, e);
}

bool
cli_admin_post(const char *runtime_dir, const char *path, struct span body, int *status,
	struct buf *ret, struct err *e)
{
	AUTO_FD fd = cli_admin_connect(runtime_dir, e);

	return fd >= 0 && cli_admin_begin(fd, "POST", path, body, status, e) &&
	       read_body(fd, ret, e);
}

/*
 * The settings of a file that may have faults: the agent that runs was started with better ones,
 * and how it does is asked most when its configuration was refused.  Only where it is must be
 * readable.
 */
static struct settings *
page_settings(const char *command, const char *given)
{
	const char *file = command_config(given);
	AUTO_BUF text = BUF_INIT(REPORT_MAX);
	AUTO_BUF report = BUF_INIT(REPORT_MAX);
	struct err e = {0};
	struct settings *s = NULL;

	if (cli_file_read(file, &text, &e))
		s = settings_read(file, buf_span(&text), &report, &e);
	if (s != NULL && s->runtime_dir != NULL) {
		if (s->faults > 0)
			(void)fprintf(stderr,
				"pan-agent %s: %s has %u faults (pan-agent check names them); this "
				"is of the "
				"agent that runs\n",
				command, file, s->faults);
		return s;
	}
	(void)fwrite(report.p, 1, report.n, stderr);
	(void)fprintf(stderr, "pan-agent %s: %s\n", command,
		s == NULL ? e.msg : "without runtime_dir it is not known where to ask");
	settings_free(s);
	return NULL;
}

int
cli_admin_page(const struct cli_admin_page *p, int argc, char **argv)
{
	const char *config = NULL;
	bool json = false;
	AUTO_BUF answer = BUF_INIT(p->max);
	struct err e = {0};
	int status = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0)
			return p->help(stdout, EXIT_DONE);
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
			config = argv[++i];
		else
			return p->help(stderr, EXIT_CALL);
	}
	struct settings *s = page_settings(p->command, config);
	if (s == NULL)
		return EXIT_NO;
	bool asked = cli_admin_ask(s->runtime_dir, "GET", p->path, &status, &answer, &e);
	settings_free(s);
	if (asked && status == 200)
		return p->show(buf_span(&answer), json);
	(void)fprintf(stderr, "pan-agent %s: %s\n", p->command,
		asked ? "the agent refused; run it as root or as the agent's user" : e.msg);
	return EXIT_NO;
}
