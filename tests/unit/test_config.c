/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/check.h"

#include "agent/base/scope.h"
#include "agent/config.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A facility in a folder of its own. */
struct place {
	char dir[64];
	char yaml[128];
};

static const char good[] = "facility: F\n"
			   "contact: c\n"
			   "public_url: https://h\n"
			   "certificates: [{chain: chain.pem, key: key.pem}]\n"
			   "state_dir: state\n"
			   "runtime_dir: run\n"
			   "log_dir: log\n"
			   "proposals: proposals.yaml\n"
			   "policy: {files: [policy.yaml]}\n"
			   "roots: [{name: a, path: data, layout: ., pid: x}]\n";

static void
put(const struct place *p, const char *name, const char *text)
{
	char path[160];
	size_t n = strlen(text);

	(void)snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), (ssize_t)n);
}

static void
make(struct place *p)
{
	char data[96];

	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/pan-config-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	(void)snprintf(p->yaml, sizeof(p->yaml), "%s/agent.yaml", p->dir);
	(void)snprintf(data, sizeof(data), "%s/data", p->dir);
	assert_int_equal(mkdir(data, 0700), 0);
	put(p, "agent.yaml", good);
	put(p, "chain.pem", "chain");
	put(p, "key.pem", "key");
	put(p, "policy.yaml", "rules");
	put(p, "proposals.yaml", "proposals: []\n");
}

static void
clear(const struct place *p)
{
	static const char *const files[] = {"agent.yaml", "chain.pem", "key.pem", "policy.yaml",
		"proposals.yaml", "log/audit.jsonl", "jwks.json", "ca.pem", "secret", "websecret",
		"accounts.yaml", "policy.yaml.sig"};
	static const char *const folders[] = {"data", "state/issuers", "state", "run", "log", ""};
	char path[160];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", p->dir, files[i]);
		(void)unlink(path);
	}
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", p->dir, folders[i]);
		(void)rmdir(path);
	}
}

static size_t
at(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->bundle.n; i++)
		if (strcmp(c->bundle.entries[i].file.name, name) == 0)
			return i;
	return SIZE_MAX;
}

static int
fd_of(const struct config *c, const char *name)
{
	size_t i = at(c, name);

	return i < ROLE_FILES ? c->bundle.entries[i].file.fd : -1;
}

static unsigned
roles_of(const struct config *c, const char *name)
{
	size_t i = at(c, name);

	return i < ROLE_FILES ? c->bundle.entries[i].roles : 0;
}

static void
check_text(const struct config *c, const char *name, const char *want)
{
	char text[64] = "";

	assert_true(pread(fd_of(c, name), text, sizeof(text) - 1, 0) >= 0);
	assert_string_equal(text, want);
}

/* Who gets what, and that a text is what it was at the time of reading. */
static void
test_load(void **state)
{
	static const struct {
		const char *name;
		unsigned roles;
	} wants[] = {
		{"agent.yaml", BUNDLE_ALL},
		{"tls.chain.0", BUNDLE_ROLE(PROCESS_FRONT)},
		{"tls.key.0", BUNDLE_ROLE(PROCESS_FRONT)},
		{"policy.0", BUNDLE_ROLE(PROCESS_GATE) | BUNDLE_ROLE(PROCESS_INDEXER)},
		{"audit", BUNDLE_ROLE(PROCESS_GATE)},
		{"audit.dir", BUNDLE_ROLE(PROCESS_GATE)},
		{"root.0", BUNDLE_ROLE(PROCESS_GATE) | BUNDLE_ROLE(PROCESS_INDEXER)},
		{"catalogue.dir", BUNDLE_ROLE(PROCESS_GATE) | BUNDLE_ROLE(PROCESS_INDEXER)},
		{"ledger.dir", BUNDLE_ROLE(PROCESS_GATE)},
		{"proposals", BUNDLE_ROLE(PROCESS_INDEXER)},
	};
	AUTO_BUF report = BUF_INIT(8192);
	struct place p;

	(void)state;
	make(&p);
	struct config *c = config_load(p.yaml, BUNDLE_ALL, true, NULL, &report, NULL);
	assert_non_null(c);
	assert_int_equal(report.n, 0);
	assert_int_equal(c->bundle.n, sizeof(wants) / sizeof(wants[0]));
	for (size_t i = 0; i < c->bundle.n; i++) {
		CHECK_ROW(wants[i].name);
		assert_int_equal(roles_of(c, wants[i].name), wants[i].roles);
	}
	put(&p, "policy.yaml", "other");
	put(&p, "agent.yaml", "other");
	check_text(c, "policy.0", "rules");
	assert_int_equal(write(fd_of(c, "policy.0"), "x", 1), -1); /* sealed */
	config_free(c);
	clear(&p);
}

