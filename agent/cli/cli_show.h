/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `pan-agent show`: all that this machine's catalogue knows of a dataset. */
int cli_show(int argc, char **argv);
