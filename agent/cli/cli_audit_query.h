/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `pan-agent audit query`: the records that were asked for, in words or as they stand. */
int cli_audit_query(int argc, char **argv);
