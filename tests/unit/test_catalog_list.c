/* SPDX-License-Identifier: Apache-2.0 */
/* Lists and counts under a view: what is hidden is in none of them, and cannot be felt for. */
#include "tests/unit/check.h"

#include "agent/catalog/catalog.h"
#include "agent/catalog/catalog_mine.h"
#include "agent/catalog/ingest.h"
#include "agent/catalog/record_blank.h"
#include "agent/catalog/team.h"
#include "policy/view_all.h"

#include <string.h>
#include <unistd.h>

#define ISSUER "https://login.example.org"
#define NOW    1790000000 /* 2026-09-21 */

static const char policy_text[] =
	"policy: test\n"
	"version: 1\n"
	"timezone: Europe/Paris\n"
	"valid_from: 2000-01-01\n"
	"licence: CC-BY-4.0\n"
	"embargo: {anchor: experiment_end, period: 3y}\n"
	"metadata: {public_at: {experiment_end: [title], release: [title, instrument, dates, "
	"files]}}\n"
	"rules:\n"
	"  - {id: team, effect: permit, action: [meta.public, meta.full], when: {role: [pi]}}\n"
	"  - {id: group, effect: permit, action: meta.public, when: {role: [coproposer]}}\n"
	"  - {id: record, effect: permit, action: meta.public, when: {state: [embargoed, open]}}\n"
	"tests:\n"
	"  - {name: t, now: 2025-01-01, dates: {experiment_end: 2024-05-31}, action: data.read, "
	"expect: deny}\n";

static const char proposals_text[] =
	"proposals:\n"
	"  - {id: OLD, title: Old, dates: {experiment_end: 2010-01-02}}\n"
	"  - {id: NEW, title: New, dates: {experiment_end: 2026-01-02}}\n"
	"  - id: PAID\n"
	"    title: Paid for\n"
	"    route: proprietary\n"
	"    dates: {experiment_end: 2010-01-02}\n"
	"    team:\n"
	"      - {role: pi, issuer: \"" ISSUER "\", sub: alice}\n"
	"      - {role: coproposer, entitlement: \"urn:geant:example.org:group:p1\"}\n"
	"      - {role: pi, entitlement: \"urn:geant:example.org:group:p2#aai\"}\n"
	"      - {role: pi, entitlement: \"urn:geant:example.org:group:p3:role=boss\"}\n"
	"      - {role: pi, entitlement: \"urn:geant:example.org:group:p4:role=boss#aai\"}\n"
	"      - {role: pi, issuer: \"" ISSUER "\", entitlement: \"plain\"}\n"
	"      - {role: pi, user: mmuster}\n"
	"  - id: PAID2\n"
	"    route: proprietary\n"
	"    dates: {experiment_end: 2010-01-02}\n"
	"    team: [{role: pi, issuer: \"https://other.example\", sub: alice}, {role: "
	"local_contact, issuer: \"" ISSUER "\", sub: alice}]\n";

static const char reading_text[] =
	"{\"format\":\"nexus\",\"problem\":null,\"notes\":[\"odd\"],\"entries\":[{\"name\":"
	"\"entry\","
	"\"title\":\"a scan\",\"definition\":\"NXsas\",\"start_time\":\"2010-01-01T08:00:00Z\","
	"\"end_time\":\"2010-01-01T09:00:00Z\",\"instrument\":\"ID00\",\"source\":\"ESRF\","
	"\"sample\":\"stone\","
	"\"users\":[\"A\"],\"parameters\":[{\"name\":\"wavelength\",\"value\":1.5,"
	"\"unit\":\"angstrom\"}],\"technique\":\"PaNET01188\"}]}";

/* In the order of the list: two that everybody sees, among those that few do. */
static const struct {
	const char *pid, *proposal;
} datasets[] = {{"a/1", "PAID"}, {"a/2", "PAID2"}, {"b/1", "OLD"}, {"b/2", "PAID"}, {"b/3", NULL},
	{"c/1", "NEW"}, {"d/1", "PAID"}, {"d/2", "PAID2"}};
#define DATASETS (sizeof(datasets) / sizeof(datasets[0]))

struct world {
	char dir[64], path[96];
	struct policy_set *policies;
	struct catalog *catalog;
	struct arena arena;
};

static void
must(bool ok, const struct err *e)
{
	if (!ok)
		fail_msg("%s", e->msg);
}

