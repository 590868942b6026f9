/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"

#include <openssl/types.h>
#include <stdbool.h>

/* Ticket keys, shared by all workers so that each can resume (RFC 5077, 8446). */
struct tls_keys;

bool tls_keys_new(struct tls_keys **ret, struct err *e);
void tls_keys_free(struct tls_keys *k);
/*
 * SSL_CTX_set_tlsext_ticket_key_evp_cb(3), with the keys as the context's application data: 1 good,
 * 0 unknown key, -1 failure.
 */
int tls_keys_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac, int enc);
