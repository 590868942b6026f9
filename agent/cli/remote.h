/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/fetch.h"
#include "agent/base/span.h"
#include "agent/cli/client.h"

#include <stdbool.h>

/*
 * One request of a command to a data server, with the token of whoever runs it (agent/cli/tokens.h
 * says which).
 */
struct remote {
	const char *token_file; /* --token-file; NULL: none */
	const char *ca_file;    /* NULL: as client_init has it */
	struct client *client;  /* NULL: one is made */
};

/* Is this an address rather than a pid? */
bool remote_is_url(const char *s);
/*
 * The address below /datasets/ of the dataset that `url` names (/datasets/PID or /data/PID), with
 * `tail` behind it, as "events": added to *ret and NUL-terminated.  Pure.
 */
bool remote_dataset(const char *url, const char *tail, struct buf *ret, struct err *e);
/*
 * body: JSON; absent for GET.  True: there is an answer, of any status; its spans lie in `mem`.
 * ERR_ABSENT: there is no token anywhere.
 */
bool remote_ask(const struct remote *r, const char *url, struct span body, struct buf *mem,
	struct fetch_answer *ret, struct err *e);
/* What a problem document says (RFC 9457 `detail`), as text for people; else the status. */
void remote_detail(const struct fetch_answer *a, struct buf *out);
