/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <openssl/core.h>

/*
 * AES-128-GCM and AES-256-GCM of agent/http/tls_imb.h as a provider of OpenSSL
 * (provider-cipher(7)): for TLS 1.3 and TLS 1.2.  It is stricter than OpenSSL's own: nonces of 12
 * and tags of 16 bytes only, at most TLS_GCM_AAD bytes of additional data, and no second message
 * under a nonce.
 */
#define TLS_GCM_AAD 64U

/* For OSSL_PROVIDER_add_builtin(3); fails where the library is not usable. */
OSSL_provider_init_fn tls_gcm_provider;
