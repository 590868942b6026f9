/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/fetch.h"

#include "agent/base/fetch_head.h"
#include "agent/base/fetch_warm.h"
#include "agent/base/form.h"
#include "agent/base/proc.h"

#include "tests/unit/web.h"

#include <dlfcn.h>
#include <netdb.h>
#include <signal.h>
#include <sys/wait.h>

#define LONG_MAX_BODY 65536U

/* ---- names, as libcurl's threads look them up: this program's own function comes first ---- */

typedef int look_up(
	const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **ret);

__attribute__((visibility("default"))) int
getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **ret)
{
	look_up *real = (look_up *)(uintptr_t)dlsym(RTLD_NEXT, "getaddrinfo");

	if (host != NULL && strcmp(host, "slow.test") == 0) {
		(void)sleep(4);
		return EAI_AGAIN;
	}
	if (host != NULL && strcmp(host, "rebound.test") == 0)
		host = "192.0.2.1";
	return real(host, port, hints, ret);
}

/* ---- what the server does ---- */

static void
trickle(struct web *w, int fd)
{
	bool up = web_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");

	for (int i = 0; up && i < 1000 && !atomic_load(&w->stop); i++) {
		up = web_send(fd, "x");
		web_sleep(w, 50);
	}
}

static void
flood(int fd, const char *start, const char *part, size_t n)
{
	bool up = web_send(fd, start);

	for (size_t i = 0; up && i < n; i++)
		up = web_send(fd, part);
}

