/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "policy/sign.h"

#include <stdbool.h>
#include <stddef.h>

#define CLI_SIGNERS_MAX 16U /* as in agent.yaml */

/* Public keys that a command was told, or that agent.yaml names. */
struct cli_signers {
	uint8_t key[CLI_SIGNERS_MAX][SIGNER_KEY];
	size_t n;
	unsigned required; /* 0: not said */
};
/* One more from an option; false: a message was written that begins "pan-agent policy COMMAND: ".
 */
bool cli_signers_add(struct cli_signers *s, const char *command, const char *text);

/* Where the file with a policy's signatures is; false: the name is too long. */
bool cli_signature_path(const char *policy, char *out, size_t n);
/*
 * Its text; *found: whether there is one.  False: it is there and cannot be read, and a message was
 * written.
 */
bool cli_signature_read(const char *command, const char *path, struct buf *ret, bool *found);

/* `pan-agent policy verify`: are policy files signed as agent.yaml asks? */
int cli_policy_verify(int argc, char **argv);
