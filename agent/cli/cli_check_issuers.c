/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_check_issuers.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/base/crypto.h"
#include "agent/base/json.h"
#include "agent/base/scope.h"
#include "agent/cli/cli_accounts.h"
#include "agent/cli/cli_check_fetch.h"
#include "agent/cli/cli_file.h"
#include "auth/keys.h"

#define TEXT_MAX ((size_t)16 << 20)

/* ---- files ---- */

void
cli_check_secret(const struct cli_check_issuers *c, const char *path)
{
	AUTO_FD fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
	struct stat st;

	if (path == NULL)
		return;
	if (fd < 0 || fstat(fd, &st) < 0)
		settings_fault(
			c->settings, path, c->report, "%s: %s", path, strerrordesc_np(errno));
	else if (!S_ISREG(st.st_mode))
		settings_fault(c->settings, path, c->report, "%s: is not a file", path);
	else if (st.st_size == 0)
		settings_fault(c->settings, path, c->report, "%s: is empty", path);
	else if ((st.st_mode & 0007) != 0)
		buf_addf(c->notes, "note: %s can be read by everybody: chmod o= it\n", path);
}

/* The text of a file that must be there; false (and a fault) when it cannot be read. */
static bool
read_named(const struct cli_check_issuers *c, const char *path, struct buf *text)
{
	struct err e = {.code = ERR_NONE};

	if (path == NULL)
		return false;
	if (cli_file_read(path, text, &e))
		return true;
	settings_fault(c->settings, path, c->report, "%s", e.msg);
	return false;
}

static void
check_ca(const struct cli_check_issuers *c, const char *path)
{
	static const char mark[] = "-----BEGIN CERTIFICATE-----";
	AUTO_BUF text = BUF_INIT(TEXT_MAX);

	if (read_named(c, path, &text) && memmem(text.p, text.n, mark, sizeof(mark) - 1) == NULL)
		settings_fault(c->settings, path, c->report, "%s: holds no PEM certificate", path);
}

static void
check_files(const struct cli_check_issuers *c, const struct settings_issuer *s)
{
	check_ca(c, s->ca_file);
	cli_check_secret(c, s->client_secret_file);
	cli_check_secret(c, s->web_client_secret_file);
	cli_check_secret(c, s->demo_key);
	if (s->demo)
		buf_addf(c->notes,
			"note: issuer %s is a demonstration: whoever reads its key may mint "
			"tokens\n",
			s->issuer != NULL ? s->issuer : "?");
}

/* Which keys of a file the agent would use. */
static void
check_keys(const struct cli_check_issuers *c, const struct settings_issuer *s, unsigned algs)
{
	AUTO_BUF text = BUF_INIT(TEXT_MAX);
	AUTO_BUF dropped = BUF_INIT(65536);
	const struct json_limits limits = {.object = true};
	struct keys *keys = NULL;
	struct err e = {.code = ERR_NONE};

	if (!read_named(c, s->jwks_file, &text))
		return;
	AUTO_JSON j = json_parse(buf_span(&text), &limits, NULL);
	if (!keys_load(buf_span(&text), algs, &dropped, &keys, &e)) {
		settings_fault(c->settings, s->jwks_file, c->report, "%s: %s", s->jwks_file, e.msg);
		return;
	}
	if (json_count(json_get(j, "keys")) == 0)
		settings_fault(c->settings, s->jwks_file, c->report,
			"%s: holds no keys: a JWK set is {\"keys\": [...]} (RFC 7517 5)",
			s->jwks_file);
	for (struct span rest = buf_span(&dropped); rest.n > 0;) {
		struct span line = span_cut(&rest, '\n');
		buf_addf(c->notes, "note: %s: %.*s\n", s->jwks_file, SPAN_ARG(line));
	}
	if (json_count(json_get(j, "keys")) > 0 && keys_count(keys) == 0)
		buf_addf(c->notes,
			"note: %s: no usable key, so the issuer's tokens are answered with 503\n",
			s->jwks_file);
	for (size_t k = 0; c->shown != NULL && k < keys_count(keys); k++) {
		const struct key *key = keys_at(keys, k);
		buf_addf(c->shown, "key: %.*s, %u bits\n",
			SPAN_ARG(key->kid.p != NULL ? key->kid : SPAN("(no kid)")), key->bits);
	}
	keys_free(keys);
}

/* ---- advice ---- */

static void
advise(const struct cli_check_issuers *c, const struct issuer *i)
{
	static const char *const asks[] = {"no", "introspection", "userinfo"};
	const struct settings_issuer *s = i->settings;
	const struct profile *p = i->preset;

	if (p->enrich != ENRICH_NO && s->enrich == ENRICH_NO && s->token_kind == TOKEN_JWT)
		buf_addf(c->notes,
			"note: issuer %s: access tokens of %s hold no groups; `enrich: %s` asks "
			"for them%s\n",
			s->issuer, p->what, asks[p->enrich],
			p->enrich == ENRICH_INTROSPECTION
				? " (with client_id and client_secret_file)"
				: "");
	if (p->namespace != NULL && i->namespaces.n == 0)
		buf_addf(c->notes,
			"note: issuer %s: `entitlement_namespaces: [%s]` would let its groups "
			"count in every rule\n",
			s->issuer, p->namespace);
	if (i->edu_id && i->id_scope.p == NULL)
		buf_addf(c->notes,
			"note: issuer %s: no id_scope: ids of any scope are accepted (id@scope)\n",
			s->issuer);
	if (s->enrich != ENRICH_NO && s->token_kind == TOKEN_OPAQUE)
		buf_addf(c->notes, "note: issuer %s: enrich is for JWTs, of which it has none\n",
			s->issuer);
}

/* ---- the whole ---- */

/* What is said is a fault when nothing was loaded, else it is a warning. */
static bool
load(const struct cli_check_issuers *c, struct cli_accounts *a)
{
	AUTO_BUF said = BUF_INIT(TEXT_MAX);
	bool ok = cli_accounts_load(c->settings, true, &said, a);

	buf_add(ok ? c->notes : c->report, buf_span(&said));
	return ok;
}

static void
check_issuer(const struct cli_check_issuers *c, const struct issuer *i)
{
	if (c->shown != NULL)
		issuers_write(i, c->shown);
	check_keys(c, i->settings, i->algs);
	if (c->shown != NULL)
		buf_addc(c->shown, '\n');
	advise(c, i);
}

void
cli_check_issuers(const struct cli_check_issuers *c)
{
	struct cli_accounts a = {.origin = NULL};
	struct err e = {.code = ERR_NONE};

	for (size_t i = 0; i < c->settings->n_issuers; i++)
		check_files(c, &c->settings->issuers[i]);
	/* What is wrong with the settings was said; of half of them there is nothing to say. */
	if (c->settings->faults > 0 || c->settings->n_issuers == 0)
		return;
	if (!crypto_prepare(&e)) {
		buf_addf(c->report, "pan-agent check: %s\n", e.msg);
		return;
	}
	(void)load(c, &a);
	for (size_t i = 0; i < a.issuers.n; i++)
		check_issuer(c, &a.issuers.item[i]);
	if (c->shown != NULL && a.accounts != NULL)
		buf_addf(c->shown, "accounts: %zu rows\n", accounts_count(a.accounts));
	if (!c->offline && a.issuers.n > 0)
		cli_check_fetch(c->settings, &a.issuers, c->notes);
	cli_accounts_fini(&a);
}