static bool
serve(struct web *w, int fd, const char *request)
{
	static const char *const answers[][2] = {
		{" /plain ", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: \"a\"\r\nContent-Type: "
			     "application/json\r\nCache-Control: public, max-age=60\r\n\r\n{}"},
		{" /redirect ", "HTTP/1.1 302 Found\r\nLocation: /plain\r\nContent-Length: "
				"0\r\n\r\n"},
		{" /early ", "HTTP/1.1 103 Early Hints\r\nETag: \"early\"\r\n\r\nHTTP/1.1 401 "
			     "Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nWWW-"
			     "Authenticate: Bearer error=\"invalid_token\"\r\nRetry-After: "
			     "7\r\nContent-Length: 0\r\n\r\n"},
		{" /unchanged ", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n"},
		{" /long ", "HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n"},
		{" /cut ", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"},
		{" /zipped ", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: "
			      "3\r\n\r\nabc"},
		{" /nonsense ", "SSH-2.0-OpenSSH\r\n\r\n"},
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (strstr(request, answers[i][0]) != NULL)
			return web_send(fd, answers[i][1]) && i < 4;
	if (strstr(request, " /silent ") != NULL)
		web_sleep(w, 20000);
	if (strstr(request, " /slow ") != NULL)
		trickle(w, fd);
	if (strstr(request, " /endless ") != NULL)
		flood(fd, "HTTP/1.1 200 OK\r\n\r\n", "0123456789abcdef", 8192);
	if (strstr(request, " /fields ") != NULL)
		flood(fd, "HTTP/1.1 200 OK\r\n", "X-Field: 0123456789abcdef\r\n", 8192);
	if (strstr(request, " /full ") != NULL)
		flood(fd, "HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n", "0123456789abcdef",
			4096);
	if (strstr(request, " /echo ") != NULL) {
		char head[64];
		(void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
			strlen(request));
		return web_send(fd, head) && web_send(fd, request);
	}
	return false;
}

struct world {
	struct web web;
	struct fetch *fetch;
	struct buf mem;
	struct fetch_answer answer;
	struct err e;
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	web_start(&w->web, serve, w);
	w->mem.max = (size_t)256 * 1024;
	assert_true(fetch_new(&(struct fetch_options){0}, &w->fetch, NULL));
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	fetch_free(w->fetch);
	web_stop(&w->web);
	buf_fini(&w->mem);
	free(w);
	return 0;
}

static const char *
url_of(const struct world *w, const char *path)
{
	static char url[128]; /* one test at a time */

	(void)snprintf(url, sizeof(url), "%s%s", w->web.url, path);
	return url;
}

static bool
ask(struct world *w, const char *path, unsigned ms)
{
	const struct fetch_request r = {.url = url_of(w, path), .loopback = true, .total_ms = ms};

	w->e = (struct err){0};
	return fetch_now(w->fetch, &r, &w->mem, &w->answer, &w->e);
}

/* ---- answers ---- */

static void
fields(void **state)
{
	struct world *w = *state;

	assert_true(ask(w, "/plain", 0));
	assert_int_equal(w->answer.status, 200);
	check_span(w->answer.body, "{}");
	check_span(w->answer.etag, "\"a\"");
	check_span(w->answer.content_type, "application/json");
	assert_int_equal(w->answer.max_age, 60);
	assert_int_equal(w->answer.retry_after, -1);
	assert_null(w->answer.location.p);
	CHECK_ROW("a redirect is an answer like any other");
	assert_true(ask(w, "/redirect", 0));
	assert_int_equal(w->answer.status, 302);
	check_span(w->answer.location, "/plain");
	assert_int_equal(atomic_load(&w->web.requests), 2);
	CHECK_ROW("fields of an informational answer are forgotten; two challenges are one list");
	assert_true(ask(w, "/early", 0));
	assert_int_equal(w->answer.status, 401);
	assert_null(w->answer.etag.p);
	check_span(w->answer.www_authenticate, "Basic realm=\"x\", Bearer error=\"invalid_token\"");
	assert_int_equal(w->answer.retry_after, 7);
	assert_int_equal(w->answer.max_age, -1);
	CHECK_ROW("not modified");
	assert_true(ask(w, "/unchanged", 0));
	assert_int_equal(w->answer.status, 304);
	assert_int_equal(w->answer.body.n, 0);
	CHECK_ROW("all four went over one connection");
	assert_int_equal(atomic_load(&w->web.connections), 1);
	CHECK_ROW("what is packed stays packed");
	assert_true(ask(w, "/zipped", 0));
	check_span(w->answer.body, "abc");
}

static void
limits(void **state)
{
	static const struct {
		const char *path;
		enum err_code code;
		const char *text;
	} rows[] = {
		{"/long", ERR_LIMIT, "longer than 65536"},
		{"/endless", ERR_LIMIT, "longer than 65536"},
		{"/fields", ERR_LIMIT, "fields of the answer"},
		{"/silent", ERR_UPSTREAM, "in time (400 ms"},
		{"/slow", ERR_UPSTREAM, "in time (400 ms"},
		{"/cut", ERR_UPSTREAM, ""},
		{"/nonsense", ERR_UPSTREAM, ""},
		{"/gone", ERR_UPSTREAM, ""},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].path);
		long long start = proc_now_ms();
		assert_false(ask(w, rows[i].path, 400));
		assert_true(proc_now_ms() - start < 2000);
		assert_int_equal(w->e.code, rows[i].code);
		assert_non_null(strstr(w->e.msg, rows[i].text));
		assert_int_equal(fetch_active(w->fetch), 0);
	}
	CHECK_ROW("64 KiB to the byte");
	assert_true(ask(w, "/full", 0));
	assert_int_equal(w->answer.body.n, LONG_MAX_BODY);
}

/* ---- what is sent ---- */

static void
sent(void **state)
{
	struct world *w = *state;
	struct fetch_request r = {.method = FETCH_POST,
		.url = url_of(w, "/echo"),
		.loopback = true,
		.user = SPAN("a:b"),
		.password = SPAN("p w\xc3\xbc%"),
		.dpop = SPAN("ey.ey.x"),
		.etag = "\"e\"",
		.body = SPAN("token=1&x=%20")};

	assert_true(fetch_now(w->fetch, &r, &w->mem, &w->answer, &w->e));
	const char *const want[] = {"POST /echo HTTP/1.1\r\n", "\r\nAccept: application/json\r\n",
		"\r\nAuthorization: Basic YSUzQWI6cCUyMHclQzMlQkMlMjU=\r\n",
		"\r\nContent-Type: application/x-www-form-urlencoded\r\n",
		"\r\nIf-None-Match: \"e\"\r\n", "\r\nDPoP: ey.ey.x\r\n",
		"\r\nUser-Agent: pan-agent/", "\r\n\r\ntoken=1&x=%20"};
	buf_addc(&w->mem, '\0');
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		CHECK_ROW(want[i]);
		assert_non_null(strstr(w->answer.body.p, want[i]));
	}
	assert_null(strcasestr(w->answer.body.p, "Expect:"));
	assert_null(strcasestr(w->answer.body.p, "Cookie:"));
	r = (struct fetch_request){.url = url_of(w, "/echo"),
		.loopback = true,
		.bearer = SPAN("abc.def"),
		.accept = "text/plain"};
	assert_true(fetch_now(w->fetch, &r, &w->mem, &w->answer, &w->e));
	buf_addc(&w->mem, '\0');
	assert_non_null(strstr(w->answer.body.p, "\r\nAuthorization: Bearer abc.def\r\n"));
	assert_non_null(strstr(w->answer.body.p, "\r\nAccept: text/plain\r\n"));
	assert_null(strcasestr(w->answer.body.p, "Content-Type:"));
}

