/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/entitlement.h"
#include "tests/unit/check.h"

#define UMBRELLA "urn:geant:umbrellaid.org:group:pan:proposal:MX-1234"

/* space NULL: opaque */
static const struct {
	const char *name, *in, *text, *space, *path, *role, *authority;
} rows_forms[] = {
	{"with role and authority", UMBRELLA ":role=PI#umbrellaid.org",
		UMBRELLA ":role=PI#umbrellaid.org", "urn:geant:umbrellaid.org",
		"pan:proposal:MX-1234", "PI", "umbrellaid.org"},
	{"without both", UMBRELLA, UMBRELLA, "urn:geant:umbrellaid.org", "pan:proposal:MX-1234",
		NULL, NULL},
	{"namespace in capitals", "URN:GEANT:UmbrellaID.org:group:Pan#X.org",
		"urn:geant:umbrellaid.org:group:Pan#X.org", "urn:geant:umbrellaid.org", "Pan", NULL,
		"X.org"},
	{"escapes", "urn:x:a%3ab:group:g%2fh", "urn:x:a%3Ab:group:g%2Fh", "urn:x:a%3Ab", "g%2Fh",
		NULL, NULL},
	{"capability", "urn:mace:egi.eu:res:disk:role=rw#a", "urn:mace:egi.eu:res:disk:role=rw#a",
		"urn:mace:egi.eu", "disk", "rw", "a"},
	{"namespace of many parts", "urn:a:b:c:d:group:g", "urn:a:b:c:d:group:g", "urn:a:b:c:d",
		"g", NULL, NULL},
	{"the first `group` ends the namespace", "urn:a:b:group:group:x", "urn:a:b:group:group:x",
		"urn:a:b", "group:x", NULL, NULL},
	{"`group` as the delegated part", "urn:a:group:group:x", "urn:a:group:group:x",
		"urn:a:group", "x", NULL, NULL},
	{"plain name keeps its case", "Staff", "Staff", NULL, NULL, NULL, NULL},
	{"wlcg group", "/atlas/Production", "/atlas/Production", NULL, NULL, NULL, NULL},
	{"mark in capitals", "urn:a:b:GROUP:x:group:y", "urn:a:b:GROUP:x:group:y", NULL, NULL, NULL,
		NULL},
	{"nothing behind group", "urn:a:b:group", "urn:a:b:group", NULL, NULL, NULL, NULL},
	{"empty group", "urn:A:b:group:", "urn:A:b:group:", NULL, NULL, NULL, NULL},
	{"empty subgroup", "urn:a:b:group:x::y", "urn:a:b:group:x::y", NULL, NULL, NULL, NULL},
	{"no namespace", "urn:a:group:x", "urn:a:group:x", NULL, NULL, NULL, NULL},
	{"role in the middle", "urn:a:b:group:x:role=y:z", "urn:a:b:group:x:role=y:z", NULL, NULL,
		NULL, NULL},
	{"role without group", "urn:a:b:group:role=y", "urn:a:b:group:role=y", NULL, NULL, NULL,
		NULL},
	{"empty role", "urn:a:b:group:x:role=", "urn:a:b:group:x:role=", NULL, NULL, NULL, NULL},
	{"empty authority", "urn:a:b:group:x#", "urn:a:b:group:x#", NULL, NULL, NULL, NULL},
	{"two authorities", "urn:a:b:group:x#y#z", "urn:a:b:group:x#y#z", NULL, NULL, NULL, NULL},
	{"half an escape", "urn:A:b:group:x%4", "urn:A:b:group:x%4", NULL, NULL, NULL, NULL},
	{"blank", "urn:A:b:group:x y", "urn:A:b:group:x y", NULL, NULL, NULL, NULL},
	{"not ASCII", "urn:A:b:group:x\xc3\xa9", "urn:A:b:group:x\xc3\xa9", NULL, NULL, NULL, NULL},
};

static void
forms(void **state)
{
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 65536));
	for (size_t i = 0; i < sizeof(rows_forms) / sizeof(rows_forms[0]); i++) {
		struct entitlement t;
		CHECK_ROW(rows_forms[i].name);
		assert_true(entitlement_parse(span_of(rows_forms[i].in), &mem, &t));
		check_span(t.text, rows_forms[i].text);
		assert_int_equal(t.opaque, rows_forms[i].space == NULL);
		check_span(t.space, rows_forms[i].space);
		check_span(t.path, rows_forms[i].path);
		check_span(t.role, rows_forms[i].role);
		check_span(t.authority, rows_forms[i].authority);
	}
}

/* EGI's older form is opaque, but tells its namespace. */
static void
older(void **state)
{
	static const struct {
		const char *name, *in, *space;
	} rows[] = {
		{"EGI", "urn:mace:egi.eu:aai.egi.eu:member@fedcloud.egi.eu", "urn:mace:egi.eu"},
		{"deeper", "urn:mace:egi.eu:x:aai.egi.eu:member@vo", "urn:mace:egi.eu:x"},
		{"its case stays", "URN:Mace:egi.eu:a:m@v", "URN:Mace:egi.eu"},
		{"too short", "urn:mace:egi.eu:member@vo", NULL},
		{"no at sign", "urn:mace:egi.eu:aai.egi.eu:member", NULL},
		{"no role", "urn:mace:egi.eu:aai.egi.eu:@vo", NULL},
		{"no group", "urn:mace:egi.eu:aai.egi.eu:member@", NULL},
		{"two at signs", "urn:mace:egi.eu:aai.egi.eu:m@v@w", NULL},
		{"an empty component", "urn:mace::aai.egi.eu:m@v", NULL},
		{"no URN", "arn:mace:egi.eu:aai.egi.eu:m@v", NULL},
	};
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 65536));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct entitlement t;
		CHECK_ROW(rows[i].name);
		assert_true(entitlement_parse(span_of(rows[i].in), &mem, &t));
		assert_true(t.opaque);
		check_span(t.text, rows[i].in);
		check_span(t.space, rows[i].space);
	}
}

static void
limits(void **state)
{
	static char text[ENTITLEMENT_MAX + 1];
	struct entitlement t;
	AUTO_ARENA mem = {0};

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_true(arena_init(&mem, 4096));
	assert_true(entitlement_parse((struct span){text, ENTITLEMENT_MAX}, &mem, &t));
	assert_false(entitlement_parse((struct span){text, ENTITLEMENT_MAX + 1}, &mem, &t));
	assert_false(entitlement_parse((struct span){text, ENTITLEMENT_MAX}, &mem, &t) &&
		     entitlement_parse((struct span){text, ENTITLEMENT_MAX}, &mem, &t));
	assert_true(mem.full);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(older),
		cmocka_unit_test(limits),
	};
	return cmocka_run_group_tests_name("entitlement", tests, NULL, NULL);
}
