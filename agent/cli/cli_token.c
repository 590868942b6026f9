/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/base/base64.h"
#include "agent/base/buf.h"
#include "agent/base/crypto.h"
#include "agent/base/err.h"
#include "agent/base/fdwrite.h"
#include "agent/base/jsonw.h"
#include "agent/base/scope.h"
#include "agent/base/settings.h"
#include "agent/cli/cli_token_show.h"
#include "agent/cli/command.h"

#define CONFIG_MAX       4194304U
#define PEM_MAX          65536U
#define ENTITLEMENTS     64U
#define LIFETIME_DEFAULT 3600U
#define LIFETIME_MAX     31622400U /* 366 days */

static const char usage_text[] =
	"usage: pan-agent token [URL] [options]; see pan-agent token show --help\n"
	"       pan-agent token mint [--config FILE] --sub NAME [options]\n"
	"       pan-agent token demo-issuer --dir DIR --issuer URL\n"
	"\n"
	"mint prints one access token (RFC 9068) of a demonstration issuer: one that\n"
	"agent.yaml marks `demo: yes` and gives a `demo_key`.  Options:\n"
	"  --config FILE      agent.yaml (default $PAN_AGENT_CONFIG)\n"
	"  --sub NAME         whom the token is for\n"
	"  --issuer ISS       needed when there are several demonstration issuers\n"
	"  --audience A       default: what the agent accepts\n"
	"  --scope WORDS      for example \"storage.read:/\"\n"
	"  --entitlement E    a group; may be given up to 64 times\n"
	"  --client ID        default pan-agent-demo\n"
	"  --lifetime T       30s, 10m, 1h (default), 7d\n"
	"\n"
	"demo-issuer makes DIR/demo-key.pem (0600) and DIR/demo-jwks.json and prints the\n"
	"lines for agent.yaml.\n"
	"\n"
	"example: curl -H \"Authorization: Bearer $(pan-agent token mint --sub alice)\" URL\n";

struct options {
	const char *config, *issuer, *sub, *audience, *scope, *client, *lifetime, *dir;
	const char *entitlement[ENTITLEMENTS];
	size_t n_entitlements;
	bool help;
};

static int
fail(const char *what, const struct err *e)
{
	char text[320];

	(void)fprintf(stderr, "pan-agent token: %s%s%s\n", what, e != NULL ? ": " : "",
		e != NULL ? err_text(e, text, sizeof(text)) : "");
	return 1;
}

static int
wrong_call(const char *what, const char *value)
{
	(void)fprintf(stderr, "pan-agent token: %s%s; see pan-agent token --help\n", what, value);
	return 2;
}

/* 0, or the exit status.  Each option has a value. */
static int
read_options(int argc, char **argv, struct options *o)
{
	const struct {
		const char *name;
		const char **to;
	} table[] = {
		{"--config", &o->config},
		{"--issuer", &o->issuer},
		{"--sub", &o->sub},
		{"--audience", &o->audience},
		{"--scope", &o->scope},
		{"--client", &o->client},
		{"--lifetime", &o->lifetime},
		{"--dir", &o->dir},
		{"--entitlement", NULL},
	};
	for (int i = 2; i < argc; i += 2) {
		const char **to = NULL;
		bool known = false;
		for (size_t k = 0; k < sizeof(table) / sizeof(table[0]); k++) {
			if (strcmp(argv[i], table[k].name) != 0)
				continue;
			known = true;
			to = table[k].to;
		}
		if (!known)
			return wrong_call("no option ", argv[i]);
		if (i + 1 >= argc)
			return wrong_call("a value is missing after ", argv[i]);
		if (to == NULL && o->n_entitlements == ENTITLEMENTS)
			return wrong_call("too many of ", argv[i]);
		if (to == NULL)
			to = &o->entitlement[o->n_entitlements++];
		*to = argv[i + 1];
	}
	return 0;
}

static bool
read_file(const char *path, size_t max, struct buf *to, struct err *e)
{
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = 1;

	to->max = max;
	if (fd < 0)
		return err_set(e, ERR_SYSTEM, NULL, "%s", path);
	while (got > 0) {
		if (to->n == max)
			return err_set(e, ERR_LIMIT, NULL, "%s: longer than %zu bytes", path, max);
		size_t want = max - to->n < 16384 ? max - to->n : 16384;
		if (!buf_reserve(to, want))
			return err_set(e, ERR_LIMIT, NULL, "%s: no memory", path);
		got = read(fd, to->p + to->n, want);
		if (got < 0)
			return err_set(e, ERR_SYSTEM, NULL, "%s", path);
		to->n += (size_t)got;
	}
	return true;
}

/* "90s", "10m", "1h", "7d" or seconds. */
static bool
lifetime(const char *text, uint64_t *ret)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	struct span s = span_of(text);
	uint64_t v = 0;
	uint64_t by = 1;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && s.n > 0; i++) {
		if (s.p[s.n - 1] != units[i].unit)
			continue;
		by = units[i].seconds;
		s.n--;
		break;
	}
	if (!span_u64(s, LIFETIME_MAX / by, &v) || v == 0)
		return false;
	*ret = v * by;
	return true;
}

