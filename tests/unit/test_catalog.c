/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/check.h"

#include "agent/base/civil.h"
#include "agent/catalog/catalog.h"
#include "agent/catalog/ingest.h"
#include "policy/view_all.h"

#include <time.h>
#include <unistd.h>

#define ISSUER "https://login.example.org"

/* A small facility: proposal P1 with a team and a log, P2 that nobody knows, and no proposal. */
struct world {
	char dir[64], path[96];
	struct ingest *ingest;
	struct catalog *catalog;
	struct arena arena;
	int64_t source;
};

static const char proposals_text[] =
	"proposals:\n"
	"  - id: P1\n"
	"    title: Pores in sandstone\n"
	"    route: icrd\n"
	"    policy: esrf-2024\n"
	"    flags: [personal-data, export-control]\n"
	"    dates: {experiment_start: 2026-03-01, experiment_end: \"2026-03-04T10:00:00Z\"}\n"
	"    team:\n"
	"      - {role: pi, issuer: \"" ISSUER "\", sub: alice}\n"
	"      - {role: coproposer, entitlement: \"urn:geant:example.org:group:p1\"}\n"
	"      - {role: delegate, entitlement: \"urn:geant:example.org:group:p1:role=boss#aai\"}\n"
	"      - {role: local_contact, user: mmuster}\n"
	"    events:\n"
	"      - {type: extension, at: 2027-01-02, by: director, period: 1y}\n"
	"      - {type: withdrawal, at: 2027-01-03, by: user_office, note: wrong sample}\n"
	"  - id: P3\n"
	"    dates: from-files\n";

static const char reading_text[] =
	"{\"format\":\"nexus\",\"problem\":null,\"notes\":[],\"entries\":[{\"name\":\"entry\","
	"\"title\":\"a scan\",\"definition\":\"NXsas\",\"start_time\":\"2026-03-01T08:00:00Z\","
	"\"end_time\":\"2026-03-02T08:00:00Z\",\"instrument\":\"ID00\",\"source\":\"ESRF\","
	"\"sample\":\"stone\","
	"\"users\":[\"A\"],\"parameters\":[{\"name\":\"wavelength\",\"value\":1.5,"
	"\"unit\":\"angstrom\"}],\"technique\":\"PaNET01188\"}]}";

static void
must(bool ok, const struct err *e)
{
	if (!ok)
		fail_msg("%s", e->msg);
}

static int64_t
put(struct world *w, const char *pid, const char *folder, const char *proposal)
{
	struct err e = {0};
	struct ingest_dataset d = {
		.source = w->source,
		.folder = span_of(folder),
		.pid = span_of(pid),
		.proposal = span_of(proposal),
		.kind = KIND_RAW,
		.facility = SPAN("Example"),
	};
	struct ingest_file f = {.path = SPAN("sub/raw.h5"),
		.bytes = 10,
		.mtime_s = 1000,
		.mtime_ns = 5,
		.format = SPAN("nexus"),
		.has_digests = true,
		.digests = {.sha256 = {1}, .md5 = {2}, .adler32 = 3, .crc32c = 4000000000U},
		.reading = span_of(reading_text)};
	AUTO_BUF other = BUF_INIT(8192);
	int64_t id = 0;

	must(ingest_dataset_find(w->ingest, &d, &id, &other, &e), &e);
	must(ingest_dataset_put(w->ingest, &d, &id, &e), &e);
	must(ingest_file_put(w->ingest, id, &f, &e), &e);
	f = (struct ingest_file){.path = SPAN("a.txt"),
		.bytes = 5,
		.format = SPAN("other"),
		.problem = SPAN("not HDF5")};
	must(ingest_file_put(w->ingest, id, &f, &e), &e);
	must(ingest_record(w->ingest, id, &d, &e), &e);
	return id;
}

