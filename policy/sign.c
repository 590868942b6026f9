/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/sign.h"

#include "agent/base/base64.h"
#include "agent/base/crypto.h"
#include "agent/base/yaml.h"

#include <string.h>

static const struct span head = SPAN_INIT("pan-agent-policy-signature 1");
static const struct span prefix = SPAN_INIT("pan-agent policy 1\0"); /* with its zero byte */

#define ID_DIGITS ((size_t)2 * POLICY_SIGN_ID)

/* ---- the text of a .sig ---- */

/* A line without its end; false: it does not end. */
static bool
next_line(struct span *rest, struct span *ret)
{
	struct span after = *rest;
	struct span line = span_cut(&after, '\n');

	if (after.p == NULL)
		return false;
	*ret = line;
	*rest = after;
	return true;
}

/* The value of a line "NAME VALUE". */
static bool
next_value(struct span *rest, struct span name, struct span *ret)
{
	struct span line = SPAN_NONE;

	if (!next_line(rest, &line) || !span_starts(line, name))
		return false;
	*ret = span_skip(line, name.n);
	return true;
}

static bool
read_id(struct span text, uint8_t ret[POLICY_SIGN_ID])
{
	if (text.n != ID_DIGITS)
		return false;
	for (size_t i = 0; i < ID_DIGITS; i++)
		if (!span_has(SPAN("0123456789abcdef"), text.p[i]))
			return false;
	for (size_t i = 0; i < POLICY_SIGN_ID; i++) {
		uint64_t v = 0;
		if (!span_hex_u64((struct span){text.p + 2 * i, 2}, 255, &v))
			return false;
		ret[i] = (uint8_t)v;
	}
	return true;
}

static bool
read_pair(struct span *rest, struct policy_signature *ret, unsigned *line, struct err *e)
{
	struct span id = SPAN_NONE;
	struct span sig = SPAN_NONE;
	size_t n = 0;

	++*line;
	if (!next_value(rest, SPAN("key "), &id) || !read_id(id, ret->key))
		return err_set(e, ERR_SYNTAX, "POL-19",
			"expected a line 'key' with %zu lower-case hex digits", ID_DIGITS);
	++*line;
	if (!next_value(rest, SPAN("sig "), &sig) ||
		!base64_decode(sig, ret->sig, sizeof(ret->sig), &n) || n != POLICY_SIGN_BYTES)
		return err_set(e, ERR_SYNTAX, "POL-19",
			"expected a line 'sig' with %u bytes in base64", POLICY_SIGN_BYTES);
	return true;
}

bool
policy_sign_read(struct span text, struct policy_signatures *ret, unsigned *line, struct err *e)
{
	struct policy_signatures s = {.n = 0};
	struct span first = SPAN_NONE;
	struct span rest = text;

	*line = 1;
	if (text.n > POLICY_SIGN_TEXT)
		return err_set(e, ERR_LIMIT, "POL-19", "longer than %u bytes", POLICY_SIGN_TEXT);
	if (!next_line(&rest, &first) || !span_eq(first, head))
		return err_set(e, ERR_SYNTAX, "POL-19", "expected the line '%.*s'", SPAN_ARG(head));
	do {
		if (s.n == POLICY_SIGN_PAIRS) {
			++*line;
			return err_set(e, ERR_LIMIT, "POL-19", "more than %u signatures",
				POLICY_SIGN_PAIRS);
		}
		if (!read_pair(&rest, &s.pair[s.n], line, e))
			return false;
		s.n++;
	} while (rest.n > 0);
	*ret = s;
	return true;
}

void
policy_sign_write(const struct policy_signatures *s, struct buf *out)
{
	buf_add(out, head);
	buf_addc(out, '\n');
	for (size_t i = 0; i < s->n; i++) {
		buf_adds(out, "key ");
		buf_add_hex(out, s->pair[i].key, POLICY_SIGN_ID);
		buf_adds(out, "\nsig ");
		base64_encode(out, s->pair[i].sig, POLICY_SIGN_BYTES);
		buf_addc(out, '\n');
	}
}

/* ---- signatures ---- */

bool
policy_sign_id(const uint8_t key[SIGNER_KEY], uint8_t ret[POLICY_SIGN_ID])
{
	uint8_t sum[CRYPTO_SHA256_SIZE];

	if (!crypto_sha256((struct span){(const char *)key, SIGNER_KEY}, sum))
		return false;
	memcpy(ret, sum, POLICY_SIGN_ID);
	return true;
}

/* Once: Ed25519 takes its input whole. */
static bool
sign_input(struct span file, struct buf *ret, struct err *e)
{
	if (buf_reserve(ret, prefix.n + file.n)) {
		buf_add(ret, prefix);
		buf_add(ret, file);
	}
	return buf_ok(ret) || err_set(e, ERR_LIMIT, NULL, "no memory for what is signed");
}

