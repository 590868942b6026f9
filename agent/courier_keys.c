/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/courier_keys.h"

#include "auth/keys.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DOCUMENT_MS   (6LL * 3600 * 1000)
#define REFRESH_LONG  21600    /* seconds: as far as Cache-Control may go */
#define REFRESH_SHORT 60       /* below, in a test, Cache-Control does not count */
#define RETRY_MAX     30       /* seconds */
#define REFETCH_MS    30000LL  /* for a kid that is not known (KEY-7) */
#define JUST_FAILED   1000LL   /* without keys (KEY-9) */
#define LEFT_MIN_MS   50LL     /* of a round, to begin with one more question */
#define KEEP_MS       600000LL /* an unchanged set is kept again so seldom */
#define DROPPED_MAX   16384U
#define NO_KEYS       "{\"keys\":[]}"

static void begin_document(struct courier_issuer *i);

/* ---- what is told ---- */

static unsigned
retry_after(const struct courier_issuer *i)
{
	int64_t ms = i->keys.next_ms - courier_now(i).ms;

	return ms > 0 ? (unsigned)(ms / 1000) + 1 : 1;
}

static bool
is_good(const struct courier_keys *k)
{
	return k->state == COURIER_FRESH || k->state == COURIER_STALE;
}

/* Keys that stand in a file are not told again: only the document then. */
static struct report
keys_report(const struct courier_issuer *i)
{
	const struct courier_keys *k = &i->keys;
	const char *authorize = courier_keys_endpoint(i, COURIER_AUTHORIZATION);

	return (struct report){.kind = REPORT_KEYS,
		.issuer = i->rules->iss,
		.jwks = i->needs_keys ? buf_span(&k->jwks) : SPAN(NO_KEYS),
		.fetched = k->fetched,
		.authorization_endpoint = span_of(authorize),
		.end_session_endpoint = span_of(courier_keys_endpoint(i, COURIER_END_SESSION)),
		.iss_parameter = k->has_document && k->document.iss_parameter};
}

static struct report
trouble_report(const struct courier_issuer *i)
{
	const struct courier_keys *k = &i->keys;

	return (struct report){.kind = REPORT_TROUBLE,
		.issuer = i->rules->iss,
		.since = k->since,
		.retry_after = retry_after(i),
		.text = span_of(k->error)};
}

static void
report(const struct courier_issuer *i, unsigned link, bool trouble)
{
	const struct report r = trouble ? trouble_report(i) : keys_report(i);

	i->world->report(i->world->arg, link, &r);
}

void
courier_keys_report(const struct courier_issuer *i, unsigned link)
{
	if (i->keys.tried || is_good(&i->keys))
		report(i, link, !is_good(&i->keys));
}

/* One line for each change of the state, or of whether there is trouble. */
static void
change(struct courier_issuer *i, enum courier_state to)
{
	static const struct {
		enum log_level level;
		const char *msg;
	} lines[COURIER_STATES] = {
		[COURIER_NEVER] = {LOG_WARN, "nothing could be fetched yet; its users get 503"},
		[COURIER_FRESH] = {LOG_INFO, "its keys are fresh"},
		[COURIER_STALE] = {LOG_WARN, "it cannot be asked; older keys are used"},
		[COURIER_EXPIRED] = {LOG_ERROR,
			"its keys are too old, or withdrawn; its users get 503"},
	};
	struct courier_keys *k = &i->keys;
	bool trouble = k->failures > 0;

	i->courier->changed = true;
	if (to == k->state && trouble == k->trouble)
		return;
	bool begins = to == COURIER_NEVER && !trouble;
	k->state = to;
	k->trouble = trouble;
	if (!begins)
		courier_note(i, lines[to].level, "issuer", lines[to].msg, span_of(k->error));
}

/* ---- ends of a round ---- */

