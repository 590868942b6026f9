/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/secret.h"
#include "agent/base/span.h"
#include "agent/cli/client.h"
#include "agent/cli/device_login.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Which token a command sends to a server (CLI-1, CLI-2), the first that there is of:
 *
 *	--token-file
 *	$BEARER_TOKEN, the file of $BEARER_TOKEN_FILE, $XDG_RUNTIME_DIR/bt_u<euid>, /tmp/bt_u<euid>
 *	(WLCG Bearer Token Discovery)
 *	the login that pan-agent login kept for this server, renewed when it is about to end
 *	on a terminal: such a login, now
 *
 * (oidc-agent, which CLI-1 names between the last two, is not asked.)  White space (C99 isspace) is
 * taken off both ends; what is empty then is no token, and the next place is looked at.  What is
 * there and is no b64token (RFC 6750 2.1) is an error, and no other place is looked at; so is a
 * bt_u<euid> that others may write to.  One that belongs to somebody else is passed over.  A token
 *is never on a command line or in a URL, and goes to https servers, or to this very machine.
 */
enum tokens_from {
	TOKENS_NONE,
	TOKENS_FILE,
	TOKENS_ENV,
	TOKENS_ENV_FILE,
	TOKENS_RUNTIME,
	TOKENS_TMP,
	TOKENS_KEPT,
	TOKENS_LOGIN
};

struct tokens_options {
	const char *file;                 /* --token-file; "-": standard input; NULL: none */
	const char *tmp;                  /* NULL: /tmp */
	bool renew;                       /* a kept login's token is renewed, even if it is good */
	const char *ca_file;              /* NULL: as client_init has it */
	const struct device_login_ui *ui; /* NULL: no login now */
	struct client *client;            /* NULL: one is made when it is needed */
};

struct tokens {
	struct secret token;
	enum tokens_from from;
	char where[320]; /* for people: "$BEARER_TOKEN", "/tmp/bt_u1000" */
	/* Of a kept login; else empty. */
	struct token_login login;
};
void tokens_fini(struct tokens *t); /* wipes; works on a zeroed one */
#define AUTO_TOKENS __attribute__((cleanup(tokens_fini))) struct tokens

/*
 * server: a URL of it; NULL: any, and the kept login is used only when there are logins for one
 * server alone.  ERR_ABSENT: there is no token anywhere, and the message says how to get one.  *ret
 * needs tokens_fini after success.
 */
bool tokens_find(
	const char *server, const struct tokens_options *o, struct tokens *ret, struct err *e);
/* Without white space at both ends.  Pure. */
struct span tokens_strip(struct span s);
