/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/audit_line.h"
#include "policy/audit_record.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* A line that is read is written again byte for byte, and its members are those of a JSON reader.
 */
static void
reads(struct span line)
{
	AUTO_BUF back = BUF_INIT(2 * AUDIT_LINE_MAX);
	struct audit_line l;

	if (!audit_line_parse(line, &l, NULL))
		return;
	audit_line_write(&back, &l);
	must(back.n == line.n + 1 && memcmp(back.p, line.p, line.n) == 0);
	must(!audit_line_parse(span_first(line, line.n - 1), &l, NULL));
	must(!audit_line_parse(buf_span(&back), &l, NULL)); /* its line end is none of it */
	must(audit_line_parse(line, &l, NULL));
	AUTO_JSON all = audit_line_json(line, NULL);
	if (all == NULL)
		return; /* a key twice deep inside, half a surrogate, a number without end */
	void *at = NULL;
	struct span name = SPAN_NONE;
	const struct json *value = NULL;
	int64_t seq = 0;
	must(json_get_i64(all, "seq", &seq) && (uint64_t)seq == l.seq);
	for (size_t i = 0; json_each(all, &at, &name, &value); i++) {
		char key[64];
		if (i < 5 || !span_cstr(name, key, sizeof(key)) || span_has(name, '"') ||
			span_has(name, '\\') || strpbrk(key, "\b\f\n\r\t") != NULL)
			continue;
		struct span text = audit_line_member(&l, key);
		if (text.p == NULL)
			continue; /* it was written with escapes */
		AUTO_BUF in = BUF_INIT(2 * AUDIT_LINE_MAX);
		buf_adds(&in, "{\"v\":");
		buf_add(&in, text);
		buf_addc(&in, '}');
		AUTO_JSON one = json_parse(buf_span(&in), NULL, NULL);
		must(one != NULL && json_same(json_get(one, "v"), value));
	}
}

/* What a close holds of a stranger's bytes is one line, which is read. */
static void
written(struct span bytes)
{
	const uint64_t ranges[][2] = {{0, bytes.n}, {bytes.n + 1, UINT64_MAX}};
	const struct audit_closing c = {.result = "cut",
		.full = true,
		.file = span_first(bytes, 4096),
		.ranges = ranges,
		.n_ranges = bytes.n % 3};
	AUTO_BUF rest = BUF_INIT(2 * AUDIT_LINE_MAX);
	AUTO_BUF line = BUF_INIT(2 * AUDIT_LINE_MAX);
	struct audit_line l = {
		.seq = 1, .ms = 1780300800123, .kind = SPAN("close"), .node = SPAN("\"g\"")};
	struct audit_line back;

	audit_record_close(&rest, &c);
	l.rest = buf_span(&rest);
	audit_line_write(&line, &l);
	must(buf_ok(&line) && line.n <= AUDIT_LINE_MAX);
	must(audit_line_parse(span_first(buf_span(&line), line.n - 1), &back, NULL));
	must(span_eq(back.rest, l.rest) && back.ms == l.ms && span_eq(back.node, l.node));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	reads((struct span){(const char *)data, n});
	written((struct span){(const char *)data, n});
	return 0;
}
