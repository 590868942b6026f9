/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/buf.h"
#include "agent/http/cond.h"
#include "agent/http/parse.h"
#include "tests/fuzz/hold.h"

/*
 * The input is the fields of a head.  A strong match is a weak match; 304 is for reading only; an
 * If-Match that fails is 412 whatever else is there.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cond_state cur = {SPAN_INIT("\"abc\""), 784111777};
	struct span in = {(const char *)data, size};
	AUTO_BUF b = BUF_INIT(65536);
	struct http_parse p = {0};
	struct http_head h;
	size_t used = 0;

	buf_adds(&b, "GET / HTTP/1.1\r\nHost: a\r\n");
	buf_add(&b, in);
	buf_adds(&b, "\r\n\r\n");
	hold(!cond_etag_in(in, cur.etag, true) || cond_etag_in(in, cur.etag, false));
	if (http_parse(&p, buf_span(&b), &h, &used, NULL) != STEP_DONE)
		return 0;
	enum cond c = cond_eval(&h, &cur, 1795425849);
	bool fails = h.if_match.p != NULL;
	for (size_t i = 0; i < head_count(&h, SPAN("if-match")); i++)
		if (cond_etag_in(head_get(&h, SPAN("if-match"), i), cur.etag, true))
			fails = false;
	hold(!fails || c == COND_FAILED);
	h.method = HTTP_PUT;
	hold(cond_eval(&h, &cur, 1795425849) != COND_NOT_MODIFIED);
	hold(h.if_range.p != NULL || cond_range(&h, &cur, 1795425849));
	return 0;
}
