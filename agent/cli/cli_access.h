/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/catalog/ledger.h"
#include "policy/facts.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * pan-agent access: what people do in front of a closed door, at a server by its URL; and for the
 * administrator of an agent, on its machine, by the ledger and the admin socket.
 */
int cli_access(int argc, char **argv);

/* One call; what was not given is NULL. */
struct cli_access_call {
	const char *name;     /* of the subcommand */
	const char *url, *id; /* url: of a server, a dataset or terms; here: a PID, or NULL */
	const char *text, *action, *note, *to, *days, *until;
	const char *token_file, *ca_file, *config;
	bool grant, decline, withdraw, json, help;
};
/* The exit status; everything was said. */
int cli_access_remote(const struct cli_access_call *c);
int cli_access_local(const struct cli_access_call *c);

/* Does it name a server? */
bool cli_access_is_url(const char *word);
/*
 * The path of a dataset below /datasets/ by a URL of its page, its data folder or its requests;
 * false: the URL is of something else.  `rest`: path of the URL.  Pure.
 */
bool cli_access_dataset(struct span rest, struct span *ret_pid);

/* For explanations: the links and grants to a dataset that live, one a line ("links  ..."). */
struct buf;
bool cli_access_links(
	struct ledger *l, struct span pid, struct when now, struct buf *out, struct err *e);
/*
 * What the ledger adds to the facts of a question, whose subject, object and time are set: terms
 * that the person has accepted, into *f; and `granted`, the role of whoever a personal grant or the
 * link of this id lets in, which policy/granted.h adds.  ERR_ABSENT: the link has ended, or is of
 * another dataset.
 */
struct cli_access_asker {
	struct ledger *ledger;
	struct span link; /* id; absent: a person asks */
	uint32_t granted;
};
bool cli_access_facts(struct cli_access_asker *x, struct arena *a, struct facts *f, struct err *e);
