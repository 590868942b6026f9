/* SPDX-License-Identifier: Apache-2.0 */
/* Property: a URL that is taken for one is the same when it is written and read again, its host is
 * neither empty nor half an address, and no field that frames a message is sent on. */
#include "tests/fuzz/hold.h"
#include "transfer/tpc.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {(const char *)data, size};
	struct tpc_plan p;
	struct tpc_url u;
	struct digest_values v = {.have = 0};
	unsigned status = 0;
	struct span text = SPAN_NONE;
	AUTO_BUF url = BUF_INIT(TPC_URL_MAX + 16);

	tpc_digest_read(in, &v);
	if (tpc_line_read(in, &status, &text))
		hold(status == 202 || text.n > 0);
	if (!tpc_read(in, &p, NULL))
		return 0;
	hold(p.url.host.n > 0 && p.url.port > 0 && !span_has(p.url.authority, '@'));
	tpc_url_write(&p.url, &url);
	hold(tpc_url_read(buf_span(&url), &u, NULL));
	hold(span_eq(u.authority, p.url.authority) && span_eq(u.target, p.url.target));
	hold(u.port == p.url.port && u.literal == p.url.literal);
	for (size_t i = 0; i < p.n_fields; i++)
		hold(p.fields[i].name.n > 0 && !span_eq_nocase(p.fields[i].name, SPAN("Host")) &&
			!span_has(p.fields[i].value, '\r'));
	return 0;
}
