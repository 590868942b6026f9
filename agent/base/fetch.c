/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/fetch.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "agent/base/fetch_head.h"
#include "agent/base/form.h"
#include "agent/base/wiping.h"

#define CONNECT_MS  3000U
#define TOTAL_MS    5000U
#define BODY_MAX    ((size_t)64 * 1024)
#define URL_MAX     4096U
#define VALUE_MAX   ((size_t)32 * 1024) /* of one field of a request */
#define EXTRA_MAX   32U
#define CONNECTIONS 64L /* kept open for the next request */

struct transfer {
	struct fetch *owner;
	struct transfer *next, **link;
	CURL *easy;
	struct curl_slist *fields; /* of the request */
	struct buf post;
	struct buf body;
	struct fetch_head head; /* of the answer */
	bool plain;             /* http: to a loopback address alone */
	bool refused;           /* what the name stands for is no loopback address */
	bool body_over, head_over;
	unsigned total_ms;
	size_t max;
	fetch_done *done;
	void *arg;
	char error[CURL_ERROR_SIZE];
};

struct fetch {
	CURLM *multi;
	struct transfer *first;
	size_t active;
	char *proxy, *agent;
};

/* ---- before confinement ---- */

bool
fetch_prepare(struct err *e)
{
	/* Memory that libcurl gives back is wiped: it copies fields and bodies as it likes. */
	CURLcode bad = curl_global_init_mem(
		CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc, strdup, calloc);

	if (bad != CURLE_OK)
		return err_set(e, ERR_SYSTEM, NULL, "libcurl: %s", curl_easy_strerror(bad));
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
	if ((v->features & CURL_VERSION_ASYNCHDNS) == 0)
		return err_set(e, ERR_SYSTEM, NULL,
			"libcurl %s looks names up while all else waits; one with AsynchDNS is "
			"needed",
			v->version);
	if ((v->features & CURL_VERSION_SSL) == 0)
		return err_set(e, ERR_SYSTEM, NULL, "libcurl %s has no TLS", v->version);
	return true;
}

/* ---- one transfer: what libcurl calls ---- */

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	n *= size;
	if (n > t->max - t->body.n) {
		t->body_over = true;
		return 0;
	}
	buf_add_secret(&t->body, (struct span){p, n});
	return buf_ok(&t->body) ? n : 0;
}

static size_t
on_field(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	n *= size;
	t->head_over = !fetch_head_line(&t->head, (struct span){p, n});
	return t->head_over ? 0 : n;
}

static bool
is_loopback(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, a, sizeof(in));
		return ntohl(in.sin_addr.s_addr) >> 24 == 127;
	}
	if (a->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, a, sizeof(in6));
		return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
	}
	return false;
}

/* The address is judged where it is used, after the name was looked up. */
static curl_socket_t
on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct transfer *t = arg;

	(void)purpose;
	if (t->plain && !is_loopback(&a->addr)) {
		t->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* ---- making one ---- */

static void
transfer_free(struct transfer *t)
{
	if (t == NULL)
		return;
	if (t->link != NULL) {
		(void)curl_multi_remove_handle(t->owner->multi, t->easy);
		*t->link = t->next;
		if (t->next != NULL)
			t->next->link = t->link;
		t->owner->active--;
	}
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->fields);
	buf_wipe(&t->post);
	buf_wipe(&t->body);
	fetch_head_fini(&t->head);
	free(t);
}

/* "Name: value" as a field of the request; what holds a line end cannot become one. */
static bool
add_field(struct transfer *t, const char *name, struct span value, struct err *e)
{
	struct buf line = BUF_INIT(VALUE_MAX);

	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] < ' ' || value.p[i] == 0x7f)
			return err_set(e, ERR_SYNTAX, "RFC 9110 5.5",
				"a control character cannot stand in %s", name);
	if (buf_reserve(&line, strlen(name) + value.n + 3)) {
		buf_addf(&line, "%s: ", name);
		buf_add(&line, value);
		buf_addc(&line, '\0');
	}
	struct curl_slist *all = buf_ok(&line) ? curl_slist_append(t->fields, line.p) : NULL;
	if (all != NULL)
		t->fields = all;
	buf_wipe(&line);
	return all != NULL || err_set(e, ERR_LIMIT, NULL, "%s is too long", name);
}

static bool
add_basic(struct transfer *t, const struct fetch_request *r, struct err *e)
{
	struct buf value = BUF_INIT(VALUE_MAX);

	form_basic(&value, r->user, r->password);
	bool ok = buf_ok(&value)
			  ? add_field(t, "Authorization", buf_span(&value), e)
			  : err_set(e, ERR_LIMIT, NULL, "client's name or secret is too long");
	buf_wipe(&value);
	return ok;
}

