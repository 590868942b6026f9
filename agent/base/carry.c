/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/carry.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <curl/curl.h>

#include "agent/base/buf.h"

#define CONNECT_MS 30000L
#define HEAD_MS    120000L /* of a HEAD: the other side may read a whole file for its digest */
#define BUFFER     (256L * 1024)
#define VALUE_MAX  ((size_t)32 * 1024) /* of one field */
#define ANSWER_MAX ((size_t)1 << 20)   /* bytes of an answer that are read and dropped */
#define HEADS_MAX  ((size_t)64 * 1024) /* bytes of an answer's fields */

struct carry_job {
	struct carry *owner;
	struct carry_job *next, **link;
	struct carry_request r;
	CURL *easy;
	struct curl_slist *fields;
	struct buf location, digest;
	size_t heads, dropped;
	uint64_t at; /* of the body */
	bool refused;
	char error[CURL_ERROR_SIZE];
};

struct carry {
	CURLM *multi;
	struct carry_job *first;
};

/* ---- what libcurl calls ---- */

static size_t
on_read(char *p, size_t size, size_t n, void *arg)
{
	struct carry_job *j = arg;
	uint64_t left = j->r.size - j->at;

	n *= size;
	if (n > left)
		n = (size_t)left;
	if (n == 0)
		return 0;
	ssize_t got = j->r.read(j->r.arg, p, n, j->at);
	if (got <= 0)
		return CURL_READFUNC_ABORT;
	j->at += (uint64_t)got;
	return (size_t)got;
}

/* libcurl begins a body anew, where the other side wants another request first. */
static int
on_seek(void *arg, curl_off_t offset, int origin)
{
	struct carry_job *j = arg;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > j->r.size)
		return CURL_SEEKFUNC_CANTSEEK;
	j->at = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct carry_job *j = arg;

	(void)p;
	n *= size;
	j->dropped += n;
	return j->dropped <= ANSWER_MAX ? n : 0;
}

static void
keep(struct buf *out, struct span value)
{
	if (out->n > 0)
		buf_addc(out, ',');
	buf_add(out, span_trim(value));
}

static size_t
on_field(char *p, size_t size, size_t n, void *arg)
{
	struct carry_job *j = arg;
	struct span value = {p, n * size};

	j->heads += value.n;
	if (j->heads > HEADS_MAX)
		return 0;
	if (span_starts(
		    value, SPAN("HTTP/"))) { /* another head: what the one before said is void */
		buf_reset(&j->location);
		buf_reset(&j->digest);
	}
	while (value.n > 0 && (value.p[value.n - 1] == '\n' || value.p[value.n - 1] == '\r'))
		value.n--;
	struct span name = span_cut(&value, ':');
	if (value.p != NULL && span_eq_nocase(name, SPAN("Location")))
		keep(&j->location, value);
	else if (value.p != NULL && span_eq_nocase(name, SPAN("Digest")))
		keep(&j->digest, value);
	return n * size;
}

static bool
take_address(const struct sockaddr *a, uint8_t ret[16], uint16_t *port)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (a->sa_family == AF_INET) {
		memcpy(&in, a, sizeof(in));
		memset(ret, 0, 10);
		ret[10] = 0xff;
		ret[11] = 0xff;
		memcpy(ret + 12, &in.sin_addr, 4);
		*port = ntohs(in.sin_port);
		return true;
	}
	if (a->sa_family != AF_INET6)
		return false;
	memcpy(&in6, a, sizeof(in6));
	memcpy(ret, &in6.sin6_addr, 16);
	*port = ntohs(in6.sin6_port);
	return in6.sin6_scope_id == 0;
}

