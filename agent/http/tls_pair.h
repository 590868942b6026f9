/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"

#include <openssl/types.h>
#include <stdbool.h>

/* PEM text; each is one certificate chain with its key.  Borrowed for the call. */
struct tls_pair {
	struct span chain, key;
	const char *name; /* for messages, for example the file */
};

/*
 * Add the chain and its key to a context of the library context `lib` (NULL: the default one).
 * ERR_SYNTAX names the pair that is wrong.
 */
bool tls_pair_add(SSL_CTX *ssl, const struct tls_pair *pair, OSSL_LIB_CTX *lib, struct err *e);
