/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_index.h"

#include "agent/base/jsonw.h"
#include "agent/base/scope.h"
#include "agent/base/settings.h"
#include "agent/cli/cli_index_stream.h"
#include "agent/cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { ROOTS_MAX = 256, ARGS_MAX = ROOTS_MAX + 16 };
#define HEAD_MAX ((size_t)16 * 1024)

struct call {
	const char *config; /* the file */
	bool json, full, no_digests, rebind;
	const char *roots[ROOTS_MAX];
	size_t n;
};

static int
help(FILE *out, int code)
{
	(void)fputs(
		"usage: pan-agent index [--config FILE] [--json] [--full] [--no-digests] "
		"[ROOT...]\n"
		"       pan-agent index [--config FILE] [--json] --rebind [PID]\n"
		"\n"
		"Catalogue the data roots (by name or path; all of them when none is named):\n"
		"what is new or changed is read, what is gone is forgotten.  The daemon that\n"
		"runs does it; when none runs, one is started for this alone.\n"
		"\n"
		"--json        the events as JSON, one a line\n"
		"--full        read unchanged files again\n"
		"--no-digests  do not wait for digests; they follow in the background\n"
		"--rebind      look at no file, but store anew which policy binds the dataset PID\n"
		"              (or each of them) by the dates and the policies of today: after a\n"
		"              correction; `pan-agent policy lint --catalogue` says where that is "
		"due\n"
		"\n"
		"Exit status: 0 all is in the catalogue; 1 something is not, or the run failed;\n"
		"2 wrong call or configuration.\n"
		"\n"
		"example: pan-agent index id02\n",
		out);
	return code;
}

static int
complain(const char *what, const char *why)
{
	(void)fprintf(stderr, "pan-agent index: %s%s%s\n", what, why != NULL ? ": " : "",
		why != NULL ? why : "");
	return EXIT_CALL;
}

/* ---- the call ---- */

/* The root of that name or path. */
static const char *
find_root(const struct settings *s, const char *given)
{
	struct span g = span_of(given);

	for (size_t i = 0; i < s->n_roots; i++)
		if (span_is(g, s->roots[i].name))
			return s->roots[i].name;
	while (g.n > 1 && g.p[g.n - 1] == '/')
		g.n--;
	for (size_t i = 0; i < s->n_roots; i++) {
		struct span path = span_of(s->roots[i].path);
		while (path.n > 1 && path.p[path.n - 1] == '/')
			path.n--;
		if (span_eq(g, path))
			return s->roots[i].name;
	}
	return NULL;
}

static bool
resolve(struct call *c, const struct settings *s)
{
	for (size_t i = 0; i < c->n; i++) {
		const char *name = find_root(s, c->roots[i]);
		if (name == NULL) {
			(void)fprintf(stderr,
				"pan-agent index: '%s' is no data root; %s names:", c->roots[i],
				s->file);
			for (size_t k = 0; k < s->n_roots; k++)
				(void)fprintf(stderr, " %s", s->roots[k].name);
			(void)fputc('\n', stderr);
			return false;
		}
		c->roots[i] = name;
	}
	return true;
}

static bool
take_option(struct call *c, int argc, char **argv, int *i)
{
	static const char config[] = "--config=";
	const char *a = argv[*i];

	if (strcmp(a, "--json") == 0)
		c->json = true;
	else if (strcmp(a, "--full") == 0)
		c->full = true;
	else if (strcmp(a, "--no-digests") == 0)
		c->no_digests = true;
	else if (strcmp(a, "--rebind") == 0)
		c->rebind = true;
	else if (strcmp(a, "--config") == 0 && *i + 1 < argc)
		c->config = argv[++*i];
	else if (strncmp(a, config, sizeof(config) - 1) == 0)
		c->config = a + sizeof(config) - 1;
	else
		return false;
	return true;
}

/* ---- the daemon that runs ---- */

