/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A gate with a real catalogue, policy and audit log in a folder of its own. */
#include "agent/base/crypto.h"
#include "agent/base/scope.h"
#include "agent/catalog/ingest.h"
#include "agent/gate.h"
#include "tests/unit/check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char policy_text[] =
	"policy: test\n"
	"version: 1\n"
	"timezone: Europe/Paris\n"
	"contact: office@test.example\n"
	"valid_from: 2000-01-01\n"
	"licence: CC-BY-4.0\n"
	"embargo: {anchor: experiment_end, period: 3y, early_release: [pi]}\n"
	"metadata: {public_at: {experiment_end: [title]}}\n"
	"grant: {withdrawn: [director]}\n"
	"rules:\n"
	"  - {id: gone, effect: deny, action: [data.list, data.read], when: {state: withdrawn}, "
	"reason: withdrawn}\n"
	"  - {id: record, effect: permit, action: [meta.public], when: {state: [embargoed, open, "
	"withdrawn]}}\n"
	"  - {id: open-data, effect: permit, action: [data.list, data.read], when: {state: open},\n"
	"     obligations: [cite, licence-notice]}\n"
	"  - {id: names-only, effect: permit, action: [data.list], when: {proposal: [PLAN]}}\n"
	"tests:\n"
	"  - {name: closed, now: 2025-01-01, dates: {experiment_end: 2024-05-31}, action: "
	"data.read, expect: deny}\n";

static const char proposals_text[] =
	"proposals:\n"
	"  - {id: OPEN, title: Old and open, dates: {experiment_start: 2010-01-01, experiment_end: "
	"2010-01-02}}\n"
	"  - {id: SHUT, title: New, dates: {experiment_start: 2026-01-01, experiment_end: "
	"2026-01-02}}\n"
	"  - {id: PAID, route: proprietary, dates: {experiment_start: 2010-01-01, experiment_end: "
	"2010-01-02}}\n"
	"  - id: GONE\n"
	"    dates: {experiment_start: 2010-01-01, experiment_end: 2010-01-02}\n"
	"    events: [{type: withdrawal, at: 2020-01-01, by: director}]\n"
	"  - {id: PLAN, dates: {experiment_start: 2027-01-01, experiment_end: "
	"2027-01-02}}\n";

#define KEYS_ISS "https://keys.test"

#define NOW 1790000000 /* 2026-09-21 */

struct gate_place {
	char dir[64], catalogue[96], audit[96];
	struct settings settings;
	struct settings_root root;
	struct settings_issuer issuer; /* KEYS_ISS: its keys come from the courier, or never */
	struct policy_set *policies;
	struct gate gate;
	struct gate_desk desk;
	uint64_t epoch;
	int roots[1];
};

