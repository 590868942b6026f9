/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * `pan-agent token [URL]`: which token would be sent to this server, where it is from, until when.
 * argv[0] is the command's own name.
 */
int cli_token_show(int argc, char **argv);
