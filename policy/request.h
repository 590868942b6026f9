/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/json.h"
#include "policy/facts.h"
#include "policy/subject.h"

#include <stdbool.h>

/*
 * A question as JSON (policy language 11).  Text is borrowed from the document, lists live in the
 * arena.
 */
struct request {
	const struct json *id; /* NULL: none */
	struct subject subject;
	struct facts facts; /* facts.subject points into this struct, or is NULL */
};

/*
 * False: an unknown key or value, a wrong type, something missing (POL-8); the answer is then
 * the decision by rule `input`.  ret->id is set in any case.  A malformed event is not a false: it
 * closes the dataset.  ret must stay where it is.
 */
bool request_parse(const struct json *j, struct arena *a, struct request *ret);
/* One entry of a dataset's log; whatever is wrong with it sets `malformed`. */
void request_event(const struct json *j, struct policy_event *ret);