static void
put(struct ingest *in, int64_t source, size_t i)
{
	struct err e = {0};
	struct ingest_dataset d = {.source = source,
		.folder = span_of(datasets[i].pid),
		.pid = span_of(datasets[i].pid),
		.proposal = span_of(datasets[i].proposal),
		.facility = SPAN("Example")};
	struct ingest_file f = {.path = SPAN("secret-name.h5"),
		.bytes = 10,
		.format = SPAN("nexus"),
		.reading = span_of(reading_text)};
	int64_t id = 0;

	must(ingest_dataset_put(in, &d, &id, &e), &e);
	must(ingest_file_put(in, id, &f, &e), &e);
	must(ingest_record(in, id, &d, &e), &e);
}

static void
fill(struct world *w)
{
	struct ingest *in = NULL;
	AUTO_ARENA a = {0};
	AUTO_BUF report = BUF_INIT(8192);
	struct proposals all;
	struct err e = {0};
	int64_t source = 0;

	assert_true(arena_init(&a, (size_t)80 << 20));
	must(ingest_open(w->path, &in, &e) && ingest_begin(in, &e), &e);
	if (!proposals_parse("p.yaml", span_of(proposals_text), &a, &report, &all, &e))
		fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
	must(ingest_proposals(in, &all, &e), &e);
	must(ingest_source(in, SPAN("store"), 0, SPAN("/data"), &source, &e), &e);
	for (size_t i = DATASETS; i-- > 0;)
		put(in, source, i);
	must(ingest_commit(in, &e), &e);
	ingest_close(in);
}

static int
setup(void **state)
{
	const struct policy_source source = {"p.yaml", {policy_text, sizeof(policy_text) - 1}};
	struct world *w = calloc(1, sizeof(*w));
	AUTO_BUF report = BUF_INIT(8192);
	struct err e = {0};

	assert_non_null(w);
	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/pan_list_XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->path, sizeof(w->path), "%s/catalogue.sqlite", w->dir);
	assert_true(arena_init(&w->arena, 1 << 24));
	fill(w);
	must(catalog_open(w->path, &w->catalog, &e), &e);
	w->policies = policy_set_load(&source, 1, &report, &e);
	if (w->policies == NULL)
		fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;
	char command[128];

	catalog_close(w->catalog);
	policy_set_free(w->policies);
	arena_fini(&w->arena);
	(void)snprintf(command, sizeof(command), "rm -rf %s", w->dir);
	free(w);
	return system(command); // NOLINT(cert-env33-c,concurrency-mt-unsafe): a test's own folder
}

static const struct view *
eyes(struct world *w, const struct subject *s)
{
	const struct view_asker who = {.policies = w->policies, .subject = s, .now = NOW};
	const struct view *v = NULL;

	arena_reset(&w->arena);
	assert_true(view_new(&who, &w->arena, &v, NULL));
	return v;
}

/* ---- who sees which ---- */

static const struct subject alice = {
	.authenticated = true, .iss = SPAN_INIT(ISSUER), .sub = SPAN_INIT("alice")};
static const struct subject nobody = {
	.authenticated = true, .iss = SPAN_INIT(ISSUER), .sub = SPAN_INIT("nobody")};

static const struct {
	const char *name;
	const struct subject *who;
	const char *pids; /* with a blank behind each */
	uint64_t files;   /* counted */
} sights[] = {
	{"anonymous", NULL, "b/1 c/1 ", 1},
	{"with a token", &nobody, "b/1 c/1 ", 1},
	{"of the team", &alice, "a/1 b/1 b/2 c/1 d/1 ", 4},
};

static void
add_page(struct buf *to, const struct catalog_page *p)
{
	for (size_t i = 0; i < p->n; i++) {
		buf_add(to, p->row[i].dataset.pid);
		buf_addc(to, ' ');
	}
}

/* All pages with these bounds, one behind the other; how many. */
static size_t
all_pages(struct world *w, const struct view *v, size_t limit, size_t look, struct buf *to)
{
	struct catalog_query q = {.view = v, .limit = limit, .look = look};
	struct catalog_page p = {.more = true};
	struct err e = {0};
	size_t n = 0;

	for (; p.more; n++) {
		assert_true(n < 3 * DATASETS);
		must(catalog_datasets(w->catalog, &q, &w->arena, &p, &e), &e);
		add_page(to, &p);
		q.behind = p.at;
	}
	return n;
}

