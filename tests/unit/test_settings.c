/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/check.h"

#include "agent/base/scope.h"
#include "agent/base/settings.h"
#include "agent/base/settings_check.h"
#include "agent/base/settings_dump.h"
#include "agent/base/settings_issuer.h"

#include <fcntl.h>

/* The least that is accepted; rows below put a line in the place of one of these, or add one. */
#define LEAST                                                                                      \
	"facility: F\n"                                                                            \
	"contact: c@example.org\n"                                                                 \
	"public_url: https://localhost:8443\n"                                                     \
	"certificates:\n"                                                                          \
	"  - chain: tls.crt\n"                                                                     \
	"    key: /etc/tls.key\n"                                                                  \
	"roots:\n"                                                                                 \
	"  - name: a\n"                                                                            \
	"    path: data\n"                                                                         \
	"    layout: \"{proposal}/{dataset}\"\n"                                                   \
	"    pid: \"10.5072/{proposal}-{dataset}\"\n"                                              \
	"policy:\n"                                                                                \
	"  files: [policy.yaml]\n"
#define LINES 13 /* of LEAST: what is added begins at line 14 */

static struct settings *
parse(const char *text, struct buf *report)
{
	return settings_parse("/etc/pan/agent.yaml", span_of(text), report, NULL);
}

static void
test_defaults(void **state)
{
	AUTO_BUF report = BUF_INIT(4096);
	struct settings *s = parse(LEAST, &report);

	(void)state;
	check_span(buf_span(&report), report.n > 0 ? "no fault" : "");
	assert_non_null(s);
	assert_string_equal(s->timezone, "UTC");
	assert_int_equal(s->readers, 2);
	assert_in_range(s->workers, 1, 8);
	assert_true(s->sandbox_required);
	assert_true(s->landlock);
	assert_int_equal(s->log_level, LOG_INFO);
	assert_int_equal(s->audit_fsync, SYNC_SECOND);
	assert_int_equal(s->audit_max_size, 1024);
	assert_string_equal(s->catalogue, "/var/lib/pan-agent/catalogue.sqlite");
	assert_string_equal(s->audit_file, "/var/log/pan-agent/audit.jsonl");
	assert_string_equal(s->certificates[0].chain, "/etc/pan/tls.crt");
	assert_string_equal(s->certificates[0].key, "/etc/tls.key");
	assert_string_equal(s->roots[0].path, "/etc/pan/data");
	assert_string_equal(s->roots[0].proposal, "{proposal}");
	assert_int_equal(s->policies.n, 1);
	assert_string_equal(s->policies.item[0], "/etc/pan/policy.yaml");
	assert_int_equal(s->limits.head_seconds, 10);
	assert_int_equal(s->limits.handshake_seconds, 5);
	assert_int_equal(s->limits.idle_seconds, 75);
	assert_int_equal(s->limits.body_seconds, 30);
	assert_int_equal(s->limits.min_rate, 1024);
	assert_int_equal(s->limits.connections, 16384);
	assert_int_equal(s->limits.connections_per_address, 200);
	assert_int_equal(s->limits.connections_per_identity, 100);
	assert_int_equal(s->limits.drain_seconds, 60);
	assert_int_equal(s->limits.kept_grants, 12288);
	assert_int_equal(s->signers.n, 0);
	assert_int_equal(s->required_signatures, 1);
	assert_true(s->watch_policies);
	assert_false(s->lint_strict);
	settings_fault(s, s->policies.item[0], &report, "cannot be opened: %s", "x");
	settings_fault(s, s->state_dir, &report, "is a default");
	check_span(buf_span(&report), "/etc/pan/agent.yaml:13:11: error: cannot be opened: x\n"
				      "/etc/pan/agent.yaml:1:1: error: is a default\n");
	assert_null(s->proposals);
	assert_int_equal(s->n_issuers, 0);
	assert_int_equal(s->listen.n, 0);
	settings_free(s);
}

