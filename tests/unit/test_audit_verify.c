/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/audit_verify.h"

#include "agent/base/crypto.h"
#include "policy/audit_keys.h"
#include "tests/unit/check.h"

#define LINES 8U
#define MS    1780300800000

/* A chain in work: what stands in the fields is what the next line takes. */
struct build {
	struct buf line[LINES];
	size_t n;
	uint64_t seq;
	int64_t ms;
	uint8_t prev[32];
	uint8_t secret[32];
	uint8_t key[32]; /* that verify knows */
};

static void
add(struct build *b, const char *kind, struct span rest)
{
	struct audit_line l = {.seq = ++b->seq,
		.ms = b->ms++,
		.kind = span_of(kind),
		.node = SPAN("\"g\""),
		.rest = rest};

	assert_true(b->n < LINES);
	memcpy(l.prev, b->prev, 32);
	struct buf *out = &b->line[b->n++];
	out->max = AUDIT_LINE_MAX;
	audit_line_write(out, &l);
	out->n--;
	assert_true(crypto_sha256(buf_span(out), b->prev));
}

static void
own(struct build *b)
{
	add(b, "own", SPAN("\"a\":1"));
}

static void
sign(struct build *b, struct audit_signing s)
{
	AUTO_BUF text = BUF_INIT(4096);

	assert_true(audit_keys_sign(b->secret, &s, NULL));
	audit_record_checkpoint(&text, &s);
	add(b, "checkpoint", buf_span(&text));
}

static struct audit_signing
at_end(const struct build *b)
{
	struct audit_signing s = {.upto = b->seq};

	memcpy(s.head, b->prev, 32);
	return s;
}

static void
good(struct build *b)
{
	own(b);
	own(b);
	own(b);
	sign(b, at_end(b));
	own(b);
}

static void
changed(struct build *b)
{
	good(b);
	b->line[1].p[b->line[1].n - 2] = '2';
}

static void
changed_and_hashed_anew(struct build *b)
{
	own(b);
	add(b, "own", SPAN("\"a\":2"));
	struct audit_signing s = at_end(b);
	s.head[0] ^= 1; /* as it was before */
	sign(b, s);
}

static void
swapped(struct build *b)
{
	good(b);
	struct buf other = b->line[1];
	b->line[1] = b->line[2];
	b->line[2] = other;
}

static void
one_missing(struct build *b)
{
	good(b);
	buf_fini(&b->line[1]);
	memmove(&b->line[1], &b->line[2], (LINES - 2) * sizeof(b->line[0]));
	b->line[LINES - 1] = (struct buf){.p = NULL};
	b->n--;
}

static void
twice(struct build *b)
{
	good(b);
	b->line[3].n = 0;
	buf_add(&b->line[3], buf_span(&b->line[2]));
}

static void
gap_with_hash(struct build *b)
{
	own(b);
	b->seq += 5;
	own(b);
}

static void
back_in_time(struct build *b)
{
	own(b);
	b->ms = MS - 1;
	own(b);
}

static void
begins_at_one_with_hash(struct build *b)
{
	b->prev[0] = 1;
	own(b);
}

static void
begins_late_with_zeros(struct build *b)
{
	b->seq = 4;
	own(b);
}

static void
begins_late(struct build *b)
{
	b->seq = 4;
	b->prev[0] = 1;
	own(b);
	own(b);
}

/* As every file but the first begins. */
static void
begins_with_checkpoint(struct build *b)
{
	b->seq = 4;
	b->prev[0] = 1;
	sign(b, at_end(b));
	own(b);
}

static void
signed_later(struct build *b)
{
	begins_late(b);
	sign(b, at_end(b));
}

static void
begins_with_wrong_checkpoint(struct build *b)
{
	b->seq = 4;
	b->prev[0] = 1;
	struct audit_signing s = at_end(b);
	s.head[1] = 1;
	sign(b, s);
}

static void
signature_changed(struct build *b)
{
	good(b);
	char *sig = memmem(b->line[3].p, b->line[3].n, "\"sig\":\"", 7);
	sig[7] = sig[7] == 'A' ? 'B' : 'A';
}