static void
refused(void **state)
{
	static const struct {
		const char *name;
		struct fetch_request r;
	} rows[] = {
		{"http that was not allowed", {.url = "http://127.0.0.1:1/"}},
		{"a user in the URL", {.url = "https://user@127.0.0.1:1/", .loopback = true}},
		{"user and password", {.url = "https://user:x@127.0.0.1:1/", .loopback = true}},
		{"ftp", {.url = "ftp://127.0.0.1/x", .loopback = true}},
		{"file", {.url = "file:///etc/passwd", .loopback = true}},
		{"no scheme", {.url = "127.0.0.1/x", .loopback = true}},
		{"nothing", {.url = "", .loopback = true}},
		{"line end in a token",
			{.url = "https://127.0.0.1:1/", .bearer = SPAN_INIT("a\r\nX: y")}},
		{"line end in an etag", {.url = "https://127.0.0.1:1/", .etag = "\"a\"\n"}},
		{"two credentials", {.url = "https://127.0.0.1:1/",
					    .bearer = SPAN_INIT("a"),
					    .user = SPAN_INIT("u")}},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		assert_false(fetch_now(w->fetch, &rows[i].r, &w->mem, &w->answer, &w->e));
		assert_int_equal(w->e.code, ERR_SYNTAX);
		assert_int_equal(fetch_active(w->fetch), 0);
	}
	CHECK_ROW("http to an address that is not this machine");
	struct fetch_request r = {.url = "http://192.0.2.1:9/", .loopback = true};
	assert_false(fetch_now(w->fetch, &r, &w->mem, &w->answer, &w->e));
	assert_non_null(strstr(w->e.msg, "loopback"));
	CHECK_ROW("http to a name that turns out to be one");
	r.url = "http://rebound.test:9/";
	assert_false(fetch_now(w->fetch, &r, &w->mem, &w->answer, &w->e));
	assert_non_null(strstr(w->e.msg, "loopback"));
	CHECK_ROW("a name that is this machine");
	char url[64];
	(void)snprintf(url, sizeof(url), "http://localhost:%u/plain", w->web.port);
	r.url = url;
	assert_true(fetch_now(w->fetch, &r, &w->mem, &w->answer, &w->e));
}

/* ---- many at a time ---- */

struct tally {
	unsigned ended, good;
	long long last;
};

static void
count(void *arg, const struct fetch_answer *a, const struct err *why)
{
	struct tally *t = arg;

	assert_true((a->status == 0) == (why != NULL));
	t->ended++;
	t->good += a->status == 200;
	t->last = proc_now_ms();
}