/* Into the section of policy, which LEAST ends with; the place is in the line after it. */
#define POLICY_ADD(text) "  " text "\n",
#define KEY_HEX          "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"
#define OTHER_KEY        "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA"
#define KEY_BASE64       "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static void
test_values(void **state)
{
	AUTO_BUF report = BUF_INIT(4096);
	struct settings *s = parse(LEAST "  signers: [" KEY_HEX ", \"" OTHER_KEY "\"]\n"
					 "  required_signatures: 2\n"
					 "  watch: no\n"
					 "  lint: strict\n"
					 "listen: 127.0.0.1:8443\n"
					 "workers: 3\n"
					 "sandbox: best-effort\n"
					 "sandbox_landlock: no\n"
					 "log_level: debug\n"
					 "state_dir: state\n"
					 "audit:\n  fsync: never\n"
					 "tls:\n  provider: openssl\n  record_writer: yes\n"
					 "hosts: [a.example, \"b.example:8443\"]\n"
					 "issuers:\n"
					 "  - issuer: https://a.example\n"
					 "    jwks_file: keys/a.jwks\n"
					 "    audience: x\n"
					 "    require_kid: no\n"
					 "    demo: yes\n"
					 "    demo_key: keys/a.pem\n"
					 "limits: {kept_grants: 0, drain_seconds: 5}\n",
		&report);

	(void)state;
	check_span(buf_span(&report), report.n > 0 ? "no fault" : "");
	assert_non_null(s);
	assert_string_equal(s->listen.item[0], "127.0.0.1:8443");
	assert_int_equal(s->workers, 3);
	assert_false(s->sandbox_required);
	assert_false(s->landlock);
	assert_int_equal(s->log_level, LOG_DEBUG);
	assert_string_equal(s->catalogue, "/etc/pan/state/catalogue.sqlite");
	assert_int_equal(s->audit_fsync, SYNC_NEVER);
	assert_true(s->tls_own_ciphers);
	assert_true(s->tls_record_writer);
	assert_int_equal(s->hosts.n, 2);
	assert_int_equal(s->n_issuers, 1);
	assert_string_equal(s->issuers[0].name, "https://a.example");
	assert_string_equal(s->issuers[0].profile, "generic");
	assert_string_equal(s->issuers[0].jwks_file, "/etc/pan/keys/a.jwks");
	assert_int_equal(s->issuers[0].require_kid, 0);
	assert_int_equal(s->issuers[0].path_scopes, -1);
	assert_int_equal(s->issuers[0].clock_leeway, 30);
	assert_string_equal(s->issuers[0].base_path, "/");
	assert_true(s->issuers[0].demo);
	assert_int_equal(s->signers.n, 2);
	for (unsigned i = 0; i < SIGNER_KEY; i++) {
		assert_int_equal(s->signer_keys[0][i], i);
		assert_int_equal(s->signer_keys[1][i], 31 - i);
	}
	assert_int_equal(s->required_signatures, 2);
	assert_false(s->watch_policies);
	assert_true(s->lint_strict);
	assert_int_equal(s->issuers[0].line, LINES + 18);
	assert_int_equal(s->limits.kept_grants, 0);
	assert_int_equal(s->limits.drain_seconds, 5);
	assert_int_equal(s->limits.idle_seconds, 75);
	settings_free(s);
}

