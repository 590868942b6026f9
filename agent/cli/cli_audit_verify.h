/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `pan-agent audit verify`: is the log what an agent wrote, and nothing else? */
int cli_audit_verify(int argc, char **argv);
