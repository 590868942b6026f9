/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `pan-agent audit who`: whom a name of the audit log means. */
int cli_audit_who(int argc, char **argv);