static void
put_proposals(struct world *w, const char *text)
{
	AUTO_ARENA a = {0};
	AUTO_BUF report = BUF_INIT(8192);
	struct proposals all;
	struct err e = {0};

	assert_true(arena_init(&a, (size_t)80 << 20));
	if (!proposals_parse("p.yaml", span_of(text), &a, &report, &all, &e))
		fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
	must(ingest_proposals(w->ingest, &all, &e), &e);
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct err e = {0};

	assert_non_null(w);
	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/pan_catalog_XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->path, sizeof(w->path), "%s/catalogue.sqlite", w->dir);
	assert_true(arena_init(&w->arena, 1 << 22));
	must(ingest_open(w->path, &w->ingest, &e), &e);
	must(ingest_begin(w->ingest, &e), &e);
	must(ingest_source(w->ingest, SPAN("store"), 3, SPAN("/data"), &w->source, &e), &e);
	put_proposals(w, proposals_text);
	(void)put(w, "10.5072/abc", "P1/abc", "P1");
	(void)put(w, "10.5072/abc/sub", "P1/sub", "P2");
	(void)put(w, "10.5072/files", "P3/files", "P3");
	(void)put(w, "10.5072/a_b%", "none", NULL);
	must(ingest_commit(w->ingest, &e), &e);
	must(catalog_open(w->path, &w->catalog, &e), &e);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	static const char *const tails[] = {"", "-wal", "-shm"};
	struct world *w = *state;
	char name[128];

	catalog_close(w->catalog);
	ingest_close(w->ingest);
	arena_fini(&w->arena);
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", w->path, tails[i]);
		(void)unlink(name);
	}
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	return 0;
}

static const struct match {
	const char *name, *path;
	const char *pid;  /* NULL: absent */
	const char *rest; /* NULL: absent */
} matches[] = {
	{"a file", "10.5072/abc/raw.h5", "10.5072/abc", "raw.h5"},
	{"the longest wins", "10.5072/abc/sub/raw.h5", "10.5072/abc/sub", "raw.h5"},
	{"the dataset itself", "10.5072/abc", "10.5072/abc", NULL},
	{"its listing", "10.5072/abc/", "10.5072/abc", ""},
	{"two slashes", "10.5072/abc//", "10.5072/abc", "/"},
	{"a name that only begins alike", "10.5072/abcd/raw.h5", NULL, NULL},
	{"a segment that begins alike", "10.5072/abc/subway", "10.5072/abc", "subway"},
	{"the prefix alone", "10.5072", NULL, NULL},
	{"nothing", "", NULL, NULL},
	{"a slash", "/", NULL, NULL},
	{"leading slash", "/10.5072/abc", NULL, NULL},
	{"no wildcards", "10.5072/aXbY", NULL, NULL},
	{"wildcards as letters", "10.5072/a_b%/x", "10.5072/a_b%", "x"},
	{"letter case counts", "10.5072/ABC", NULL, NULL},
	{"many segments below", "10.5072/abc/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9", "10.5072/abc",
		"1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9"},
};

static void
match(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
		const struct match *m = &matches[i];
		struct catalog_dataset d;
		struct span rest = SPAN("untouched");
		struct err e = {0};

		CHECK_ROW(m->name);
		bool ok = catalog_match(w->catalog, span_of(m->path), &w->arena, &d, &rest, &e);
		assert_int_equal(ok, m->pid != NULL);
		if (!ok) {
			assert_int_equal(e.code, ERR_ABSENT);
			check_span(rest, "untouched");
			continue;
		}
		check_span(d.pid, m->pid);
		assert_int_equal(rest.p != NULL, m->rest != NULL);
		if (m->rest != NULL)
			check_span(rest, m->rest);
	}
}

