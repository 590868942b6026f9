/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/courier_discovery.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What the courier keeps on disk of an issuer's last good answer, so that a restart or a reload
 * while the issuer is down loses nothing.  One JSON file for each issuer in STATE_DIR/issuers; its
 * name is the SHA-256 of the issuer.  A file is read strictly, for it may be torn or somebody
 * else's work; its keys are judged like those of the network.
 */
#define COURIER_KEPT_MAX  (512UL * 1024)
#define COURIER_KEPT_NAME 72U /* room for "<64 hex digits>.json" */

struct courier_kept {
	struct span issuer;
	int64_t fetched;   /* seconds UTC */
	struct span etag;  /* of the key set; absent: none */
	struct span jwks;  /* text of the set */
	bool has_document; /* `document` tells something */
	struct courier_discovery document;
};

void courier_kept_write(const struct courier_kept *k, struct buf *out);
/*
 * The spans lie in `mem`.  Pure.  ERR_SYNTAX, or ERR_ABSENT for a file of another issuer.  Fuzz
 * target: courier_kept.
 */
bool courier_kept_parse(struct span text, struct span issuer, bool insecure, struct buf *mem,
	struct courier_kept *ret, struct err *e);

bool courier_kept_name(struct span issuer, char ret[COURIER_KEPT_NAME]);
/* Written beside, synced, moved: never half a file under the name.  Blocks. */
bool courier_kept_save(int dir, const struct courier_kept *k, struct err *e);
/* The text of the issuer's file; ERR_ABSENT: there is none. */
bool courier_kept_load(int dir, struct span issuer, struct buf *out, struct err *e);