/* Policies that are opened anew, and nothing else; signatures where somebody must sign. */
static void
test_policies(void **state)
{
	static const char signers[] =
		"\npolicy: {files: [policy.yaml], signers: "
		"[000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f]}\n";
	AUTO_BUF yaml = BUF_INIT(8192);
	AUTO_BUF report = BUF_INIT(8192);
	struct err e = {0};
	struct place p;

	(void)state;
	make(&p);
	struct span rest = span_of(good);
	while (rest.n > 0) { /* all but the line of policy */
		struct span line = span_cut(&rest, '\n');
		if (!span_starts(line, SPAN("policy:")))
			buf_addf(&yaml, "%.*s\n", SPAN_ARG(line));
	}
	buf_add(&yaml, (struct span){signers, sizeof(signers)});
	put(&p, "agent.yaml", yaml.p);
	struct config *a = config_load(p.yaml, BUNDLE_ALL, true, NULL, &report, NULL);
	check_span(buf_span(&report), "");
	assert_non_null(a);
	assert_int_equal(fd_of(a, "policy.0.sig"), -1); /* the gate tells that there is none */
	assert_false(config_policies_differ(a));
	put(&p, "policy.yaml.sig", "sig");
	assert_true(config_policies_differ(a));
	put(&p, "policy.yaml", "RULES");
	put(&p, "chain.pem", "other");
	put(&p, "agent.yaml", "other");
	assert_true(config_policies_differ(a));
	struct config *b = config_policies(a, &report, &e);
	assert_non_null(b);
	assert_false(config_policies_differ(b));
	assert_int_equal(b->bundle.n, a->bundle.n + 1);
	for (size_t i = 0; i < b->bundle.n; i++)
		assert_int_equal(b->bundle.entries[i].roles,
			strcmp(b->bundle.entries[i].file.name, "policy.0.sig") == 0
				? BUNDLE_ROLE(PROCESS_GATE) | BUNDLE_ROLE(PROCESS_INDEXER)
				: roles_of(a, b->bundle.entries[i].file.name));
	check_text(b, "policy.0", "RULES");
	check_text(b, "policy.0.sig", "sig");
	check_text(b, "tls.chain.0", "chain");
	check_text(a, "policy.0", "rules");
	config_free(a);
	put(&p, "policy.yaml", "RULEs"); /* of the same length */
	assert_true(config_policies_differ(b));
	put(&p, "policy.yaml", "RULES");
	assert_false(config_policies_differ(b));
	char path[160];
	(void)snprintf(path, sizeof(path), "%s/policy.yaml", p.dir);
	assert_int_equal(unlink(path), 0);
	assert_true(config_policies_differ(b));
	assert_null(config_policies(b, &report, &e));
	assert_string_equal(e.ref, CONFIG_POLICY);
	assert_non_null(memmem(report.p, report.n, "agent.yaml:11:18: error: ", 25));
	config_free(b);
	clear(&p);
}

static void
test_only_for_some_roles(void **state)
{
	AUTO_BUF report = BUF_INIT(8192);
	struct place p;

	(void)state;
	make(&p);
	put(&p, "agent.yaml",
		"facility: F\ncontact: c\npublic_url: https://h\nstate_dir: state\nlog_dir: log\n"
		"runtime_dir: run\ncertificates: [{chain: no, key: no}]\npolicy: {files: [no]}\n"
		"roots: [{name: a, path: data, layout: ., pid: x}]\n");
	struct config *c =
		config_load(p.yaml, BUNDLE_ROLE(PROCESS_INDEXER), true, NULL, &report, NULL);
	assert_non_null(c); /* no key and no policy is needed for indexing */
	assert_int_equal(fd_of(c, "tls.key.0"), -1);
	assert_int_equal(fd_of(c, "audit"), -1);
	assert_true(fd_of(c, "root.0") >= 0);
	config_free(c);
	clear(&p);
}

static const char issuers[] =
	"accounts: accounts.yaml\n"
	"issuers:\n"
	"  - {issuer: \"https://file\", audience: [a], jwks_file: jwks.json}\n"
	"  - {issuer: \"https://net\", audience: [a], ca_file: ca.pem, enrich: introspection,\n"
	"     client_id: c, client_secret_file: secret,\n"
	"     web_client_id: w, web_client_secret_file: websecret}\n";

