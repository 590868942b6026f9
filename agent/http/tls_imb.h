/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * AES-GCM of libipsec-mb, with nonces of 12 and tags of 16 bytes: the one file that includes
 * intel-ipsec-mb.h.  The library is looked for at run time, so that a machine without it, or a
 * processor without VAES and AVX-512, goes on with OpenSSL's own (agent/http/tls_gcm.h).  No order
 * of calls is checked here.
 */
#define TLS_IMB_IV  12U
#define TLS_IMB_TAG 16U

struct tls_imb;     /* the library; read-only, shared by threads */
struct tls_imb_key; /* a key and the message in work */

/* ERR_ABSENT says what is not there. */
bool tls_imb_new(struct tls_imb **ret, struct err *e);
void tls_imb_free(struct tls_imb *m); /* after its keys; NULL allowed */

/* `n` is 16 or 32.  NULL: no memory.  Wiped when freed. */
struct tls_imb_key *tls_imb_key_new(const struct tls_imb *m, const unsigned char *key, size_t n);
struct tls_imb_key *tls_imb_key_dup(const struct tls_imb_key *k);
void tls_imb_key_free(struct tls_imb_key *k); /* NULL allowed */

/* A message: begin, then bytes in any pieces (in place is fine), then its tag. */
void tls_imb_begin(struct tls_imb_key *k, const unsigned char iv[TLS_IMB_IV],
	const unsigned char *aad, size_t n_aad);
void tls_imb_seal(struct tls_imb_key *k, unsigned char *out, const unsigned char *in, size_t n);
void tls_imb_open(struct tls_imb_key *k, unsigned char *out, const unsigned char *in, size_t n);
void tls_imb_seal_end(struct tls_imb_key *k, unsigned char tag[TLS_IMB_TAG]);
/* The tag that the message should have. */
void tls_imb_open_end(struct tls_imb_key *k, unsigned char tag[TLS_IMB_TAG]);
