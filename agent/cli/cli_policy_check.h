/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `pan-agent policy check` and `pan-agent policy test`. */
int cli_policy_check(int argc, char **argv);
int cli_policy_test(int argc, char **argv);
