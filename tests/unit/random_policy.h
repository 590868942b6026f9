/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "policy/facts.h"
#include "policy/parse.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Random policies and questions about them, for what must hold of all: the choices come from the
 * bytes of a fuzzer as long as there are some, then from a seeded generator.  Texts come from small
 * pools, so that rules and questions meet often.
 */
struct choices {
	const uint8_t *p;
	size_t n;
	uint64_t seed;
};

static inline unsigned
choose(struct choices *c, unsigned n)
{
	if (c->n > 0) {
		c->n--;
		return *c->p++ % n;
	}
	c->seed += 0x9e3779b97f4a7c15U; /* splitmix64 */
	uint64_t z = c->seed;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
	z = (z ^ z >> 27) * 0x94d049bb133111ebU;
	return (unsigned)((z ^ z >> 31) % n);
}

/* A non-empty subset of the n words, without those of `not` if that leaves any; as bits. */
static inline uint32_t
choose_set(struct choices *c, unsigned n, uint32_t not )
{
	uint32_t all = ((1U << n) - 1) & ~not ;
	uint32_t set = 0;

	for (unsigned i = 1 + choose(c, 3); i > 0; i--)
		set |= 1U << choose(c, n);
	set &= ~not ;
	return set != 0 ? set : all;
}

static inline void
random_words(struct buf *out, const char *key, uint32_t set, const char *const *names)
{
	const char *comma = "";

	buf_addf(out, "%s: [", key);
	for (unsigned i = 0; set >> i != 0; i++)
		if ((set >> i & 1U) != 0) {
			buf_addf(out, "%s%s", comma, names[i]);
			comma = ", ";
		}
	buf_adds(out, "]");
}

/* Entitlements more than a question can meet buckets of (PREPARED_BUCKETS). */
#define RANDOM_ENTITLEMENTS 24U
static inline void
random_texts(struct choices *c, struct buf *out, const char *key, const char *begin, unsigned n)
{
	unsigned first = choose(c, n);
	unsigned more = choose(c, 3);

	buf_addf(out, "%s: ['", key);
	buf_addf(out, "%s%u", begin, first);
	for (unsigned i = 1; i <= more && i < n; i++) {
		buf_adds(out, "', '");
		buf_addf(out, "%s%u", begin, (first + i) % n);
	}
	buf_adds(out, "']");
}
#define RANDOM_PID         "10.5072/d"
#define RANDOM_PROPOSAL    "P-"
#define RANDOM_INSTRUMENT  "id"
#define RANDOM_ISSUER      "https://i.example/"
#define RANDOM_ENTITLEMENT "urn:x:group:g"

static inline void
random_when(struct choices *c, struct buf *out)
{
	static const char *const states[] = {
		"withdrawn", "proprietary", "restricted", "embargoed", "open"};
	static const char *const reached[] = {"proposal_accepted", "experiment_start",
		"experiment_end", "data_collected", "release"};
	struct {
		const char *key;
		const char *const *names;
		unsigned n, of;
	} sets[] = {
		{"state", states, 5, 2},
		{"kind", kind_names, KIND_COUNT, 6},
		{"route", route_names, ROUTE_COUNT, 6},
		{"network", network_names, NETWORK_COUNT, 8},
		{"purpose", purpose_names, PURPOSE_COUNT, 8},
		{"protocol", protocol_names, PROTOCOL_COUNT, 8},
		{"reached", reached, 5, 6},
	};
	const struct {
		const char *key, *begin;
		unsigned n, of;
	} texts[] = {
		{"pid", RANDOM_PID, 5, 6},
		{"proposal", RANDOM_PROPOSAL, 5, 4},
		{"instrument", RANDOM_INSTRUMENT, 4, 6},
		{"issuer", RANDOM_ISSUER, 3, 10},
		{"entitlement", RANDOM_ENTITLEMENT, RANDOM_ENTITLEMENTS, 3},
	};
	const char *comma = "";
	uint32_t set = 0;

	buf_adds(out, "{");
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		if (choose(c, sets[i].of) == 0) {
			buf_adds(out, comma);
			random_words(out, sets[i].key, choose_set(c, sets[i].n, 0), sets[i].names);
			comma = ", ";
		}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (choose(c, texts[i].of) == 0) {
			buf_adds(out, comma);
			random_texts(c, out, texts[i].key, texts[i].begin, texts[i].n);
			comma = ", ";
		}
	if (choose(c, 3) == 0) {
		buf_adds(out, comma);
		random_words(out, "role", set = choose_set(c, ROLE_COUNT, 0), role_names);
		comma = ", ";
	}
	if (choose(c, 4) == 0) {
		buf_adds(out, comma);
		random_words(out, "not_role", choose_set(c, ROLE_COUNT, set), role_names);
		comma = ", ";
	}
	if (choose(c, 6) == 0) {
		buf_adds(out, comma);
		random_words(out, choose(c, 2) == 0 ? "flag" : "not_flag",
			choose_set(c, FLAG_COUNT, 0), flag_names);
		comma = ", ";
	}
	if (choose(c, 8) == 0)
		buf_addf(out, "%sassurance: %s", comma,
			assurance_names[choose(c, ASSURANCE_HIGH + 1)]);
	buf_adds(out, "}");
}

