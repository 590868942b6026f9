/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `pan-agent status`: what the running agent's processes do. */
int cli_status(int argc, char **argv);