/* The demonstration issuer that is meant, or NULL with a message. */
static const struct settings_issuer *
find_issuer(const struct settings *s, const struct options *o)
{
	const struct settings_issuer *found = NULL;
	bool named = false;

	for (size_t i = 0; i < s->n_issuers; i++) {
		const struct settings_issuer *at = &s->issuers[i];
		if (o->issuer != NULL && strcmp(o->issuer, at->issuer) != 0)
			continue;
		named = true;
		if (!at->demo || at->demo_key == NULL)
			continue;
		if (found != NULL) {
			(void)fail("several demonstration issuers; choose one with --issuer", NULL);
			return NULL;
		}
		found = at;
	}
	if (found == NULL && o->issuer != NULL && !named)
		(void)fail("that issuer is not in the configuration", NULL);
	else if (found == NULL)
		(void)fail("no issuer marked `demo: yes` with a `demo_key`; real issuers make "
			   "their own tokens",
			NULL);
	return found;
}

static void
write_header(struct buf *out, const struct crypto_key *key, struct span kid, bool egi)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "alg", crypto_key_alg(key));
	jsonw_cstr(&w, "typ", egi ? "JWT" : "at+jwt"); /* what the issuer's profile accepts */
	jsonw_str(&w, "kid", kid);
	jsonw_end(&w, '}');
}

/* RFC 9068 2.2. */
static bool
write_claims(struct buf *out, const struct settings *s, const struct settings_issuer *i,
	const struct options *o, struct err *e)
{
	int64_t now = (int64_t)time(NULL);
	uint64_t life = LIFETIME_DEFAULT;
	unsigned char id[12];
	const char *scope = o->scope;
	struct jsonw w;

	if (!crypto_random(id, sizeof(id), e))
		return false;
	if (o->lifetime != NULL && !lifetime(o->lifetime, &life))
		return err_set(e, ERR_SYNTAX, NULL, "--lifetime: expected for example 10m or 1h");
	if (scope == NULL && i->path_scopes == 1)
		scope = "storage.read:/";
	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "iss", i->issuer);
	jsonw_cstr(&w, "sub", o->sub);
	jsonw_cstr(&w, "aud",
		o->audience != NULL ? o->audience
		: i->audience.n > 0 ? i->audience.item[0]
				    : s->public_url);
	jsonw_i64(&w, "iat", now);
	jsonw_i64(&w, "exp", now + (int64_t)life);
	jsonw_hex(&w, "jti", id, sizeof(id));
	jsonw_cstr(&w, "client_id", o->client != NULL ? o->client : "pan-agent-demo");
	if (scope != NULL)
		jsonw_cstr(&w, "scope", scope);
	if (o->n_entitlements > 0) {
		jsonw_list(
			&w, i->entitlement_claim != NULL ? i->entitlement_claim : "entitlements");
		for (size_t k = 0; k < o->n_entitlements; k++)
			jsonw_cstr(&w, NULL, o->entitlement[k]);
		jsonw_end(&w, ']');
	}
	jsonw_end(&w, '}');
	return buf_ok(out) || err_set(e, ERR_LIMIT, NULL, "the token would be too long");
}

static bool
sign(struct crypto_key *key, const struct settings *s, const struct settings_issuer *i,
	const struct options *o, struct buf *token, struct err *e)
{
	AUTO_BUF jwk = BUF_INIT(8192);
	AUTO_BUF kid = BUF_INIT(64);
	AUTO_BUF header = BUF_INIT(1024);
	AUTO_BUF claims = BUF_INIT(12288);
	AUTO_BUF sig = BUF_INIT(4096);
	bool egi = i->profile != NULL && strcmp(i->profile, "egi") == 0;

	if (!crypto_key_jwk(key, &jwk, &kid, e) || !write_claims(&claims, s, i, o, e))
		return false;
	write_header(&header, key, buf_span(&kid), egi);
	base64_url_encode(token, header.p, header.n);
	buf_addc(token, '.');
	base64_url_encode(token, claims.p, claims.n);
	if (!crypto_key_sign(key, buf_span(token), &sig, e))
		return false;
	buf_addc(token, '.');
	base64_url_encode(token, sig.p, sig.n);
	return buf_ok(token) || err_set(e, ERR_LIMIT, NULL, "the token would be too long");
}

static int
mint_with(const struct settings *s, const struct options *o)
{
	const struct settings_issuer *i = find_issuer(s, o);
	AUTO_BUF pem = BUF_INIT(PEM_MAX);
	AUTO_BUF token = BUF_INIT(16384);
	struct crypto_key *key = NULL;
	struct err e = {.code = ERR_NONE};

	if (i == NULL)
		return 1;
	bool ok = read_file(i->demo_key, PEM_MAX, &pem, &e) &&
		  crypto_key_load(buf_span(&pem), &key, &e) && sign(key, s, i, o, &token, &e);
	crypto_key_free(key);
	if (pem.p != NULL)
		explicit_bzero(pem.p, pem.cap);
	if (!ok)
		return fail("no token", &e);
	if (printf("%.*s\n", SPAN_ARG(buf_span(&token))) < 0 || fflush(stdout) != 0)
		return fail("cannot write the token", NULL);
	return 0;
}

