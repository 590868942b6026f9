/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `pan-agent auth explain [URL]`: what an agent makes of a token, check by check (TOOL-1). */
int cli_auth(int argc, char **argv);