static void
dataset(void **state)
{
	struct world *w = *state;
	struct catalog_dataset d;
	struct err e = {0};

	must(catalog_by_pid(w->catalog, SPAN("10.5072/abc"), &w->arena, &d, &e), &e);
	assert_int_equal(d.root, 3);
	check_span(d.root_name, "store");
	check_span(d.folder, "P1/abc");
	check_span(d.title, "a scan");
	check_span(d.proposal, "P1");
	check_span(d.proposal_title, "Pores in sandstone");
	check_span(d.instrument, "ID00");
	check_span(d.facility, "Example");
	check_span(d.source, "ESRF");
	check_span(d.sample, "stone");
	check_span(d.definition, "NXsas");
	check_span(d.technique, "PaNET01188");
	assert_int_equal(d.files, 2);
	assert_int_equal(d.bytes, 15);
	assert_true(d.json.n > 10);
	const struct object_facts *f = &d.facts;
	check_span(f->pid, "10.5072/abc");
	check_span(f->proposal, "P1");
	check_span(f->policy, "esrf-2024");
	assert_int_equal(f->route, ROUTE_ICRD);
	assert_int_equal(f->flags, 1U << FLAG_PERSONAL_DATA | 1U << FLAG_EXPORT_CONTROL);
	assert_false(f->dates[MILESTONE_PROPOSAL_ACCEPTED].given);
	assert_true(f->dates[MILESTONE_EXPERIMENT_START].is_date);
	assert_int_equal(f->dates[MILESTONE_EXPERIMENT_START].date, civil_days(2026, 3, 1));
	assert_false(f->dates[MILESTONE_EXPERIMENT_END].is_date);
	assert_int_equal(f->n_events, 2);
	assert_int_equal(f->events[0].type, EVENT_EXTENSION);
	assert_int_equal(f->events[0].period.months, 12);
	assert_int_equal(f->events[1].type, EVENT_WITHDRAWAL);
	assert_int_equal(f->events[1].by, ROLE_USER_OFFICE);
	assert_false(f->events[1].malformed);
}

/* What a dataset would be that is not catalogued: as one of its proposal is, but for its files. */
static void
new_dataset(void **state)
{
	const struct catalog_place at = {.pid = SPAN("10.5072/new"),
		.root = SPAN("store"),
		.folder = SPAN("P1/new"),
		.proposal = SPAN("P1"),
		.kind = KIND_PROCESSED};
	static const char *const unknown[] = {"P2", "P9", ""}; /* P2: a folder's name alone */
	struct world *w = *state;
	struct catalog_dataset d;
	struct catalog_dataset there;
	struct err e = {0};

	must(catalog_by_pid(w->catalog, SPAN("10.5072/abc"), &w->arena, &there, &e), &e);
	must(catalog_new(w->catalog, &at, &w->arena, &d, &e), &e);
	assert_int_equal(d.id, 0);
	check_span(d.pid, "10.5072/new");
	check_span(d.root_name, "store");
	check_span(d.folder, "P1/new");
	check_span(d.proposal, "P1");
	check_span(d.title, NULL);
	assert_int_equal(d.document, there.document);
	assert_int_equal(d.files, 0);
	check_span(d.facts.pid, "10.5072/new");
	check_span(d.facts.proposal, "P1");
	check_span(d.facts.policy, "esrf-2024");
	check_span(d.facts.instrument, NULL);
	assert_int_equal(d.facts.kind, KIND_PROCESSED);
	assert_int_equal(d.facts.route, there.facts.route);
	assert_int_equal(d.facts.flags, there.facts.flags);
	assert_memory_equal(d.facts.dates, there.facts.dates, sizeof(d.facts.dates));
	assert_int_equal(d.facts.n_events, 2);
	assert_int_equal(d.facts.events[1].type, EVENT_WITHDRAWAL);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		struct catalog_place other = at;
		other.proposal = span_of(unknown[i]);
		CHECK_ROW(unknown[i]);
		assert_false(catalog_new(w->catalog, &other, &w->arena, &d, &e));
		assert_int_equal(e.code, ERR_ABSENT);
	}
}

/* Nothing of a file becomes a date of the policy unless proposals.yaml says so. */
static void
dates_of_files(void **state)
{
	struct world *w = *state;
	struct catalog_dataset d;
	struct err e = {0};

	must(catalog_by_pid(w->catalog, SPAN("10.5072/abc/sub"), &w->arena, &d, &e), &e);
	assert_true(d.start != INT64_MIN);
	assert_false(d.file_dates);
	for (int m = 0; m < MILESTONE_COUNT; m++)
		assert_false(d.facts.dates[m].given);
	must(catalog_by_pid(w->catalog, SPAN("10.5072/files"), &w->arena, &d, &e), &e);
	assert_true(d.file_dates);
	assert_int_equal(d.facts.dates[MILESTONE_EXPERIMENT_START].instant, d.start);
	assert_int_equal(d.facts.dates[MILESTONE_EXPERIMENT_END].instant, d.end);
	assert_int_equal(d.end - d.start, 86400);
	must(catalog_by_pid(w->catalog, SPAN("10.5072/a_b%"), &w->arena, &d, &e), &e);
	assert_null(d.proposal.p);
	assert_null(d.facts.proposal.p);
	assert_int_equal(d.document, 0);
}

