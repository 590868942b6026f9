/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/credential.h"

static bool
b64_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~' || c == '+' || c == '/';
}

bool
credential_b64token(struct span s)
{
	size_t i = 0;

	while (i < s.n && b64_char(s.p[i]))
		i++;
	if (i == 0)
		return false;
	while (i < s.n && s.p[i] == '=')
		i++;
	return i == s.n;
}

static bool
has_control(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

static enum credential_kind
kind_of(struct span token)
{
	unsigned dots = 0;

	for (size_t i = 0; i < token.n; i++)
		dots += token.p[i] == '.';
	return dots >= 2 ? CREDENTIAL_JWT : CREDENTIAL_OPAQUE;
}

bool
credential_parse(struct span field, struct credential *ret, struct err *e)
{
	size_t n = 0;

	while (n < field.n && field.p[n] != ' ' && field.p[n] != '\t')
		n++;
	bool dpop = span_eq_nocase(span_first(field, n), SPAN("DPoP"));
	const char *scheme = dpop ? "DPoP" : "Bearer";
	const char *ref = dpop ? "RFC 9449 7.1" : "RFC 6750 2.1";
	if (!dpop && !span_eq_nocase(span_first(field, n), SPAN("Bearer"))) {
		*ret = (struct credential){.kind = CREDENTIAL_NONE, .token = SPAN_NONE};
		return true;
	}
	struct span token = span_skip(field, n);
	if (has_control(token))
		return err_set(e, ERR_SYNTAX, ref, "Authorization: a control byte in the value");
	token = span_trim(token);
	if (token.n == 0)
		return err_set(e, ERR_SYNTAX, ref, "Authorization: %s without a token", scheme);
	if (span_has(token, ' '))
		return err_set(e, ERR_SYNTAX, ref,
			"Authorization: more than one word after %s; send one token", scheme);
	if (token.n > CREDENTIAL_TOKEN_MAX)
		return err_set(e, ERR_SYNTAX, ref,
			"Authorization: the token has %zu bytes, at most %u are read", token.n,
			CREDENTIAL_TOKEN_MAX);
	if (!credential_b64token(token))
		return err_set(e, ERR_UNAUTH, ref,
			"token: holds a character that no token has (b64token)");
	*ret = (struct credential){kind_of(token), token, dpop};
	return true;
}