/* What is added to LEAST, the place and the words of the one fault. */
static const struct bad {
	const char *name, *add, *place, *words;
} bad[] = {
	{"unknown key", "facilty: x\n", "14:1", "unknown key 'facilty'; did you mean 'facility'?"},
	{"unknown key, nothing near", "colour: x\n", "14:1", "unknown key 'colour'\n"},
	{"unknown key in a section", "limits:\n  idle_second: 4\n", "15:3",
		"unknown key 'idle_second'; did you mean 'idle_seconds'?"},
	{"number with letters", "workers: 4x\n", "14:10", "workers: must be a number from 1 to 64"},
	{"number below", "workers: 0\n", "14:10", "must be a number from 1 to 64"},
	{"number above", "readers: 17\n", "14:10", "must be a number from 1 to 16"},
	{"number with its unit", "limits: {head_seconds: 121}\n", "14:24",
		"must be a number from 1 to 120, in seconds"},
	{"word", "sandbox: require\n", "14:10",
		"sandbox: 'require' is not one of best-effort, required; did you mean 'required'?"},
	{"yes or no", "sandbox_landlock: on\n", "14:19", "is not one of no, yes, false, true"},
	{"origin with a path", "hosts: [\"a/b\"]\n", "14:9", "hosts: 'a/b' must be a host name"},
	{"listen without a port", "listen: 127.0.0.1\n", "14:9", "must be ADDRESS:PORT"},
	{"listen by name", "listen: localhost:1\n", "14:9", "must be ADDRESS:PORT"},
	{"port too large", "listen: \"127.0.0.1:65536\"\n", "14:9", "must be ADDRESS:PORT"},
	{"IPv6 without brackets", "listen: \"::1:80\"\n", "14:9", "must be ADDRESS:PORT"},
	{"too many sockets",
		"workers: 64\nlisten: [\"127.0.0.1:1\", \"127.0.0.1:2\", \"[::1]:1\"]\n", "15:9",
		"3 addresses for 64 workers are more than 128 sockets"},
	{"twice in a list", "hosts: [a, b, a]\n", "14:15", "'a' stands twice in the list"},
	{"list where a value must be", "timezone: [a]\n", "14:11", "timezone: must be one value"},
	{"mapping where a list must be", "hosts:\n  a: b\n", "15:3", "must be a list of 0 to 32"},
	{"value where entries must be", "issuers: x\n", "14:10", "each begun with '- '"},
	{"entry that is no mapping", "issuers: [x]\n", "14:11", "must be a mapping"},
	{"zone", "timezone: ../etc\n", "14:11", "must be a name of the time zone database"},
	{"zone that is not known", "timezone: Europe/Stokholm\n", "14:11",
		"is not in the time zone database"},
	{"issuer by plain http", "issuers:\n  - issuer: http://a\n", "15:13",
		"plain http is for a loopback address with `insecure: yes`"},
	{"insecure, elsewhere", "issuers:\n  - {issuer: https://a, insecure: yes}\n", "15:35",
		"only for an issuer on a loopback address"},
	{"keys by plain http", "issuers:\n  - {issuer: https://a, jwks_uri: http://a/jwks}\n",
		"15:35", "jwks_uri: 'http://a/jwks' is not https"},
	{"issuer with a query", "issuers:\n  - issuer: https://a/?b=c\n", "15:13",
		"without blanks, query and fragment: write the `iss` of its tokens"},
	{"issuer with a blank", "issuers:\n  - issuer: https://a/b c\n", "15:13",
		"is not https://host/path"},
	{"issuer with a user", "issuers:\n  - issuer: https://u@a/b\n", "15:13",
		"is not https://host/path"},
	{"issuer of an address without brackets", "issuers:\n  - issuer: https://2001:db8::1\n",
		"15:13", "is not https://host/path"},
	{"secret of no client",
		"issuers:\n  - {issuer: a, jwks_file: f, web_client_secret_file: s}\n", "15:55",
		"web_client_secret_file: whose secret?"},
	{"no URL", "issuers:\n  - {issuer: https://a, discovery: a/b}\n", "15:36",
		"must be an absolute URL"},
	{"too often", "issuers:\n  - {issuer: https://a, refresh: 30}\n", "15:34",
		"below 60 seconds only for an issuer with `insecure: yes`"},
	{"introspection without a client", "issuers:\n  - {issuer: https://a, token_kind: both}\n",
		"15:5", "introspection needs client_id and client_secret_file"},
	{"two take opaque tokens",
		"issuers:\n  - {issuer: https://a, token_kind: opaque, client_id: r, "
		"client_secret_file: s}\n  - {issuer: https://b, token_kind: both, client_id: r, "
		"client_secret_file: s}\n",
		"16:37", "opaque tokens go to one issuer, and https://a takes them"},
	{"no key", POLICY_ADD("signers: [abc]") "14:13", "must be a public key of Ed25519"},
	{"key of one byte less",
		POLICY_ADD("signers: [AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==]") "14:13",
		"64 hex digits, or 32 bytes in base64"},
	{"key that everybody has",
		POLICY_ADD("signers: "
			   "[\"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
			   "\"]") "14:13",
		"is a key of RFC 8032 whose private half everybody has"},
	{"one key in two ways", POLICY_ADD("signers: [" KEY_HEX ", " KEY_BASE64 "]") "14:12",
		"are one key"},
	{"more signatures than signers",
		POLICY_ADD("signers: [" KEY_HEX "]\n  required_signatures: 2") "15:24",
		"2 are needed, but policy.signers has 1 key"},
	{"signatures of nobody", POLICY_ADD("required_signatures: 2") "14:24",
		"2 are needed, but policy.signers has 0 keys"},
	{"five signatures", POLICY_ADD("required_signatures: 5") "14:24",
		"must be a number from 1 to 4"},
	{"lint", POLICY_ADD("lint: stric") "14:9", "did you mean 'strict'?"},
	{"proxy", "proxy: socks5://p:1\n", "14:8", "must be http://host:port"},
	{"issuer twice",
		"issuers:\n  - {issuer: a, jwks_file: f, audience: b}\n"
		"  - {issuer: a, jwks_file: f, audience: b}\n",
		"16:14", "issuer: 'a' stands twice"},
	{"profile", "issuers:\n  - {issuer: a, jwks_file: f, audience: b, profile: keyclok}\n",
		"15:53", "did you mean 'keycloak'?"},
	{"algorithm", "issuers:\n  - {issuer: a, jwks_file: f, audience: b, algorithms: HS256}\n",
		"15:56", "'HS256' is not one of RS256, ES256, PS256, ES384"},
	{"demo key of a real issuer",
		"issuers:\n  - {issuer: a, jwks_file: f, audience: b, demo_key: k}\n", "15:54",
		"only an issuer marked `demo: yes`"},
	{"leeway", "issuers:\n  - {issuer: a, jwks_file: f, audience: b, clock_leeway: 4}\n",
		"15:58", "must be a number from 5 to 100, in seconds"},
	{"base path", "issuers:\n  - {issuer: a, jwks_file: f, audience: b, base_path: x}\n",
		"15:55", "must begin with '/'"},
};

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		AUTO_BUF text = BUF_INIT(8192);
		AUTO_BUF report = BUF_INIT(8192);
		char place[64];
		CHECK_ROW(bad[i].name);
		buf_addf(&text, "%s%s", LEAST, bad[i].add);
		buf_addc(&text, '\0');
		struct err e = {0};
		assert_null(settings_parse(
			"/etc/pan/agent.yaml", (struct span){text.p, text.n - 1}, &report, &e));
		assert_int_equal(e.code, ERR_SYNTAX);
		buf_addc(&report, '\0');
		(void)snprintf(
			place, sizeof(place), "/etc/pan/agent.yaml:%s: error: ", bad[i].place);
		if (strncmp(report.p, place, strlen(place)) != 0 ||
			strstr(report.p, bad[i].words) == NULL ||
			strchr(report.p, '\n') != strrchr(report.p, '\n'))
			fail_msg("got %s", report.p);
	}
}

