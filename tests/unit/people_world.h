/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A gate with a ledger, people with tokens and a browser, and a policy with terms, reviewers' links
 * and a team.  Whoever `call` names is a sub of one issuer; "browser" is logged in as ann.
 */
#include "agent/catalog/ledger_people.h"
#include "agent/gate_ledger.h"
#include "agent/session.h"
#include "tests/unit/gate_world.h"
#include "tests/unit/mint.h"

#include <sys/mman.h>

#define NOW_MS  (NOW * 1000LL)
#define ORIGIN  "https://localhost"
#define BROWSER "text/html,application/xhtml+xml,*/*;q=0.8"
#define DAY     86400

static const char people_policy[] =
	"policy: people\n"
	"version: 1\n"
	"timezone: Europe/Paris\n"
	"valid_from: 2000-01-01\n"
	"licence: CC-BY-4.0\n"
	"embargo: {anchor: experiment_end, period: 3y, early_release: [pi, coproposer, delegate]}\n"
	"restrict: {flags: [export-control]}\n"
	"metadata: {public_at: {experiment_end: [title]}}\n"
	"grant: {withdrawn: [director], restricted: [director], proprietary: [pi]}\n"
	"groups: {team: [pi, coproposer, delegate]}\n"
	"reviewer_links: {by: [pi], max_age: 90d}\n"
	"terms: {human-data: {version: 3, title: \"Data of <people>\", url: "
	"\"https://test.example/terms?a=1&b=2\"}}\n"
	"rules:\n"
	"  - {id: gone, effect: deny, action: [data.list, data.read], when: {state: withdrawn}, "
	"reason: withdrawn}\n"
	"  - {id: record, effect: permit, action: [meta.public], when: {state: [embargoed, open, "
	"withdrawn, restricted]}}\n"
	"  - {id: team, effect: permit, action: [meta.public, data.list, data.read], when: {state: "
	"[embargoed, restricted, proprietary], role: team}}\n"
	"  - {id: human, effect: permit, action: [data.list, data.read], when: {state: open, "
	"proposal: [PLAN]}, obligations: [\"accept-terms:human-data@3\"]}\n"
	"  - {id: open-data, effect: permit, action: [data.list, data.read], when: {state: open}}\n"
	"tests:\n"
	"  - {name: closed, now: 2025-01-01, dates: {experiment_end: 2024-05-31}, action: "
	"data.read, expect: deny}\n";

static const char people_proposals[] =
	"proposals:\n"
	"  - {id: OPEN, dates: {experiment_start: 2010-01-01, experiment_end: 2010-01-02}}\n"
	"  - id: SHUT\n"
	"    dates: {experiment_start: 2026-01-01, experiment_end: 2026-01-02}\n"
	"    team: [{role: pi, issuer: \"https://keys.test\", sub: pia},\n"
	"      {role: coproposer, issuer: \"https://keys.test\", sub: cop}]\n"
	"  - id: PAID\n"
	"    route: proprietary\n"
	"    dates: {experiment_start: 2026-01-01, experiment_end: 2026-01-02}\n"
	"    team: [{role: pi, issuer: \"https://keys.test\", sub: pia}]\n"
	"  - id: GONE\n"
	"    dates: {experiment_start: 2026-01-01, experiment_end: 2026-01-02}\n"
	"    team: [{role: pi, issuer: \"https://keys.test\", sub: gil}]\n"
	"  - {id: PLAN, dates: {experiment_start: 2010-01-01, experiment_end: 2010-01-02}}\n";

struct people {
	struct gate_place *place;
	struct mint key;
	char ledger[2048];
	uint64_t epoch;
	int sessions;
	char session[64], form[64]; /* ann's browser: its cookie, and what its forms hold */
	int64_t at;                 /* now, seconds; NOW at first */
	/* the last answer */
	unsigned status;
	struct buf fields, text;
	char file[64]; /* bytes of an answered file; "" for none */
};

static inline void
people_reingest(struct gate_place *p)
{
	struct ingest *in = NULL;
	struct proposals all;
	AUTO_BUF report = BUF_INIT(8192);
	AUTO_ARENA a = {0};

	assert_true(arena_init(&a, 80UL << 20));
	assert_true(ingest_open(p->catalogue, &in, NULL) && ingest_begin(in, NULL));
	if (!proposals_parse("p.yaml", span_of(people_proposals), &a, &report, &all, NULL))
		fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
	assert_true(ingest_proposals(in, &all, NULL) && ingest_commit(in, NULL));
	ingest_close(in);
}