static void
files(void **state)
{
	struct world *w = *state;
	struct catalog_dataset d;
	struct catalog_file f;
	struct catalog_file *list = NULL;
	size_t n = 0;
	struct err e = {0};

	must(catalog_by_pid(w->catalog, SPAN("10.5072/abc"), &w->arena, &d, &e), &e);
	must(catalog_file_get(w->catalog, d.id, SPAN("sub/raw.h5"), &w->arena, &f, &e), &e);
	assert_int_equal(f.bytes, 10);
	assert_int_equal(f.mtime_s, 1000);
	assert_int_equal(f.mtime_ns, 5);
	check_span(f.format, "nexus");
	assert_null(f.problem.p);
	assert_true(f.has_digests);
	assert_int_equal(f.sha256[0], 1);
	assert_int_equal(f.md5[0], 2);
	assert_int_equal(f.adler32, 3);
	assert_int_equal(f.crc32c, 4000000000U);
	assert_false(catalog_file_get(w->catalog, d.id, SPAN("sub/raw"), &w->arena, &f, &e));
	assert_int_equal(e.code, ERR_ABSENT);
	must(catalog_files(w->catalog, d.id, SPAN_NONE, 1, &w->arena, &list, &n, &e), &e);
	assert_int_equal(n, 1);
	check_span(list[0].path, "a.txt");
	check_span(list[0].problem, "not HDF5");
	assert_false(list[0].has_digests);
	must(catalog_files(w->catalog, d.id, SPAN("a.txt"), 9, &w->arena, &list, &n, &e), &e);
	assert_int_equal(n, 1);
	check_span(list[0].path, "sub/raw.h5");
}

static void
lists(void **state)
{
	struct world *w = *state;
	struct catalog_query q = {.view = view_all(), .limit = 2};
	struct catalog_counts n = {0};
	struct catalog_page p;
	struct err e = {0};

	must(catalog_datasets(w->catalog, &q, &w->arena, &p, &e), &e);
	assert_int_equal(p.n, 2);
	assert_true(p.more);
	check_span(p.row[0].dataset.pid, "10.5072/a_b%");
	check_span(p.row[1].dataset.pid, "10.5072/abc");
	assert_int_equal(p.row[1].dataset.facts.n_events, 2);
	q.after = p.row[1].dataset.pid;
	q.limit = 9;
	must(catalog_datasets(w->catalog, &q, &w->arena, &p, &e), &e);
	assert_int_equal(p.n, 2);
	assert_false(p.more);
	check_span(p.row[0].dataset.pid, "10.5072/abc/sub");
	must(catalog_count(w->catalog, view_all(), &w->arena, &n, &e), &e);
	assert_int_equal(n.datasets, 4);
	assert_int_equal(n.files, 8);
}

static const struct who {
	const char *name, *iss, *sub, *entitlement;
	uint32_t roles;
} people[] = {
	{"the principal investigator", ISSUER, "alice", NULL, 1U << ROLE_PI},
	{"the same sub of another issuer", "https://evil.example", "alice", NULL, 0},
	{"another sub", ISSUER, "alicia", NULL, 0},
	{"an empty sub", ISSUER, "", NULL, 0},
	{"a group", ISSUER, "x", "urn:geant:example.org:group:p1#aai", 1U << ROLE_COPROPOSER},
	{"a group with any role", ISSUER, "x", "urn:geant:example.org:group:p1:role=m#aai",
		1U << ROLE_COPROPOSER},
	{"role and authority", ISSUER, "x", "urn:geant:example.org:group:p1:role=boss#aai",
		1U << ROLE_COPROPOSER | 1U << ROLE_DELEGATE},
	{"role, another authority", ISSUER, "x", "urn:geant:example.org:group:p1:role=boss#other",
		1U << ROLE_COPROPOSER},
	{"role, no authority", ISSUER, "x", "urn:geant:example.org:group:p1:role=boss",
		1U << ROLE_COPROPOSER},
	{"a subgroup is another group", ISSUER, "x", "urn:geant:example.org:group:p1:sub#aai", 0},
	{"a part after the role is another group", ISSUER, "x",
		"urn:geant:example.org:group:p1:role=m:sub#aai", 0},
	{"a longer name is another group", ISSUER, "x", "urn:geant:example.org:group:p12#aai", 0},
	{"both at once", ISSUER, "alice", "urn:geant:example.org:group:p1",
		1U << ROLE_PI | 1U << ROLE_COPROPOSER},
};

