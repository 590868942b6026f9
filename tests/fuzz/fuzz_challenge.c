/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth.h"
#include "auth/prm.h"
#include "auth/proof.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* RFC 9110 5.6.2 */
static bool
is_token(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static struct span
take_token(struct span *rest)
{
	size_t n = 0;

	while (n < rest->n && is_token(rest->p[n]))
		n++;
	struct span t = span_first(*rest, n);
	*rest = span_skip(*rest, n);
	return t;
}

static bool
take(struct span *rest, const char *what)
{
	if (!span_starts(*rest, span_of(what)))
		return false;
	*rest = span_skip(*rest, strlen(what));
	return true;
}

/* A quoted-string, taken apart into `out`; ends the process when it is none. */
static void
take_quoted(struct span *rest, struct buf *out)
{
	if (!take(rest, "\""))
		abort();
	buf_reset(out);
	while (!take(rest, "\"")) {
		(void)take(rest, "\\");
		if (rest->n == 0 || rest->p[0] < 0x20 || rest->p[0] > 0x7e)
			abort();
		buf_addc(out, rest->p[0]);
		*rest = span_skip(*rest, 1);
	}
}

/* What the value must have become: nothing outside of printable ASCII. */
static bool
is_same(struct span wrote, struct span given)
{
	if (wrote.n != given.n)
		return false;
	for (size_t i = 0; i < given.n; i++)
		if (wrote.p[i] != given.p[i] && wrote.p[i] != '?')
			return false;
	return true;
}

/*
 * The value parses as RFC 9110 11.6.1 says: one Bearer challenge, then one of DPoP exactly where it
 * was asked for; no parameter twice in one of them; each value is the one that was given.
 */
static void
parse(struct span rest, struct span realm, struct span url, const struct auth_refusal *r)
{
	AUTO_BUF value = BUF_INIT(65536);
	unsigned schemes = 0;
	unsigned seen = 0; /* parameters of this challenge */

	while (rest.n > 0) {
		struct span name = take_token(&rest);
		if (name.n == 0)
			abort();
		if (take(&rest, " ")) {
			if (!span_is(name, schemes == 0 ? "Bearer" : "DPoP") || schemes > 1)
				abort();
			schemes++;
			seen = 0;
			continue;
		}
		static const char *const names[] = {"realm", "resource_metadata", "error",
			"error_description", "scope", "acr_values", "algs"};
		const struct span given[] = {realm, url, span_of(r->error), span_of(r->description),
			r->scope, r->acr_values, SPAN(PROOF_ALGS)};
		size_t k = 0;
		while (k < 7 && !span_is(name, names[k]))
			k++;
		if (k == 7 || !take(&rest, "=") || (seen & 1U << k) != 0)
			abort();
		seen |= 1U << k;
		take_quoted(&rest, &value);
		if (!is_same(buf_span(&value), given[k]))
			abort();
		if (rest.n > 0 && !take(&rest, ", "))
			abort();
	}
	if (schemes != 1U + r->dpop)
		abort();
}

/* Bytes up to the next NUL. */
static struct span
next(struct span *rest)
{
	return span_first(span_cut(rest, '\0'), 1000);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const errors[] = {NULL, "invalid_token", "invalid_request",
		"insufficient_scope", "insufficient_user_authentication", "invalid_dpop_proof"};
	struct span rest = {(const char *)data, size};
	AUTO_BUF out = BUF_INIT(65536);
	struct auth_refusal r = {.status = 401};

	if (size == 0)
		return 0;
	r.dpop = (data[0] & 1) != 0;
	r.error = errors[data[0] / 2U % 6U];
	rest = span_skip(rest, 1);
	struct span realm = next(&rest);
	struct span url = next(&rest);
	struct span text = next(&rest);
	(void)span_cstr(
		span_first(text, sizeof(r.description) - 1), r.description, sizeof(r.description));
	r.scope = next(&rest);
	r.acr_values = next(&rest);
	prm_write_challenge(&out, realm, url, &r);
	for (size_t i = 0; i < out.n; i++)
		if (out.p[i] < 0x20 || out.p[i] > 0x7e)
			abort();
	if (!buf_ok(&out) || (url.n == 0 && memmem(out.p, out.n, "resource_metadata=\"\"", 20)))
		abort();
	parse(buf_span(&out), realm, url, &r);
	return 0;
}