static inline void
people_keys(struct people *w)
{
	AUTO_BUF jwks = BUF_INIT(8192);

	buf_adds(&jwks, "{\"keys\":[");
	mint_jwk(&w->key, "", &jwks);
	buf_adds(&jwks, "]}");
	const struct report r = {.kind = REPORT_KEYS,
		.issuer = SPAN(KEYS_ISS),
		.jwks = buf_span(&jwks),
		.fetched = NOW,
		.authorization_endpoint = SPAN("https://keys.test/auth")};
	auth_report(w->place->gate.auth, &r, NOW_MS);
}

/* ann's browser, as a login would have left it. */
static inline void
people_log_in(struct people *w)
{
	static const struct session_rules rules = {.idle = 40 * DAY, .max = 400 * DAY};
	struct gate_place *p = w->place;
	struct session s;
	AUTO_BUF cookie = BUF_INIT(64);
	AUTO_BUF form = BUF_INIT(64);

	w->sessions = memfd_create("sessions", MFD_CLOEXEC);
	assert_int_equal(
		ftruncate(w->sessions, (off_t)(SESSION_HEAD_BYTES + 8 * SESSION_SLOT_BYTES)), 0);
	assert_true(session_open(w->sessions, &rules, &p->gate.sessions, NULL));
	assert_true(session_make(p->gate.sessions, SPAN(KEYS_ISS),
		SPAN("{\"client\":\"web\",\"asked\":false,\"userinfo\":[],\"claims\":{\"iss\":"
		     "\"" KEYS_ISS "\",\"sub\":\"ann\"}}"),
		NOW, &cookie, NULL));
	assert_true(span_cstr(buf_span(&cookie), w->session, sizeof(w->session)));
	assert_true(session_find(p->gate.sessions, buf_span(&cookie), NOW, &p->desk.mem, &s, NULL));
	assert_true(session_form_token(p->gate.sessions, &s, &form));
	assert_true(span_cstr(buf_span(&form), w->form, sizeof(w->form)));
}

static inline int
people_setup(void **state)
{
	const struct policy_source source = {
		"people.yaml", {people_policy, sizeof(people_policy) - 1}};
	struct people *w = calloc(1, sizeof(*w));
	void *place = NULL;
	AUTO_BUF report = BUF_INIT(8192);

	assert_non_null(w);
	assert_int_equal(setup(&place), 0);
	struct gate_place *p = place;
	*w = (struct people){.place = p,
		.epoch = 3,
		.at = NOW,
		.key = mint_key("ES256", "k1"),
		.fields = BUF_INIT(1UL << 20),
		.text = BUF_INIT(1UL << 20)};
	people_reingest(p);
	put(p->dir, "PLAN/a.txt", "human");
	policy_set_free(p->policies);
	p->policies = policy_set_load(&source, 1, &report, NULL);
	if (p->policies == NULL)
		fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
	p->gate.policies = p->policies;
	p->issuer.web_client_id = "web";
	p->issuer.stale_max = 400U * DAY;
	people_keys(w);
	people_log_in(w);
	(void)snprintf(w->ledger, sizeof(w->ledger), "%s/ledger.sqlite", p->dir);
	p->settings.ledger = w->ledger;
	p->gate.epoch = &w->epoch;
	assert_true(gate_ledger_open(w->ledger, p->gate.audit, &w->epoch, &p->gate.ledger, NULL));
	gate_desk_fini(&p->desk);
	assert_true(gate_desk_init(&p->desk, &p->gate, NULL));
	*state = w;
	return 0;
}

static inline int
people_teardown(void **state)
{
	struct people *w = *state;
	void *place = w->place;

	gate_ledger_close(w->place->gate.ledger);
	session_close(w->place->gate.sessions);
	(void)close(w->sessions);
	crypto_key_free(w->key.key);
	buf_fini(&w->fields);
	buf_fini(&w->text);
	free(w);
	return teardown(&place);
}

/* ---- asking ---- */

static inline void
people_token(struct people *w, const char *sub, struct buf *out)
{
	AUTO_BUF payload = BUF_INIT(1024);
	AUTO_BUF text = BUF_INIT(8192);

	buf_addf(&payload,
		"{\"iss\":\"" KEYS_ISS "\",\"sub\":\"%s\",\"aud\":\"https://localhost/\","
		"\"exp\":4000000000,\"iat\":1700000000,\"jti\":\"j\",\"client_id\":\"cli\"}",
		sub);
	mint_token(&w->key, SPAN("{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}"),
		buf_span(&payload), &text);
	buf_adds(out, "Bearer ");
	buf_add(out, buf_span(&text));
}

