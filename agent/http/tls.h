/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"
#include "agent/base/step.h"
#include "agent/http/tls_backend.h"
#include "agent/http/tls_keys.h"
#include "agent/http/tls_pair.h"
#include "agent/http/tls_record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * TLS on the server's side.  TLS 1.2 and 1.3, no
 * renegotiation, no compression, no early data, the server's preference with AES-128-GCM first,
 * ALPN h2 and http/1.1.  Nothing here blocks and no failure ends more than its connection.
 */
#define TLS_RECORD        16384U /* plain text of a full record (RFC 8446 5.1) */
#define TLS_CONTROL_MAX   64U    /* key updates and alerts that a client may send between data */
#define TLS_HANDSHAKE_MAX 65536U /* bytes of a client's handshake */

struct tls_ctx; /* one for each worker: no lock is shared inside the library */
struct tls;     /* one connection */

/*
 * `keys` and `backend` must outlive the context; without a back end OpenSSL's own ciphers work.
 * ERR_SYNTAX names the pair that is wrong.
 */
bool tls_ctx_new(const struct tls_pair *pairs, size_t n, struct tls_keys *keys,
	const struct tls_backend *backend, struct tls_ctx **ret, struct err *e);
/*
 * From now on ask each client for a certificate (RFC 8705 3): any is taken, self-signed and expired
 * ones too, since it only counts by its hash and the handshake proves the key.  Without this call
 * no client is asked.
 */
bool tls_ctx_ask_clients(struct tls_ctx *c, struct err *e);
/*
 * From now on the records of a connection with TLS 1.3 and AES-GCM are written here (tls_record.h)
 * once the handshake is done, at less CPU.  Without tickets: no client can resume.
 * `most` records under one key, TLS_RECORD_MOST but for tests.
 */
bool tls_ctx_write_records(struct tls_ctx *c, uint64_t most, struct err *e);
void tls_ctx_free(struct tls_ctx *c); /* connections that still use it keep it alive */

/* The descriptor stays the caller's, and must be non-blocking. */
bool tls_new(struct tls_ctx *c, int fd, struct tls **ret, struct err *e);
void tls_free(struct tls *t);

/* The socket may have something to read: call it for every event before reading again. */
void tls_wake(struct tls *t, bool peer_closed);
/*
 * STEP_DONE, or what it waits for.  ERR_SYNTAX: the client spoke plain HTTP; ERR_UPSTREAM: any
 * other failure of the handshake.
 */
enum step tls_handshake(struct tls *t, struct err *e);
/* After the handshake: HTTP/2 was chosen by ALPN. */
bool tls_http2(const struct tls *t);
/* STEP_DONE with *ret_n bytes; 0 bytes: the client has ended its side. */
enum step tls_read(struct tls *t, char *buf, size_t cap, size_t *ret_n, struct err *e);
/*
 * Up to one record is sealed and collected; tls_push() sends what was collected, in one system
 * call.  Push before the next connection of the same context writes: they share the memory.  After
 * STEP_WRITE the next call must begin with the same bytes.
 */
enum step tls_write(struct tls *t, struct span bytes, size_t *ret_n, struct err *e);
/* STEP_WRITE: the socket is full; what it did not take is kept with the connection. */
enum step tls_push(struct tls *t, struct err *e);
/* Sealed bytes that the socket has not taken yet. */
size_t tls_pending(const struct tls *t);
/* Send close_notify if it fits into the socket; never waits for the client's. */
void tls_close(struct tls *t);
/* Whether we write its records, not OpenSSL. */
bool tls_writes_records(const struct tls *t);
/*
 * SHA-256 of the DER form of the client's certificate (RFC 8705 3.1), whose key it holds; false: it
 * showed none.  A resumed session has the certificate of the one that it resumes: our tickets carry
 * it, and only who made that handshake can use them.
 */
bool tls_client_certificate(const struct tls *t, uint8_t ret[32]);
