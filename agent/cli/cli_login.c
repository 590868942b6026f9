/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_login.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/jsonw.h"
#include "agent/base/scope.h"
#include "agent/cli/cli_file.h"
#include "agent/cli/cli_options.h"
#include "agent/cli/command.h"
#include "agent/cli/device_login.h"
#include "agent/cli/login_tty.h"
#include "agent/cli/origin.h"
#include "agent/cli/renew.h"

#define JSON_MAX 65536U

static const char login_text[] =
	"usage: pan-agent login URL [options]\n"
	"\n"
	"Asks the data server at URL who gives tokens for it, has you approve in a browser\n"
	"(on any device), and keeps the login in ~/.local/state/pan-agent, for you alone.\n"
	"  --issuer ISS      which issuer, where there are several (default: as last time)\n"
	"  --scope WORDS     ask for these as well\n"
	"  --acr VALUES      ask for this strength of authentication\n"
	"  --client-id ID    instead of the client that the server names\n"
	"  --audience A      ask for a token that is for A\n"
	"  --ca-file FILE    PEM of the only authorities (also $PAN_AGENT_CA_FILE)\n"
	"  --export          put the token into $XDG_RUNTIME_DIR/bt_u<uid> for other tools\n"
	"  --json            what happens, one JSON object a line, on standard output\n"
	"\n"
	"Bearer tokens only: this client does not prove possession of a key (DPoP).\n"
	"Exit status: 0 logged in; 1 refused, too late, or a server failed; 2 wrong call.\n"
	"\n"
	"example: pan-agent login https://data.facility.example/data/10.5072/abc\n";

static const char logout_text[] =
	"usage: pan-agent logout [URL] [--all] [--ca-file FILE]\n"
	"\n"
	"Revokes the tokens of the login at the data server URL (RFC 7009), and deletes it,\n"
	"also when its issuer cannot be reached, which is said then.  Without URL: the only\n"
	"login; --all: every one.\n"
	"\n"
	"Exit status: 0 logged out; 1 there is no login, or it was deleted but the issuer\n"
	"could not be told; 2 wrong call.\n"
	"\n"
	"example: pan-agent logout https://data.facility.example\n";

static int
fail(const char *command, const struct err *e)
{
	char text[320];

	(void)fprintf(stderr, "pan-agent %s: %s\n", command, err_text(e, text, sizeof(text)));
	/* Only what the call says can be mended by another call. */
	return e->code == ERR_SYNTAX ? EXIT_CALL : EXIT_NO;
}

/* ---- login ---- */

struct login_call {
	struct device_login_options o;
	const char *ca_file;
	bool json, export, help;
};

static void
report(const struct login_call *c, const struct token_login *l, int64_t now)
{
	AUTO_BUF out = BUF_INIT(JSON_MAX);
	struct jsonw w;

	(void)fprintf(
		stderr, "Logged in to %.*s by %.*s", SPAN_ARG(l->server), SPAN_ARG(l->issuer));
	if (l->expires > 0)
		(void)fprintf(stderr, "; this token is good for %lld min",
			(long long)(l->expires - now + 59) / 60);
	(void)fprintf(stderr, "%s.\n", l->refresh.n > 0 ? ", and is renewed when it ends" : "");
	if (!c->json)
		return;
	jsonw_init(&w, &out);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "event", "done");
	jsonw_str(&w, "server", l->server);
	jsonw_str(&w, "issuer", l->issuer);
	jsonw_str(&w, "audience", l->audience);
	jsonw_str(&w, "scope", l->scope);
	jsonw_iso(&w, "expires", l->expires > 0 ? l->expires : INT64_MIN);
	jsonw_bool(&w, "renewable", l->refresh.n > 0);
	jsonw_end(&w, '}');
	(void)printf("%.*s\n", SPAN_ARG(buf_span(&out)));
}

/* WLCG Bearer Token Discovery, step 3: where other tools look. */
static bool
export_token(const struct token_login *l, struct err *e)
{
	const char *folder = secure_getenv("XDG_RUNTIME_DIR");
	char name[32];

	if (folder == NULL || folder[0] != '/')
		return err_set(e, ERR_ABSENT, NULL,
			"--export: XDG_RUNTIME_DIR is not set, so there is no place for it; the "
			"login is kept");
	AUTO_FD at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return err_set(e, ERR_SYSTEM, NULL, "--export: cannot open %s", folder);
	(void)snprintf(name, sizeof(name), "bt_u%u", (unsigned)geteuid());
	return cli_file_replace(at, name, secret_open(&l->access), e);
}

static int
run_login(const struct login_call *c)
{
	AUTO_CLIENT client = {.arg = NULL};
	AUTO_STORE store = {.folder = -1};
	AUTO_LOGIN l = {.saved = 0};
	struct device_login_options o = c->o;
	struct login_tty tty;
	struct err e = {.code = ERR_NONE};

	login_tty_init(&tty, c->json);
	o.ui = &tty.ui;
	if (!client_init(&client, c->ca_file, &e) || !token_store_open(true, &store, &e))
		return fail("login", &e);
	bool ok = device_login_run(&client, &store, &o, &l, &e);
	login_tty_end(&tty);
	if (!ok)
		return fail("login", &e);
	report(c, &l, client.now(&client));
	if (c->export && !export_token(&l, &e))
		return fail("login", &e);
	return fflush(stdout) == 0 ? EXIT_DONE : EXIT_NO;
}