static void
roles(void **state)
{
	struct world *w = *state;
	struct catalog_dataset d;
	struct subject s = {0};
	uint32_t got = 99;
	struct err e = {0};

	must(catalog_by_pid(w->catalog, SPAN("10.5072/abc"), &w->arena, &d, &e), &e);
	for (size_t i = 0; i < sizeof(people) / sizeof(people[0]); i++) {
		const struct who *p = &people[i];
		struct span one = span_of(p->entitlement);

		CHECK_ROW(p->name);
		s = (struct subject){.authenticated = true,
			.iss = span_of(p->iss),
			.sub = span_of(p->sub),
			.entitlements = &one,
			.n_entitlements = p->entitlement != NULL};
		must(catalog_roles(w->catalog, d.document, &s, &got, &e), &e);
		assert_int_equal(got, p->roles);
		s.authenticated = false;
		must(catalog_roles(w->catalog, d.document, &s, &got, &e), &e);
		assert_int_equal(got, 0);
	}
	must(catalog_roles(w->catalog, d.document, NULL, &got, &e), &e);
	assert_int_equal(got, 0);
}

/* Accounts of the facility: named in a team, or linked to the proposal. */
static void
local_accounts(void **state)
{
	static const struct {
		const char *name, *sub, *user, *linked;
		uint32_t roles;
	} rows[] = {
		{"in the team", "x", "mmuster", NULL, 1U << ROLE_LOCAL_CONTACT},
		{"another account", "x", "mmusterx", NULL, 0},
		{"a sub of that name is not the account", "mmuster", NULL, NULL, 0},
		{"an account of a sub's name", "x", "alice", NULL, 0},
		{"linked to the proposal", "x", NULL, "P1", 1U << ROLE_COPROPOSER},
		{"linked to another one", "x", NULL, "P12", 0},
		{"in another case", "x", NULL, "p1", 0},
		{"linked to nothing", "x", NULL, "", 0},
		{"both, and by sub", "alice", "mmuster", "P1",
			1U << ROLE_PI | 1U << ROLE_LOCAL_CONTACT | 1U << ROLE_COPROPOSER},
	};
	struct world *w = *state;
	struct catalog_dataset d;
	uint32_t got = 99;
	struct err e = {0};

	must(catalog_by_pid(w->catalog, SPAN("10.5072/abc"), &w->arena, &d, &e), &e);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct span linked[] = {SPAN("P0"), span_of(rows[i].linked)};
		struct subject s = {.authenticated = true,
			.iss = SPAN(ISSUER),
			.sub = span_of(rows[i].sub),
			.local_user = span_of(rows[i].user),
			.proposals = linked,
			.n_proposals = rows[i].linked != NULL ? 2 : 0};
		CHECK_ROW(rows[i].name);
		must(catalog_roles(w->catalog, d.document, &s, &got, &e), &e);
		assert_int_equal(got, rows[i].roles);
		s.iss = SPAN_NONE; /* by no issuer at all, as `--as local:NAME` has it */
		s.sub = SPAN_NONE;
		must(catalog_roles(w->catalog, d.document, &s, &got, &e), &e);
		assert_int_equal(got, rows[i].roles & ~(1U << ROLE_PI));
	}
}

