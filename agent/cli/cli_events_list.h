/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* pan-agent policy events PID: the log of a dataset, from this machine's catalogue and ledger. */
int cli_events_list(int argc, char **argv);