static inline void
random_rule(struct choices *c, struct buf *out, unsigned number, bool permit)
{
	static const char *const obligations[] = {"cite", "no-cache", "confidential", "tombstone",
		"x-mark", "'accept-terms:use@2'", "'rate:slow'", "'audit:full'"};

	buf_addf(out, "  - {id: r%u, effect: %s, ", number, permit ? "permit" : "deny");
	random_words(out, "action", choose_set(c, ACTION_POLICY_SIMULATE, 0), action_names);
	buf_adds(out, ", when: ");
	random_when(c, out);
	if (!permit) {
		buf_addf(out, ", reason: %s", choose(c, 4) == 0 ? "contract" : "no-policy");
		if (choose(c, 3) == 0)
			buf_adds(out, ", status: 451");
	} else if (choose(c, 3) == 0) {
		buf_adds(out, ", ");
		random_words(out, "obligations", choose_set(c, 8, 0), obligations);
	}
	buf_adds(out, "}\n");
}

static inline void
random_head(struct choices *c, struct buf *out)
{
	static const char *const zones[] = {
		"Europe/Paris", "Europe/London", "UTC", "America/Sao_Paulo", "Australia/Lord_Howe"};

	buf_addf(out, "policy: random\nversion: 3\ntimezone: %s\nvalid_from: 1970-01-01\n",
		zones[choose(c, 5)]);
	buf_adds(out, "licence: CC-BY-4.0\ncontact: data@random.example\n");
	buf_addf(out, "embargo: {anchor: %s, period: %uy, extend_by: [pi], early_release: [pi]",
		milestone_names[choose(c, MILESTONE_COUNT)], choose(c, 5));
	if (choose(c, 2) == 0)
		buf_adds(out, ", approve: [director]");
	if (choose(c, 2) == 0)
		buf_adds(out, ", max_extension: 2y");
	if (choose(c, 3) == 0)
		buf_adds(out, ", early_approve: [director]");
	if (choose(c, 2) == 0)
		buf_addf(out, ", objection_window: %ud, objection_by: [delegate]", choose(c, 40));
	buf_adds(out, "}\nroutes: {icrd: agreement}\n");
	if (choose(c, 2) == 0)
		buf_adds(out, "restrict: {flags: [export-control]}\n");
	buf_adds(out, "grant: {proprietary: [pi], agreement: [user_office], restricted: "
		      "[director], withdrawn: [archivist]}\n"
		      "metadata: {public_at: {experiment_end: [title, team], release: [files]}}\n"
		      "terms: {use: {version: 2, title: Terms of use}}\n"
		      "rates: {slow: {streams: 1}}\n");
	buf_addf(out, "cache: {max_age: %ud}\n", 1 + choose(c, 400));
	if (choose(c, 2) == 0)
		buf_adds(out, "streams: {on_deny: finish, max_age: 2h}\n");
}

