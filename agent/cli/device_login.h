/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/cli/client.h"
#include "agent/cli/metadata.h"
#include "agent/cli/oauth.h"
#include "agent/cli/token_login.h"
#include "agent/cli/token_store.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The whole way from a data server's URL to a kept login (CLI-3): its RFC 9728 document, the
 * issuer, the issuer's discovery document, the device flow (RFC 8628), the store.  Nothing is kept
 * unless it ends well.  The person is met through struct device_login_ui.
 *
 * A token for somebody else is not asked for on a server's word alone (RFC 9728 3.3, 7.3): an
 * audience of another origin than the URL's needs the person's consent or --audience.
 */
struct device_login_ui {
	/* Which issuer?  False: nobody can be asked. */
	bool (*choose)(void *arg, const struct metadata *m, size_t *ret);
	/* `server` wants tokens that are for `audience`: go on? */
	bool (*consent)(void *arg, const char *server, struct span audience);
	/* Show where to approve, and what to enter there. */
	void (*code)(void *arg, const struct oauth_code *c, struct span issuer);
	void (*waiting)(void *arg, unsigned seconds_left); /* about once a second */
	void *arg;
};

/* NULL: as the server and the issuer say. */
struct device_login_options {
	const char *url; /* of the data server, any path */
	const char *issuer, *client_id, *audience, *acr;
	const char *scope; /* words to add */
	const struct device_login_ui *ui;
};

/* *ret needs token_login_fini after success. */
bool device_login_run(struct client *c, struct token_store *s, const struct device_login_options *o,
	struct token_login *ret, struct err *e);
/* The server's document.  Spans in `mem`. */
bool device_login_metadata(struct client *c, const char *server, struct arena *mem,
	struct metadata *ret, struct err *e);
