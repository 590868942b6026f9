/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `pan-agent policy simulate`. */
int cli_policy_simulate(int argc, char **argv);