/*
 * Rules are numbered in the order of the file; a question about policy.simulate is for the file's
 * own test, so that the file may be loaded as a set.
 */
static inline void
random_policy(struct choices *c, unsigned n_rules, struct buf *out)
{
	random_head(c, out);
	buf_adds(out, "rules:\n");
	for (unsigned i = 0; i < n_rules; i++)
		random_rule(c, out, i, choose(c, 3) != 0);
	buf_adds(out, "tests:\n  - {name: simulate, now: 2020-01-01, action: policy.simulate, "
		      "expect: deny}\n");
}

/* A policy of that text; NULL: it is faulty, which the generator never is. */
static inline struct policy *
random_compile(const struct buf *text)
{
	AUTO_BUF report = BUF_INIT(1 << 16);
	struct policy *p = parse_policy("random.yaml", buf_span(text), &report, NULL);

	if (p == NULL)
		(void)fprintf(stderr, "%.*s\n%.*s", SPAN_ARG(buf_span(&report)),
			SPAN_ARG(buf_span(text)));
	return p;
}

/* ---- questions ---- */

enum { RANDOM_EVENTS = 8, RANDOM_HELD = 32 };
struct random_facts {
	struct facts facts;
	struct subject subject;
	struct policy_event events[RANDOM_EVENTS];
	struct span entitlements[RANDOM_HELD], supports, accepted;
	char text[RANDOM_HELD + 4][40];
};

/* Days around which everything happens: 2019-10-01 and some years on. */
enum { RANDOM_DAY = 18170, RANDOM_DAYS = 3000 };

static inline struct when
random_time(struct choices *c)
{
	int32_t day = RANDOM_DAY + (int32_t)(choose(c, 250) * 12);

	if (choose(c, 2) == 0)
		return (struct when){.given = true, .is_date = true, .date = day};
	return (struct when){.given = true,
		.instant = (int64_t)day * 86400 + choose(c, 24) * 3600 + choose(c, 60)};
}

static inline struct span
random_text(struct choices *c, char *to, const char *begin, unsigned n)
{
	(void)snprintf(to, 40, "%s%u", begin, choose(c, n));
	return choose(c, 8) == 0 ? SPAN_NONE : span_of(to);
}

/* Mostly in the role that may do it, and later than the one before, so that much of it counts. */
static inline void
random_event(struct choices *c, struct policy_event *ev, int64_t *time)
{
	static const enum policy_role fit[EVENT_COUNT] = {
		[EVENT_EXTENSION] = ROLE_PI,
		[EVENT_RELEASE] = ROLE_PI,
		[EVENT_APPROVAL] = ROLE_DIRECTOR,
		[EVENT_OBJECTION] = ROLE_DELEGATE,
		[EVENT_AGREEMENT] = ROLE_USER_OFFICE,
		[EVENT_RESTRICTION] = ROLE_PI,
		[EVENT_RESTRICTION_LIFTED] = ROLE_DIRECTOR,
		[EVENT_WITHDRAWAL] = ROLE_PI,
		[EVENT_REINSTATEMENT] = ROLE_ARCHIVIST,
	};
	static const struct span ids[] = {SPAN_INIT("a"), SPAN_INIT("b")};

	*ev = (struct policy_event){
		.type = (enum event_type)(choose(c, 3) == 0 ? choose(c, EVENT_COUNT)
							    : choose(c, EVENT_OBJECTION + 1)),
		.malformed = choose(c, 60) == 0,
	};
	*time += (int64_t)choose(c, 40) * choose(c, 240) * 3600;
	ev->at =
		choose(c, 6) == 0 ? random_time(c) : (struct when){.given = true, .instant = *time};
	ev->by = choose(c, 5) == 0 ? (enum policy_role)(ROLE_PI + choose(c, 10)) : fit[ev->type];
	if (ev->type == EVENT_EXTENSION || ev->type == EVENT_RELEASE)
		ev->id = ids[choose(c, 2)];
	if (ev->type == EVENT_APPROVAL || ev->type == EVENT_OBJECTION)
		ev->of = ids[choose(c, 2)];
	if (ev->type == EVENT_EXTENSION) {
		ev->has_period = choose(c, 2) == 0;
		ev->period.months = (int32_t)choose(c, 30);
		ev->until = random_time(c);
	}
	ev->on = choose(c, 2) == 0 ? random_time(c) : (struct when){0};
	ev->release = random_time(c);
}

