/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/crypto.h"
#include "policy/sign.h"
#include "tests/unit/check.h"

#define FILE_TEXT "policy: p\nversion: 1\n"

/* Private keys of tests 1, 2 and 3 of RFC 8032 7.1. */
static const char *const seeds[] = {
	"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
};

static void
secret_of(unsigned who, uint8_t ret[POLICY_SIGN_SECRET])
{
	/* 64 hex digits of 32 bytes: the form is that of a public key. */
	assert_true(signer_read(span_of(seeds[who]), ret, NULL));
}

static void
public_of(unsigned who, uint8_t ret[SIGNER_KEY])
{
	uint8_t secret[POLICY_SIGN_SECRET];

	secret_of(who, secret);
	assert_true(crypto_ed25519_public(secret, ret, NULL));
}

static struct policy_signature
sign(unsigned who, const char *file)
{
	uint8_t secret[POLICY_SIGN_SECRET];
	struct policy_signature s;

	secret_of(who, secret);
	assert_true(policy_sign_make(span_of(file), secret, &s, NULL));
	return s;
}

/* ---- the text ---- */

#define HEAD "pan-agent-policy-signature 1\n"
#define KEY  "key 21fe31dfa154a261\n"
#define SIG                                                                                        \
	"sig 8GpPriLHd84pTr31fGaYrbbchLzQcES76EcQuKAmMkbmXfTBRTmwUo4xy4C7hMqnIwCGmkpzbTNbul91zD/"  \
	"YBQ==\n"
#define PAIR KEY SIG