static int
mint(const struct options *o)
{
	const char *file = command_config(o->config);
	AUTO_BUF text = BUF_INIT(CONFIG_MAX);
	AUTO_BUF report = BUF_INIT(65536);
	struct err e = {.code = ERR_NONE};

	if (o->sub == NULL || o->sub[0] == '\0')
		return wrong_call("whom is it for? ", "--sub NAME is needed");
	if (!read_file(file, CONFIG_MAX, &text, &e))
		return fail("configuration", &e);
	struct settings *s = settings_parse(file, buf_span(&text), &report, &e);
	if (s == NULL) {
		(void)fwrite(report.p, 1, report.n, stderr);
		(void)fail("configuration", report.n > 0 ? NULL : &e);
		return 2;
	}
	int code = mint_with(s, o);
	settings_free(s);
	return code;
}

/* A new file; an old one is never overwritten, since tokens of its key may be in use. */
static bool
write_new(const char *dir, const char *name, mode_t mode, struct span text, struct err *e)
{
	AUTO_FD at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FD fd = at >= 0 ? openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode) : -1;

	return (fd >= 0 && fdwrite_all(fd, text) && fsync(fd) == 0) ||
	       err_set(e, ERR_SYSTEM, NULL, "%s/%s", dir, name);
}

static bool
write_issuer(const char *dir, struct err *e)
{
	AUTO_BUF pem = BUF_INIT(PEM_MAX);
	AUTO_BUF jwks = BUF_INIT(PEM_MAX);
	struct crypto_key *key = NULL;

	bool ok = crypto_key_generate("ES256", &pem, e) && crypto_key_load(buf_span(&pem), &key, e);
	buf_adds(&jwks, "{\"keys\":[");
	ok = ok && crypto_key_jwk(key, &jwks, NULL, e);
	buf_adds(&jwks, "]}\n");
	crypto_key_free(key);
	ok = ok && write_new(dir, "demo-key.pem", 0600, buf_span(&pem), e) &&
	     write_new(dir, "demo-jwks.json", 0644, buf_span(&jwks), e);
	if (pem.p != NULL)
		explicit_bzero(pem.p, pem.cap);
	return ok;
}

static int
demo_issuer(const struct options *o)
{
	struct err e = {.code = ERR_NONE};

	if (o->dir == NULL || o->issuer == NULL)
		return wrong_call("", "--dir DIR and --issuer URL are needed");
	if (mkdir(o->dir, 0755) < 0 && errno != EEXIST) {
		(void)err_set(&e, ERR_SYSTEM, NULL, "%s", o->dir);
		return fail("demo-issuer", &e);
	}
	AUTO_FREE char *dir = realpath(o->dir, NULL);
	if (dir == NULL)
		return fail("demo-issuer: the folder cannot be found", NULL);
	if (!write_issuer(dir, &e))
		return fail("demo-issuer", &e);
	AUTO_BUF out = BUF_INIT(16384);
	buf_adds(&out, "issuers:\n  - issuer: ");
	jsonw_quote(&out, span_of(o->issuer));
	buf_adds(&out, "\n    jwks_file: ");
	AUTO_BUF path = BUF_INIT(8192);
	buf_addf(&path, "%s/demo-jwks.json", dir);
	jsonw_quote(&out, buf_span(&path));
	buf_adds(&out, "\n    demo: yes\n    demo_key: ");
	buf_reset(&path);
	buf_addf(&path, "%s/demo-key.pem", dir);
	jsonw_quote(&out, buf_span(&path));
	buf_addc(&out, '\n');
	if (fwrite(out.p, 1, out.n, stdout) != out.n || fflush(stdout) != 0)
		return fail("cannot write", NULL);
	return 0;
}

int
cli_token(int argc, char **argv)
{
	struct options o = {0};
	const char *what = argc > 1 ? argv[1] : "";
	bool makes = strcmp(what, "mint") == 0 || strcmp(what, "demo-issuer") == 0;

	if (strcmp(what, "show") == 0)
		return cli_token_show(argc - 1, argv + 1);
	if (!makes && strcmp(what, "--help") != 0 && strcmp(what, "-h") != 0)
		return cli_token_show(argc, argv);
	for (int i = 1; i < argc; i++)
		o.help = o.help || strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
	if (o.help) {
		(void)fputs(usage_text, stdout);
		return 0;
	}
	int code = read_options(argc, argv, &o);
	if (code != 0)
		return code;
	return strcmp(what, "mint") == 0 ? mint(&o) : demo_issuer(&o);
}