static bool
add_bearer(struct transfer *t, struct span token, struct err *e)
{
	struct buf value = BUF_INIT(VALUE_MAX);

	if (buf_reserve(&value, token.n + 8)) {
		buf_adds(&value, "Bearer ");
		buf_add(&value, token);
	}
	bool ok = buf_ok(&value) ? add_field(t, "Authorization", buf_span(&value), e)
				 : err_set(e, ERR_LIMIT, NULL, "the token is too long");
	buf_wipe(&value);
	return ok;
}

static bool
add_fields(struct transfer *t, const struct fetch_request *r, struct err *e)
{
	const char *type =
		r->content_type != NULL ? r->content_type : "application/x-www-form-urlencoded";

	if (r->bearer.p != NULL && r->user.p != NULL)
		return err_set(e, ERR_SYNTAX, NULL, "a request has one credential");
	return add_field(t, "Accept", span_of(r->accept != NULL ? r->accept : "application/json"),
		       e) &&
	       (r->method != FETCH_POST || add_field(t, "Content-Type", span_of(type), e)) &&
	       (r->bearer.p == NULL || add_bearer(t, r->bearer, e)) &&
	       (r->user.p == NULL || add_basic(t, r, e)) &&
	       (r->dpop.p == NULL || add_field(t, "DPoP", r->dpop, e)) &&
	       (r->etag == NULL || add_field(t, "If-None-Match", span_of(r->etag), e));
}

/* https, or http where the request allows it; never credentials in the URL. */
static bool
judge_url(struct transfer *t, const struct fetch_request *r, struct err *e)
{
	CURLU *u = curl_url();
	char *scheme = NULL;
	char *user = NULL;
	bool ok = u != NULL && strlen(r->url) <= URL_MAX &&
		  curl_url_set(u, CURLUPART_URL, r->url, 0) == CURLUE_OK &&
		  curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK;

	if (!ok)
		(void)err_set(e, ERR_SYNTAX, "RFC 3986", "not a URL that can be asked");
	if (ok && curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK)
		ok = err_set(e, ERR_SYNTAX, "RFC 9110 4.2.4", "the URL holds a user name");
	t->plain = ok && strcasecmp(scheme, "http") == 0;
	if (ok && !(t->plain && r->loopback) && strcasecmp(scheme, "https") != 0)
		ok = err_set(
			e, ERR_SYNTAX, NULL, "the URL is not https, and nothing else is asked");
	curl_free(user);
	curl_free(scheme);
	curl_url_cleanup(u);
	return ok;
}

static bool
set_method(struct transfer *t, const struct fetch_request *r)
{
	switch (r->method) {
	case FETCH_GET:
		return true;
	case FETCH_HEAD:
		return curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
	case FETCH_POST:
		break;
	}
	t->post = (struct buf)BUF_INIT(r->body.n + 1);
	buf_add_secret(&t->post, r->body);
	return buf_ok(&t->post) && curl_easy_setopt(t->easy, CURLOPT_POST, 1L) == CURLE_OK &&
	       curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->post.n) ==
		       CURLE_OK &&
	       curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->post.p != NULL ? t->post.p : "") ==
		       CURLE_OK;
}

/* The same for all. */
static bool
set_rules(CURL *c)
{
	static const struct {
		CURLoption what;
		long value;
	} rules[] = {
		{CURLOPT_FOLLOWLOCATION, 0},
		{CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
		{CURLOPT_DISALLOW_USERNAME_IN_URL, 1},
		{CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
		{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS},
		{CURLOPT_NOSIGNAL, 1},
		/* A name that is being looked up is left to its thread; else all wait for it. */
		{CURLOPT_QUICK_EXIT, 1},
	};
	bool ok = true;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		ok = ok && curl_easy_setopt(c, rules[i].what, rules[i].value) == CURLE_OK;
	/* The folder of authorities goes: it would count beside a request's own. */
	return ok && curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_NOPROXY, "") == CURLE_OK;
}

/* No byte goes anywhere but where the URL says, and by no other protocol. */
static bool
set_route(struct transfer *t, const struct fetch_request *r)
{
	CURL *c = t->easy;
	const char *proxy = t->owner->proxy != NULL && !t->plain ? t->owner->proxy : "";
	struct curl_blob ca = {(void *)(uintptr_t)r->ca.p, r->ca.n, CURL_BLOB_NOCOPY};

	return curl_easy_setopt(c, CURLOPT_URL, r->url) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, t->plain ? "http" : "https") ==
		       CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_PROXY, proxy) == CURLE_OK &&
	       (r->ca.p == NULL || curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &ca) == CURLE_OK) &&
	       curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, t) == CURLE_OK;
}

