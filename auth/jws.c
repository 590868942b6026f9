/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/jws.h"

#include "agent/base/base64.h"

const char *const jws_alg_names[JWS_ALG_COUNT] = {"RS256", "ES256", "PS256", "ES384"};

/* Bytes of a signature: RSA of 2048 to 8192 bits; r and s of the curve (RFC 7518 3.3, 3.4). */
static const struct {
	size_t min, max;
} sig_size[JWS_ALG_COUNT] = {{256, 1024}, {64, 64}, {256, 1024}, {96, 96}};

int
jws_alg_of(struct span name)
{
	for (int i = 0; i < JWS_ALG_COUNT; i++)
		if (span_is(name, jws_alg_names[i]))
			return i;
	return -1;
}

static bool
decode(struct span part, const char *what, struct arena *mem, struct span *ret, struct err *e)
{
	size_t room = base64_room(part.n);
	size_t n = 0;
	char *p = arena_alloc(mem, room);

	if (p == NULL)
		return err_set(e, ERR_LIMIT, NULL, "token: no memory left for this request");
	if (!base64_url_decode(part, p, room, &n))
		return err_set(e, ERR_UNAUTH, "RFC 7515 2",
			"%s: not base64url without padding, in its one canonical form", what);
	*ret = (struct span){p, n};
	return true;
}

/*
 * No NUL anywhere: libraries behind this one cut texts there, or refuse what they should only have
 * verified, so that two signature backends would differ.
 */
static struct json *
object(struct span text, const char *what, struct err *e)
{
	static const struct json_limits limits = {
		.depth = JWS_DEPTH_MAX, .members = JWS_MEMBERS_MAX, .object = true, .no_nul = true};
	struct err why = {.code = ERR_NONE};
	struct json *j = json_parse(text, &limits, &why);

	if (j == NULL)
		err_set(e, ERR_UNAUTH, why.ref, "%s: %s", what, why.msg);
	return j;
}

/* JWS-5: extensions that change what the other bytes mean.  None of them is understood here. */
static bool
no_extension(const struct json *header, struct err *e)
{
	static const struct {
		const char *name, *ref;
	} refused[] = {
		{"crit", "RFC 7515 4.1.11"},
		{"b64", "RFC 7797 3"},
		{"zip", "RFC 7516 4.1.3"},
		{"cty", "RFC 7519 5.2"},
		{"enc", "RFC 7516 4.1.2"},
	};
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (json_get(header, refused[i].name) != NULL)
			return err_set(e, ERR_UNAUTH, refused[i].ref,
				"%s: this header member is not accepted", refused[i].name);
	return true;
}

static bool
read_alg(const struct json *header, enum jws_alg *ret, struct err *e)
{
	const struct json *alg = json_get(header, "alg");
	struct span name;

	if (!json_str(alg, &name))
		return err_set(e, ERR_UNAUTH, "RFC 7515 4.1.1", "alg: is %s; expected a string",
			json_kind_name(json_kind(alg)));
	int i = jws_alg_of(name);
	if (i < 0)
		return err_set(e, ERR_UNAUTH, "RFC 8725 3.1",
			"alg: not an accepted algorithm; expected RS256 or ES256");
	*ret = (enum jws_alg)i;
	return true;
}

/* A string without control characters, or absent. */
static bool
read_text(const struct json *header, const char *name, struct span *ret, struct err *e)
{
	const struct json *v = json_get(header, name);
	struct span s = SPAN_NONE;

	if (v != NULL && !json_str(v, &s))
		return err_set(e, ERR_UNAUTH, "RFC 7515 4.1", "%s: is %s; expected a string", name,
			json_kind_name(json_kind(v)));
	if (s.n > JWS_KID_MAX)
		return err_set(e, ERR_UNAUTH, "RFC 7515 4.1", "%s: longer than %u bytes", name,
			JWS_KID_MAX);
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return err_set(e, ERR_UNAUTH, "RFC 7515 4.1",
				"%s: holds a control character", name);
	*ret = s;
	return true;
}

static bool
split(struct span token, struct span part[3], struct err *e)
{
	static const char ref[] = "RFC 7515 7.1";
	struct span rest = token;
	unsigned n = 0;

	for (; rest.p != NULL && n < 6; n++) {
		struct span s = span_cut(&rest, '.');
		if (n < 3)
			part[n] = s;
	}
	if (n == 5)
		return err_set(e, ERR_UNAUTH, ref,
			"token: encrypted (JWE, five parts); expected a signed JWT of three parts");
	if (n != 3)
		return err_set(e, ERR_UNAUTH, ref,
			"token: not three parts; expected a signed JWT (header.payload.signature)");
	for (unsigned i = 0; i < 3; i++)
		if (part[i].n == 0)
			return err_set(e, ERR_UNAUTH, ref, "token: one of its parts is empty");
	return true;
}

static bool
read_parts(struct arena *mem, struct jws *j, struct err *e)
{
	struct span part[3] = {SPAN_NONE, SPAN_NONE, SPAN_NONE};
	struct span sig = SPAN_NONE;

	if (!split(j->token, part, e) || !decode(part[0], "header", mem, &j->header_text, e) ||
		!decode(part[1], "payload", mem, &j->payload_text, e) ||
		!decode(part[2], "signature", mem, &sig, e))
		return false;
	j->sig = (const uint8_t *)sig.p;
	j->n_sig = sig.n;
	j->input = span_first(j->token, part[0].n + 1 + part[1].n);
	j->header = object(j->header_text, "header", e);
	if (j->header == NULL)
		return false;
	if (!no_extension(j->header, e) || !read_alg(j->header, &j->alg, e) ||
		!read_text(j->header, "typ", &j->typ, e) ||
		!read_text(j->header, "kid", &j->kid, e))
		return false;
	if (j->n_sig < sig_size[j->alg].min || j->n_sig > sig_size[j->alg].max)
		return err_set(e, ERR_UNAUTH, "RFC 7518 3",
			"signature: %zu bytes; not the size of a %s signature", j->n_sig,
			jws_alg_names[j->alg]);
	j->payload = object(j->payload_text, "payload", e);
	return j->payload != NULL;
}

bool
jws_parse(struct span token, struct arena *mem, struct jws *ret, struct err *e)
{
	struct jws j = {.token = arena_span(mem, token)};

	if (j.token.p == NULL)
		return err_set(e, ERR_LIMIT, NULL, "token: no memory left for this request");
	if (!read_parts(mem, &j, e)) {
		jws_fini(&j);
		return false;
	}
	*ret = j;
	return true;
}

void
jws_fini(struct jws *j)
{
	json_free(j->header);
	json_free(j->payload);
	*j = (struct jws){0};
}