static void
signature_short(struct build *b)
{
	own(b);
	add(b, "checkpoint",
		SPAN("\"upto\":1,\"head\":\"00\",\"key\":\"0011223344556677\",\"sig\":\"AA==\""));
}

static void
upto_ahead(struct build *b)
{
	own(b);
	struct audit_signing s = at_end(b);
	s.upto = 2; /* itself */
	sign(b, s);
}

static void
upto_before_all(struct build *b)
{
	b->seq = 4;
	b->prev[0] = 1;
	own(b);
	struct audit_signing s = at_end(b);
	s.upto = 3;
	sign(b, s);
}

/* An earlier line, as when others wrote while it was signed. */
static void
upto_behind(struct build *b)
{
	own(b);
	struct audit_signing s = at_end(b);
	own(b);
	own(b);
	sign(b, s);
}

static void
by_another_key(struct build *b)
{
	own(b);
	b->secret[0] ^= 1;
	sign(b, at_end(b));
}

static void
says_the_right_key(struct build *b)
{
	by_another_key(b);
	uint8_t id[8];
	AUTO_BUF hex = BUF_INIT(64);
	assert_true(audit_keys_id(b->key, id));
	buf_add_hex(&hex, id, 8);
	char *at = memmem(b->line[1].p, b->line[1].n, "\"key\":\"", 7);
	memcpy(at + 7, hex.p, 16);
}

static void
blank_inside(struct build *b)
{
	own(b);
	add(b, "own", SPAN("\"a\": 1"));
}

static void
empty_line(struct build *b)
{
	good(b);
	b->line[2].n = 0;
}

static const struct row {
	const char *name;
	void (*make)(struct build *b);
	const char *fault; /* part of the message; NULL: unbroken */
	size_t line;       /* of the fault, from 1; 0: at the end */
	uint64_t signed_upto;
	bool without; /* and with no key it passes */
} rows[] = {
	{"good", good, NULL, 0, 3, true},
	{"a line changed", changed, "`prev` is not the hash", 3, 0, false},
	{"changed, and all hashes made anew", changed_and_hashed_anew, "head is not the hash", 3, 0,
		false},
	{"two lines swapped", swapped, "record 2 is missing", 2, 0, false},
	{"a line missing", one_missing, "record 2 is missing", 2, 0, false},
	{"a line twice", twice, "record 3 comes after record 3", 4, 0, false},
	{"a gap, rightly hashed", gap_with_hash, "records 2 to 6 are missing", 2, 0, false},
	{"back in time", back_in_time, "time is before", 2, 0, false},
	{"record 1 with a hash before it", begins_at_one_with_hash, "record 1 is not zero", 1, 0,
		false},
	{"zeros, and not record 1", begins_late_with_zeros, "not record 1", 1, 0, false},
	{"begins late", begins_late, "begins with record 5", 0, 0, false},
	{"begins late with a checkpoint of what was before", begins_with_checkpoint, NULL, 0, 4,
		true},
	{"begins late, a checkpoint comes later", signed_later, NULL, 0, 6, true},
	{"begins late with a checkpoint of something else", begins_with_wrong_checkpoint,
		"head is not the hash", 1, 0, false},
	{"signature changed", signature_changed, "signature is wrong", 4, 0, false},
	{"signature too short", signature_short, "not of its form", 2, 0, false},
	{"a checkpoint about itself", upto_ahead, "not about a line shortly before", 2, 0, false},
	{"a checkpoint about what is gone", upto_before_all, "not about a line shortly before", 2,
		0, false},
	{"a checkpoint about an earlier line", upto_behind, NULL, 0, 1, true},
	{"signed by another key", by_another_key, "a key that was not given", 2, 0, true},
	{"signed by another key that says it is this", says_the_right_key, "signature is wrong", 2,
		0, true},
	{"a blank", blank_inside, "not JSON without blanks", 2, 0, false},
	{"an empty line", empty_line, "does not begin", 3, 0, false},
};

static void
start(struct build *b)
{
	*b = (struct build){.ms = MS, .secret = {7}};
	assert_true(crypto_ed25519_public(b->secret, b->key, NULL));
}