static bool
set_limits(struct transfer *t, const struct fetch_request *r)
{
	CURL *c = t->easy;
	unsigned connect = r->connect_ms > 0 ? r->connect_ms : CONNECT_MS;

	t->total_ms = r->total_ms > 0 ? r->total_ms : TOTAL_MS;
	t->max = r->max_bytes > 0 ? r->max_bytes : BODY_MAX;
	t->body.max = t->max;
	return curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)connect) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)t->total_ms) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)t->max) == CURLE_OK;
}

static bool
set_ends(struct transfer *t)
{
	CURL *c = t->easy;

	return curl_easy_setopt(c, CURLOPT_HTTPHEADER, t->fields) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_USERAGENT, t->owner->agent) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_WRITEDATA, t) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_field) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_HEADERDATA, t) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->error) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_PRIVATE, t) == CURLE_OK;
}

static bool
transfer_setup(struct transfer *t, const struct fetch_request *r, struct err *e)
{
	t->easy = curl_easy_init();
	if (t->easy != NULL && (!judge_url(t, r, e) || !add_fields(t, r, e)))
		return false;
	return (t->easy != NULL && set_rules(t->easy) && set_route(t, r) && set_limits(t, r) &&
		       set_method(t, r) && set_ends(t) &&
		       curl_multi_add_handle(t->owner->multi, t->easy) == CURLM_OK) ||
	       err_set(e, ERR_SYSTEM, NULL, "libcurl does not take the request");
}

bool
fetch_start(
	struct fetch *f, const struct fetch_request *r, fetch_done *done, void *arg, struct err *e)
{
	struct transfer *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "no memory for a transfer");
	t->owner = f;
	t->done = done;
	t->arg = arg;
	fetch_head_init(&t->head);
	if (!transfer_setup(t, r, e)) {
		transfer_free(t);
		return false;
	}
	t->next = f->first;
	t->link = &f->first;
	if (t->next != NULL)
		t->next->link = &t->next;
	f->first = t;
	f->active++;
	return true;
}

/* ---- ends ---- */

/* libcurl's text names hosts and addresses, and nothing that was sent. */
static void
explain(const struct transfer *t, CURLcode how, struct err *e)
{
	if (t->refused)
		(void)err_set(e, ERR_UPSTREAM, NULL,
			"plain http is only for a loopback address, and the name is not one");
	else if (t->body_over || how == CURLE_FILESIZE_EXCEEDED)
		(void)err_set(e, ERR_LIMIT, NULL, "the answer is longer than %zu bytes", t->max);
	else if (t->head_over)
		(void)err_set(e, ERR_LIMIT, NULL, "the fields of the answer are above %lu bytes",
			FETCH_HEAD_MAX);
	else if (how == CURLE_OPERATION_TIMEDOUT)
		(void)err_set(e, ERR_UPSTREAM, NULL, "no complete answer in time (%u ms at most)",
			t->total_ms);
	else
		(void)err_set(e, ERR_UPSTREAM, NULL, "%s",
			t->error[0] != '\0' ? t->error : curl_easy_strerror(how));
}

static void
finish(struct transfer *t, CURLcode how)
{
	struct fetch_answer a = {.max_age = -1, .retry_after = -1};
	struct err why = {.code = ERR_NONE};
	long status = 0;

	if (how == CURLE_OK &&
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK &&
		status >= 100 && status <= 999) {
		a.status = (unsigned)status;
		a.body = t->body.n > 0 ? buf_span(&t->body) : SPAN("");
		a.etag = fetch_head_field(&t->head, FETCH_ETAG);
		a.content_type = fetch_head_field(&t->head, FETCH_CONTENT_TYPE);
		a.www_authenticate = fetch_head_field(&t->head, FETCH_WWW_AUTHENTICATE);
		a.location = fetch_head_field(&t->head, FETCH_LOCATION);
		a.max_age = t->head.max_age;
		a.retry_after = t->head.retry_after;
	} else {
		explain(t, how, &why);
	}
	t->done(t->arg, &a, why.code != ERR_NONE ? &why : NULL);
	transfer_free(t);
}

/* Each that ended is told of; how many. */
static size_t
reap(struct fetch *f)
{
	size_t n = 0;
	int left = 0;
	CURLMsg *m = NULL;

	while ((m = curl_multi_info_read(f->multi, &left)) != NULL) {
		char *t = NULL;
		if (m->msg != CURLMSG_DONE ||
			curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t) != CURLE_OK)
			continue;
		finish((struct transfer *)(void *)t, m->data.result);
		n++;
	}
	return n;
}

