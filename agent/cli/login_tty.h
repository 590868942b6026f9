/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/cli/device_login.h"

#include <stdbool.h>

/*
 * Meeting a person for a login: on a terminal with a QR code, a line that counts down, and
 * questions; elsewhere with plain lines, once each, and no questions.  Everything goes to standard
 * error; with `json` also one object a line to standard output, for scripts.
 */
struct login_tty {
	struct device_login_ui ui;
	bool json;
	bool terminal; /* standard error is one */
	bool asks;     /* standard input is one too: questions are possible */
	bool waiting;  /* the line that counts down stands there */
};

void login_tty_init(struct login_tty *t, bool json);
/* Ends the line that counts down, if there is one. */
void login_tty_end(struct login_tty *t);