static inline void
random_subject(struct choices *c, struct random_facts *r)
{
	struct subject *s = &r->subject;

	*s = (struct subject){
		.authenticated = choose(c, 8) != 0,
		.iss = random_text(c, r->text[RANDOM_HELD], RANDOM_ISSUER, 3),
		.assurance = (enum assurance)choose(c, ASSURANCE_HIGH + 1),
		.several = choose(c, 2) == 0,
		.unlisted = choose(c, 2) == 0,
		.entitlements = r->entitlements,
	};
	/* Seldom very many, so that the index has no room for them. */
	s->n_entitlements = choose(c, 12) == 0 ? RANDOM_HELD : choose(c, 4);
	for (size_t i = 0; i < s->n_entitlements; i++) {
		(void)snprintf(r->text[i], 40, RANDOM_ENTITLEMENT "%u",
			s->n_entitlements == RANDOM_HELD ? (unsigned)i % RANDOM_ENTITLEMENTS
							 : choose(c, RANDOM_ENTITLEMENTS));
		r->entitlements[i] = span_of(r->text[i]);
	}
	r->facts.subject = s;
	for (unsigned i = choose(c, 4); i > 0; i--)
		r->facts.roles |= 1U << (ROLE_REGISTERED + choose(c, ROLE_COUNT - ROLE_REGISTERED));
}

/* *ret is filled in its place, and stays there. */
static inline void
random_facts(struct choices *c, struct random_facts *ret)
{
	struct facts *f = &ret->facts;
	struct object_facts *o = &f->object;

	memset(ret, 0, sizeof(*ret));
	f->action = (enum action)choose(c, ACTION_COUNT);
	f->network = (enum network)choose(c, NETWORK_COUNT);
	f->purpose = (enum purpose)choose(c, PURPOSE_COUNT);
	f->protocol = (enum protocol)choose(c, PROTOCOL_COUNT);
	f->now = random_time(c);
	if (choose(c, 4) != 0)
		random_subject(c, ret);
	ret->supports = SPAN("x-mark");
	ret->accepted = SPAN("use@2");
	f->supports = &ret->supports;
	f->n_supports = choose(c, 2);
	f->accepted = &ret->accepted;
	f->n_accepted = choose(c, 2);
	o->kind = (enum kind)choose(c, KIND_COUNT);
	o->route = choose(c, 3) == 0 ? (enum route)choose(c, ROUTE_COUNT) : ROUTE_ACADEMIC;
	o->flags = choose(c, 3) == 0 ? choose(c, 1U << FLAG_COUNT) : 0;
	o->pid = random_text(c, ret->text[RANDOM_HELD + 1], RANDOM_PID, 5);
	o->proposal = random_text(c, ret->text[RANDOM_HELD + 2], RANDOM_PROPOSAL, 5);
	o->instrument = random_text(c, ret->text[RANDOM_HELD + 3], RANDOM_INSTRUMENT, 4);
	for (int m = 0; m < MILESTONE_COUNT; m++)
		if (choose(c, 8) != 0)
			o->dates[m] = random_time(c);
	o->policy = SPAN("random");
	o->events = ret->events;
	o->n_events = choose(c, 2) == 0 ? 0 : choose(c, RANDOM_EVENTS);
	int64_t time = (int64_t)RANDOM_DAY * 86400 + (int64_t)choose(c, 250) * 200000;
	for (size_t i = 0; i < o->n_events; i++)
		random_event(c, &ret->events[i], &time);
	/* Often just behind the last entry: while something is on its way. */
	if (o->n_events > 0 && choose(c, 2) == 0)
		f->now = (struct when){.given = true, .instant = time + choose(c, 200) * 10000};
}