bool
policy_sign_good(
	struct span file, const uint8_t key[SIGNER_KEY], const uint8_t sig[POLICY_SIGN_BYTES])
{
	AUTO_BUF input = BUF_INIT(prefix.n + file.n);

	return sign_input(file, &input, NULL) && crypto_ed25519_verify(key, buf_span(&input), sig);
}

bool
policy_sign_make(struct span file, const uint8_t secret[POLICY_SIGN_SECRET],
	struct policy_signature *ret, struct err *e)
{
	AUTO_BUF input = BUF_INIT(prefix.n + file.n);
	struct policy_signature s;
	uint8_t key[SIGNER_KEY];

	if (!sign_input(file, &input, e) || !crypto_ed25519_public(secret, key, e) ||
		!crypto_ed25519_sign(secret, buf_span(&input), s.sig, e))
		return false;
	if (!policy_sign_id(key, s.key))
		return err_set(e, ERR_SYSTEM, NULL, "the key cannot be named");
	*ret = s;
	return true;
}

/* ---- what a file needs ---- */

#define COUNTED_MAX 64U /* signers: more than settings allow */

struct count {
	const struct policy_signers *s;
	bool good[COUNTED_MAX];
	unsigned n_good;
	size_t stranger; /* pair by a key that is not among the signers; SIZE_MAX: none */
};

/* Index of the signer with this name, or n. */
static size_t
find_signer(const struct policy_signers *s, const uint8_t id[POLICY_SIGN_ID])
{
	for (size_t i = 0; i < s->n && i < COUNTED_MAX; i++) {
		uint8_t its[POLICY_SIGN_ID];
		if (policy_sign_id(s->key[i], its) && memcmp(its, id, sizeof(its)) == 0)
			return i;
	}
	return s->n;
}

static bool
wrong_signature(const struct policy_signature *p, struct err *e)
{
	AUTO_BUF id = BUF_INIT(ID_DIGITS);

	buf_add_hex(&id, p->key, POLICY_SIGN_ID);
	return err_set(e, ERR_DENIED, "POL-19",
		"bad signature by key %.*s: the file was changed after it was signed, or this is "
		"the signature of another file; sign it again",
		SPAN_ARG(buf_span(&id)));
}

static bool
count_pair(struct count *c, struct span file, const struct policy_signatures *s, size_t i,
	struct err *e)
{
	const struct policy_signature *p = &s->pair[i];
	size_t who = find_signer(c->s, p->key);

	if (who == c->s->n) {
		c->stranger = i;
		return true;
	}
	if (!policy_sign_good(file, c->s->key[who], p->sig))
		return wrong_signature(p, e);
	c->n_good += !c->good[who];
	c->good[who] = true;
	return true;
}

static bool
too_few(const struct count *c, const struct policy_signatures *s, unsigned *line, struct err *e)
{
	AUTO_BUF id = BUF_INIT(ID_DIGITS);
	const char *need = c->s->required == 1 ? "" : "s";

	*line = 1;
	if (c->stranger == SIZE_MAX)
		return err_set(e, ERR_DENIED, "POL-19",
			"%u of %u needed signature%s: another of the signers must sign it too, "
			"with a key of their own",
			c->n_good, c->s->required, need);
	*line = (unsigned)c->stranger * 2 + 2;
	buf_add_hex(&id, s->pair[c->stranger].key, POLICY_SIGN_ID);
	return err_set(e, ERR_DENIED, "POL-19",
		"unknown key %.*s: it is none of policy.signers (%u of %u needed signature%s)",
		SPAN_ARG(buf_span(&id)), c->n_good, c->s->required, need);
}

bool
policy_sign_check(struct span file, struct span sig, const struct policy_signers *s, unsigned *line,
	struct err *e)
{
	struct policy_signatures given = {.n = 0};
	struct count c = {.s = s, .stranger = SIZE_MAX};

	*line = 1;
	if (s->n == 0)
		return true;
	if (sig.p == NULL)
		return err_set(e, ERR_DENIED, "POL-19",
			"no signature, and policy.signers asks for %u: "
			"`pan-agent policy sign --key KEY.pem FILE` makes it",
			s->required);
	if (!policy_sign_read(sig, &given, line, e))
		return false;
	for (size_t i = 0; i < given.n; i++) {
		*line = (unsigned)i * 2 + 3;
		if (!count_pair(&c, file, &given, i, e))
			return false;
	}
	return c.n_good >= s->required || too_few(&c, &given, line, e);
}

bool
policy_sign_report(
	const struct policy_sign_source *src, const struct policy_signers *s, struct buf *report)
{
	AUTO_BUF name = BUF_INIT(8192);
	struct err e = {0};
	unsigned line = 1;
	unsigned count = 0;

	if (policy_sign_check(src->file, src->sig, s, &line, &e))
		return true;
	buf_addf(&name, "%s.sig", src->name);
	buf_addc(&name, '\0');
	yaml_error(report, buf_ok(&name) ? name.p : src->name, line, 1, &count, "%s", e.msg);
	return false;
}