static const struct root_row {
	const char *name, *layout, *pid, *words; /* words NULL: good */
} root_rows[] = {
	{"root is one dataset", ".", "10.5072/all", NULL},
	{"literal slash in pid", "{d}", "10.5072/a/{d}", NULL},
	{"layout with a literal", "raw/{d}", "{d}", "must be '.' or {name}/{name}/..."},
	{"layout with an empty folder", "{a}//{b}", "{b}", "must be '.' or {name}"},
	{"layout with a slash at the end", "{a}/", "{a}", "must be '.' or {name}"},
	{"layout names one twice", "{a}/{a}", "{a}", "names {a} twice"},
	{"layout too deep", "{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}", "{i}", "more than 8 folders"},
	{"layout with a capital", "{A}", "x", "must be '.' or {name}"},
	{"pid with an unknown name", "{dataset}", "10/{datset}-{dataset}",
		"{datset} is not a folder of the layout '{dataset}'; did you mean {dataset}?"},
	{"pid without the last folder", "{a}/{b}", "10/{a}", "pid: must hold {b}"},
	{"pid with an open brace", "{a}", "10/{a}{", "brace without its partner"},
	{"pid with a closing brace", "{a}", "10/}{a}", "brace without its partner"},
	{"pid with nested braces", "{a}", "10/{{a}}", "holds {{a}"},
	{"pid with an empty segment", "{a}", "10//{a}", "must not have empty"},
	{"pid with dots", "{a}", "10/../{a}", "must not have empty"},
	{"pid with a space", "{a}", "10/ {a}", "must not hold spaces"},
	{"pid begins with a slash", "{a}", "/{a}", "must not have empty"},
};