static void
who_sees_what(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(sights) / sizeof(sights[0]); i++) {
		for (size_t limit = 1; limit < 6; limit++)
			for (size_t look = 0; look < 10; look++) {
				AUTO_BUF got = BUF_INIT(1024);
				const struct view *v = eyes(w, sights[i].who);
				size_t n = all_pages(w, v, limit, look, &got);
				assert_true(span_is(buf_span(&got), sights[i].pids));
				/* No page is longer than its work. */
				assert_true(look == 0 || n >= DATASETS / look);
			}
		struct catalog_counts n;
		struct err e = {0};
		must(catalog_count(w->catalog, eyes(w, sights[i].who), &w->arena, &n, &e), &e);
		assert_int_equal(n.datasets, strlen(sights[i].pids) / 4);
		assert_int_equal(n.files, sights[i].files);
		assert_int_equal(n.bytes, sights[i].files * 10);
	}
}

/* A limit counts what shows: a page is never short because of what stands between. */
static void
full_pages(void **state)
{
	struct world *w = *state;
	struct catalog_query q = {.view = eyes(w, NULL), .limit = 2};
	struct catalog_page p;
	struct err e = {0};

	must(catalog_datasets(w->catalog, &q, &w->arena, &p, &e), &e);
	assert_int_equal(p.n, 2);
	/* Behind a hidden one, before it, and behind one that is not there: the same. */
	static const char *const after[] = {"b/2", "b/1", "b/1zz", "b/3", "b/9"};
	for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
		q.after = span_of(after[i]);
		must(catalog_datasets(w->catalog, &q, &w->arena, &p, &e), &e);
		assert_int_equal(p.n, 1);
		assert_true(span_is(p.row[0].dataset.pid, "c/1") && !p.more);
	}
	q.behind = 4711;
	assert_false(catalog_datasets(w->catalog, &q, &w->arena, &p, &e));
	assert_int_equal(e.code, ERR_ABSENT);
}

/* ---- what of it ---- */

static struct catalog_shown
row_of(struct world *w, const struct view *v, const char *pid)
{
	struct catalog_query q = {.view = v, .limit = 10};
	struct catalog_page p;
	struct err e = {0};

	must(catalog_datasets(w->catalog, &q, &w->arena, &p, &e), &e);
	for (size_t i = 0; i < p.n; i++)
		if (span_is(p.row[i].dataset.pid, pid))
			return p.row[i];
	fail_msg("%s does not show", pid);
	return p.row[0];
}

static void
blanked(void **state)
{
	struct world *w = *state;
	const struct catalog_shown embargoed = row_of(w, eyes(w, NULL), "c/1");
	const struct catalog_dataset *d = &embargoed.dataset;

	assert_true(span_is(d->title, "a scan") && span_is(d->proposal_title, "New"));
	assert_true(d->instrument.p == NULL && d->source.p == NULL && d->sample.p == NULL);
	assert_true(d->technique.p == NULL && d->definition.p == NULL);
	assert_true(d->proposal.p == NULL && d->facts.proposal.p == NULL);
	assert_true(d->facts.instrument.p == NULL && d->folder.p == NULL);
	assert_true(d->root_name.p == NULL && d->policy.p == NULL && d->bound.p == NULL);
	assert_true(d->start == INT64_MIN && d->end == INT64_MIN);
	assert_true(d->files == 0 && d->bytes == 0 && d->document == 0);
	assert_false(d->facts.dates[MILESTONE_EXPERIMENT_END].given);
	assert_int_equal(d->facts.n_events, 0);
	assert_int_equal(embargoed.shown.decision.state, STATE_EMBARGOED);

	const struct catalog_shown open = row_of(w, eyes(w, NULL), "b/1");
	d = &open.dataset;
	assert_true(span_is(d->instrument, "ID00") && d->sample.p == NULL);
	assert_true(d->files == 1 && d->bytes == 10 && d->start == 1262332800);
	assert_true(d->facts.dates[MILESTONE_EXPERIMENT_END].given);

	const struct catalog_shown team = row_of(w, eyes(w, &alice), "a/1");
	d = &team.dataset;
	assert_true(team.shown.full && span_is(d->sample, "stone"));
	assert_true(span_is(d->proposal, "PAID") && d->facts.route == ROUTE_PROPRIETARY);
	assert_true(d->folder.p == NULL); /* where it lies is nobody's business */

	const struct catalog_shown all = row_of(w, view_all(), "a/1");
	d = &all.dataset;
	assert_true(span_is(d->folder, "a/1") && d->document != 0);
}