static inline void
people_note(struct people *w, const struct http_answer *a)
{
	w->status = a->status;
	buf_reset(&w->fields);
	buf_reset(&w->text);
	w->file[0] = '\0';
	buf_add(&w->fields, a->fields);
	buf_addc(&w->fields, '\0');
	buf_add(&w->text, a->text);
	buf_addc(&w->text, '\0');
	if (a->body == HTTP_FILE) {
		ssize_t n = grant_pread(a->grant, w->file, sizeof(w->file) - 1, 0);
		assert_true(n >= 0);
		w->file[n] = '\0';
	}
	grant_unref(a->grant);
}

/* q->path and method are the caller's; the rest of who it is comes here. */
static inline unsigned
people_ask(struct people *w, struct http_ask *q, const char *who)
{
	AUTO_BUF token = BUF_INIT(8192);
	struct http_answer a;

	q->id = 1;
	q->trace[0] = 7;
	if (who != NULL && strcmp(who, "browser") == 0) {
		q->session = span_of(w->session);
		if (q->accept.p == NULL)
			q->accept = SPAN(BROWSER);
	} else if (who != NULL) {
		people_token(w, who, &token);
		q->authorization = buf_span(&token);
	}
	gate_answer(&w->place->desk, q, w->at * 1000, &a);
	people_note(w, &a);
	return w->status;
}

static inline unsigned
call(struct people *w, enum http_method method, const char *path, const char *body, const char *who)
{
	struct http_ask q = {.method = method, .path = span_of(path), .body = span_of(body)};

	return people_ask(w, &q, who);
}

/* A form of ann's browser, from our own page; `more` follows the token. */
static inline unsigned
send_form(struct people *w, const char *path, const char *more)
{
	AUTO_BUF body = BUF_INIT(65536);
	struct http_ask q = {.method = HTTP_POST, .path = span_of(path), .origin = SPAN(ORIGIN)};

	buf_addf(&body, "token=%s%s", w->form, more);
	q.body = buf_span(&body);
	return people_ask(w, &q, "browser");
}

static inline void
says(const struct people *w, unsigned status, const char *text)
{
	if (w->status != status || strstr(w->text.p, text) == NULL)
		fail_msg("%u, want %u and \"%s\": %s%s", w->status, status, text, w->fields.p,
			w->text.p);
}

/* The value of a member "key":"..." of the last answer. */
static inline void
member(const struct people *w, const char *key, char *to, size_t n)
{
	AUTO_BUF head = BUF_INIT(64);

	buf_addf(&head, "\"%s\":\"", key);
	buf_addc(&head, '\0');
	const char *at = strstr(w->text.p, head.p);
	if (at == NULL)
		fail_msg("no %s in %s", key, w->text.p);
	at += strlen(head.p);
	assert_true(span_cstr((struct span){at, strcspn(at, "\"")}, to, n));
}

/* Lines of the audit log that hold this. */
static inline unsigned
audited(const struct people *w, const char *what)
{
	static char line[AUDIT_LINE_MAX]; /* too much for a stack */
	unsigned n = 0;
	FILE *f = fopen(w->place->audit, "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, what) != NULL;
	(void)fclose(f);
	return n;
}

/* An event of the dataset, written past the gate. */
static inline void
people_event(struct people *w, const char *pid, const char *type, const char *by)
{
	struct ledger_event ev = {.target = span_of(pid)};
	struct ledger *l = NULL;
	int64_t seq = 0;

	ev.text.value[EVENT_TEXT_TYPE] = span_of(type);
	ev.text.value[EVENT_TEXT_AT] = SPAN("2026-09-20T00:00:00Z");
	ev.text.value[EVENT_TEXT_BY] = span_of(by);
	assert_true(ledger_open(w->ledger, LEDGER_WRITE, &l, NULL) && ledger_begin(l, NULL) &&
		    ledger_event_add(l, &ev, &seq, NULL) && ledger_commit(l, NULL));
	ledger_close(l);
	w->epoch++;
}

#define WITH_PEOPLE(f) cmocka_unit_test_setup_teardown(f, people_setup, people_teardown)
