/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/cli/token_login.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The kept logins of this user (CLI-4): $XDG_STATE_HOME/pan-agent (else ~/.local/state/pan-agent),
 * mode 0700, one file for each server and issuer, mode 0600, replaced as a whole.  A file that is
 * somebody else's, or that others may read, is refused.
 */
struct token_store {
	int folder; /* -1: there is none yet */
	char path[4096];
};

#define TOKEN_STORE_MAX  256U /* logins that are looked at */
#define TOKEN_STORE_NAME 48U  /* bytes of a file's name, with its NUL */

/* create: make the folder; else one that is missing is an empty store. */
bool token_store_open(bool create, struct token_store *ret, struct err *e);
void token_store_close(struct token_store *s); /* works on a closed one */
#define AUTO_STORE __attribute__((cleanup(token_store_close))) struct token_store

/*
 * One holder at a time among all commands of this user, so that two do not use one rotating refresh
 * token.  Waits at most 30 s, then ERR_LIMIT.  Held until token_store_unlock or the end.
 */
bool token_store_lock(struct token_store *s, struct err *e);
void token_store_unlock(struct token_store *s);

/* ERR_ABSENT: no such login.  *ret needs token_login_fini after success. */
bool token_store_load(struct token_store *s, struct span server, struct span issuer,
	struct token_login *ret, struct err *e);
/* The one that was saved last for this server; absent: of all. */
bool token_store_newest(
	struct token_store *s, struct span server, struct token_login *ret, struct err *e);
bool token_store_save(struct token_store *s, const struct token_login *l, struct err *e);
bool token_store_delete(struct token_store *s, const struct token_login *l, struct err *e);

/* Names of the files, sorted; at most TOKEN_STORE_MAX. */
size_t token_store_names(struct token_store *s, char ret[][TOKEN_STORE_NAME]);
bool token_store_read(
	struct token_store *s, const char *name, struct token_login *ret, struct err *e);
/* How many servers there are logins for. */
size_t token_store_servers(struct token_store *s);
