/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * `pan-agent token [URL]`: the token that a command would send (agent/cli/cli_token_show.h).
 * `pan-agent token mint`, `token demo-issuer`: tokens and keys of demonstration issuers, for the
 * quickstart and for tests. It signs with a key file that the configuration names for an issuer
 * marked `demo: yes`, and has no other source of keys.
 */
int cli_token(int argc, char **argv);