static void
texts(void **state)
{
	static const struct {
		const char *name, *text;
		unsigned n;          /* signatures; 0: refused */
		unsigned line;       /* then */
		const char *expects; /* then */
	} rows[] = {
		{"one", HEAD PAIR, 1, 0, NULL},
		{"two", HEAD PAIR PAIR, 2, 0, NULL},
		{"four", HEAD PAIR PAIR PAIR PAIR, 4, 0, NULL},
		{"five", HEAD PAIR PAIR PAIR PAIR PAIR, 0, 10, "more than 4 signatures"},
		{"empty", "", 0, 1, "expected the line 'pan-agent-policy-signature 1'"},
		{"another version", "pan-agent-policy-signature 2\n" PAIR, 0, 1, "signature 1'"},
		{"blank behind it", "pan-agent-policy-signature 1 \n" PAIR, 0, 1, "signature 1'"},
		{"no pair", HEAD, 0, 2, "a line 'key'"},
		{"the head does not end", "pan-agent-policy-signature 1", 0, 1, "signature 1'"},
		{"carriage returns", "pan-agent-policy-signature 1\r\n", 0, 1, "signature 1'"},
		{"no key", HEAD SIG, 0, 2, "a line 'key'"},
		{"no signature", HEAD KEY, 0, 3, "a line 'sig'"},
		{"two keys", HEAD KEY KEY SIG, 0, 3, "a line 'sig'"},
		{"upper case", HEAD "key 21FE31DFA154A261\n" SIG, 0, 2, "lower-case hex digits"},
		{"15 digits", HEAD "key 21fe31dfa154a26\n" SIG, 0, 2, "16 lower-case"},
		{"17 digits", HEAD "key 21fe31dfa154a2611\n" SIG, 0, 2, "16 lower-case"},
		{"two blanks", HEAD "key  1fe31dfa154a261\n" SIG, 0, 2, "16 lower-case"},
		{"sign in the digits", HEAD "key +1fe31dfa154a261\n" SIG, 0, 2, "16 lower-case"},
		{"not 64 bytes", HEAD KEY "sig AAAA\n", 0, 3, "64 bytes in base64"},
		{"65 bytes",
			HEAD KEY "sig AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
				 "AAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
			0, 3, "64 bytes in base64"},
		{"without padding",
			HEAD KEY "sig AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
				 "AAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
			0, 3, "64 bytes in base64"},
		{"unused bits",
			HEAD KEY "sig AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
				 "AAAAAAAAAAAAAAAAAAAAAAAAAAB==\n",
			0, 3, "64 bytes in base64"},
		{"text after it", HEAD PAIR "x", 0, 4, "a line 'key'"},
		{"a blank line after it", HEAD PAIR "\n", 0, 4, "a line 'key'"},
		{"comment", HEAD "# mine\n" PAIR, 0, 2, "a line 'key'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy_signatures s = {.n = 77};
		struct err e = {0};
		unsigned line = 0;
		CHECK_ROW(rows[i].name);
		bool good = policy_sign_read(span_of(rows[i].text), &s, &line, &e);
		assert_int_equal(good, rows[i].n > 0);
		assert_int_equal(s.n, good ? rows[i].n : 77);
		if (!good) {
			assert_int_equal(line, rows[i].line);
			assert_non_null(strstr(e.msg, rows[i].expects));
			continue;
		}
		AUTO_BUF again = BUF_INIT(4096);
		policy_sign_write(&s, &again);
		check_span(buf_span(&again), rows[i].text);
	}
}

static void
too_long(void **state)
{
	struct policy_signatures s = {.n = 77};
	struct err e = {0};
	unsigned line = 0;
	char text[POLICY_SIGN_TEXT + 1];

	(void)state;
	memset(text, 'k', sizeof(text));
	assert_false(policy_sign_read((struct span){text, sizeof(text)}, &s, &line, &e));
	assert_int_equal(e.code, ERR_LIMIT);
}

/* ---- what counts ---- */

/* A .sig by these people ("01": test 1 and test 2), over the file or, in brackets, another one. */
static void
write_sig(const char *who, struct buf *out)
{
	struct policy_signatures s = {.n = 0};
	bool other = false;

	for (; *who != '\0'; who++) {
		if (*who == '[' || *who == ']') {
			other = *who == '[';
			continue;
		}
		s.pair[s.n++] = sign((unsigned)(*who - '0'), other ? "policy: q\n" : FILE_TEXT);
	}
	policy_sign_write(&s, out);
}

static void
counting(void **state)
{
	static const struct {
		const char *name;
		const char *by; /* NULL: no .sig */
		size_t signers; /* the first of the three */
		unsigned required, line;
		const char *expects; /* NULL: good */
	} rows[] = {
		{"nothing needed, nothing there", NULL, 0, 1, 0, NULL},
		{"nothing needed, a wrong one there", "[0]", 0, 1, 0, NULL},
		{"one", "0", 1, 1, 0, NULL},
		{"one of two", "1", 2, 1, 0, NULL},
		{"two of two", "01", 2, 2, 0, NULL},
		{"in the other order", "10", 2, 2, 0, NULL},
		{"one needed, two there", "01", 2, 1, 0, NULL},
		{"a stranger beside the one that is needed", "20", 2, 1, 0, NULL},
		{"none there", NULL, 1, 1, 1, "no signature, and policy.signers asks for 1"},
		{"a stranger", "2", 2, 1, 2, "unknown key dac073e0123bdea5: it is none of"},
		{"a stranger second", "02", 2, 2, 4, "(1 of 2 needed signatures)"},
		{"another file", "[0]", 1, 1, 3, "bad signature by key 21fe31dfa154a261"},
		{"another file by the second", "0[1]", 2, 1, 5, "bad signature by key"},
		{"a stranger's is not looked at", "0[2]", 2, 1, 0, NULL},
		{"one of two needed", "0", 2, 2, 1, "1 of 2 needed signatures: another of"},
		{"one person twice", "00", 2, 2, 1, "1 of 2 needed signatures"},
		{"one person twice, and another", "001", 2, 2, 0, NULL},
	};
	uint8_t keys[3][SIGNER_KEY];

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		public_of(i, keys[i]);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct policy_signers s = {.key = (const uint8_t(*)[SIGNER_KEY])keys,
			.n = rows[i].signers,
			.required = rows[i].required};
		AUTO_BUF sig = BUF_INIT(POLICY_SIGN_TEXT);
		struct err e = {0};
		unsigned line = 0;
		CHECK_ROW(rows[i].name);
		if (rows[i].by != NULL)
			write_sig(rows[i].by, &sig);
		bool good = policy_sign_check(SPAN(FILE_TEXT),
			rows[i].by != NULL ? buf_span(&sig) : SPAN_NONE, &s, &line, &e);
		if (good != (rows[i].expects == NULL))
			fail_msg("%s", e.msg);
		if (good)
			continue;
		print_message("    %u: %s\n", line, e.msg);
		assert_int_equal(line, rows[i].line);
		assert_string_equal(e.ref, "POL-19");
		assert_non_null(strstr(e.msg, rows[i].expects));
	}
}