/* The address is judged where it is used, after the name was looked up. */
static curl_socket_t
on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct carry_job *j = arg;
	uint8_t address[16];
	uint16_t port = 0;

	(void)purpose;
	if (!take_address(&a->addr, address, &port) || !j->r.address(j->r.arg, address, port)) {
		j->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* ---- making one ---- */

static void
unlink_job(struct carry_job *j)
{
	if (j->link == NULL)
		return;
	(void)curl_multi_remove_handle(j->owner->multi, j->easy);
	*j->link = j->next;
	if (j->next != NULL)
		j->next->link = j->link;
	j->link = NULL;
}

static void
job_free(struct carry_job *j)
{
	unlink_job(j);
	curl_easy_cleanup(j->easy);
	curl_slist_free_all(j->fields);
	buf_fini(&j->location);
	buf_fini(&j->digest);
	free(j);
}

static bool
add_line(struct carry_job *j, const char *name, struct span value)
{
	struct buf line = BUF_INIT(VALUE_MAX);

	if (buf_reserve(&line, strlen(name) + value.n + 3)) {
		/* libcurl's way to write a field without a value. */
		buf_addf(&line, "%s%s", name, value.n > 0 ? ": " : ";");
		buf_add(&line, value);
		buf_addc(&line, '\0');
	}
	struct curl_slist *all = buf_ok(&line) ? curl_slist_append(j->fields, line.p) : NULL;
	if (all != NULL)
		j->fields = all;
	buf_wipe(&line);
	return all != NULL;
}

static bool
add_field(struct carry_job *j, struct span value, bool authorized)
{
	char name[256];

	if (!span_cstr(span_cut(&value, ':'), name, sizeof(name)) || name[0] == '\0')
		return false;
	if (!authorized && span_eq_nocase(span_of(name), SPAN("Authorization")))
		return true;
	return add_line(j, name, span_trim(value));
}

static bool
add_fields(struct carry_job *j, const struct carry_request *r)
{
	struct span rest = r->fields;
	bool put = r->method == CARRY_PUT;

	while (rest.n > 0)
		if (!add_field(j, span_cut(&rest, '\n'), r->authorized))
			return false;
	return (!put || add_line(j, "Expect", SPAN("100-continue"))) &&
	       (r->want_digest == NULL || add_line(j, "Want-Digest", span_of(r->want_digest)));
}

static bool
set_longs(struct carry_job *j)
{
	bool put = j->r.method == CARRY_PUT;
	const struct {
		CURLoption what;
		long value;
	} rules[] = {
		{CURLOPT_FOLLOWLOCATION, 0},
		{CURLOPT_DISALLOW_USERNAME_IN_URL, 1},
		{CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
		{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
		{CURLOPT_NOSIGNAL, 1},
		{CURLOPT_QUICK_EXIT, 1},
		{CURLOPT_FORBID_REUSE, 1},
		{CURLOPT_FRESH_CONNECT, 1},
		{CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS},
		{CURLOPT_TIMEOUT_MS, put ? 0 : HEAD_MS},
		{CURLOPT_UPLOAD_BUFFERSIZE, BUFFER},
		{CURLOPT_PATH_AS_IS, 1},
		{put ? CURLOPT_UPLOAD : CURLOPT_NOBODY, 1},
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (curl_easy_setopt(j->easy, rules[i].what, rules[i].value) != CURLE_OK)
			return false;
	return !put || curl_easy_setopt(j->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)j->r.size) ==
			       CURLE_OK;
}

/* No byte goes anywhere but where the URL says, and by no other protocol. */
static bool
set_route(struct carry_job *j)
{
	CURL *c = j->easy;
	struct curl_blob ca = {(void *)(uintptr_t)j->r.ca.p, j->r.ca.n, CURL_BLOB_NOCOPY};

	return curl_easy_setopt(c, CURLOPT_URL, j->r.url) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK &&
	       (j->r.ca.p == NULL || curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &ca) == CURLE_OK) &&
	       curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, j) == CURLE_OK;
}

static bool
set_ends(struct carry_job *j)
{
	CURL *c = j->easy;

	return curl_easy_setopt(c, CURLOPT_HTTPHEADER, j->fields) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_USERAGENT, "pan-agent/" PAN_VERSION) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_READDATA, j) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_SEEKDATA, j) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_WRITEDATA, j) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_field) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_HEADERDATA, j) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_ERRORBUFFER, j->error) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_PRIVATE, j) == CURLE_OK;
}

bool
carry_start(struct carry *c, const struct carry_request *r, struct carry_job **ret, struct err *e)
{
	struct carry_job *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "no memory for a transfer");
	j->owner = c;
	j->r = *r;
	j->location.max = j->digest.max = VALUE_MAX;
	j->easy = curl_easy_init();
	if (j->easy == NULL || !add_fields(j, r) || !set_longs(j) || !set_route(j) ||
		!set_ends(j) || curl_multi_add_handle(c->multi, j->easy) != CURLM_OK) {
		job_free(j);
		return err_set(e, ERR_SYSTEM, NULL, "libcurl does not take the request");
	}
	j->r.url = NULL; /* libcurl has its own copies */
	j->r.fields = SPAN_NONE;
	j->next = c->first;
	j->link = &c->first;
	if (j->next != NULL)
		j->next->link = &j->next;
	c->first = j;
	*ret = j;
	return true;
}

void
carry_cancel(struct carry_job *j)
{
	if (j != NULL)
		job_free(j);
}

/* ---- on the way ---- */

uint64_t
carry_sent(const struct carry_job *j)
{
	curl_off_t n = 0;

	return curl_easy_getinfo(j->easy, CURLINFO_SIZE_UPLOAD_T, &n) == CURLE_OK && n > 0
		       ? (uint64_t)n
		       : 0;
}

