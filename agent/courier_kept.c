/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/courier_kept.h"

#include "agent/base/crypto.h"
#include "agent/base/fdwrite.h"
#include "agent/base/json.h"
#include "agent/base/jsonw.h"
#include "agent/base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT_VERSION 1
#define KEYS_MAX     (64UL * 1024)
#define ETAG_MAX     1024U

/* ---- text ---- */

void
courier_kept_write(const struct courier_kept *k, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	jsonw_u64(&w, "version", KEPT_VERSION);
	jsonw_str(&w, "issuer", k->issuer);
	jsonw_i64(&w, "fetched", k->fetched);
	if (k->etag.p != NULL)
		jsonw_str(&w, "etag", k->etag);
	jsonw_str(&w, "jwks", k->jwks);
	if (k->has_document) {
		jsonw_obj(&w, "document");
		for (unsigned i = 0; i < COURIER_ENDPOINTS; i++)
			if (k->document.url[i][0] != '\0')
				jsonw_cstr(&w, courier_endpoint_names[i], k->document.url[i]);
		jsonw_bool(&w, "iss_parameter", k->document.iss_parameter);
		jsonw_end(&w, '}');
	}
	jsonw_end(&w, '}');
	buf_addc(out, '\n');
}

/* The endpoint with this name, or COURIER_ENDPOINTS. */
static unsigned
endpoint_of(struct span name)
{
	unsigned i = 0;

	while (i < COURIER_ENDPOINTS && !span_is(name, courier_endpoint_names[i]))
		i++;
	return i;
}

/* As the network's document is judged; and no member but ours. */
static bool
read_document(const struct json *j, bool insecure, struct courier_discovery *d)
{
	void *at = NULL;
	struct span name;
	struct span url;
	const struct json *value = NULL;

	while (json_each(j, &at, &name, &value)) {
		unsigned i = endpoint_of(name);
		if (i == COURIER_ENDPOINTS) {
			if (!span_is(name, "iss_parameter") ||
				!json_truth(value, &d->iss_parameter))
				return false;
			continue;
		}
		if (!json_str(value, &url) || !courier_discovery_url(url, insecure) ||
			!span_cstr(url, d->url[i], sizeof(d->url[i])))
			return false;
	}
	return json_kind(j) == JSON_KIND_OBJECT;
}

static bool
read_members(const struct json *j, bool insecure, struct courier_kept *k)
{
	const struct json *document = json_get(j, "document");
	int64_t version = 0;
	size_t n = 4;

	if (!json_get_i64(j, "version", &version) || version != KEPT_VERSION ||
		!json_get_str(j, "issuer", &k->issuer) ||
		!json_get_i64(j, "fetched", &k->fetched) || k->fetched < 0 ||
		!json_get_str(j, "jwks", &k->jwks) || k->jwks.n > KEYS_MAX)
		return false;
	if (json_get(j, "etag") != NULL) {
		n++;
		if (!json_get_str(j, "etag", &k->etag) || k->etag.n > ETAG_MAX || k->etag.n == 0 ||
			span_control(k->etag))
			return false;
	}
	if (document != NULL) {
		n++;
		k->has_document = true;
		if (!read_document(document, insecure, &k->document))
			return false;
	}
	return json_count(j) == n;
}

static bool
copy(struct buf *mem, struct span *s)
{
	char *at = mem->p + mem->n;

	if (s->p == NULL)
		return true;
	buf_add(mem, *s);
	s->p = at;
	return buf_ok(mem);
}

bool
courier_kept_parse(struct span text, struct span issuer, bool insecure, struct buf *mem,
	struct courier_kept *ret, struct err *e)
{
	static const struct json_limits limits = {.bytes = COURIER_KEPT_MAX,
		.depth = 4,
		.members = 32,
		.object = true,
		.no_nul = true};
	struct err why = {.code = ERR_NONE};
	AUTO_JSON j = json_parse(text, &limits, &why);
	struct courier_kept k = {.fetched = 0};

	if (j == NULL)
		return err_set(e, ERR_SYNTAX, NULL, "kept keys: %s", why.msg);
	if (!read_members(j, insecure, &k))
		return err_set(e, ERR_SYNTAX, NULL, "kept keys: not a file of this program");
	if (!span_eq(k.issuer, issuer))
		return err_set(e, ERR_ABSENT, NULL, "kept keys: of another issuer");
	if (!buf_reserve(mem, k.issuer.n + k.etag.n + k.jwks.n + 1) || !copy(mem, &k.issuer) ||
		!copy(mem, &k.etag) || !copy(mem, &k.jwks))
		return err_set(e, ERR_LIMIT, NULL, "kept keys: no memory");
	*ret = k;
	return true;
}

/* ---- files ---- */

bool
courier_kept_name(struct span issuer, char ret[COURIER_KEPT_NAME])
{
	uint8_t hash[CRYPTO_SHA256_SIZE];
	AUTO_BUF name = BUF_INIT(COURIER_KEPT_NAME);

	if (!crypto_sha256(issuer, hash))
		return false;
	buf_add_hex(&name, hash, sizeof(hash));
	buf_adds(&name, ".json");
	return buf_ok(&name) && span_cstr(buf_span(&name), ret, COURIER_KEPT_NAME);
}

static bool
write_beside(int dir, const char *name, struct span text, struct err *e)
{
	AUTO_FD fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);

	if (fd < 0 || !fdwrite_all(fd, text) || fsync(fd) != 0) {
		(void)err_set(e, ERR_SYSTEM, NULL, "kept keys: %s cannot be written", name);
		(void)unlinkat(dir, name, 0);
		return false;
	}
	return true;
}

bool
courier_kept_save(int dir, const struct courier_kept *k, struct err *e)
{
	char name[COURIER_KEPT_NAME];
	char beside[COURIER_KEPT_NAME + 4];
	AUTO_BUF text = BUF_INIT(COURIER_KEPT_MAX);

	courier_kept_write(k, &text);
	if (!buf_ok(&text) || !courier_kept_name(k->issuer, name))
		return err_set(e, ERR_LIMIT, NULL, "kept keys: too long to be kept");
	(void)snprintf(beside, sizeof(beside), "%s.new", name);
	if (!write_beside(dir, beside, buf_span(&text), e))
		return false;
	if (renameat(dir, beside, dir, name) == 0)
		return true;
	(void)err_set(e, ERR_SYSTEM, NULL, "kept keys: %s cannot be moved into its place", beside);
	(void)unlinkat(dir, beside, 0);
	return false;
}

bool
courier_kept_load(int dir, struct span issuer, struct buf *out, struct err *e)
{
	char name[COURIER_KEPT_NAME];
	struct stat st;

	if (!courier_kept_name(issuer, name))
		return err_set(e, ERR_SYSTEM, NULL, "kept keys: no digest");
	AUTO_FD fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno == ENOENT ? ERR_ABSENT : ERR_SYSTEM, NULL,
			"kept keys: %s cannot be opened", name);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > (off_t)COURIER_KEPT_MAX)
		return err_set(e, ERR_LIMIT, NULL, "kept keys: %s is not a file of ours", name);
	while (buf_reserve(out, 4096)) {
		ssize_t n = read(fd, out->p + out->n, 4096);
		if (n < 0)
			return err_set(e, ERR_SYSTEM, NULL, "kept keys: %s cannot be read", name);
		if (n == 0)
			return true;
		out->n += (size_t)n;
	}
	return err_set(e, ERR_LIMIT, NULL, "kept keys: %s is too long", name);
}