/* ENT-5: of several issuers, one that may assert anything is believed where it is named alone. */
static void
groups_of_several_issuers(void **state)
{
	static const struct {
		const char *name;
		bool several, unlisted;
		uint32_t roles;
	} rows[] = {
		{"the only issuer", false, true, 1U << ROLE_COPROPOSER},
		{"one of several, with a list of namespaces", true, false, 1U << ROLE_COPROPOSER},
		{"one of several, without a list", true, true, 0},
	};
	const struct span group = SPAN("urn:geant:example.org:group:p1#aai");
	struct world *w = *state;
	struct catalog_dataset d;
	uint32_t got = 99;
	struct err e = {0};

	must(catalog_by_pid(w->catalog, SPAN("10.5072/abc"), &w->arena, &d, &e), &e);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct subject s = {.authenticated = true,
			.iss = SPAN("https://other.example"),
			.sub = SPAN("x"),
			.entitlements = &group,
			.n_entitlements = 1,
			.several = rows[i].several,
			.unlisted = rows[i].unlisted};
		CHECK_ROW(rows[i].name);
		must(catalog_roles(w->catalog, d.document, &s, &got, &e), &e);
		assert_int_equal(got, rows[i].roles);
	}
}

/* Each path after each other one while held: the same dataset as by itself. */
static void
matches_held(void **state)
{
	struct world *w = *state;
	struct catalog_dataset d[2];
	struct span rest[2];
	struct err e = {0};
	const size_t n = sizeof(matches) / sizeof(matches[0]);

	for (size_t i = 0; i < n * n; i++) {
		struct span path = span_of(matches[i / n].path);
		arena_reset(&w->arena);
		bool alone = catalog_match(w->catalog, path, &w->arena, &d[0], &rest[0], &e);
		must(catalog_hold(w->catalog, &e), &e);
		(void)catalog_match(
			w->catalog, span_of(matches[i % n].path), &w->arena, &d[1], &rest[1], NULL);
		CHECK_ROW(matches[i / n].path);
		assert_int_equal(
			catalog_match(w->catalog, path, &w->arena, &d[1], &rest[1], &e), alone);
		catalog_release(w->catalog);
		if (!alone)
			continue;
		assert_int_equal(d[0].id, d[1].id);
		assert_true(span_eq(d[0].pid, d[1].pid) && span_eq(rest[0], rest[1]));
		assert_int_equal(rest[0].p == NULL, rest[1].p == NULL);
	}
}

/* While it is held the catalogue stays as it was found; released, it is as it is. */
static void
held(void **state)
{
	struct world *w = *state;
	struct catalog_dataset d;
	struct catalog_file f;
	struct span rest;
	struct err e = {0};

	must(catalog_hold(w->catalog, &e), &e);
	must(catalog_match(w->catalog, SPAN("10.5072/abc"), &w->arena, &d, &rest, &e), &e);
	must(ingest_begin(w->ingest, &e), &e);
	put_proposals(w, "proposals:\n  - id: P9\n");
	must(ingest_commit(w->ingest, &e), &e);
	must(catalog_hold(w->catalog, &e), &e);
	must(catalog_match(w->catalog, SPAN("10.5072/abc"), &w->arena, &d, &rest, &e), &e);
	assert_non_null(d.proposal_title.p);
	must(catalog_file_get(w->catalog, d.id, SPAN("sub/raw.h5"), &w->arena, &f, &e), &e);
	catalog_release(w->catalog);
	must(catalog_match(w->catalog, SPAN("10.5072/abc"), &w->arena, &d, &rest, &e), &e);
	assert_null(d.proposal_title.p);
	catalog_release(w->catalog);
}

