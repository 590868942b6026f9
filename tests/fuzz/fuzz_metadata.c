/* SPDX-License-Identifier: Apache-2.0 */
/* Property: what is taken can be sent and shown: URLs that are safe, words without blanks, text
 * without control characters; and each issuer stands once. */
#include "agent/cli/metadata.h"
#include "agent/cli/origin.h"
#include "tests/fuzz/hold.h"

#include <stdint.h>

static void
check_issuer(const struct metadata *m, size_t at)
{
	const struct metadata_issuer *i = &m->issuer[at];
	struct origin o;

	hold(origin_parse(i->issuer, &o, NULL) && !span_has(i->issuer, '?'));
	for (size_t k = 0; k < at; k++)
		hold(!span_eq(m->issuer[k].issuer, i->issuer));
	hold(i->name.p == NULL || (!span_control(i->name) && span_utf8(i->name)));
	hold(i->client_id.p == NULL ||
		(metadata_words(i->client_id) && !span_has(i->client_id, ' ')));
	hold(i->audience.p == NULL || (metadata_words(i->audience) && !span_has(i->audience, ' ')));
	hold(i->scopes.p == NULL || metadata_words(i->scopes));
	hold((unsigned)i->ask < 3);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA mem = {0};
	struct metadata m;

	if (!arena_init(&mem, 1U << 20) ||
		!metadata_parse((struct span){(const char *)data, size}, &mem, &m, NULL))
		return 0;
	hold(m.n >= 1 && m.n <= METADATA_ISSUERS_MAX);
	hold(metadata_words(m.resource) && !span_has(m.resource, ' '));
	hold(m.name.p == NULL || !span_control(m.name));
	hold(m.scopes.p == NULL || metadata_words(m.scopes));
	for (size_t i = 0; i < m.n; i++)
		check_issuer(&m, i);
	return 0;
}
