/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"

#include <openssl/types.h>
#include <stdbool.h>

/*
 * What seals the records of TLS faster than OpenSSL's own AES-GCM: the provider of
 * agent/http/tls_gcm.h, loaded into a library context of its own, and believed only after it gave
 * the same bytes as the default provider.  Made before confinement; then read-only.
 */
struct tls_backend;
#define TLS_BACKEND_QUERY "?provider=imb" /* property query: the default provider has the rest */

/* ERR_ABSENT: the library or the processor's instructions are not there; ERR_UPSTREAM: it gave
 * other bytes. */
bool tls_backend_new(struct tls_backend **ret, struct err *e);
void tls_backend_free(struct tls_backend *b); /* after all that uses it; NULL allowed */
OSSL_LIB_CTX *tls_backend_library(const struct tls_backend *b);
