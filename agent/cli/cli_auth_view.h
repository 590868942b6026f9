/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/settings.h"
#include "agent/base/span.h"

#include <stdbool.h>

/* One question of `pan-agent auth explain`, and its two ways to an answer. */
struct cli_auth_question {
	struct span token;   /* without blanks around it */
	const char *url;     /* NULL: none */
	const char *network; /* NULL: internet; a name of network_names */
	const char *ca_file;
	bool json; /* {"token": as auth_explain_json has it, "policy": a decision or null} */
};

/*
 * As the agent of these settings sees it, without asking anybody: its key files, the keys that its
 * courier keeps in STATE_DIR/issuers, its accounts; then, for a URL below /data/, policy and
 * catalogue.  Writes to standard output; exit status.
 */
int cli_auth_local(const struct cli_auth_question *q, const struct settings *s);
/*
 * As anybody can see it: what the server says of itself (RFC 9728) against what the token says, and
 * then the server's own word, unless the token is plainly meant for somebody else: then it is not
 * sent.
 */
int cli_auth_remote(const struct cli_auth_question *q);