/* A facility with an issuer whose keys are in a file, and one that is fetched. */
static void
make_issuers(struct place *p)
{
	AUTO_BUF text = BUF_INIT(8192);

	make(p);
	buf_adds(&text, good);
	buf_adds(&text, issuers);
	buf_addc(&text, '\0');
	put(p, "agent.yaml", text.p);
	put(p, "jwks.json", "{\"keys\":[]}");
	put(p, "ca.pem", "ca");
	put(p, "secret", "s3cret");
	put(p, "websecret", "w");
	put(p, "accounts.yaml", "accounts: []\n");
}

/* The courier has what it needs to ask, the gate has no secret; an issuer of a file needs nobody.
 */
static void
test_issuers(void **state)
{
	static const struct {
		const char *name;
		unsigned roles;
	} wants[] = {
		{"jwks.0", BUNDLE_ROLE(PROCESS_GATE)},
		{"accounts", BUNDLE_ROLE(PROCESS_GATE)},
		{"secret.1", BUNDLE_ROLE(PROCESS_COURIER)},
		{"websecret.1", BUNDLE_ROLE(PROCESS_COURIER)},
		{"ca.1", BUNDLE_ROLE(PROCESS_COURIER)},
		{"courier.dir", BUNDLE_ROLE(PROCESS_COURIER)},
		{"jwks.1", 0},
		{"secret.0", 0},
		{"ca.0", 0},
	};
	AUTO_BUF report = BUF_INIT(8192);
	struct stat st;
	struct place p;

	(void)state;
	make_issuers(&p);
	struct config *c = config_load(p.yaml, BUNDLE_ALL, true, NULL, &report, NULL);
	if (c == NULL)
		fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
	assert_true(config_wants_courier(c->settings));
	for (size_t i = 0; i < sizeof(wants) / sizeof(wants[0]); i++) {
		CHECK_ROW(wants[i].name);
		assert_int_equal(roles_of(c, wants[i].name), wants[i].roles);
	}
	assert_int_equal(fstat(fd_of(c, "courier.dir"), &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0700);
	put(&p, "ca.pem", "another");
	check_text(c, "ca.1", "ca"); /* until a reload */
	check_text(c, "secret.1", "s3cret");
	config_free(c);
	clear(&p);
}

/* Nothing is made and nobody is asked where no issuer is fetched. */
static void
test_no_courier(void **state)
{
	AUTO_BUF report = BUF_INIT(8192);
	AUTO_BUF text = BUF_INIT(8192);
	struct place p;

	(void)state;
	make_issuers(&p);
	buf_adds(&text, good);
	buf_addf(&text, "%.*s", (int)(strstr(issuers, "  - {issuer: \"https://net") - issuers),
		issuers);
	buf_addc(&text, '\0');
	put(&p, "agent.yaml", text.p);
	struct config *c = config_load(p.yaml, BUNDLE_ALL, true, NULL, &report, NULL);
	assert_non_null(c);
	assert_false(config_wants_courier(c->settings));
	assert_int_equal(fd_of(c, "courier.dir"), -1);
	assert_true(fd_of(c, "jwks.0") >= 0);
	config_free(c);
	clear(&p);
}

/* What is shared goes to whom it is for, as it is. */
static void
test_shared(void **state)
{
	AUTO_BUF report = BUF_INIT(8192);
	AUTO_FD sessions = memfd_create("sessions", MFD_CLOEXEC);
	const struct config_shared shared = {-1, -1, -1, sessions, -1};
	struct stat mine;
	struct stat its;
	struct place p;

	(void)state;
	make(&p);
	struct config *c = config_load(p.yaml, BUNDLE_ALL, true, &shared, &report, NULL);
	assert_non_null(c);
	assert_int_equal(roles_of(c, "sessions"), BUNDLE_ROLE(PROCESS_GATE));
	assert_int_equal(fstat(sessions, &mine), 0);
	assert_int_equal(fstat(fd_of(c, "sessions"), &its), 0);
	assert_int_equal(mine.st_ino, its.st_ino);
	assert_int_equal(roles_of(c, "epoch"), 0);
	config_free(c);
	clear(&p);
}

static const struct row {
	const char *name, *text, *words[3];
} rows[] = {
	{"missing files, each at its place",
		"facility: F\ncontact: c\npublic_url: https://h\nstate_dir: state\n"
		"runtime_dir: run\nlog_dir: log\n"
		"certificates: [{chain: no.pem, key: key.pem}]\n"
		"policy: {files: [policy.yaml, no.yaml]}\n"
		"roots: [{name: a, path: nowhere, layout: ., pid: x}]\n",
		{"agent.yaml:7:24: error: ", "agent.yaml:8:31: error: ",
			"agent.yaml:9:25: error: "}},
	{"faults of both kinds at once",
		"facilty: F\ncontact: c\npublic_url: https://h\n"
		"certificates: [{chain: no.pem}]\n"
		"policy: {files: [policy.yaml]}\n"
		"roots: [{name: a, path: data, layout: ., pid: x}]\n",
		{"agent.yaml:1:1: error: unknown key 'facilty'", "key 'key' is missing",
			"agent.yaml:4:24: error: "}},
	{"a folder is no text",
		"facility: F\ncontact: c\npublic_url: https://h\nstate_dir: state\n"
		"runtime_dir: run\nlog_dir: log\n"
		"certificates: [{chain: chain.pem, key: key.pem}]\n"
		"policy: {files: [data]}\n"
		"roots: [{name: a, path: policy.yaml, layout: ., pid: x}]\n",
		{"/data: cannot be read: Is a directory",
			"/policy.yaml: cannot be opened: Not a directory", ""}},
	{"secrets, authorities and accounts that are not there",
		"facility: F\ncontact: c\npublic_url: https://h\nstate_dir: state\n"
		"runtime_dir: run\nlog_dir: log\naccounts: none.yaml\n"
		"certificates: [{chain: chain.pem, key: key.pem}]\n"
		"policy: {files: [policy.yaml]}\n"
		"roots: [{name: a, path: data, layout: ., pid: x}]\n"
		"issuers: [{issuer: \"https://net\", audience: [a], ca_file: no-ca,\n"
		"  enrich: introspection, client_id: c, client_secret_file: no-secret}]\n",
		{"agent.yaml:7:11: error: ", "/no-ca: cannot be read: No such file",
			"/no-secret: cannot be opened: No such file"}},
};

static void
test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF report = BUF_INIT(8192);
		struct err e = {0};
		struct place p;
		CHECK_ROW(rows[i].name);
		make(&p);
		put(&p, "agent.yaml", rows[i].text);
		assert_null(config_load(p.yaml, BUNDLE_ALL, true, NULL, &report, &e));
		buf_addc(&report, '\0');
		for (size_t w = 0; w < 3; w++)
			if (strstr(report.p, rows[i].words[w]) == NULL)
				fail_msg("no '%s' in %s", rows[i].words[w], report.p);
		clear(&p);
	}
}