/* The line of the fault, 0: at the end or none. */
static size_t
run(const struct build *b, size_t keys, struct audit_verified *found, struct err *e)
{
	struct audit_verify *v = NULL;
	size_t at = 0;

	*e = (struct err){0};
	assert_true(audit_verify_new(&b->key, keys, &v, NULL));
	for (size_t i = 0; i < b->n && at == 0; i++)
		if (!audit_verify_line(v, buf_span(&b->line[i]), NULL, e))
			at = i + 1;
	if (at == 0)
		(void)audit_verify_end(v, e);
	*found = *audit_verify_found(v);
	audit_verify_free(v);
	return at;
}

static void
breaks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct audit_verified found;
		struct build b;
		struct err e;
		CHECK_ROW(r->name);
		start(&b);
		r->make(&b);
		assert_int_equal(run(&b, 1, &found, &e), r->line);
		if (r->fault == NULL) {
			if (e.code != ERR_NONE)
				fail_msg("%s", e.msg);
			assert_int_equal(found.records, b.n);
			assert_int_equal(found.signed_upto, r->signed_upto);
			assert_int_equal(found.unchecked, 0);
		} else {
			assert_string_equal(e.ref, "POL-20");
			if (strstr(e.msg, r->fault) == NULL)
				fail_msg("%s", e.msg);
		}
		(void)run(&b, 0, &found, &e);
		assert_int_equal(e.code == ERR_NONE, r->without);
		assert_int_equal(found.signed_upto, 0);
		for (size_t k = 0; k < LINES; k++)
			buf_fini(&b.line[k]);
	}
}

/* More than it keeps hashes of. */
static void
long_chain(void **state)
{
	struct audit_verify *v = NULL;
	struct err e = {0};
	struct build b;

	(void)state;
	start(&b);
	assert_true(audit_verify_new((const uint8_t(*)[32]) & b.key, 1, &v, NULL));
	struct audit_signing first = {.upto = 0};
	for (int i = 0; i < 10000; i++) {
		buf_reset(&b.line[0]);
		b.n = 0;
		own(&b);
		assert_true(audit_verify_line(v, buf_span(&b.line[0]), NULL, &e));
		if (i == 0)
			first = at_end(&b);
	}
	b.n = 0;
	buf_reset(&b.line[0]);
	sign(&b, at_end(&b));
	assert_true(audit_verify_line(v, buf_span(&b.line[0]), NULL, &e));
	b.n = 0;
	buf_reset(&b.line[0]);
	sign(&b, first);
	assert_false(audit_verify_line(v, buf_span(&b.line[0]), NULL, &e));
	assert_int_equal(audit_verify_found(v)->records, 10001);
	audit_verify_free(v);
	buf_fini(&b.line[0]);
	assert_false(audit_verify_new((const uint8_t(*)[32]) & b.key, 65, &v, &e));
	assert_int_equal(e.code, ERR_LIMIT);
}

/* The log of the reference, where it is. */
static void
reference(void **state)
{
	FILE *f = fopen("../shared/examples/policy/audit.jsonl", "re");
	char text[65536];
	uint8_t key[1][32];
	struct audit_verify *v = NULL;
	struct err e = {0};

	(void)state;
	if (f == NULL)
		skip();
	struct span rest = {text, fread(text, 1, sizeof(text), f)};
	(void)fclose(f);
	uint8_t secret[32]; /* RFC 8032 7.1, test 1 */
	static const char hex[] =
		"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
	for (size_t i = 0; i < 32; i++) {
		uint64_t x = 0;
		assert_true(span_hex_u64((struct span){hex + 2 * i, 2}, 255, &x));
		secret[i] = (uint8_t)x;
	}
	assert_true(crypto_ed25519_public(secret, key[0], NULL));
	assert_true(audit_verify_new((const uint8_t(*)[32])key, 1, &v, NULL));
	while (rest.n > 0)
		if (!audit_verify_line(v, span_cut(&rest, '\n'), NULL, &e))
			fail_msg("%s", e.msg);
	assert_true(audit_verify_end(v, &e));
	assert_int_equal(audit_verify_found(v)->records, 6);
	assert_int_equal(audit_verify_found(v)->signed_upto, 5);
	audit_verify_free(v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(breaks),
		cmocka_unit_test(long_chain),
		cmocka_unit_test(reference),
	};
	return cmocka_run_group_tests_name("audit_verify", tests, NULL, NULL);
}
