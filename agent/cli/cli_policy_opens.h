/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `pan-agent policy opens`: which datasets of this machine open when, and why. */
int cli_policy_opens(int argc, char **argv);
