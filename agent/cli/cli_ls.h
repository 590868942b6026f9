/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `pan-agent ls`: the datasets of this machine's catalogue, or the files of one. */
int cli_ls(int argc, char **argv);
