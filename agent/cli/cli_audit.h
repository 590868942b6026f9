/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `pan-agent audit`: verify, query, who. */
int cli_audit(int argc, char **argv);
