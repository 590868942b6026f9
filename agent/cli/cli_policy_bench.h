/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `pan-agent policy bench`: what loading and deciding cost on this machine, in CPU time. */
int cli_policy_bench(int argc, char **argv);