static inline void
put(const char *dir, const char *name, const char *text)
{
	char path[2048];

	(void)snprintf(path, sizeof(path), "%s/data/%s", dir, name);
	AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static inline void
fill_storage(const char *dir)
{
	static const char *const folders[] = {
		"", "/OPEN", "/OPEN/sub", "/SHUT", "/PAID", "/GONE", "/PLAN"};
	char path[256];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/data%s", dir, folders[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	put(dir, "OPEN/a b.txt", "hello");
	put(dir, "OPEN/sub/<x>.h5", "12345678");
	put(dir, "OPEN/sub/a&copy.h5", "12345678");
	put(dir, "SHUT/a.txt", "secret");
	put(dir, "PAID/a.txt", "secret");
	put(dir, "GONE/a.txt", "secret");
	(void)snprintf(path, sizeof(path), "%s/data/OPEN/link.txt", dir);
	assert_int_equal(symlink("/etc/hostname", path), 0);
	(void)snprintf(path, sizeof(path), "%s/data/OPEN/inner.txt", dir);
	assert_int_equal(symlink("a b.txt", path), 0);
	(void)snprintf(path, sizeof(path), "%s/data/OPEN/sideways.txt", dir);
	assert_int_equal(symlink("../SHUT/a.txt", path), 0);
}

/* What a reader said of a file that names itself. */
static const char reading_text[] =
	"{\"format\":\"nexus\",\"hdf5_version\":2,\"problem\":null,"
	"\"entries\":[{\"name\":\"entry\",\"title\":\"A discovery\"}],\"notes\":[]}";

static inline void
add_file(struct ingest *in, const struct gate_place *p, int64_t dataset, const char *folder,
	const char *name)
{
	char path[256];
	struct stat st = {0};
	struct ingest_file f = {
		.path = span_of(name), .format = SPAN("other"), .problem = SPAN("not HDF5")};

	(void)snprintf(path, sizeof(path), "%s/data/%s/%s", p->dir, folder, name);
	(void)stat(path, &st);
	if (strcmp(name, "named.nxs") == 0)
		f = (struct ingest_file){.path = span_of(name),
			.format = SPAN("nexus"),
			.reading = span_of(reading_text)};
	f.bytes = (uint64_t)st.st_size;
	f.mtime_s = st.st_mtim.tv_sec;
	f.mtime_ns = st.st_mtim.tv_nsec;
	assert_true(ingest_file_put(in, dataset, &f, NULL));
}

static inline void
fill_catalogue(struct gate_place *p)
{
	static const char *const ids[] = {"OPEN", "SHUT", "PAID", "GONE", "PLAN"};
	struct ingest *in = NULL;
	struct err e = {0};
	struct proposals all;
	int64_t source = 0;
	AUTO_BUF report = BUF_INIT(8192);
	AUTO_ARENA a = {0};

	assert_true(arena_init(&a, 80UL << 20));
	assert_true(ingest_open(p->catalogue, &in, &e) && ingest_begin(in, &e));
	assert_true(proposals_parse("p.yaml", span_of(proposals_text), &a, &report, &all, &e));
	assert_true(ingest_proposals(in, &all, &e));
	assert_true(ingest_source(in, SPAN("main"), 0, SPAN("/x"), &source, &e));
	for (size_t i = 0; i < 5; i++) {
		struct ingest_dataset d = {
			.source = source, .folder = span_of(ids[i]), .proposal = span_of(ids[i])};
		int64_t id = 0;
		AUTO_BUF pid = BUF_INIT(64);
		buf_addf(&pid, "10.5072/%s", ids[i]);
		d.pid = buf_span(&pid);
		assert_true(ingest_dataset_put(in, &d, &id, &e));
		if (i == 0) {
			add_file(in, p, id, ids[i], "a b.txt");
			add_file(in, p, id, ids[i], "inner.txt");
			add_file(in, p, id, ids[i], "named.nxs");
			add_file(in, p, id, ids[i], "link.txt");
			add_file(in, p, id, ids[i], "sideways.txt");
			add_file(in, p, id, ids[i], "sub/<x>.h5");
			add_file(in, p, id, ids[i], "sub/a&copy.h5");
			add_file(in, p, id, ids[i], "vanished.txt");
		} else {
			add_file(in, p, id, ids[i], "a.txt");
			add_file(in, p, id, ids[i], "named.nxs");
		}
		assert_true(ingest_record(in, id, &d, &e));
	}
	assert_true(ingest_commit(in, &e));
	ingest_close(in);
}

static inline int
setup(void **state)
{
	static const char *const typs[] = {"at+jwt"};
	static struct gate_place p; /* cmocka's state */
	const struct policy_source source = {"policy.yaml", {policy_text, sizeof(policy_text) - 1}};
	struct err e = {0};
	AUTO_BUF report = BUF_INIT(8192);
	char path[96];

	p = (struct gate_place){.epoch = 0};
	(void)snprintf(p.dir, sizeof(p.dir), "/tmp/pan-gate-XXXXXX");
	assert_non_null(mkdtemp(p.dir));
	fill_storage(p.dir);
	(void)snprintf(p.catalogue, sizeof(p.catalogue), "%s/catalogue.sqlite", p.dir);
	(void)snprintf(p.audit, sizeof(p.audit), "%s/audit.jsonl", p.dir);
	fill_catalogue(&p);
	(void)snprintf(path, sizeof(path), "%s/data", p.dir);
	p.roots[0] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	p.root = (struct settings_root){.name = "main"};
	p.issuer = (struct settings_issuer){.issuer = KEYS_ISS,
		.name = "Keys",
		.profile = "generic",
		.typ = {typs, 1},
		.require_kid = -1,
		.path_scopes = -1,
		.allow_any_audience = -1,
		.require_iat = -1,
		.stale_max = 2 * 86400};
	p.settings = (struct settings){.facility = "Test <facility>",
		.contact = "me@test.example",
		.public_url = "https://localhost",
		.catalogue = p.catalogue,
		.roots = &p.root,
		.n_roots = 1,
		.issuers = &p.issuer,
		.n_issuers = 1,
		.kept_keys = true};
	p.gate = (struct gate){.settings = &p.settings, .roots = p.roots, .epoch = &p.epoch};
	p.policies = policy_set_load(&source, 1, &report, &e);
	if (p.policies == NULL)
		fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
	p.gate.policies = p.policies;
	assert_true(auth_load(&p.settings, NULL, NULL, &report, &p.gate.auth, &e));
	int fd = open(p.audit, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	assert_true(audit_open(&fd, &(struct audit_place){.dir = -1}, "gate", AUDIT_SYNC_NEVER,
		&p.gate.audit, &e));
	assert_true(gate_desk_init(&p.desk, &p.gate, &e));
	*state = &p;
	return 0;
}

static inline int
teardown(void **state)
{
	struct gate_place *p = *state;
	char command[128];

	gate_desk_fini(&p->desk);
	audit_free(p->gate.audit);
	auth_free(p->gate.auth);
	policy_set_free(p->policies);
	(void)close(p->roots[0]);
	(void)snprintf(command, sizeof(command), "rm -rf %s", p->dir);
	return system(command); // NOLINT(cert-env33-c,concurrency-mt-unsafe): a test's own folder
}
