/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The public keys of people who sign policies (Ed25519, RFC 8032), as they are written into
 * agent.yaml.  Pure.
 */
#define SIGNER_KEY 32U /* bytes of a public key */

/* 64 hex digits, or the 32 bytes in base64 (RFC 4648 4 with padding, or 5 without). */
bool signer_read(struct span text, uint8_t ret[SIGNER_KEY], struct err *e);
/* Its private half stands in RFC 8032 7.1 for everybody to read: good for tests alone. */
bool signer_published(const uint8_t key[SIGNER_KEY]);
