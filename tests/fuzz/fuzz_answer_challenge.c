/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Property: what is taken can be shown; and a challenge that our own agent writes is read back as
 * it was.  When the input begins with a line end, it is the texts of a refusal, divided by line
 * ends.
 */
#include "agent/cli/answer_challenge.h"
#include "auth/auth.h"
#include "tests/fuzz/hold.h"

#include <stdint.h>

static bool
shown_safely(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return s.p == NULL || s.n > 0;
}

/* RFC 6750 3: the agent writes nothing else into these values. */
static bool
plain(struct span s)
{
	return shown_safely(s) && !span_has(s, '"') && !span_has(s, '\\');
}

static void
check_back(struct span in, struct arena *mem)
{
	struct auth_refusal r = {.status = 401};
	AUTO_BUF field = BUF_INIT(1U << 20);
	struct answer_challenge c;
	struct span words = span_cut(&in, '\n');
	char error[64];

	if (!plain(words) || !span_cstr(words, r.description, sizeof(r.description)))
		return;
	words = span_cut(&in, '\n');
	if (!plain(words) || words.n == 0 || !span_cstr(words, error, sizeof(error)))
		return;
	r.error = error;
	r.scope = plain(in) ? in : SPAN_NONE;
	auth_write_challenge(&field, SPAN("d.test"), SPAN("https://d.test/m"), &r);
	hold(answer_challenge_parse(buf_span(&field), mem, &c, NULL));
	if (span_is(words, "invalid_dpop_proof")) /* it stands in the DPoP challenge alone */
		return;
	hold(span_eq(c.error, words) && span_is(c.metadata, "https://d.test/m"));
	hold(r.scope.n == 0 || span_eq(c.scope, r.scope));
	hold(r.description[0] == '\0' || span_is(c.description, r.description));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {(const char *)data, size};
	struct answer_challenge c;
	AUTO_ARENA mem = {0};

	if (!arena_init(&mem, 4U << 20))
		return 0;
	if (span_starts(in, SPAN("\n")))
		check_back(span_skip(in, 1), &mem);
	else if (answer_challenge_parse(in, &mem, &c, NULL))
		hold(shown_safely(c.error) && shown_safely(c.description) &&
			shown_safely(c.scope) && shown_safely(c.acr) && shown_safely(c.metadata));
	return 0;
}