static void
together(void **state)
{
	struct world *w = *state;
	struct tally dead = {0};
	struct tally fine = {0};
	struct fetch_request r = {.url = url_of(w, "/silent"), .loopback = true, .total_ms = 700};
	long long start = proc_now_ms();

	for (int i = 0; i < 4; i++)
		assert_true(fetch_start(w->fetch, &r, count, &dead, NULL));
	r.url = "http://slow.test:9/"; /* its look-up takes 4 s */
	assert_true(fetch_start(w->fetch, &r, count, &dead, NULL));
	r.url = url_of(w, "/plain");
	for (int i = 0; i < 4; i++)
		assert_true(fetch_start(w->fetch, &r, count, &fine, NULL));
	assert_int_equal(fetch_active(w->fetch), 9);
	while (fetch_active(w->fetch) > 0)
		assert_true(fetch_turn(w->fetch, 100, NULL, 0, NULL));
	assert_int_equal(fine.good, 4);
	assert_true(fine.last - start < 600);
	assert_int_equal(dead.ended, 5);
	assert_int_equal(dead.good, 0);
	assert_true(dead.last - start < 1500);
	CHECK_ROW("what is under way ends with the fetch, without a word");
	r.url = url_of(w, "/silent");
	assert_true(fetch_start(w->fetch, &r, count, &dead, NULL));
	assert_true(fetch_turn(w->fetch, 10, NULL, 0, NULL));
	assert_int_equal(dead.ended, 5);
}

static void
others(void **state)
{
	struct world *w = *state;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	struct pollfd p[2] = {{.fd = pair[0], .events = POLLIN}, {.fd = -1, .events = POLLIN}};
	long long start = proc_now_ms();
	assert_true(fetch_turn(w->fetch, 100, p, 1, NULL));
	assert_true(proc_now_ms() - start >= 90);
	assert_int_equal(p[0].revents, 0);
	assert_int_equal(write(pair[1], "x", 1), 1);
	assert_true(fetch_turn(w->fetch, 5000, p, 1, NULL));
	assert_int_equal(p[0].revents, POLLIN);
	(void)close(pair[1]);
	p[0].events = POLLIN | POLLOUT;
	assert_true(fetch_turn(w->fetch, 5000, p, 1, NULL));
	assert_true((p[0].revents & POLLHUP) != 0);
	assert_true(proc_now_ms() - start < 2000);
	(void)close(pair[0]);
}

static void
environment(void **state)
{
	static const char *const names[] = {
		"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(setenv(names[i], "http://127.0.0.1:1/", 1), 0);
	assert_true(ask(w, "/plain", 0));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(unsetenv(names[i]), 0);
}

/* A proxy gets what goes to the world, and nothing that stays on this machine. */
static void
proxy(void **state)
{
	struct world *w = *state;
	struct fetch *f = NULL;
	struct fetch_request r = {.url = "https://192.0.2.1/", .total_ms = 1000};

	assert_true(fetch_new(&(struct fetch_options){.proxy = w->web.url}, &f, NULL));
	assert_false(fetch_now(f, &r, &w->mem, &w->answer, &w->e));
	assert_int_equal(atomic_load(&w->web.requests), 1); /* CONNECT, which it does not know */
	r = (struct fetch_request){.url = url_of(w, "/plain"), .loopback = true};
	assert_true(fetch_now(f, &r, &w->mem, &w->answer, &w->e));
	assert_int_equal(w->answer.status, 200);
	fetch_free(f);
}

/* ---- TLS, with openssl(1) as the server ---- */

struct tls_server {
	pid_t pid;
	char dir[64];
	char ca[8192], other[8192]; /* PEM: its own certificate, and one like it */
	unsigned port;
};

static void
run(const struct tls_server *s, const char *command)
{
	char all[512];

	(void)snprintf(all, sizeof(all), "cd %s && %s", s->dir, command);
	assert_int_equal(system(all), 0);
}

static void
read_file(const struct tls_server *s, const char *name, char *out, size_t n)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/%s", s->dir, name);
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	size_t got = fread(out, 1, n - 1, f);
	out[got] = '\0';
	assert_int_equal(fclose(f), 0);
}

