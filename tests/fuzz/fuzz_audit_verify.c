/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/audit_verify.h"

#include "agent/base/crypto.h"
#include "policy/audit_keys.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define LINES 6U

/* A chain whose lines 2 and 4 (from 0) are checkpoints, as an agent writes it. */
struct chain {
	struct buf text;
	size_t at[LINES + 1]; /* where each line begins */
};

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
add(struct chain *c, struct audit_line *l, const char *kind, struct span rest)
{
	size_t i = (size_t)l->seq;

	l->seq++;
	l->ms++;
	l->kind = span_of(kind);
	l->rest = rest;
	audit_line_write(&c->text, l);
	c->at[i + 1] = c->text.n;
	must(crypto_sha256((struct span){c->text.p + c->at[i], c->text.n - c->at[i] - 1}, l->prev));
}

static void
build(struct chain *c, const uint8_t secret[32])
{
	struct audit_line l = {.ms = 1780300800000, .node = SPAN("\"g\"")};

	for (size_t i = 0; i < LINES; i++) {
		struct audit_signing s = {.upto = l.seq};
		AUTO_BUF text = BUF_INIT(4096);
		memcpy(s.head, l.prev, 32);
		must(audit_keys_sign(secret, &s, NULL));
		audit_record_checkpoint(&text, &s);
		if (i == 2 || i == 4)
			add(c, &l, "checkpoint", buf_span(&text));
		else
			add(c, &l, "own", SPAN("\"a\":1"));
	}
}

static bool
holds(const uint8_t key[1][32], struct span text)
{
	struct audit_verify *v = NULL;
	bool ok = true;

	must(audit_verify_new((const uint8_t(*)[32])key, 1, &v, NULL));
	while (ok && text.n > 0)
		ok = audit_verify_line(v, span_cut(&text, '\n'), NULL, NULL);
	ok = ok && audit_verify_end(v, NULL);
	audit_verify_free(v);
	return ok;
}

static void
line(struct buf *out, const struct chain *c, size_t i)
{
	buf_add(out, (struct span){c->text.p + c->at[i], c->at[i + 1] - c->at[i]});
}

/*
 * Whatever is done to a signed chain before its last line is seen: a byte changed, a line taken
 * out, doubled or moved.  data: what, which line, where in it, and the bytes to change there.
 */
static void
mutate(const struct chain *c, const uint8_t key[1][32], const uint8_t *data, size_t n)
{
	size_t which = data[1] % (LINES - 1);
	AUTO_BUF text = BUF_INIT(65536);

	for (size_t i = 0; i < LINES; i++) {
		bool here = i == which;
		if (here && data[0] % 4 == 1 && which > 0)
			continue; /* out; the first one may be missing */
		if (here && data[0] % 4 == 2)
			line(&text, c, i + 1 < LINES - 1 ? i + 1 : 0);
		line(&text, c, i);
	}
	if (data[0] % 4 == 0 || (data[0] % 4 == 1 && which == 0) || data[0] % 4 == 3) {
		size_t len = c->at[which + 1] - c->at[which];
		size_t from = c->at[which] + (size_t)(data[2] << 8 | data[3]) % len;
		bool same = true;
		for (size_t i = 0; i < n - 4 && from + i < c->at[LINES - 1]; i++) {
			text.p[from + i] ^= (char)data[4 + i];
			same = same && data[4 + i] == 0;
		}
		if (same) {
			must(holds(key, buf_span(&text)));
			return;
		}
	}
	must(!holds(key, buf_span(&text)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const uint8_t secret[32] = {7};
	uint8_t key[1][32];
	struct chain c = {.text = BUF_INIT(65536)};

	must(crypto_ed25519_public(secret, key[0], NULL));
	(void)holds((const uint8_t(*)[32])key, (struct span){(const char *)data, n});
	build(&c, secret);
	if (n >= 4)
		mutate(&c, (const uint8_t(*)[32])key, data, n);
	buf_fini(&c.text);
	return 0;
}
