/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_token_show.h"

#include <stdio.h>
#include <string.h>

#include "agent/base/jsonw.h"
#include "agent/cli/cli_options.h"
#include "agent/cli/command.h"
#include "agent/cli/tokens.h"
#include "auth/jws.h"

#define JSON_MAX 65536U
#define MEMORY   ((size_t)256 << 10)

static const char usage_text[] =
	"usage: pan-agent token [URL] [options]\n"
	"\n"
	"Prints the access token that a command would send to URL: the first that there is\n"
	"of --token-file, $BEARER_TOKEN, the file of $BEARER_TOKEN_FILE,\n"
	"$XDG_RUNTIME_DIR/bt_u<uid>, /tmp/bt_u<uid>, and the login that pan-agent login\n"
	"keeps, which is renewed when it is about to end.\n"
	"  --token-file FILE look there (-: standard input)\n"
	"  --refresh         renew the kept login now\n"
	"  --where           say on standard error where it is from\n"
	"  --json            tell all about it, and leave the token itself out\n"
	"  --ca-file FILE    PEM of the only authorities (also $PAN_AGENT_CA_FILE)\n"
	"\n"
	"Exit status: 0 there is one; 1 there is none, or it could not be renewed; 2 wrong\n"
	"call, or what was found is no token.\n"
	"\n"
	"example: pan-agent token | sed 's/^/Authorization: Bearer /' | curl -H @- URL\n";

static int
fail(const struct err *e)
{
	char text[320];

	(void)fprintf(stderr, "pan-agent token: %s\n", err_text(e, text, sizeof(text)));
	return e->code == ERR_SYNTAX ? EXIT_CALL : EXIT_NO;
}

/* What a token says of itself; nobody has checked it. */
struct said {
	struct arena mem;
	struct jws jws;
	bool jwt;
};

static bool
said_init(struct said *s, struct span token)
{
	*s = (struct said){.jwt = false};
	if (!arena_init(&s->mem, MEMORY))
		return false;
	s->jwt = jws_parse(token, &s->mem, &s->jws, NULL);
	return true;
}

static void
said_fini(struct said *s)
{
	if (s->jwt)
		jws_fini(&s->jws);
	if (s->mem.base != NULL)
		explicit_bzero(s->mem.base, s->mem.used);
	arena_fini(&s->mem);
}

static struct span
said_text(const struct said *s, const char *name)
{
	struct span v = SPAN_NONE;

	if (s->jwt)
		(void)json_get_str(s->jws.payload, name, &v);
	return v;
}

/* Of the login when it says, else of the token. */
static int64_t
expires(const struct tokens *t, const struct said *s)
{
	int64_t at = 0;

	if (t->login.expires > 0)
		return t->login.expires;
	if (s->jwt && json_get_i64(s->jws.payload, "exp", &at) && at > 0)
		return at;
	return INT64_MIN;
}

static void
write_json(const struct tokens *t, const struct said *s, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "from", t->where);
	jsonw_str(&w, "server", t->login.server);
	jsonw_cstr(&w, "kind", s->jwt ? "jwt" : "opaque");
	jsonw_str(&w, "issuer", t->login.issuer.p != NULL ? t->login.issuer : said_text(s, "iss"));
	jsonw_str(&w, "scope", t->login.scope.p != NULL ? t->login.scope : said_text(s, "scope"));
	jsonw_iso(&w, "expires", expires(t, s));
	jsonw_bool(&w, "renewable", t->login.refresh.n > 0);
	if (s->jwt) { /* nobody has checked them */
		AUTO_BUF claims = BUF_INIT(JSON_MAX);
		json_write(s->jws.payload, &claims);
		jsonw_raw(&w, "claims", buf_span(&claims));
	}
	jsonw_end(&w, '}');
	buf_addc(out, '\n');
}

static bool
print(const struct tokens *t, bool json)
{
	AUTO_BUF out = BUF_INIT(JSON_MAX);
	struct said s;

	if (!json)
		return printf("%.*s\n", SPAN_ARG(secret_open(&t->token))) > 0 &&
		       fflush(stdout) == 0;
	if (said_init(&s, secret_open(&t->token)))
		write_json(t, &s, &out);
	said_fini(&s);
	return out.n > 0 && buf_ok(&out) && fwrite(out.p, 1, out.n, stdout) == out.n &&
	       fflush(stdout) == 0;
}

static int
show(const char *server, const struct tokens_options *o, bool json, bool where)
{
	AUTO_TOKENS t = {.from = TOKENS_NONE};
	struct err e = {.code = ERR_NONE};

	if (!tokens_find(server, o, &t, &e))
		return fail(&e);
	if (o->renew && t.from != TOKENS_KEPT) {
		(void)err_set(&e, ERR_ABSENT, NULL,
			"--refresh: the token is of %s, which nothing can renew from here",
			t.where);
		return fail(&e);
	}
	if (where)
		(void)fprintf(stderr, "from %s\n", t.where);
	if (print(&t, json))
		return EXIT_DONE;
	(void)err_set(&e, ERR_SYSTEM, NULL, "cannot write");
	return fail(&e);
}

int
cli_token_show(int argc, char **argv)
{
	struct tokens_options o = {.file = NULL};
	const char *server = NULL;
	bool json = false;
	bool where = false;
	bool help = false;
	const struct cli_option table[] = {
		{"--token-file", &o.file, NULL},
		{"--ca-file", &o.ca_file, NULL},
		{"--refresh", NULL, &o.renew},
		{"--where", NULL, &where},
		{"--json", NULL, &json},
	};
	const struct cli_call call = {"token", argc, argv, 1};

	if (!cli_options_read(&call, table, sizeof(table) / sizeof(table[0]), &server, &help))
		return EXIT_CALL;
	if (!help)
		return show(server, &o, json, where);
	(void)fputs(usage_text, stdout);
	return EXIT_DONE;
}