#define REQ                                                                                        \
	"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "      \
	"/CN=test -addext subjectAltName=IP:127.0.0.1 2>err.txt "

/* It says where it listens on its first lines. */
static void
tls_start(struct tls_server *s, const char *version)
{
	int ends[2];
	char line[256] = "";

	*s = (struct tls_server){.dir = "/tmp/test_fetch.XXXXXX"};
	assert_non_null(mkdtemp(s->dir));
	run(s, REQ "-keyout key.pem -out cert.pem");
	run(s, REQ "-keyout other-key.pem -out other.pem");
	read_file(s, "cert.pem", s->ca, sizeof(s->ca));
	read_file(s, "other.pem", s->other, sizeof(s->other));
	assert_int_equal(pipe(ends), 0);
	s->pid = fork();
	if (s->pid == 0) {
		(void)dup2(ends[1], 1);
		(void)dup2(ends[1], 2);
		if (chdir(s->dir) == 0)
			(void)execlp("openssl", "openssl", "s_server", "-www", "-accept",
				"127.0.0.1:0", "-key", "key.pem", "-cert", "cert.pem", version,
				"-cipher", "DEFAULT@SECLEVEL=0", (char *)NULL);
		_exit(1);
	}
	(void)close(ends[1]);
	FILE *f = fdopen(ends[0], "r");
	assert_non_null(f);
	while (s->port == 0 && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "ACCEPT ", 7) == 0)
			s->port = (unsigned)atoi(strrchr(line, ':') + 1);
	assert_true(s->port != 0);
	assert_int_equal(fclose(f), 0);
}

static void
tls_stop(struct tls_server *s)
{
	assert_int_equal(kill(s->pid, SIGKILL), 0);
	assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
	run(s, "rm key.pem cert.pem other-key.pem other.pem err.txt");
	assert_int_equal(rmdir(s->dir), 0);
}

static void
authorities(void **state)
{
	struct world *w = *state;
	struct tls_server s;
	char url[64];

	tls_start(&s, "-tls1_2");
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%u/", s.port);
	struct fetch_request r = {.url = url};
	CHECK_ROW("the system's authorities do not know it");
	assert_false(fetch_now(w->fetch, &r, &w->mem, &w->answer, &w->e));
	assert_non_null(strstr(w->e.msg, "certificate"));
	CHECK_ROW("its own does");
	r.ca = span_of(s.ca);
	assert_true(fetch_now(w->fetch, &r, &w->mem, &w->answer, &w->e));
	assert_int_equal(w->answer.status, 200);
	CHECK_ROW("another one does not, and a connection of before is not used for it");
	r.ca = span_of(s.other);
	assert_false(fetch_now(w->fetch, &r, &w->mem, &w->answer, &w->e));
	CHECK_ROW("the name is checked");
	r.ca = span_of(s.ca);
	(void)snprintf(url, sizeof(url), "https://localhost:%u/", s.port);
	assert_false(fetch_now(w->fetch, &r, &w->mem, &w->answer, &w->e));
	tls_stop(&s);
	CHECK_ROW("TLS 1.1 is too old");
	tls_start(&s, "-tls1_1");
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%u/", s.port);
	r.ca = span_of(s.ca);
	assert_false(fetch_now(w->fetch, &r, &w->mem, &w->answer, &w->e));
	tls_stop(&s);
}

/* ---- parts ---- */

