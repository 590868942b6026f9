/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/jsonw.h"
#include "agent/catalog/ledger_people.h"
#include "agent/gate.h"
#include "agent/gate_ledger.h"
#include "agent/gate_login.h"
#include "agent/gate_words.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What is common to all that people do in front of a closed door (gate_terms, gate_requests,
 * gate_links): who it is, whether they sent this themselves, which dataset it is about, the audit
 * record, and how the answer looks to a browser and to a program.
 *
 * A person is known by a token, or by a browser's session.  A session may act here and still opens
 * no data; what it sends is a form that comes from our own page and holds the session's own token.
 */
struct gate_person {
	bool by_session;
	struct gate_login_who who; /* by a session */
};
/* Sets c->subject.  False: nobody is there (ERR_ABSENT), or that cannot be told now. */
bool gate_person_find(
	struct gate_desk *d, struct gate_case *c, struct gate_person *ret, struct err *e);
void gate_person_fini(struct gate_person *p);
#define AUTO_PERSON __attribute__((cleanup(gate_person_fini))) struct gate_person
/* As the ledger has them. */
static inline struct ledger_person
gate_person_key(const struct gate_case *c)
{
	return (struct ledger_person){c->subject.iss, c->subject.sub};
}

/* Does our own page send this?  As browsers say (RFC 6454 7, Fetch Metadata). */
bool gate_people_same_origin(const struct gate_desk *d, const struct http_ask *ask);
/*
 * The words of the body: JSON with a token, a form with a session.  ERR_DENIED: a form that the
 * person did not send from our page.
 */
bool gate_people_words(struct gate_desk *d, const struct gate_case *c, const struct gate_person *p,
	uint32_t allowed, struct gate_words *ret, struct err *e);
/* "<form ...>" with the session's token in it; the caller adds fields, a button and "</form>". */
void gate_people_form(struct gate_desk *d, const struct gate_person *p, struct span action);
/* A button of a form whose word `do` is `what`. */
void gate_people_button(struct gate_desk *d, const char *what, const char *label);

/* ---- the dataset ---- */

struct gate_visit {
	struct span id; /* of the path: "/datasets/PID/MEMBER/ID"; absent: none */
	bool known;
	struct gate_person person;
};
/*
 * Who asks at "/datasets/PID/MEMBER" (gate_datasets.c has found the dataset), before it is asked
 * whether that shows to them.  c->own is the visit, which gate_people_end gives back; NULL: no
 * memory.
 */
void gate_people_begin(struct gate_desk *d, struct gate_case *c);
void gate_people_end(struct gate_case *c);
/* Roles towards c->dataset by the catalogue, without what grants give. */
bool gate_people_roles(struct gate_desk *d, struct gate_case *c, uint32_t *ret, struct err *e);
/* Decide for `s` with exactly these roles; writes and counts nothing. */
void gate_people_suppose(struct gate_desk *d, const struct gate_case *c, const struct subject *s,
	uint32_t roles, enum action action, struct decision *ret);
/* The role, of those of `set` that the person has, that comes first in the list of roles; "" for
 * none. */
struct span gate_people_role(uint32_t set);

/* What the ledger knows of c->subject into c->accepted and c->grants: once for each question. */
bool gate_people_asker(struct gate_desk *d, struct gate_case *c, struct err *e);
/*
 * The role `delegate` where a link or a personal grant lets the subject into c->dataset
 * (policy/granted.h), into c->facts and c->granted; a subject that has it from there alone expires
 * with it.
 */
void gate_people_grants(struct gate_desk *d, struct gate_case *c);

/* ---- writing ---- */

struct gate_people_note {
	const char *kind; /* of the record: "terms", "request", "link" */
	const char *what; /* "accepted", "asked", "made", ... */
	struct span pid;  /* absent: it is about no dataset */
	struct span id;   /* of terms, request or link */
	uint32_t roles;   /* of the person, at this act */
	int64_t until;    /* 0: it has no end */
};
/* In one transaction: insert(ledger, what), the record, the commit. */
typedef bool gate_people_insert(struct ledger *l, struct gate_entry *x, struct err *e);
bool gate_people_write(struct gate_desk *d, const struct gate_case *c,
	const struct gate_people_note *note, gate_people_insert *insert, void *what, struct err *e);
/* Text of n random bytes behind `prefix`, in hex. */
bool gate_people_id(struct gate_desk *d, const char *prefix, struct span *ret, struct err *e);

/* ---- answers ---- */

/* A page for browsers, a problem for programs. */
void gate_people_refuse(struct gate_desk *d, struct gate_case *c, unsigned status, const char *name,
	struct span why, struct http_answer *ret);
/* By its code: 400, 403, 404, 503, and 409 for ERR_RANGE. */
void gate_people_failed(
	struct gate_desk *d, struct gate_case *c, const struct err *e, struct http_answer *ret);
/* Nobody is there: 401 with the challenge, or a page that leads to the login and back here. */
void gate_people_unknown(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);
/* The visit when it goes on; NULL: it has been answered. */
struct gate_visit *gate_people_visit(
	struct gate_desk *d, struct gate_case *c, struct http_answer *ret);
/* The JSON object that stands in d->body, complete. */
void gate_people_json(
	struct gate_desk *d, const struct gate_case *c, unsigned status, struct http_answer *ret);
/* "/datasets/PID/MEMBER" as a URL path, in the desk's memory. */
struct span gate_people_path(struct gate_desk *d, struct span pid, const char *member);