static void
record(void **state)
{
	static const struct {
		uint32_t fields;
		const char *json;
	} rows[] = {
		{0, "{}"},
		{1U << FIELD_TITLE, "{\"title\":\"a scan\"}"},
		{1U << FIELD_TECHNIQUE | 1U << FIELD_FILES,
			"{\"definition\":\"NXsas\",\"technique\":\"PaNET01188\"}"},
		{1U << FIELD_DATES, "{\"start\":\"2010-01-01T08:00:00Z\",\"end\":"
				    "\"2010-01-01T09:00:00Z\",\"start_zone_assumed\":false}"},
		{1U << FIELD_TEAM, "{\"users\":[\"A\"]}"},
		{1U << FIELD_PARAMETERS, "{\"parameters\":[{\"name\":\"wavelength\",\"value\":1.5,"
					 "\"unit\":\"angstrom\"}]}"},
	};
	struct world *w = *state;
	struct catalog_dataset d;
	struct span got = SPAN_NONE;
	struct err e = {0};

	arena_reset(&w->arena);
	must(catalog_by_pid(w->catalog, SPAN("b/1"), &w->arena, &d, &e), &e);
	assert_non_null(memmem(d.json.p, d.json.n, "secret-name", 11));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct view_shown s = {.fields = rows[i].fields};
		must(record_blank(d.json, &s, &w->arena, &got, &e), &e);
		if (!span_is(got, rows[i].json))
			fail_msg("%.*s", SPAN_ARG(got));
	}
	/* With all of them the names of files still stay. */
	struct view_shown s = {.full = true, .fields = VIEW_FIELDS};
	must(catalog_blank(&d, &s, &w->arena, &e), &e);
	assert_null(memmem(d.json.p, d.json.n, "secret-name", 11));
	assert_non_null(memmem(d.json.p, d.json.n, "stone", 5));
	assert_false(record_blank(SPAN("["), &s, &w->arena, &got, &e));
}

/* ---- roles, all at once ---- */

static void
same_roles(struct world *w, const struct subject *s)
{
	struct catalog_query q = {.view = view_all(), .limit = 10};
	struct catalog_mine mine;
	struct catalog_page p;
	struct err e = {0};

	arena_reset(&w->arena);
	must(catalog_mine(w->catalog, s, &w->arena, &mine, &e), &e);
	must(catalog_datasets(w->catalog, &q, &w->arena, &p, &e), &e);
	assert_int_equal(p.n, DATASETS);
	for (size_t i = 0; i < p.n; i++) {
		uint32_t roles = 0;
		int64_t document = p.row[i].dataset.document;
		must(catalog_roles(w->catalog, document, s, &roles, &e), &e);
		assert_int_equal(catalog_mine_of(&mine, document), roles);
	}
}

static void
mine(void **state)
{
	static const char *const authorities[] = {"", "#aai", "#other"};
	static const char *const roles[] = {"", ":role=boss", ":role=m", ":sub", ":sub:role=boss"};
	static const struct span linked[] = {SPAN_INIT("PAID2"), SPAN_INIT("NONE"), SPAN_INIT("")};
	struct world *w = *state;

	same_roles(w, NULL);
	same_roles(w, &alice);
	same_roles(w, &nobody);
	for (unsigned i = 0; i < 6 * 3 * 5 * 2; i++) {
		struct subject s = {.authenticated = true, .sub = SPAN("x")};
		AUTO_BUF text = BUF_INIT(256);
		s.iss = i / 90 % 2 == 0 ? SPAN(ISSUER) : SPAN("https://other.example");
		s.several = true;
		if (i % 6 == 0)
			buf_adds(&text, "plain");
		else
			buf_addf(&text, "urn:geant:example.org:group:p%u%s%s", i % 6,
				roles[i / 6 % 5], authorities[i / 30 % 3]);
		const struct span given = buf_span(&text);
		s.entitlements = &given;
		s.n_entitlements = 1;
		same_roles(w, &s);
		s.local_user = SPAN("mmuster");
		s.proposals = linked;
		s.n_proposals = 3;
		same_roles(w, &s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_sees_what),
		cmocka_unit_test(full_pages),
		cmocka_unit_test(blanked),
		cmocka_unit_test(record),
		cmocka_unit_test(mine),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
