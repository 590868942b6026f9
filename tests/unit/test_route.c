/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/route.h"

#include "tests/unit/check.h"

static void
paths(void **state)
{
	static const struct {
		const char *path, *row; /* NULL: 404 */
		enum http_method method;
		bool takes;
	} rows[] = {
		{"/data", "/data", HTTP_GET, true},
		{"/data/", "/data", HTTP_PROPFIND, true},
		{"/data/10.5072/abc/raw.h5", "/data", HTTP_HEAD, true},
		{"/data/x", "/data", HTTP_POST, false},
		{"/data/x", "/data", HTTP_PUT, true},
		{"/data/x", "/data", HTTP_MKCOL, true},
		{"/data/x", "/data", HTTP_COPY, true},
		{"/data/x", "/data", HTTP_OTHER, false},
		{"/database", NULL, HTTP_GET, false},
		{"/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource",
			HTTP_GET, true},
		{"/.well-known/oauth-protected-resource/data",
			"/.well-known/oauth-protected-resource", HTTP_HEAD, true},
		{"/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource",
			HTTP_PROPFIND, false},
		{"/.well-known/other", NULL, HTTP_GET, false},
		{"/login", "/login", HTTP_GET, true},
		{"/login/callback", "/login", HTTP_HEAD, true},
		{"/login/callback", "/login", HTTP_POST, false},
		{"/logins", NULL, HTTP_GET, false},
		{"/logout", "/logout", HTTP_POST, true},
		{"/logout", "/logout", HTTP_GET, false},
		{"/logout/x", NULL, HTTP_POST, false},
		{"/me", "/me", HTTP_HEAD, true},
		{"/me", "/me", HTTP_POST, false},
		{"/me/", NULL, HTTP_GET, false},
		{"/healthz", "/healthz", HTTP_GET, true},
		{"/healthz/", NULL, HTTP_GET, false},
		{"/", "/", HTTP_GET, true},
		{"/x", NULL, HTTP_GET, false},
		{"*", "*", HTTP_OPTIONS, true},
		{"*", "*", HTTP_GET, false},
		{"", NULL, HTTP_GET, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct route *r = route_find(span_of(rows[i].path));
		CHECK_ROW(rows[i].path);
		assert_int_equal(r != NULL, rows[i].row != NULL);
		if (r == NULL)
			continue;
		check_span(r->path, rows[i].row);
		assert_int_equal(route_takes(r, rows[i].method), rows[i].takes);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(paths)};

	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