bool
fetch_new(const struct fetch_options *o, struct fetch **ret, struct err *e)
{
	struct fetch *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "no memory for transfers");
	f->multi = curl_multi_init();
	f->agent = strdup(o->user_agent != NULL ? o->user_agent : "pan-agent/" PAN_VERSION);
	f->proxy = o->proxy != NULL ? strdup(o->proxy) : NULL;
	if (f->multi == NULL || f->agent == NULL || (o->proxy != NULL && f->proxy == NULL) ||
		curl_multi_setopt(f->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS) != CURLM_OK) {
		fetch_free(f);
		return err_set(e, ERR_SYSTEM, NULL, "libcurl: no memory for transfers");
	}
	*ret = f;
	return true;
}

void
fetch_free(struct fetch *f)
{
	if (f == NULL)
		return;
	while (f->first != NULL)
		transfer_free(f->first);
	(void)curl_multi_cleanup(f->multi);
	free(f->proxy);
	free(f->agent);
	free(f);
}

size_t
fetch_active(const struct fetch *f)
{
	return f->active;
}

/* libcurl tells of its own three events alone; poll(2) tells of all, and does not wait. */
static bool
wait_for(struct fetch *f, int ms, struct pollfd *extra, unsigned n, struct err *e)
{
	struct curl_waitfd more[EXTRA_MAX];

	if (n > EXTRA_MAX)
		return err_set(e, ERR_LIMIT, NULL, "more than %u descriptors", EXTRA_MAX);
	for (unsigned i = 0; i < n; i++)
		more[i] = (struct curl_waitfd){.fd = extra[i].fd,
			.events = (short)(((extra[i].events & POLLIN) != 0 ? CURL_WAIT_POLLIN : 0) |
					  ((extra[i].events & POLLOUT) != 0 ? CURL_WAIT_POLLOUT
									    : 0))};
	CURLMcode bad = curl_multi_poll(f->multi, more, n, ms, NULL);
	if (bad != CURLM_OK)
		return err_set(e, ERR_SYSTEM, NULL, "libcurl: %s", curl_multi_strerror(bad));
	if (n > 0 && poll(extra, n, 0) < 0)
		for (unsigned i = 0; i < n; i++)
			extra[i].revents = 0; /* a signal came: the next turn tells */
	return true;
}

bool
fetch_turn(struct fetch *f, int ms, struct pollfd *extra, unsigned n_extra, struct err *e)
{
	int running = 0;
	CURLMcode bad = curl_multi_perform(f->multi, &running);

	if (bad == CURLM_OK) {
		if (!wait_for(f, reap(f) > 0 ? 0 : ms, extra, n_extra, e))
			return false;
		bad = curl_multi_perform(f->multi, &running);
	}
	if (bad != CURLM_OK)
		return err_set(e, ERR_SYSTEM, NULL, "libcurl: %s", curl_multi_strerror(bad));
	(void)reap(f);
	return true;
}

/* ---- one, and waiting for it ---- */

struct now {
	struct buf *mem;
	struct fetch_answer *ret;
	struct err why;
	bool done;
};

static void
on_now(void *arg, const struct fetch_answer *a, const struct err *why)
{
	struct now *n = arg;
	struct span *const spans[] = {&n->ret->body, &n->ret->etag, &n->ret->content_type,
		&n->ret->www_authenticate, &n->ret->location};
	size_t all = 1;

	n->done = true;
	*n->ret = *a;
	if (why != NULL) {
		n->why = *why;
		return;
	}
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
		all += spans[i]->n;
	buf_reset(n->mem);
	if (!buf_reserve(n->mem, all)) { /* once, so that no part moves */
		(void)err_set(&n->why, ERR_LIMIT, NULL, "the answer is too long to be kept");
		return;
	}
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		char *at = n->mem->p + n->mem->n;
		if (spans[i]->p == NULL)
			continue;
		buf_add(n->mem, *spans[i]);
		spans[i]->p = at;
	}
}

bool
fetch_now(struct fetch *f, const struct fetch_request *r, struct buf *mem, struct fetch_answer *ret,
	struct err *e)
{
	struct now n = {.mem = mem, .ret = ret};

	if (!fetch_start(f, r, on_now, &n, e))
		return false;
	struct transfer *t = f->first;
	while (!n.done) {
		if (fetch_turn(f, 1000, NULL, 0, e))
			continue;
		if (!n.done)
			transfer_free(t);
		return false;
	}
	if (n.why.code == ERR_NONE)
		return true;
	if (e != NULL)
		*e = n.why;
	return false;
}

void
fetch_form(struct buf *out, const char *name, struct span value)
{
	form_add(out, name, value);
}