/* Each single bit of file and signature counts. */
static void
every_bit(void **state)
{
	char file[] = FILE_TEXT;
	const struct span text = {file, sizeof(file) - 1};
	struct policy_signature s = sign(0, file);
	uint8_t key[SIGNER_KEY];

	(void)state;
	public_of(0, key);
	assert_true(policy_sign_good(text, key, s.sig));
	for (size_t i = 0; i < 8 * text.n; i++) {
		file[i / 8] = (char)(file[i / 8] ^ 1 << i % 8);
		assert_false(policy_sign_good(text, key, s.sig));
		file[i / 8] = (char)(file[i / 8] ^ 1 << i % 8);
	}
	for (size_t i = 0; i < 8UL * POLICY_SIGN_BYTES; i++) {
		s.sig[i / 8] = (uint8_t)(s.sig[i / 8] ^ 1U << i % 8);
		assert_false(policy_sign_good(text, key, s.sig));
		s.sig[i / 8] = (uint8_t)(s.sig[i / 8] ^ 1U << i % 8);
	}
	/* A signature of the bare bytes is none: it may have been made for something else. */
	uint8_t secret[POLICY_SIGN_SECRET];
	secret_of(0, secret);
	assert_true(crypto_ed25519_sign(secret, text, s.sig, NULL));
	assert_false(policy_sign_good(text, key, s.sig));
}

static void
reporting(void **state)
{
	uint8_t keys[1][SIGNER_KEY];
	const struct policy_signers s = {
		.key = (const uint8_t(*)[SIGNER_KEY])keys, .n = 1, .required = 1};
	struct policy_sign_source src = {"/etc/p.yaml", SPAN(FILE_TEXT), SPAN(HEAD KEY)};
	AUTO_BUF report = BUF_INIT(4096);

	(void)state;
	public_of(0, keys[0]);
	assert_false(policy_sign_report(&src, &s, &report));
	check_span(buf_span(&report),
		"/etc/p.yaml.sig:3:1: error: expected a line 'sig' with 64 bytes in base64\n");
}

/* ---- keys as text ---- */

static void
keys_as_text(void **state)
{
	static const struct {
		const char *name, *text;
		bool good;
	} rows[] = {
		{"hex", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", true},
		{"HEX", "D75A980182B10AB7D54BFED3C964073A0EE172F3DAA62325AF021A68F707511A", true},
		{"base64", "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", true},
		{"base64url", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", true},
		{"base64 without padding", "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo", false},
		{"hex with a letter",
			"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f7075g1a", false},
		{"63 digits", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511",
			false},
		{"31 bytes", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", false},
		{"33 bytes", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g", false},
		{"blank before it", " 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", false},
		{"name of a key", "21fe31dfa154a261", false},
		{"empty", "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t want[SIGNER_KEY];
		uint8_t key[SIGNER_KEY] = {7};
		struct err e = {0};
		CHECK_ROW(rows[i].name);
		public_of(0, want);
		assert_int_equal(signer_read(span_of(rows[i].text), key, &e), rows[i].good);
		if (rows[i].good)
			assert_memory_equal(key, want, sizeof(key));
		else
			assert_non_null(strstr(e.msg, "64 hex digits, or 32 bytes in base64"));
	}
}

static void
keys_of_everybody(void **state)
{
	uint8_t key[SIGNER_KEY] = {0};

	(void)state;
	assert_false(signer_published(key));
	for (unsigned i = 0; i < 3; i++) {
		public_of(i, key);
		assert_true(signer_published(key));
	}
}

/* The worked example of the specification, where it is at hand. */
static void
example(void **state)
{
	static char file[65536];
	char sig[POLICY_SIGN_TEXT];
	uint8_t keys[1][SIGNER_KEY];
	const struct policy_signers s = {
		.key = (const uint8_t(*)[SIGNER_KEY])keys, .n = 1, .required = 1};
	FILE *f = fopen("../shared/examples/policy/hzb.yaml", "rbe");
	FILE *g = fopen("../shared/examples/policy/hzb.yaml.sig", "rbe");
	struct err e = {0};
	unsigned line = 0;

	(void)state;
	size_t n = f != NULL ? fread(file, 1, sizeof(file), f) : 0;
	size_t m = g != NULL ? fread(sig, 1, sizeof(sig), g) : 0;
	if (f != NULL)
		(void)fclose(f);
	if (g != NULL)
		(void)fclose(g);
	if (n == 0 || m == 0)
		skip(); /* ../shared is not here */
	public_of(0, keys[0]);
	if (!policy_sign_check((struct span){file, n}, (struct span){sig, m}, &s, &line, &e))
		fail_msg("%s", e.msg);
	assert_false(policy_sign_check(
		(struct span){file, n - 1}, (struct span){sig, m}, &s, &line, &e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(too_long),
		cmocka_unit_test(counting),
		cmocka_unit_test(every_bit),
		cmocka_unit_test(reporting),
		cmocka_unit_test(keys_as_text),
		cmocka_unit_test(keys_of_everybody),
		cmocka_unit_test(example),
	};
	return cmocka_run_group_tests_name("sign", tests, NULL, NULL);
}
