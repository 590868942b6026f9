/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "transfer/digest.h"
#include "transfer/net_guard.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * HTTP third-party copy (https 9): a COPY request as a plan, and what its client is told while the
 * bytes move.  Pure.
 */
#define TPC_URL_MAX    4096U
#define TPC_FIELDS_MAX 32U
#define TPC_HOST_MAX   255U

enum tpc_way { TPC_PUSH, TPC_PULL };

/* RequireChecksumVerification.  Without the field the other side is asked, and need not know. */
enum tpc_verify { TPC_VERIFY_ASK, TPC_VERIFY_NO, TPC_VERIFY_MUST };

/* A URL of the other side, taken apart; the spans point into it. */
struct tpc_url {
	struct span authority; /* host and port as they were written */
	struct span host;      /* without brackets */
	struct span target;    /* path and query, from the slash */
	uint16_t port;
	bool literal; /* the host is the address: */
	uint8_t address[NET_GUARD_ADDRESS];
};

struct tpc_plan {
	enum tpc_way way;
	struct tpc_url url; /* of Destination or Source */
	bool keep;          /* Overwrite: F */
	enum tpc_verify verify;
	/* What the other side gets: name without "TransferHeader", and value. */
	struct {
		struct span name, value;
	} fields[TPC_FIELDS_MAX];
	size_t n_fields;
};

/*
 * https:// or davs://, an absolute path, no user, no fragment; at most TPC_URL_MAX bytes of
 * printable ASCII.  A host that ends in a number and is no address is none.  ERR_SYNTAX says why
 * not.
 */
bool tpc_url_read(struct span text, struct tpc_url *ret, struct err *e);
/* The same as https, for whoever connects. */
void tpc_url_write(const struct tpc_url *u, struct buf *out);

/*
 * `fields`: the head's, a line "Name: value\n" each.  Everything of the table in https 9.2 that the
 * head alone can tell, where the answer is 400: ERR_SYNTAX with the reason.
 */
bool tpc_read(struct span fields, struct tpc_plan *ret, struct err *e);

/*
 * Who moves the bytes tells it through a pipe: first a line for whoever answers the client, then
 * what the client gets.  The line is "202\n", or another status and one sentence, "403 The other
 * side is ...\n", and then nothing comes behind it.
 */
#define TPC_LINE_MAX 256U
/* Without its end; false: no such line.  *status is 202, 403, 412, 502 or 503. */
bool tpc_line_read(struct span line, unsigned *status, struct span *text);

/* One marker, as one chunk: `bytes` that left, to `remote` ("tcp:192.0.2.7:443"; absent: left out).
 */
void tpc_marker(struct buf *out, int64_t utc, uint64_t bytes, struct span remote);
void tpc_success(struct buf *out);
/* What has more than one line, or is too long for davix, is made fit. */
void tpc_failure(struct buf *out, struct span text);

/* The values that a Digest field (RFC 3230) names, of adler32 and md5; others are passed over, and
 * so is what is malformed. */
void tpc_digest_read(struct span value, struct digest_values *ret);
/* The name of an algorithm in which the two differ; NULL: in none that both have. */
const char *tpc_digest_differs(const struct digest_values *a, const struct digest_values *b);