int
cli_login(int argc, char **argv)
{
	struct login_call c = {.json = false};
	const struct cli_option table[] = {
		{"--issuer", &c.o.issuer, NULL},
		{"--client-id", &c.o.client_id, NULL},
		{"--scope", &c.o.scope, NULL},
		{"--acr", &c.o.acr, NULL},
		{"--audience", &c.o.audience, NULL},
		{"--ca-file", &c.ca_file, NULL},
		{"--export", NULL, &c.export},
		{"--json", NULL, &c.json},
	};
	const struct cli_call call = {"login", argc, argv, 1};

	if (!cli_options_read(&call, table, sizeof(table) / sizeof(table[0]), &c.o.url, &c.help))
		return EXIT_CALL;
	if (c.help) {
		(void)fputs(login_text, stdout);
		return EXIT_DONE;
	}
	if (c.o.url == NULL) {
		(void)fputs("pan-agent login: of which data server? pan-agent login URL\n", stderr);
		return EXIT_CALL;
	}
	return run_login(&c);
}

/* ---- logout ---- */

/* Deleted in any case; false: its issuer does not know of it. */
static bool
forget(struct client *c, struct token_store *s, const struct token_login *l, struct err *e)
{
	struct err why = {.code = ERR_NONE};
	char text[320];
	bool lives = false;

	bool revoked = renew_revoke(c, l, &lives, &why);
	if (!token_store_delete(s, l, e))
		return false;
	if (revoked) {
		(void)fprintf(stderr, "Logged out of %.*s: %.*s has revoked the login%s.\n",
			SPAN_ARG(l->server), SPAN_ARG(l->issuer),
			lives ? "; a token that was handed out works until it ends" : "");
		return true;
	}
	return err_set(e, ERR_UPSTREAM, NULL,
		"%.*s: deleted here, but the tokens work until they end: %s", SPAN_ARG(l->server),
		err_text(&why, text, sizeof(text)));
}

/* Every login of this server (absent: of all). */
static int
forget_all(struct client *c, struct token_store *s, struct span server)
{
	AUTO_FREE char(*names)[TOKEN_STORE_NAME] = calloc(TOKEN_STORE_MAX, TOKEN_STORE_NAME);
	size_t n = names != NULL ? token_store_names(s, names) : 0;
	struct err e = {.code = ERR_NONE};
	int code = EXIT_DONE;
	size_t met = 0;

	for (size_t i = 0; i < n; i++) {
		AUTO_LOGIN l = {.saved = 0};
		if (!token_store_read(s, names[i], &l, &e)) {
			(void)fail("logout", &e);
			code = EXIT_NO;
			continue;
		}
		if (server.p != NULL && !span_eq(l.server, server))
			continue;
		met++;
		if (!forget(c, s, &l, &e)) {
			(void)fail("logout", &e);
			code = EXIT_NO;
		}
	}
	if (met > 0 || code != EXIT_DONE)
		return code;
	(void)err_set(&e, ERR_ABSENT, NULL, "there is no login%s%.*s",
		server.p != NULL ? " for " : "", SPAN_ARG(server));
	return fail("logout", &e);
}

static int
run_logout(const char *url, const char *ca_file, bool all)
{
	AUTO_CLIENT client = {.arg = NULL};
	AUTO_STORE store = {.folder = -1};
	struct origin o = {.text = ""};
	struct err e = {.code = ERR_NONE};

	if (url != NULL && !origin_parse(span_of(url), &o, &e))
		return fail("logout", &e);
	if (!client_init(&client, ca_file, &e) || !token_store_open(false, &store, &e))
		return fail("logout", &e);
	if (url == NULL && !all && token_store_servers(&store) > 1) {
		(void)err_set(&e, ERR_SYNTAX, NULL,
			"there are logins for several servers: name one, or say --all");
		return fail("logout", &e);
	}
	/* A command that renews one of them must not bring it back. */
	if (store.folder >= 0 && !token_store_lock(&store, &e))
		return fail("logout", &e);
	return forget_all(&client, &store, url != NULL ? span_of(o.text) : SPAN_NONE);
}

int
cli_logout(int argc, char **argv)
{
	const char *url = NULL;
	const char *ca_file = NULL;
	bool all = false;
	bool help = false;
	const struct cli_option table[] = {
		{"--ca-file", &ca_file, NULL},
		{"--all", NULL, &all},
	};
	const struct cli_call call = {"logout", argc, argv, 1};

	if (!cli_options_read(&call, table, sizeof(table) / sizeof(table[0]), &url, &help))
		return EXIT_CALL;
	if (!help)
		return run_logout(url, ca_file, all);
	(void)fputs(logout_text, stdout);
	return EXIT_DONE;
}
