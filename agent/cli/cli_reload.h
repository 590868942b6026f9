/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `pan-agent reload`: the running agent reads its configuration again, or keeps the old one. */
int cli_reload(int argc, char **argv);
