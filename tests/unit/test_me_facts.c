/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/me_facts.h"
#include "auth/claims.h"
#include "auth/id_token.h"
#include "tests/unit/check.h"

#define UMBRELLA "urn:geant:umbrellaid.org:group:pan:team#umbrellaid.org"
#define OTHER    "urn:mace:elsewhere.test:group:x#elsewhere.test"

struct world {
	struct issuer issuer;
	struct arena mem;
};

static int
setup(void **state)
{
	static struct world w;

	w = (struct world){
		.issuer = {.iss = SPAN("https://op.test"),
			.groups = {.item = {SPAN("entitlements"), SPAN("realm/roles")}, .n = 2},
			.namespaces = {.item = {SPAN("urn:geant:umbrellaid.org")}, .n = 1},
			.user = SPAN("voperson_id"),
			.user_else = SPAN("sub")}};
	*state = &w;
	return arena_init(&w.mem, 4UL << 20) ? 0 : -1;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	arena_fini(&w->mem);
	return 0;
}

/* What is told of a token with these claims. */
static void
tell(struct world *w, const struct json *claims, struct subject *s, struct me_facts *f)
{
	const struct me_source source = {.subject = s, .issuer = &w->issuer, .claims = claims};

	assert_true(claims_subject(&w->issuer, claims, &w->mem, s, NULL));
	assert_true(me_facts(&source, &w->mem, f, NULL));
}

static void
groups(void **state)
{
	static const struct {
		const char *name, *claims;
		const char *counts; /* "yn": of each value */
		const char *claim;  /* of the last one */
		const char *why;    /* of the last one */
	} rows[] = {
		{"allowed", "\"entitlements\":[\"" UMBRELLA "\"]", "y", "entitlements",
			"its namespace is one"},
		{"not allowed", "\"entitlements\":[\"" OTHER "\"]", "n", "entitlements",
			"namespace urn:mace:elsewhere.test is not one"},
		{"some of them", "\"entitlements\":[\"" OTHER "\",\"" UMBRELLA "\",\"" OTHER "\"]",
			"nyn", "entitlements", "not one"},
		{"the same twice", "\"entitlements\":[\"" UMBRELLA "\",\"" UMBRELLA "\"]", "yy",
			"entitlements", "is one"},
		{"one text", "\"entitlements\":\"" UMBRELLA "\"", "y", "entitlements", "is one"},
		{"upper case",
			"\"entitlements\":[\"URN:GEANT:umbrellaid.org:group:pan:team#"
			"umbrellaid.org\"]",
			"y", "entitlements", "is one"},
		{"no text", "\"entitlements\":[1,\"" UMBRELLA "\",\"\"]", "nyn", "entitlements",
			"no text"},
		{"a plain name", "\"realm\":{\"roles\":[\"staff\"]}", "y", "realm/roles", "is one"},
		{"a URN of no such form", "\"entitlements\":[\"urn:x\"]", "n", "entitlements",
			"not of the form"},
		{"both claims",
			"\"entitlements\":[\"" UMBRELLA "\"],\"realm\":{\"roles\":[\"urn:y:z\"]}",
			"yn", "realm/roles", "not of the form"},
		{"none", "\"x\":1", "", NULL, NULL},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF text = BUF_INIT(8192);
		struct me_facts f;
		struct subject s;
		CHECK_ROW(rows[i].name);
		buf_addf(&text, "{\"sub\":\"a\",%s}", rows[i].claims);
		AUTO_JSON j = json_parse(buf_span(&text), NULL, NULL);
		assert_non_null(j);
		tell(w, j, &s, &f);
		assert_int_equal(f.n_groups, strlen(rows[i].counts));
		size_t counting = 0;
		for (size_t k = 0; k < f.n_groups; k++) {
			assert_int_equal(f.groups[k].counts, rows[i].counts[k] == 'y');
			assert_string_equal(f.groups[k].from, "token");
			counting += f.groups[k].counts;
		}
		/* What is told is what the policy is asked with. */
		assert_int_equal(counting, s.n_entitlements);
		if (rows[i].why == NULL)
			continue;
		const struct me_value *last = &f.groups[f.n_groups - 1];
		check_span(last->claim, rows[i].claim);
		assert_non_null(memmem(last->why.p, last->why.n, rows[i].why, strlen(rows[i].why)));
	}
}

/* An issuer without a list of namespaces: everything counts, where the rule names the issuer. */
static void
unlisted(void **state)
{
	struct world *w = *state;
	AUTO_JSON j =
		json_parse(SPAN("{\"sub\":\"a\",\"entitlements\":[\"" OTHER "\"]}"), NULL, NULL);
	struct me_facts f;
	struct subject s;

	w->issuer.namespaces.n = 0;
	tell(w, j, &s, &f);
	assert_true(f.groups[0].counts);
	check_span(f.groups[0].why, "the only issuer, without a list of namespaces");
	w->issuer.several = true;
	tell(w, j, &s, &f);
	assert_true(f.groups[0].counts);
	assert_true(span_starts(f.groups[0].why, SPAN("the issuer has no list of namespaces")));
}

static bool
noted(const struct me_facts *f, const char *what)
{
	for (size_t i = 0; i < f->n_notes; i++)
		if (memmem(f->notes[i].p, f->notes[i].n, what, strlen(what)) != NULL)
			return true;
	return false;
}

