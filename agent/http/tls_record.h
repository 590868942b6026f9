/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/http/tls_backend.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Records of TLS 1.3 that we write ourselves (RFC 8446 5.2), with AES-GCM: sealed from the plain
 * text into the place from which they are sent, without a copy.  The one fatal error would be a
 * nonce that comes twice under a key, so: the number of a record is taken before it is sealed, a
 * record that could not be sealed ends the writer, and so does the number of records of one key,
 * unless a KeyUpdate comes before.
 */
#define TLS_RECORD_TEXT   16384U     /* most bytes of text in one (RFC 8446 5.1) */
#define TLS_RECORD_MORE   22U        /* header, type and tag around the text */
#define TLS_RECORD_SECRET 48U        /* most bytes of a traffic secret */
#define TLS_RECORD_MOST   (1U << 22) /* records of one key: 64 GiB; RFC 8446 5.5 allows 2^24.5 */

enum tls_record_type { TLS_RECORD_ALERT = 21, TLS_RECORD_HANDSHAKE = 22, TLS_RECORD_DATA = 23 };

/*
 * The cipher contexts of a worker, which its writers take turns with: an expanded key in each idle
 * connection would be most of what it costs.  Not for two threads.
 */
struct tls_record_seats;
struct tls_record;

bool tls_record_seats_new(
	const struct tls_backend *b, struct tls_record_seats **ret, struct err *e);
void tls_record_seats_free(struct tls_record_seats *s); /* after its writers; NULL allowed */

/*
 * The server's first traffic secret in a line of SSL_CTX_set_keylog_callback(3), 32 or 48 bytes.
 * False: another line.
 */
bool tls_record_secret(struct span line, uint8_t ret[TLS_RECORD_SECRET], size_t *ret_n);

/* Which suites this can write: 0x1301 and 0x1302 (RFC 8446 B.4). */
bool tls_record_knows(unsigned suite);
/*
 * `secret` is copied, and wiped with the writer.  It must be fresh: no record has been written with
 * it.  After `most` records of a key only an update is possible.
 */
bool tls_record_new(struct tls_record_seats *s, unsigned suite, struct span secret, uint64_t most,
	struct tls_record **ret, struct err *e);
void tls_record_free(struct tls_record *r); /* NULL allowed */

/*
 * Seal at most TLS_RECORD_TEXT bytes into `out`, which has room for TLS_RECORD_MORE more and does
 * not overlap them.  False ends the writer: nothing can be sealed any more.
 */
bool tls_record_seal(struct tls_record *r, enum tls_record_type type, struct span text,
	unsigned char *out, size_t *ret_n);
/* Whether the next record must be an update. */
bool tls_record_due(const struct tls_record *r);
/* A KeyUpdate that asks for none (RFC 8446 4.6.3), of TLS_RECORD_MORE + 5 bytes; then another key.
 */
#define TLS_RECORD_UPDATE (TLS_RECORD_MORE + 5U)
bool tls_record_update(struct tls_record *r, unsigned char *out, size_t *ret_n);
