/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/login.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 1800000000

static const uint8_t key[CRYPTO_SEAL_KEY] = {1};
static const struct settings_list usual = {NULL, 0};

/* The first byte of the state's place holders in `in` becomes the state. */
static void
fill(struct buf *out, struct span in, struct span state)
{
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] == '$')
			buf_add(out, state);
		else
			buf_addc(out, in.p[i]);
	}
}

/* Whatever is accepted had the state of the cookie in it, and leads nowhere else. */
static void
check(const struct login *l, struct span query, struct span state)
{
	if (state.n == 0 || !span_eq(l->state, state) ||
		memmem(query.p, query.n, state.p, state.n) == NULL)
		abort();
	if (!login_local(l->return_to) || !span_is(l->issuer, "https://op.test"))
		abort();
	if (l->code.n == 0 || l->code.n > LOGIN_CODE_MAX || l->verifier.n != 43 || l->nonce.n != 43)
		abort();
	for (size_t i = 0; i < l->code.n; i++)
		if (l->code.p[i] <= 0x20 || l->code.p[i] >= 0x7f)
			abort();
}

/* A login with this return path has begun; its state goes to `state`. */
static bool
begin(struct span return_to, struct arena *mem, struct buf *cookie, struct span *state)
{
	const struct login_start s = {.issuer = SPAN("https://op.test"),
		.endpoint = SPAN("https://op.test/auth"),
		.iss_parameter = return_to.n % 2 == 0,
		.client = SPAN("web"),
		.scopes = &usual,
		.redirect = SPAN("https://data.test/login/callback"),
		.return_to = return_to};
	AUTO_BUF location = BUF_INIT(16384);

	if (!login_begin(&s, key, NOW, &location, cookie, NULL))
		return false;
	struct span query = buf_span(&location);
	if (span_has(query, '\n') || span_has(query, '\r'))
		abort();
	(void)span_cut(&query, '?');
	return login_value(query, "state", 64, mem, state, NULL);
}

/*
 * The input is RETURN line end QUERY line end COOKIE.  An empty cookie is a true one, of a login
 * that has begun; `$` in the query then is its state.  Any other cookie is as it is, and must be
 * refused.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = {(const char *)data, size};
	struct span return_to = span_cut(&rest, '\n');
	struct span template = rest.p != NULL ? span_cut(&rest, '\n') : SPAN_NONE;
	struct span state = SPAN_NONE;
	AUTO_BUF cookie = BUF_INIT(65536);
	AUTO_BUF query = BUF_INIT(1UL << 20);
	AUTO_ARENA mem = {0};
	struct login l;

	if (!arena_init(&mem, 1UL << 20))
		return 0;
	if (rest.n > 0)
		buf_add(&cookie, rest);
	else if (!begin(return_to, &mem, &cookie, &state))
		return 0;
	fill(&query, template, state);
	if (login_back(&(struct login_answer){buf_span(&query), buf_span(&cookie)}, key, NOW, &mem,
		    &l, NULL))
		check(&l, buf_span(&query), state);
	return 0;
}
