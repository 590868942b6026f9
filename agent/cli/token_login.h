/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/secret.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * One login as it is kept: for which server, from which issuer, its tokens, and what is needed to
 * get new ones.  A plain value that owns what it points to; the file of agent/cli/token_store.h is
 * its text.
 */
#define TOKEN_LOGIN_BYTES_MAX 65536U

struct token_login {
	struct arena mem;   /* of the spans */
	struct span server; /* origin (agent/cli/origin.h) */
	struct span issuer, client_id;
	struct span token_endpoint;
	struct span revocation_endpoint; /* absent: the issuer has none */
	struct span audience;            /* asked for; absent: none */
	struct span ask;                 /* how: a name of metadata_ask_names */
	struct span scope;               /* given; absent: not said */
	struct secret access, refresh;   /* refresh empty: none */
	int64_t expires;                 /* of access, seconds UTC; 0: not said */
	int64_t saved;                   /* seconds UTC */
};

/* Ready to be filled: texts by token_login_text. False: no memory. */
bool token_login_init(struct token_login *l);
void token_login_fini(struct token_login *l); /* wipes; works on a zeroed one */
/* Returns it and leaves an empty one, as take_ptr of agent/base/scope.h. */
static inline struct token_login
token_login_take(struct token_login *l)
{
	struct token_login v = *l;
	*l = (struct token_login){.saved = 0};
	return v;
}
#define AUTO_LOGIN __attribute__((cleanup(token_login_fini))) struct token_login
bool token_login_text(struct token_login *l, struct span *member, struct span value, struct err *e);

/* Strict: every member, no other, each of its own form.  *ret needs token_login_fini after success
 * only.  Pure; fuzz target: token_login (what is written reads back the same). */
bool token_login_parse(struct span text, struct token_login *ret, struct err *e);
/* The text holds the tokens: the caller wipes it. */
void token_login_write(const struct token_login *l, struct buf *out);