static void
test_proposals_anew(void **state)
{
	AUTO_BUF report = BUF_INIT(8192);
	struct place p;

	(void)state;
	make(&p);
	struct config *c = config_load(p.yaml, BUNDLE_ALL, true, NULL, &report, NULL);
	assert_non_null(c);
	assert_false(config_refresh_proposals(c));
	put(&p, "proposals.yaml", "proposals: [] # later\n");
	assert_true(config_refresh_proposals(c));
	check_text(c, "proposals", "proposals: [] # later\n");
	assert_false(config_refresh_proposals(c));
	config_free(c);
	clear(&p);
}

static void
test_fixed_keys(void **state)
{
	static const char *const one[] = {"127.0.0.1:1"};
	static const char *const two[] = {"127.0.0.1:2"};
	struct settings a = {.workers = 2, .listen = {one, 1}, .public_url = "https://a"};
	struct settings b = a;
	AUTO_BUF names = BUF_INIT(1024);

	(void)state;
	config_fixed_keys(&a, &b, &names);
	assert_int_equal(names.n, 0);
	b.facility = "changed"; /* a reload takes that */
	config_fixed_keys(&a, &b, &names);
	assert_int_equal(names.n, 0);
	b.listen.item = two;
	b.workers = 3;
	b.limits.drain_seconds = 1;
	b.public_url = "https://b";
	config_fixed_keys(&a, &b, &names);
	check_span(buf_span(&names), "public_url, listen, workers, limits");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_only_for_some_roles),
		cmocka_unit_test(test_issuers),
		cmocka_unit_test(test_no_courier),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_proposals_anew),
		cmocka_unit_test(test_fixed_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
