/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `pan-agent policy sign`: sign a policy file beside it, in FILE.sig. */
int cli_policy_sign(int argc, char **argv);
/* `pan-agent policy keygen`: a key to sign with. */
int cli_policy_keygen(int argc, char **argv);