/* A proposal that leaves the file loses its team, its dates and its log at once. */
static void
forgets(void **state)
{
	struct world *w = *state;
	struct catalog_dataset d;
	struct subject s = {.authenticated = true, .iss = SPAN(ISSUER), .sub = SPAN("alice")};
	uint32_t got = 99;
	struct err e = {0};

	must(ingest_begin(w->ingest, &e), &e);
	put_proposals(w, "proposals:\n  - id: P9\n");
	must(ingest_commit(w->ingest, &e), &e);
	must(catalog_by_pid(w->catalog, SPAN("10.5072/abc"), &w->arena, &d, &e), &e);
	check_span(d.proposal, "P1");
	assert_null(d.proposal_title.p);
	assert_int_equal(d.facts.n_events, 0);
	assert_false(d.facts.dates[MILESTONE_EXPERIMENT_START].given);
	must(catalog_roles(w->catalog, d.document, &s, &got, &e), &e);
	assert_int_equal(got, 0);
	/* A sub without its issuer names nobody, even if it came to be on record. */
	struct proposals_member ghost = {.role = ROLE_PI, .sub = SPAN("alice")};
	struct proposals_item item = {.id = SPAN("P1"), .team = &ghost, .n_team = 1};
	struct proposals one = {.item = &item, .n = 1};
	must(ingest_begin(w->ingest, &e), &e);
	must(ingest_proposals(w->ingest, &one, &e), &e);
	must(ingest_commit(w->ingest, &e), &e);
	must(catalog_roles(w->catalog, d.document, &s, &got, &e), &e);
	assert_int_equal(got, 0);
	must(ingest_begin(w->ingest, &e), &e);
	must(ingest_sources_keep(w->ingest, NULL, 0, &e), &e);
	must(ingest_commit(w->ingest, &e), &e);
	assert_false(catalog_by_pid(w->catalog, SPAN("10.5072/abc"), &w->arena, &d, &e));
	assert_int_equal(e.code, ERR_ABSENT);
}

/* The arena of a request may be full: an error, and no half answer. */
static void
no_memory(void **state)
{
	struct world *w = *state;
	AUTO_ARENA small = {0};
	struct catalog_dataset d = {.id = 77};
	struct span rest;
	struct err e = {0};

	assert_true(arena_init(&small, 64));
	assert_false(catalog_match(w->catalog, SPAN("10.5072/abc"), &small, &d, &rest, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(d.id, 77);
	arena_reset(&w->arena);
	must(catalog_match(w->catalog, SPAN("10.5072/abc"), &w->arena, &d, &rest, &e), &e);
}

/* What the gate asks for one request, warm; printed, and held far below what would be felt. */
static void
quick(void **state)
{
	struct world *w = *state;
	struct subject s = {.authenticated = true, .iss = SPAN(ISSUER), .sub = SPAN("alice")};
	struct catalog_dataset d;
	struct catalog_file f;
	struct span rest;
	struct timespec t[2];
	uint32_t got = 0;
	struct err e = {0};
	enum { ROUNDS = 2000 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t[0]);
	for (int i = 0; i < ROUNDS; i++) {
		arena_reset(&w->arena);
		must(catalog_match(w->catalog, SPAN("10.5072/abc/sub/raw.h5"), &w->arena, &d, &rest,
			     &e) ||
				e.code == ERR_ABSENT,
			&e);
		must(catalog_match(
			     w->catalog, SPAN("10.5072/abc/x/raw.h5"), &w->arena, &d, &rest, &e),
			&e);
		must(catalog_file_get(w->catalog, d.id, SPAN("sub/raw.h5"), &w->arena, &f, &e), &e);
		must(catalog_roles(w->catalog, d.document, &s, &got, &e), &e);
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &t[1]);
	double us = ((double)(t[1].tv_sec - t[0].tv_sec) * 1e9 +
			    (double)(t[1].tv_nsec - t[0].tv_nsec)) /
		    1e3 / ROUNDS;
	print_message("    two matches, a file and the roles: %.1f us\n", us);
	assert_true(us < 3000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(match),
		cmocka_unit_test(dataset),
		cmocka_unit_test(new_dataset),
		cmocka_unit_test(dates_of_files),
		cmocka_unit_test(files),
		cmocka_unit_test(lists),
		cmocka_unit_test(roles),
		cmocka_unit_test(local_accounts),
		cmocka_unit_test(groups_of_several_issuers),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(quick),
		cmocka_unit_test(matches_held),
		cmocka_unit_test(held),
		cmocka_unit_test(forgets),
	};
	return cmocka_run_group_tests_name("catalog", tests, setup, teardown);
}