static int
connect_daemon(const struct settings *s)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int n = snprintf(to.sun_path, sizeof(to.sun_path), "%s/admin.sock", s->runtime_dir);
	AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (n < 0 || (size_t)n >= sizeof(to.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
		return -1;
	return take_fd(&fd);
}

static bool
send_all(int fd, struct span text)
{
	while (text.n > 0) {
		ssize_t n = send(fd, text.p, text.n, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text = span_skip(text, (size_t)n);
	}
	return true;
}

static bool
ask_daemon(int fd, const struct call *c)
{
	AUTO_BUF body = BUF_INIT(65536);
	AUTO_BUF head = BUF_INIT(1024);
	struct jsonw w;

	jsonw_init(&w, &body);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "job", "index");
	jsonw_list(&w, "roots");
	for (size_t i = 0; i < c->n && !c->rebind; i++)
		jsonw_cstr(&w, NULL, c->roots[i]);
	jsonw_end(&w, ']');
	jsonw_bool(&w, "json", c->json);
	jsonw_bool(&w, "full", c->full);
	jsonw_bool(&w, "digests", !c->no_digests);
	if (c->rebind && c->n > 0)
		jsonw_cstr(&w, "rebind", c->roots[0]);
	else if (c->rebind)
		jsonw_bool(&w, "rebind", true);
	jsonw_end(&w, '}');
	buf_addf(&head,
		"POST /index HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
		"Content-Length: %zu\r\n\r\n",
		body.n);
	return buf_ok(&body) && send_all(fd, buf_span(&head)) && send_all(fd, buf_span(&body));
}

/* Length of the answer's head with its empty line; 0: not whole yet. */
static size_t
head_length(struct span s)
{
	const char *end = memmem(s.p, s.n, "\r\n\r\n", 4);

	return end != NULL ? (size_t)(end - s.p) + 4 : 0;
}

/* ---- the events ---- */

/*
 * The status of an answer's head, once the head is whole in `first`: *rest is what follows it in
 * there.  False: not whole yet; *status 0: it is no head.
 */
static bool
take_head(struct buf *first, struct span in, uint64_t *status, struct span *rest)
{
	buf_add(first, in);
	size_t len = first->n > 0 ? head_length(buf_span(first)) : 0;
	if (len == 0 && buf_ok(first))
		return false;
	/* "HTTP/1.x NNN" */
	if (len == 0 || !span_u64(span_first(span_skip(buf_span(first), 9), 3), 599, status))
		*status = 0;
	*rest = span_skip(buf_span(first), len);
	return true;
}

/* Feed until the end; `head`: an HTTP head comes first.  The status, 200 without a head; 0: none.
 */
static unsigned
read_events(int fd, struct cli_index_stream *s, bool head, struct buf *refusal)
{
	AUTO_BUF first = BUF_INIT(HEAD_MAX);
	char block[16384];
	uint64_t status = head ? 0 : 200;

	for (;;) {
		ssize_t n = read(fd, block, sizeof(block));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (unsigned)status;
		struct span in = {block, (size_t)n};
		if (status == 0 && !take_head(&first, in, &status, &in))
			continue;
		if (status == 0)
			return 0;
		if (status == 200)
			cli_index_stream_feed(s, in);
		else
			buf_add(refusal, in);
	}
}

static int
finish(const struct cli_index_stream *s)
{
	if (s->done)
		return s->failed ? EXIT_NO : EXIT_DONE;
	(void)fputs("pan-agent index: the run ended early; see the log of pan-agentd, and run it "
		    "again\n",
		stderr);
	return EXIT_NO;
}

static int
with_daemon(int fd, const struct call *c)
{
	AUTO_BUF refusal = BUF_INIT(HEAD_MAX);
	struct cli_index_stream s;

	if (!ask_daemon(fd, c))
		return complain("the daemon does not listen", NULL) - 1;
	cli_index_stream_init(&s, stdout, stderr, c->json);
	s.rebind = c->rebind;
	unsigned status = read_events(fd, &s, true, &refusal);
	cli_index_stream_fini(&s);
	if (status == 200)
		return finish(&s);
	(void)fprintf(stderr, "pan-agent index: the daemon answers %u: %.*s\n", status,
		SPAN_ARG(span_trim(buf_span(&refusal))));
	return EXIT_NO;
}

/* ---- no daemon: one run of its own ---- */

/* pan-agentd beside this program, or where it is installed beside it, or by name. */
static void
exec_daemon(char *const *argv)
{
	static const char *const places[] = {"pan-agentd", "../sbin/pan-agentd"};
	char self[4096];
	char path[4608];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	while (n > 0 && self[n - 1] != '/')
		n--;
	self[n > 0 ? n : 0] = '\0';
	for (size_t i = 0; n > 0 && i < sizeof(places) / sizeof(places[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", self, places[i]);
		(void)execv(path, argv);
	}
	(void)execvp("pan-agentd", argv);
}

/* _exit of the child: this program's buffers are the parent's to write. */
static _Noreturn void
child(int out, const struct call *c)
{
	char words[][16] = {"pan-agentd", "--config", "--once", "index", "--json", "--full",
		"--no-digests", "--rebind"};
	char *argv[ARGS_MAX] = {words[0], words[1]};
	AUTO_ARENA a = {0};
	size_t n = 2;

	if (dup2(out, STDOUT_FILENO) < 0 || !arena_init(&a, 1 << 20))
		_exit(127);
	argv[n++] = arena_str(&a, span_of(c->config));
	argv[n++] = words[2];
	argv[n++] = words[3];
	for (size_t i = 0; i < c->n; i++)
		argv[n++] = arena_str(&a, span_of(c->roots[i]));
	argv[n++] = words[4];
	if (c->full)
		argv[n++] = words[5];
	if (c->no_digests)
		argv[n++] = words[6];
	if (c->rebind)
		argv[n++] = words[7];
	exec_daemon(argv);
	(void)fputs("pan-agent index: pan-agentd cannot be started; is it installed?\n", stderr);
	_exit(127);
}

static int
alone(const struct call *c)
{
	AUTO_BUF unused = BUF_INIT(1);
	struct cli_index_stream s;
	int status = 0;
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) != 0)
		return complain("pipe", strerrordesc_np(errno));
	pid_t pid = fork();
	if (pid < 0)
		return complain("fork", strerrordesc_np(errno));
	if (pid == 0)
		child(pair[1], c);
	(void)close(pair[1]);
	cli_index_stream_init(&s, stdout, stderr, c->json);
	s.rebind = c->rebind;
	(void)read_events(pair[0], &s, false, &unused);
	(void)close(pair[0]);
	cli_index_stream_fini(&s);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!s.done && WIFEXITED(status) && WEXITSTATUS(status) != 0)
		return WEXITSTATUS(status) == EXIT_CALL ? EXIT_CALL : EXIT_NO; /* it said why */
	return finish(&s);
}

static int
run(struct call *c)
{
	AUTO_BUF report = BUF_INIT(65536);
	struct settings *s = settings_load(c->config, &report, NULL);
	int code = EXIT_CALL;

	if (report.n > 0)
		(void)fwrite(report.p, 1, report.n, stderr);
	if (s != NULL && (c->rebind || resolve(c, s))) {
		AUTO_FD fd = connect_daemon(s);
		if (fd >= 0)
			code = with_daemon(fd, c);
		else if (errno == EACCES)
			code = complain("you may not speak with the daemon",
				"run it as root or as the agent's user");
		else
			code = alone(c);
	}
	settings_free(s);
	return code;
}

int
cli_index(int argc, char **argv)
{
	struct call c = {0};

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return help(stdout, EXIT_DONE);
		if (argv[i][0] != '-' && c.n < ROOTS_MAX)
			c.roots[c.n++] = argv[i];
		else if (!take_option(&c, argc, argv, &i))
			return help(stderr, EXIT_CALL);
	}
	if (c.rebind && (c.n > 1 || c.full || c.no_digests))
		return help(stderr, EXIT_CALL);
	c.config = command_config(c.config);
	return run(&c);
}
