/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/refusals.h"

#include <stdlib.h>

/* First words of the descriptions; the last one stands for all others. */
static const char *const reasons[] = {"credential", "token", "header", "payload", "alg", "crit",
	"typ", "kid", "signature", "iss", "exp", "nbf", "iat", "aud", "azp", "sub", "cnf", "scope",
	"groups", "dpop", "issuer", "limit", "other"};
#define REASONS (sizeof(reasons) / sizeof(reasons[0]))

struct refusals {
	const struct issuers *issuers;
	uint64_t *n; /* REASONS for each issuer, then REASONS for nobody; atomic */
};

bool
refusals_new(const struct issuers *issuers, struct refusals **ret, struct err *e)
{
	struct refusals *r = calloc(1, sizeof(*r));

	if (r != NULL)
		r->n = calloc((issuers->n + 1) * REASONS, sizeof(*r->n));
	if (r == NULL || r->n == NULL) {
		free(r);
		return err_set(e, ERR_SYSTEM, NULL, "issuers: no memory");
	}
	r->issuers = issuers;
	*ret = r;
	return true;
}

void
refusals_free(struct refusals *r)
{
	if (r != NULL)
		free(r->n);
	free(r);
}

void
refusals_count(struct refusals *r, size_t issuer, struct span description)
{
	size_t row = issuer < r->issuers->n ? issuer : r->issuers->n;
	struct span word = span_cut(&description, ':');
	size_t k = 0;

	word = span_cut(&word, ' ');
	while (k + 1 < REASONS && !span_is(word, reasons[k]))
		k++;
	(void)__atomic_add_fetch(&r->n[row * REASONS + k], 1, __ATOMIC_RELAXED);
}

/* A label's value (text format 0.0.4): backslash, quote and line feed are escaped. */
static void
label(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, (unsigned char)s.p[i] < 0x20 ? '?' : s.p[i]);
	}
}

void
refusals_write(const struct refusals *r, struct buf *out)
{
	buf_adds(out, "# HELP pan_token_refused_total Credentials that were refused.\n"
		      "# TYPE pan_token_refused_total counter\n");
	for (size_t row = 0; row <= r->issuers->n; row++)
		for (size_t k = 0; k < REASONS; k++) {
			uint64_t n = __atomic_load_n(&r->n[row * REASONS + k], __ATOMIC_RELAXED);
			if (n == 0)
				continue;
			buf_adds(out, "pan_token_refused_total{issuer=\"");
			if (row < r->issuers->n)
				label(out, r->issuers->item[row].iss);
			buf_addf(
				out, "\",reason=\"%s\"} %llu\n", reasons[k], (unsigned long long)n);
		}
}
