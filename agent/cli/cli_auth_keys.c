/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_auth_keys.h"

#include <errno.h>
#include <stdio.h>

#include "agent/base/buf.h"
#include "agent/base/crypto.h"
#include "agent/base/json.h"
#include "agent/cli/cli_file.h"
#include "auth/keys.h"

#define VERSION 1
#define DAY     86400

bool
cli_auth_keys_parse(struct span text, struct span issuer, struct arena *mem, struct span *ret,
	int64_t *ret_fetched, struct err *e)
{
	const struct json_limits limits = {.bytes = CLI_AUTH_KEYS_MAX,
		.depth = 4,
		.members = 1000,
		.object = true,
		.no_nul = true};
	AUTO_JSON j = json_parse(text, &limits, e);
	struct span name = SPAN_NONE;
	struct span jwks = SPAN_NONE;
	int64_t version = 0;
	int64_t fetched = -1;

	if (j == NULL)
		return false;
	if (!json_get_i64(j, "version", &version) || version != VERSION)
		return err_set(e, ERR_SYNTAX, NULL, "kept keys of another version of pan-agent");
	if (!json_get_str(j, "issuer", &name) || !span_eq(name, issuer))
		return err_set(e, ERR_SYNTAX, NULL, "kept keys of another issuer");
	if (!json_get_i64(j, "fetched", &fetched) || fetched < 0)
		return err_set(e, ERR_SYNTAX, NULL, "fetched: expected seconds");
	if (!json_get_str(j, "jwks", &jwks) || jwks.n > KEYS_BYTES_MAX)
		return err_set(e, ERR_SYNTAX, "RFC 7517 5", "jwks: expected the text of a key set");
	*ret = arena_span(mem, jwks);
	*ret_fetched = fetched;
	return ret->p != NULL || err_set(e, ERR_LIMIT, NULL, "no memory");
}

static bool
from_file(const char *path, struct arena *mem, struct span *ret, struct err *e)
{
	AUTO_BUF text = BUF_INIT(KEYS_BYTES_MAX);

	if (!cli_file_read(path, &text, e))
		return false;
	*ret = arena_span(mem, buf_span(&text));
	return ret->p != NULL || err_set(e, ERR_LIMIT, NULL, "no memory");
}

static bool
from_courier(const struct settings *s, const struct settings_issuer *i, struct arena *mem,
	struct span *ret, int64_t *fetched, struct err *e)
{
	AUTO_BUF path = BUF_INIT(4096);
	AUTO_BUF text = BUF_INIT(CLI_AUTH_KEYS_MAX);
	uint8_t sum[CRYPTO_SHA256_SIZE];
	struct err why = {.code = ERR_NONE};

	if (!crypto_sha256(span_of(i->issuer), sum))
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	buf_addf(&path, "%s/issuers/", s->state_dir);
	buf_add_hex(&path, sum, sizeof(sum));
	buf_adds(&path, ".json");
	buf_addc(&path, '\0');
	if (!buf_ok(&path))
		return err_set(e, ERR_LIMIT, NULL, "state_dir is too long");
	if (!cli_file_read(path.p, &text, &why))
		return err_set(e, why.sys == ENOENT ? ERR_ABSENT : why.code, NULL, "%s",
			why.sys == ENOENT ? "the agent has not fetched them yet" : why.msg);
	if (cli_auth_keys_parse(buf_span(&text), span_of(i->issuer), mem, ret, fetched, &why))
		return true;
	return err_set(e, ERR_SYNTAX, why.ref, "%s: %s", path.p, why.msg);
}

bool
cli_auth_keys(const struct settings *s, const struct settings_issuer *i, int64_t now,
	struct arena *mem, struct span *ret, struct err *e)
{
	int64_t fetched = 0;
	struct span got = SPAN_NONE;

	if (i->jwks_file != NULL)
		return from_file(i->jwks_file, mem, ret, e);
	if (!from_courier(s, i, mem, &got, &fetched, e))
		return false;
	if (now - fetched > (int64_t)i->stale_max)
		return err_set(e, ERR_ABSENT, NULL,
			"those of the agent are %lld days old: too old to be used",
			(long long)((now - fetched) / DAY));
	*ret = got;
	return true;
}