static void
head_lines(void **state)
{
	static const struct {
		const char *line;
		int64_t max_age, retry_after;
	} rows[] = {
		{"Cache-Control: max-age=5", 5, -1},
		{"cache-control:MAX-AGE = \"5\" , private\r\n", 5, -1},
		{"Cache-Control: max-age=99999999999999999999", INT32_MAX, -1},
		{"Cache-Control: max-age=-1", -1, -1},
		{"Cache-Control: max-age=", -1, -1},
		{"Cache-Control: max-age", -1, -1},
		{"Cache-Control: s-maxage=5", -1, -1},
		{"Cache-Control: no-store, max-age=60", 0, -1},
		{"Cache-Control: max-age=60, no-cache", 0, -1},
		{"Retry-After: 120", -1, 120},
		{"Retry-After: Fri, 31 Dec 1999 23:59:59 GMT", -1, -1},
		{"Retry-After 120", -1, -1},
		{"", -1, -1},
	};
	struct fetch_head h;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].line);
		fetch_head_init(&h);
		assert_true(fetch_head_line(&h, span_of(rows[i].line)));
		assert_int_equal(h.max_age, rows[i].max_age);
		assert_int_equal(h.retry_after, rows[i].retry_after);
		fetch_head_fini(&h);
	}
	CHECK_ROW("a field that is too long is none");
	char line[FETCH_FIELD_MAX + 16];
	memset(line, 'x', sizeof(line));
	memcpy(line, "ETag: ", 6);
	fetch_head_init(&h);
	assert_true(fetch_head_line(&h, (struct span){line, sizeof(line)}));
	assert_null(fetch_head_field(&h, FETCH_ETAG).p);
	CHECK_ROW("nor is one that is empty");
	assert_true(fetch_head_line(&h, SPAN("HTTP/1.1 200 OK\r\n")));
	assert_true(fetch_head_line(&h, SPAN("ETag: ")));
	assert_null(fetch_head_field(&h, FETCH_ETAG).p);
	CHECK_ROW("status lines do not begin the count anew");
	while (h.seen + sizeof(line) <= FETCH_HEAD_MAX)
		assert_true(fetch_head_line(&h, (struct span){line, sizeof(line)}));
	assert_true(fetch_head_line(&h, SPAN("HTTP/1.1 200 OK")));
	assert_false(fetch_head_line(&h, (struct span){line, sizeof(line)}));
	fetch_head_fini(&h);
}

static void
forms(void **state)
{
	AUTO_BUF b = BUF_INIT(4096);
	AUTO_BUF small = BUF_INIT(8);

	(void)state;
	fetch_form(&b, "a", SPAN("x y&=+\xc3\xbc-._~*"));
	fetch_form(&b, "b", SPAN(""));
	check_span(buf_span(&b), "a=x%20y%26%3D%2B%C3%BC-._~%2A&b=");
	buf_reset(&b);
	form_basic(&b, SPAN("rs"), SPAN("rssecret"));
	check_span(buf_span(&b), "Basic cnM6cnNzZWNyZXQ=");
	form_basic(&small, SPAN("rs"), SPAN("rssecret"));
	assert_false(buf_ok(&small));
	buf_reset(&b);
	for (int i = 0; i < 1000; i++)
		buf_add_secret(&b, SPAN("abcd"));
	assert_true(buf_ok(&b) && b.n == 4000);
	buf_add_secret(&b, (struct span){b.p, 97});
	assert_false(buf_ok(&b));
	assert_int_equal(b.n, 4000);
	buf_wipe(&b);
	assert_null(b.p);
}

int
main(void)
{
	struct err e = {0};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(fields, setup, teardown),
		cmocka_unit_test_setup_teardown(limits, setup, teardown),
		cmocka_unit_test_setup_teardown(sent, setup, teardown),
		cmocka_unit_test_setup_teardown(refused, setup, teardown),
		cmocka_unit_test_setup_teardown(together, setup, teardown),
		cmocka_unit_test_setup_teardown(others, setup, teardown),
		cmocka_unit_test_setup_teardown(environment, setup, teardown),
		cmocka_unit_test_setup_teardown(proxy, setup, teardown),
		cmocka_unit_test_setup_teardown(authorities, setup, teardown),
		cmocka_unit_test(head_lines),
		cmocka_unit_test(forms),
	};
	if (!fetch_prepare(&e)) {
		(void)fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	fetch_warm();
	return cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
}