static void
test_roots(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(root_rows) / sizeof(root_rows[0]); i++) {
		const struct root_row *row = &root_rows[i];
		AUTO_BUF text = BUF_INIT(8192);
		AUTO_BUF report = BUF_INIT(8192);
		CHECK_ROW(row->name);
		buf_addf(&text,
			"facility: F\ncontact: c\npublic_url: https://h\n"
			"certificates: [{chain: c, key: k}]\npolicy: {files: p}\n"
			"roots:\n  - name: a\n    path: p\n    layout: \"%s\"\n    pid: \"%s\"\n",
			row->layout, row->pid);
		struct settings *s = settings_parse("agent.yaml", buf_span(&text), &report, NULL);
		buf_addc(&report, '\0');
		if ((s != NULL) != (row->words == NULL))
			fail_msg("got %s", report.p);
		if (row->words != NULL && strstr(report.p, row->words) == NULL)
			fail_msg("got %s", report.p);
		if (s != NULL)
			assert_int_equal(s->roots[0].path[0], '/'); /* a relative FILE */
		settings_free(s);
	}
}

/* All that is wrong is said at once. */
static void
test_all_at_once(void **state)
{
	AUTO_BUF report = BUF_INIT(8192);
	struct err e = {0};

	(void)state;
	assert_null(settings_parse(
		"a.yaml", span_of("facilty: F\nworkers: none\nroots: []\n"), &report, &e));
	buf_addc(&report, '\0');
	assert_non_null(strstr(report.p, "a.yaml:1:1: error: unknown key 'facilty'"));
	assert_non_null(strstr(report.p, "a.yaml:2:10: error: workers: must be a number"));
	assert_non_null(strstr(report.p, "a.yaml:3:8: error: roots: must be a list of 1 to 32"));
	assert_non_null(strstr(report.p, "key 'facility' is missing: the facility's name"));
	assert_non_null(strstr(report.p, "key 'contact' is missing"));
	assert_non_null(strstr(report.p, "key 'public_url' is missing"));
	assert_non_null(strstr(report.p, "key 'certificates' is missing"));
	assert_non_null(strstr(report.p, "key 'policy' is missing"));
	assert_string_equal(e.msg, "a.yaml has 8 faults");
}

