/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/jsonw.h"
#include "agent/gate.h"
#include "agent/gate_people.h"

#include <stdbool.h>

/*
 * /terms/ID@VERSION: terms of the policies in force that a person accepts once, in their own name
 * (policy language, POL-10 and 16).  GET shows them; POST by a token, or by the form of a logged-in
 * browser, accepts; DELETE, or the form's other button, takes it back.  Both are recorded, and the
 * next decision sees them.  /terms lists all.
 */
void gate_terms_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);

/* What c->subject has accepted, for /me: a member of *w's object; a table, with buttons in a
 * browser. */
void gate_terms_json(struct gate_desk *d, struct gate_case *c, struct jsonw *w);
void gate_terms_page(struct gate_desk *d, struct gate_case *c, const struct gate_person *p);

/* "ID@VERSION", as a policy could name it?  Pure. */
bool gate_terms_name(struct span s);
