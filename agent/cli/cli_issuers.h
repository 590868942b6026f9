/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `pan-agent issuers`: the issuers that the running agent fetches, as agent/role.h describes them.
 */
int cli_issuers(int argc, char **argv);