/* A session: where each claim stood, and what is missing. */
static void
sessions(void **state)
{
	static const struct {
		const char *name, *kept;
		const char *id_claim, *id_from; /* NULL: not asked */
		const char *person;
		const char *note, *no_note; /* must be there; must not */
	} rows[] = {
		{"all of it",
			"{\"client\":\"web\",\"scope\":\"openid  "
			"email\",\"asked\":true,\"userinfo\":["
			"\"name\",\"voperson_id\",\"entitlements\"],\"claims\":{\"sub\":\"a\","
			"\"name\":\"A\",\"voperson_id\":\"v\",\"entitlements\":[\"" UMBRELLA
			"\"]}}",
			"voperson_id", "userinfo", "A", "files are read with a token", "no groups"},
		{"userinfo was away",
			"{\"client\":\"web\",\"asked\":false,\"userinfo\":[],\"claims\":{\"sub\":"
			"\"a\","
			"\"preferred_username\":\"aa\"}}",
			"sub", "ID token", "aa", "userinfo could not be read",
			"has checked your e-mail"},
		{"no groups told",
			"{\"client\":\"web\",\"asked\":true,\"userinfo\":[],\"claims\":{\"sub\":"
			"\"a\"}}",
			"sub", "ID token", NULL, "looked at: entitlements, realm/roles",
			"could not be read"},
		{"an e-mail that nobody checked",
			"{\"client\":\"web\",\"asked\":true,\"userinfo\":[\"email\"],\"claims\":{"
			"\"sub\":\"a\",\"email\":\"a@x.test\",\"email_verified\":\"true\"}}",
			NULL, NULL, NULL, "nothing is linked by it", NULL},
		{"one that was checked",
			"{\"client\":\"web\",\"asked\":true,\"userinfo\":[\"email\"],\"claims\":{"
			"\"sub\":\"a\",\"email\":\"a@x.test\",\"email_verified\":true}}",
			NULL, NULL, NULL, "No account of this facility", "nothing is linked by it"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_JSON j = json_parse(span_of(rows[i].kept), NULL, NULL);
		struct subject s;
		struct me_facts f;
		CHECK_ROW(rows[i].name);
		assert_non_null(j);
		assert_true(id_token_subject(&w->issuer, NULL, j, &w->mem, &s, NULL));
		const struct me_source source = {.subject = &s,
			.issuer = &w->issuer,
			.claims = json_get(j, "claims"),
			.kept = j};
		assert_true(me_facts(&source, &w->mem, &f, NULL));
		if (rows[i].id_claim != NULL) {
			check_span(f.id_claim, rows[i].id_claim);
			assert_string_equal(f.id_from, rows[i].id_from);
			assert_true(span_eq(f.name, span_of(rows[i].person)));
		}
		assert_true(noted(&f, rows[i].note));
		if (rows[i].no_note != NULL)
			assert_false(noted(&f, rows[i].no_note));
		if (i == 0) {
			assert_int_equal(f.n_scopes, 2);
			check_span(f.scopes[1], "email");
			assert_string_equal(f.groups[0].from, "userinfo");
		}
	}
}

/* Where the issuer was asked, only what counts is known. */
static void
answers(void **state)
{
	static const struct span list[] = {SPAN_INIT(UMBRELLA)};
	const struct subject s = {.authenticated = true,
		.iss = SPAN("https://op.test"),
		.sub = SPAN("a"),
		.entitlements = list,
		.n_entitlements = 1,
		.incomplete = true,
		.scoped = true,
		.local_user = SPAN("anna")};
	struct world *w = *state;
	const struct me_source source = {.subject = &s, .issuer = &w->issuer};
	struct me_facts f;
	AUTO_ARENA small = {0};
	struct err e = {0};

	assert_true(me_facts(&source, &w->mem, &f, NULL));
	assert_int_equal(f.n_groups, 1);
	check_span(f.groups[0].value, UMBRELLA);
	assert_string_equal(f.groups[0].from, "issuer's answer");
	check_span(f.id_claim, "voperson_id");
	assert_true(noted(&f, "could not be fetched now"));
	assert_true(noted(&f, "need a path scope"));
	assert_false(noted(&f, "No account"));
	assert_true(arena_init(&small, 64));
	assert_false(me_facts(&source, &small, &f, &e));
	assert_int_equal(e.code, ERR_LIMIT);
}

static void
levels(void **state)
{
	struct world *w = *state;
	AUTO_JSON j = json_parse(
		SPAN("{\"sub\":\"a\",\"eduperson_assurance\":[\"https://refeds.org/assurance/IAP/"
		     "low\",1,\"https://aai.egi.eu/LoA#Low\","
		     "\"https://refeds.org/assurance/profile/cappuccino\"]}"),
		NULL, NULL);
	struct me_facts f;
	struct subject s;

	tell(w, j, &s, &f);
	assert_int_equal(s.assurance, ASSURANCE_MEDIUM);
	assert_int_equal(f.n_assurance, 3);
	assert_true(f.assurance[0].counts && !f.assurance[1].counts && f.assurance[2].counts);
}

#define IN_WORLD(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(groups),
		IN_WORLD(unlisted),
		IN_WORLD(sessions),
		IN_WORLD(answers),
		IN_WORLD(levels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