/* Printable ASCII: it goes into logs and answers, and may quote what came from outside. */
static void
make_plain(char *text)
{
	for (char *c = text; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

static void __attribute__((format(printf, 2, 3)))
fail(struct courier_issuer *i, const char *fmt, ...)
{
	struct courier_keys *k = &i->keys;
	struct courier_now now = courier_now(i);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(k->error, sizeof(k->error), fmt, ap);
	va_end(ap);
	make_plain(k->error);
	k->round = ROUND_NONE;
	k->tried = true;
	k->ended_ms = now.ms;
	if (k->failures++ == 0)
		k->since = now.utc;
	k->failed++;
	int64_t delay = k->failures > 5 ? RETRY_MAX : 1LL << (k->failures - 1);
	k->next_ms = now.ms + delay * 1000;
	change(i, k->state == COURIER_FRESH ? COURIER_STALE : k->state);
	report(i, COURIER_ALL, true);
}

/* +-10 %, so that many agents do not ask in step. */
static int64_t
interval_ms(const struct courier_issuer *i, int64_t max_age)
{
	int64_t s = i->settings->refresh;

	if (s >= REFRESH_SHORT && max_age > s)
		s = max_age < REFRESH_LONG ? max_age : REFRESH_LONG;
	return s * 900 + (int64_t)(i->world->random(i->world->arg) % 1000) * s / 5;
}

/* A set that has not changed is written seldom: only the time of its last success is new. */
static void
keep(struct courier_issuer *i)
{
	struct courier_keys *k = &i->keys;
	int64_t now = courier_now(i).ms;

	if (!i->needs_keys || (k->same && k->kept_ms != 0 && now - k->kept_ms < KEEP_MS))
		return;
	k->kept_ms = now;
	const struct courier_kept kept = {.issuer = i->rules->iss,
		.fetched = k->fetched,
		.etag = k->etag[0] != '\0' ? span_of(k->etag) : SPAN_NONE,
		.jwks = buf_span(&k->jwks),
		.has_document = k->has_document,
		.document = k->document};
	i->world->keep(i->world->arg, &kept);
}

static void
succeed(struct courier_issuer *i, int64_t max_age)
{
	struct courier_keys *k = &i->keys;
	struct courier_now now = courier_now(i);

	k->round = ROUND_NONE;
	k->tried = true;
	k->fetched = now.utc;
	k->fetched_ms = k->ended_ms = now.ms;
	k->failures = 0;
	k->since = 0;
	k->error[0] = '\0';
	k->next_ms = now.ms + interval_ms(i, max_age);
	change(i, COURIER_FRESH);
	report(i, COURIER_ALL, false);
	keep(i);
}

/* ---- the key set ---- */

/* What was dropped of a new set is told once; private keys loudly (KEY-4). */
static void
note_dropped(const struct courier_issuer *i, struct span lines)
{
	while (lines.n > 0) {
		struct span line = span_cut(&lines, '\n');
		char text[256];
		bool loud = span_cstr(line, text, sizeof(text)) && strstr(text, "PRIVATE") != NULL;
		courier_note(i, loud ? LOG_ERROR : LOG_WARN, "issuer.keys",
			"a published key is not used", line);
	}
}

static size_t
count_lines(struct span s)
{
	size_t n = 0;

	for (size_t k = 0; k < s.n; k++)
		n += s.p[k] == '\n';
	return n;
}

/*
 * A set without any key of use is a set all the same: the keys of before are not in it, and so they
 * are withdrawn (T12), on the disk too.  Its users get 503 until there is another set.
 */
static void
withdraw(struct courier_issuer *i)
{
	struct courier_keys *k = &i->keys;

	if (!k->has_keys)
		return;
	k->has_keys = false;
	k->etag[0] = '\0';
	k->n = k->dropped = 0;
	k->same = false;
	buf_reset(&k->jwks);
	buf_adds(&k->jwks, NO_KEYS);
	k->state = COURIER_EXPIRED;
	k->trouble = false; /* so that the failure of this round is told */
	report(i, COURIER_ALL, false);
	keep(i);
}

/* The set takes the place of the old one, if it is of any use. */
static bool
take_set(struct courier_issuer *i, struct span text, struct err *e)
{
	struct courier_keys *k = &i->keys;
	AUTO_BUF dropped = BUF_INIT(DROPPED_MAX);
	struct keys *keys = NULL;

	if (!keys_load(text, i->rules->algs, &dropped, &keys, e))
		return false;
	size_t n = keys_count(keys);
	keys_free(keys);
	if (n == 0) {
		withdraw(i);
		return err_set(e, ERR_UPSTREAM, "RFC 7517 5",
			"JWK set: it holds no key that may be used (%zu dropped)",
			count_lines(buf_span(&dropped)));
	}
	k->same = k->has_keys && span_eq(text, buf_span(&k->jwks));
	if (k->same)
		return true;
	buf_reset(&k->jwks);
	buf_add(&k->jwks, text);
	if (!buf_ok(&k->jwks)) {
		k->has_keys = false;
		return err_set(e, ERR_LIMIT, NULL, "JWK set: too long");
	}
	k->n = n;
	k->dropped = count_lines(buf_span(&dropped));
	k->has_keys = true;
	note_dropped(i, buf_span(&dropped));
	return true;
}

static void
on_keys(void *arg, const struct fetch_answer *a, const struct err *why)
{
	struct courier_issuer *i = arg;
	struct courier_keys *k = &i->keys;
	struct err e = {.code = ERR_NONE};

	if (why != NULL) {
		fail(i, "keys: %s", why->msg);
	} else if (a->status == 304 && k->has_keys && k->etag[0] != '\0') {
		k->same = true;
		succeed(i, a->max_age);
	} else if (a->status >= 400 && a->status < 500 && i->needs_document &&
		   i->settings->jwks_uri == NULL && !k->round_document) {
		k->document_due = true; /* they may have moved (KEY-5) */
		begin_document(i);
	} else if (a->status != 200) {
		fail(i, "keys: the answer was %u%s", a->status,
			a->status / 100 == 3 ? "; redirects are not followed" : "");
	} else if (!take_set(i, a->body, &e)) {
		fail(i, "keys: %s", e.msg);
	} else {
		if (a->etag.p == NULL || !span_cstr(a->etag, k->etag, sizeof(k->etag)))
			k->etag[0] = '\0';
		succeed(i, a->max_age);
	}
}

/* Asks within what is left of the round. */
static void
ask(struct courier_issuer *i, const char *url, const char *etag, fetch_done *done)
{
	int64_t left = i->keys.round_ms + COURIER_ROUND_MS - courier_now(i).ms;
	struct err e = {.code = ERR_NONE};

	if (left < LEFT_MIN_MS) {
		fail(i, "no complete answer in time (%d ms at most)", COURIER_ROUND_MS);
		return;
	}
	const struct fetch_request r = {.url = url,
		.etag = etag,
		.ca = i->files.ca,
		.loopback = i->settings->insecure,
		.total_ms = (unsigned)left,
		.max_bytes = KEYS_BYTES_MAX};
	if (!i->world->fetch(i->world->arg, &r, done, i, &e))
		fail(i, "%s", e.msg);
}

static void
begin_keys(struct courier_issuer *i)
{
	struct courier_keys *k = &i->keys;
	const char *url = courier_keys_endpoint(i, COURIER_JWKS);

	if (!i->needs_keys) {
		k->same = true;
		succeed(i, -1);
		return;
	}
	if (url == NULL) {
		fail(i, "discovery: the document names no jwks_uri");
		return;
	}
	k->round = ROUND_KEYS;
	ask(i, url, k->has_keys && k->etag[0] != '\0' ? k->etag : NULL, on_keys);
}

/* ---- the document ---- */

static bool begin_elsewhere(struct courier_issuer *i);

static void
on_document(void *arg, const struct fetch_answer *a, const struct err *why)
{
	struct courier_issuer *i = arg;
	struct courier_keys *k = &i->keys;
	struct err e = {.code = ERR_NONE};

	if (why != NULL)
		fail(i, "discovery: %s", why->msg);
	else if (a->status == 404 && k->round == ROUND_DOCUMENT && begin_elsewhere(i))
		;
	else if (a->status != 200)
		fail(i, "discovery: the answer was %u%s", a->status,
			a->status / 100 == 3 ? "; redirects are not followed" : "");
	else if (!courier_discovery_parse(
			 a->body, i->rules->iss, i->settings->insecure, &k->document, &e))
		fail(i, "%s", e.msg);
	else {
		k->has_document = true;
		k->document_due = false;
		k->document_ms = courier_now(i).ms;
		begin_keys(i);
	}
}

/* False: there is no other place. */
static bool
begin_elsewhere(struct courier_issuer *i)
{
	AUTO_BUF url = BUF_INIT(COURIER_URL_MAX + 64);

	if (i->settings->discovery != NULL || !courier_discovery_elsewhere(i->rules->iss, &url))
		return false;
	buf_addc(&url, '\0');
	i->keys.round = ROUND_ELSEWHERE;
	if (buf_ok(&url))
		ask(i, url.p, NULL, on_document);
	else
		fail(i, "discovery: the issuer's name is too long");
	return true;
}

static void
begin_document(struct courier_issuer *i)
{
	AUTO_BUF url = BUF_INIT(COURIER_URL_MAX + 64);

	if (i->settings->discovery != NULL)
		buf_adds(&url, i->settings->discovery);
	else
		courier_discovery_place(i->rules->iss, &url);
	buf_addc(&url, '\0');
	i->keys.round = ROUND_DOCUMENT;
	i->keys.round_document = true;
	if (buf_ok(&url))
		ask(i, url.p, NULL, on_document);
	else
		fail(i, "discovery: the issuer's name is too long");
}

/* ---- turns ---- */

static void
begin(struct courier_issuer *i)
{
	struct courier_keys *k = &i->keys;
	int64_t now = courier_now(i).ms;

	k->round_ms = now;
	k->round_document = false;
	if (i->needs_document && (!k->has_document || k->document_due || !i->needs_keys ||
					 now - k->document_ms >= DOCUMENT_MS))
		begin_document(i);
	else
		begin_keys(i);
}

/* After stale_max without success nothing of them is used (KEY-6). */
static void
expire(struct courier_issuer *i)
{
	struct courier_keys *k = &i->keys;

	k->has_keys = false;
	k->etag[0] = '\0';
	k->n = k->dropped = 0;
	buf_reset(&k->jwks);
	change(i, COURIER_EXPIRED);
	report(i, COURIER_ALL, true);
}

int64_t
courier_keys_turn(struct courier_issuer *i)
{
	struct courier_keys *k = &i->keys;
	int64_t now = courier_now(i).ms;
	int64_t end = k->fetched_ms + (int64_t)i->settings->stale_max * 1000;

	if (k->state == COURIER_STALE && now >= end)
		expire(i);
	if (k->round == ROUND_NONE && now >= k->next_ms && !i->courier->draining)
		begin(i);
	if (k->state == COURIER_STALE && end < k->next_ms)
		return end;
	return k->round == ROUND_NONE ? k->next_ms : k->round_ms + COURIER_ROUND_MS;
}

void
courier_keys_refresh(struct courier_issuer *i, unsigned link)
{
	struct courier_keys *k = &i->keys;
	int64_t now = courier_now(i).ms;
	bool good = is_good(k);
	bool early = good ? k->refetched && now - k->refetch_ms < REFETCH_MS
			  : k->failures > 0 && now - k->ended_ms < JUST_FAILED;

	if (k->round != ROUND_NONE)
		return; /* its end is told to all */
	if (early || i->courier->draining || !i->fetched) {
		report(i, link, !good || k->failures > 0);
		return;
	}
	if (good) {
		k->refetched = true;
		k->refetch_ms = now;
	}
	begin(i);
}

bool
courier_keys_hope(struct courier_issuer *i)
{
	struct courier_keys *k = &i->keys;

	if (!i->needs_document || k->has_document)
		return false;
	if (k->round == ROUND_NONE && !i->courier->draining &&
		(k->failures == 0 || courier_now(i).ms - k->ended_ms >= JUST_FAILED))
		begin(i);
	return k->round != ROUND_NONE;
}

/* ---- the rest ---- */

const char *
courier_keys_endpoint(const struct courier_issuer *i, enum courier_endpoint what)
{
	const struct courier_keys *k = &i->keys;

	if (what == COURIER_JWKS && i->settings->jwks_uri != NULL)
		return i->settings->jwks_uri;
	if (what == COURIER_INTROSPECTION && i->settings->introspection_endpoint != NULL)
		return i->settings->introspection_endpoint;
	return k->has_document && k->document.url[what][0] != '\0' ? k->document.url[what] : NULL;
}

void
courier_keys_init(struct courier_issuer *i)
{
	i->keys.jwks.max = KEYS_BYTES_MAX;
}

void
courier_keys_fini(struct courier_issuer *i)
{
	buf_fini(&i->keys.jwks);
}

bool
courier_keys_restore(struct courier_issuer *i, struct span text, struct err *e)
{
	struct courier_keys *k = &i->keys;
	struct courier_now now = courier_now(i);
	AUTO_BUF mem = BUF_INIT(COURIER_KEPT_MAX);
	struct courier_kept kept;

	if (!i->needs_keys)
		return true;
	if (!courier_kept_parse(text, i->rules->iss, i->settings->insecure, &mem, &kept, e))
		return false;
	int64_t age = now.utc - kept.fetched;
	if (age < 0)
		return err_set(e, ERR_SYNTAX, NULL, "kept keys: of a time that is not yet");
	if (age >= (int64_t)i->settings->stale_max)
		return err_set(e, ERR_ABSENT, NULL, "kept keys: older than stale_max");
	if (!take_set(i, kept.jwks, e))
		return false;
	if (kept.etag.p == NULL || !span_cstr(kept.etag, k->etag, sizeof(k->etag)))
		k->etag[0] = '\0';
	k->fetched = kept.fetched;
	k->fetched_ms = now.ms - age * 1000;
	k->has_document = kept.has_document;
	k->document = kept.document;
	k->document_due = true; /* that one may be old */
	k->same = true;
	k->state = COURIER_STALE;
	i->courier->changed = true;
	courier_note(
		i, LOG_INFO, "issuer", "keys of before are used until it has answered", SPAN_NONE);
	return true;
}
