/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/hold.h"
#include "transfer/dav.h"
#include "transfer/xml.h"

static void
count(void *ctx, unsigned depth, const struct xml_name *name)
{
	size_t *responses = ctx;

	*responses += depth == 2 && span_is(name->ns, "DAV:") && span_is(name->local, "response");
}

/* Whatever is asked, and whatever the path: the answer is well-formed XML with one response. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {(const char *)data, size};
	struct dav_query q;
	size_t responses = 0;
	AUTO_BUF b = BUF_INIT(1U << 20);

	if (!dav_parse(in, &q, NULL))
		return 0;
	hold(q.n_unknown <= DAV_UNKNOWN_MAX && q.want >> DAV_PROP_COUNT == 0);
	const struct dav_entry file = {.path = span_first(in, 200),
		.modified = 784111777,
		.size = size,
		.etag = SPAN("\"a\""),
		.md5 = (const uint8_t *)"0123456789abcdef",
		.adler32 = (uint32_t)size,
		.type = SPAN("text/plain")};
	dav_write_start(&b);
	dav_write_entry(&b, &q, &file);
	dav_write_end(&b);
	hold(buf_ok(&b));
	if (b.n <= XML_BODY_MAX)
		hold(xml_parse(buf_span(&b), count, &responses, NULL) && responses == 1);
	return 0;
}