static const struct one {
	const char *name;
	bool (*check)(struct span, struct err *);
	const char *value;
	bool good;
} ones[] = {
	{"origin", settings_check_origin, "https://a.example", true},
	{"origin with port", settings_check_origin, "https://a.example:8443", true},
	{"origin by IPv6", settings_check_origin, "https://[::1]:8443", true},
	{"origin with a slash", settings_check_origin, "https://a.example/", false},
	{"origin without TLS", settings_check_origin, "http://a.example", false},
	{"origin port 0", settings_check_origin, "https://a:0", false},
	{"origin port empty", settings_check_origin, "https://a:", false},
	{"origin with user", settings_check_origin, "https://u@a", false},
	{"IPv6 not closed", settings_check_host, "[::1", false},
	{"IPv6 and junk", settings_check_host, "[::1]x", false},
	{"listen on port 0", settings_check_listen, "127.0.0.1:0", true},
	{"listen IPv6", settings_check_listen, "[::]:443", true},
	{"listen IPv4 in brackets", settings_check_listen, "[127.0.0.1]:443", false},
	{"listen IPv6 not closed", settings_check_listen, "[::1:443", false},
	{"block", settings_check_block, "10.0.0.0/8", true},
	{"block IPv6", settings_check_block, "2001:db8::/128", true},
	{"block of too many bits", settings_check_block, "10.0.0.0/33", false},
	{"block without bits", settings_check_block, "10.0.0.0", false},
	{"name", settings_check_name, "raw-2.a_b", true},
	{"name with a capital", settings_check_name, "Raw", false},
	{"name with a slash", settings_check_name, "a/b", false},
	{"empty text", settings_check_text, "", false},
	{"text with a tab", settings_check_text, "a\tb", false},
};

static void
test_single_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ones) / sizeof(ones[0]); i++) {
		struct err e = {0};
		CHECK_ROW(ones[i].name);
		assert_int_equal(ones[i].check(span_of(ones[i].value), &e), ones[i].good);
		assert_int_equal(e.msg[0] == '\0', ones[i].good);
	}
}

/* The example that users copy is good, and a file that is not there is a line of the report. */
static void
test_files(void **state)
{
	AUTO_BUF report = BUF_INIT(8192);
	struct settings *s = settings_load("agent/examples/agent.yaml", &report, NULL);

	(void)state;
	buf_addc(&report, '\0');
	if (s == NULL)
		fail_msg("got %s", report.p);
	else
		assert_int_equal(s->n_roots, 2);
	settings_free(s);
	buf_reset(&report);
	assert_null(settings_load("/nowhere/agent.yaml", &report, NULL));
	buf_addc(&report, '\0');
	assert_non_null(strstr(report.p, "/nowhere/agent.yaml:1:1: error: cannot be read"));
}

static void
test_dump(void **state)
{
	AUTO_BUF out = BUF_INIT(1 << 16);

	(void)state;
	settings_dump(&out);
	buf_addc(&out, '\0');
	assert_true(buf_ok(&out));
	assert_non_null(strstr(out.p, "limits.head_seconds\tnumber\t10 seconds\ta request head"));
	assert_non_null(strstr(out.p, "workers\tnumber\tthe cores, at most 8\t"));
}

static void
test_loopback(void **state)
{
	static const struct {
		const char *name;
		bool is;
	} rows[] = {
		{"http://127.0.0.1", true},
		{"http://127.0.0.1:9400/a", true},
		{"http://localhost:1", true},
		{"http://[::1]:9400", true},
		{"http://[::1]", true},
		{"http://[::1]evil", false},
		{"http://[::2]:1", false},
		{"http://127.0.0.1.evil.test", false},
		{"http://127.0.0.1@evil.test", false},
		{"http://localhost.evil", false},
		{"https://127.0.0.1", false},
		{"HTTP://127.0.0.1", false},
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		assert_int_equal(settings_issuer_loopback(rows[i].name), rows[i].is);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_single_values),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_dump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