void
carry_remote(const struct carry_job *j, char out[80])
{
	char *ip = NULL;
	long port = 0;

	out[0] = '\0';
	if (curl_easy_getinfo(j->easy, CURLINFO_PRIMARY_IP, &ip) != CURLE_OK || ip == NULL ||
		curl_easy_getinfo(j->easy, CURLINFO_PRIMARY_PORT, &port) != CURLE_OK ||
		ip[0] == '\0')
		return;
	bool v6 = strchr(ip, ':') != NULL;
	(void)snprintf(out, 80, "tcp:%s%s%s:%ld", v6 ? "[" : "", ip, v6 ? "]" : "", port);
}

/* ---- ends ---- */

static void
explain(const struct carry_job *j, CURLcode how, struct err *e)
{
	if (j->refused)
		(void)err_set(e, ERR_DENIED, NULL, "an address that is not sent to");
	else
		(void)err_set(e, ERR_UPSTREAM, NULL, "%s",
			j->error[0] != '\0' ? j->error : curl_easy_strerror(how));
}

static void
finish(struct carry_job *j, CURLcode how)
{
	struct carry_answer a = {.status = 0};
	struct err why = {.code = ERR_NONE};
	long status = 0;

	if (how == CURLE_OK &&
		curl_easy_getinfo(j->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK &&
		status >= 100 && status <= 999) {
		a.status = (unsigned)status;
		if (j->location.n > 0)
			a.location = buf_span(&j->location);
		if (j->digest.n > 0)
			a.digest = buf_span(&j->digest);
	} else {
		explain(j, how, &why);
	}
	j->r.done(j->r.arg, &a, why.code != ERR_NONE ? &why : NULL);
	job_free(j);
}

/* Each that ended is told of; how many. */
static size_t
reap(struct carry *c)
{
	size_t n = 0;
	int left = 0;
	CURLMsg *m = NULL;

	while ((m = curl_multi_info_read(c->multi, &left)) != NULL) {
		char *j = NULL;
		if (m->msg != CURLMSG_DONE ||
			curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &j) != CURLE_OK)
			continue;
		finish((struct carry_job *)(void *)j, m->data.result);
		n++;
	}
	return n;
}

bool
carry_new(struct carry **ret, struct err *e)
{
	struct carry *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "no memory for transfers");
	c->multi = curl_multi_init();
	if (c->multi == NULL) {
		free(c);
		return err_set(e, ERR_SYSTEM, NULL, "libcurl: no memory for transfers");
	}
	*ret = c;
	return true;
}

void
carry_free(struct carry *c)
{
	if (c == NULL)
		return;
	while (c->first != NULL)
		job_free(c->first);
	(void)curl_multi_cleanup(c->multi);
	free(c);
}

/* libcurl tells of its own three events alone; poll(2) tells of all, and does not wait. */
static bool
wait_for(struct carry *c, int ms, struct pollfd *extra, unsigned n, struct err *e)
{
	struct curl_waitfd more[CARRY_EXTRA];

	if (n > CARRY_EXTRA)
		return err_set(e, ERR_LIMIT, NULL, "more than %u descriptors", CARRY_EXTRA);
	for (unsigned i = 0; i < n; i++)
		more[i] = (struct curl_waitfd){.fd = extra[i].fd,
			.events = (short)(((extra[i].events & POLLIN) != 0 ? CURL_WAIT_POLLIN : 0) |
					  ((extra[i].events & POLLOUT) != 0 ? CURL_WAIT_POLLOUT
									    : 0))};
	CURLMcode bad = curl_multi_poll(c->multi, more, n, ms, NULL);
	if (bad != CURLM_OK)
		return err_set(e, ERR_SYSTEM, NULL, "libcurl: %s", curl_multi_strerror(bad));
	if (n > 0 && poll(extra, n, 0) < 0)
		for (unsigned i = 0; i < n; i++)
			extra[i].revents = 0; /* a signal came: the next turn tells */
	return true;
}

bool
carry_turn(struct carry *c, int ms, struct pollfd *extra, unsigned n_extra, struct err *e)
{
	int running = 0;
	CURLMcode bad = curl_multi_perform(c->multi, &running);

	if (bad == CURLM_OK) {
		if (!wait_for(c, reap(c) > 0 ? 0 : ms, extra, n_extra, e))
			return false;
		bad = curl_multi_perform(c->multi, &running);
	}
	if (bad != CURLM_OK)
		return err_set(e, ERR_SYSTEM, NULL, "libcurl: %s", curl_multi_strerror(bad));
	(void)reap(c);
	return true;
}
