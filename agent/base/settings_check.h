/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The rules of single values of agent.yaml.  Pure, but for the time zone database.  False with a
 * message that says what the value must look like.
 */
bool settings_check_text(struct span v, struct err *e);   /* no control characters */
bool settings_check_name(struct span v, struct err *e);   /* a-z 0-9 . _ -, at most 63 */
bool settings_check_origin(struct span v, struct err *e); /* https://host[:port] */
bool settings_check_url(struct span v, struct err *e);    /* https:// or http://, no query */
bool settings_check_proxy(struct span v, struct err *e);  /* http://host:port */
bool settings_check_host(struct span v, struct err *e);   /* host[:port] */
bool settings_check_listen(struct span v, struct err *e); /* ADDRESS:PORT, [IPv6]:PORT */
bool settings_check_block(struct span v, struct err *e);  /* ADDRESS/BITS */
bool settings_check_target(struct span v, struct err *e); /* a host without a port, or that */
bool settings_check_zone(struct span v, struct err *e);   /* Area/City, and known here */
bool settings_check_rooted(struct span v, struct err *e); /* begins with / */
bool settings_check_signer(struct span v, struct err *e); /* a public key that nobody else has */
/* "." or {name}/{name}/..., at most 8 different names. */
bool settings_check_layout(struct span v, struct err *e);
/* A template by its form: braces in pairs around names; it stands in URLs, so no empty, "." or
 * ".." segment, no space and no control character. */
bool settings_check_template(struct span v, struct err *e);
/*
 * The next {name} of a template or layout: *name without its braces, *rest what follows.  False at
 * the end (or where a brace is not closed).
 */
bool settings_check_next(struct span *rest, struct span *name);
