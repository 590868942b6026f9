/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/device_login.h"
#include "agent/cli/renew.h"
#include "tests/unit/client_world.h"

#define D     "https://d.test"
#define I     "https://i.test"
#define PRM   D METADATA_PATH
#define DISCO I "/.well-known/openid-configuration"
#define RFC   I "/.well-known/oauth-authorization-server"

#define RESOURCE "{\"resource\":\"https://d.test/\","
#define ONE      "\"authorization_servers\":[\"https://i.test\"]"
#define OURS                                                                                       \
	",\"pan_issuers\":[{\"issuer\":\"https://i.test\",\"client_id\":\"cli\",\"scopes\":["      \
	"\"openid\",\"storage.read:/\"]}]}"
#define SERVER                                                                                     \
	"{\"issuer\":\"https://i.test\",\"token_endpoint\":\"https://i.test/t\","                  \
	"\"device_authorization_endpoint\":\"https://i.test/d\","                                  \
	"\"revocation_endpoint\":\"https://i.test/r\",\"scopes_supported\":[\"openid\"]}"
#define CODE                                                                                       \
	"{\"device_code\":\"dc\",\"user_code\":\"AB\",\"verification_uri\":\"https://i.test/u\","  \
	"\"expires_in\":60,\"interval\":5}"
#define TOKENS                                                                                     \
	"{\"access_token\":\"at\",\"token_type\":\"Bearer\",\"expires_in\":600,"                   \
	"\"refresh_token\":\"rt\"}"
#define WAIT "{\"error\":\"authorization_pending\"}"

/* ---- the person ---- */

struct person {
	struct device_login_ui ui;
	unsigned chosen, asked, shown; /* how often */
	size_t pick;                   /* which issuer; more than there are: cannot be asked */
	bool agrees;
	unsigned left; /* as it was said last */
};

static bool
person_choose(void *arg, const struct metadata *m, size_t *ret)
{
	struct person *p = arg;

	p->chosen++;
	if (p->pick >= m->n)
		return false;
	*ret = p->pick;
	return true;
}

static bool
person_consent(void *arg, const char *server, struct span audience)
{
	struct person *p = arg;

	assert_string_equal(server, D);
	assert_true(audience.n > 0);
	p->asked++;
	return p->agrees;
}

static void
person_code(void *arg, const struct oauth_code *c, struct span issuer)
{
	struct person *p = arg;

	check_span(c->user_code, "AB");
	assert_true(issuer.n > 0);
	p->shown++;
	p->left = 0;
}

static void
person_waiting(void *arg, unsigned left)
{
	struct person *p = arg;

	assert_true(p->left == 0 || left <= p->left);
	p->left = left;
}

static void
person_init(struct person *p)
{
	*p = (struct person){
		.ui = {person_choose, person_consent, person_code, person_waiting, p}, .pick = 99};
}

/* ---- one login a row ---- */

struct row {
	const char *name;
	struct device_login_options o;
	struct world_row rows[8];
	const char *said; /* of what was asked, this must be a part */
	enum err_code code;
	const char *why; /* a part of the message */
};

#define FIRST                                                                                      \
	{PRM, 200, RESOURCE ONE OURS}, {DISCO, 200, SERVER},                                       \
	{                                                                                          \
		I "/d", 200, CODE                                                                  \
	}

static const struct row rows_login[] = {
	{"at once", {.url = D "/data/x"}, {FIRST, {I "/t", 200, TOKENS}},
		I "/d client_id=cli&scope=openid%20storage.read%3A%2F&resource=https%3A%2F%2Fd."
		  "test%2F\n" I "/t grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_"
		  "code&device_code=dc&client_id=cli&resource=https%3A%2F%2Fd.test%2F\n",
		ERR_NONE, NULL},
	{"after a while", {.url = D},
		{FIRST, {I "/t", 400, WAIT}, {I "/t", 0, ""}, {I "/t", 200, TOKENS}}, "/t ",
		ERR_NONE, NULL},
	{"options", {.url = D, .scope = "extra openid", .client_id = "mine", .acr = "mfa x"},
		{FIRST, {I "/t", 200, TOKENS}},
		"client_id=mine&scope=openid%20storage.read%3A%2F%20extra&resource=https%3A%2F%2Fd."
		"test%2F&acr_values=mfa%20x\n",
		ERR_NONE, NULL},
	{"RFC 8414's place", {.url = D},
		{{PRM, 200, RESOURCE ONE OURS}, {RFC, 200, SERVER}, {I "/d", 200, CODE},
			{I "/t", 200, TOKENS}},
		RFC, ERR_NONE, NULL},
	{"of two, the one for which a client is named", {.url = D},
		{{PRM, 200,
			 RESOURCE
			 "\"authorization_servers\":[\"https://k.test\",\"https://i.test\"]" OURS},
			{DISCO, 200, SERVER}, {I "/d", 200, CODE}, {I "/t", 200, TOKENS}},
		I "/d client_id=cli&", ERR_NONE, NULL},
	{"of two, for one's own client", {.url = D, .client_id = "c"},
		{{PRM, 200,
			RESOURCE
			"\"authorization_servers\":[\"https://k.test\",\"https://i.test\"]" OURS}},
		PRM, ERR_SYNTAX, "--issuer may be: https://k.test https://i.test"},
	{"the server says no scopes", {.url = D, .client_id = "c"},
		{{PRM, 200, RESOURCE ONE "}"}, {DISCO, 200, SERVER}, {I "/d", 200, CODE},
			{I "/t", 200, TOKENS}},
		"scope=openid&", ERR_NONE, NULL},
	{"no server", {.url = D}, {{PRM, 0, ""}}, PRM, ERR_UPSTREAM,
		"https://d.test does not answer"},
	{"another kind of server", {.url = D}, {{PRM, 404, "<html>"}}, PRM, ERR_ABSENT,
		"is it a pan-agent?"},
	{"a document that is none", {.url = D}, {{PRM, 200, "{}"}}, PRM, ERR_UPSTREAM, "resource"},
	{"bound tokens only", {.url = D},
		{{PRM, 200, RESOURCE ONE ",\"dpop_bound_access_tokens_required\":true}"}}, PRM,
		ERR_ABSENT, "DPoP"},
	{"no client is named", {.url = D}, {{PRM, 200, RESOURCE ONE "}"}}, PRM, ERR_SYNTAX,
		"--client-id"},
	{"an issuer that the server does not trust", {.url = D, .issuer = "https://k.test"},
		{{PRM, 200, RESOURCE ONE OURS}}, PRM, ERR_SYNTAX,
		"--issuer may be: https://i.test"},
	{"a discovery document of somebody else", {.url = D},
		{{PRM, 200, RESOURCE ONE OURS},
			{DISCO, 200,
				"{\"issuer\":\"https://j.test\",\"token_endpoint\":\"https://"
				"j.test/t\"}"}},
		DISCO, ERR_UPSTREAM, "another issuer's"},
	{"no discovery document", {.url = D}, {{PRM, 200, RESOURCE ONE OURS}}, RFC, ERR_UPSTREAM,
		"does not describe itself"},
	{"no device flow", {.url = D},
		{{PRM, 200, RESOURCE ONE OURS},
			{DISCO, 200,
				"{\"issuer\":\"https://i.test\",\"token_endpoint\":\"https://"
				"i.test/t\"}"}},
		DISCO, ERR_ABSENT, "$BEARER_TOKEN"},
	{"the issuer refuses", {.url = D},
		{{PRM, 200, RESOURCE ONE OURS}, {DISCO, 200, SERVER},
			{I "/d", 400,
				"{\"error\":\"invalid_scope\",\"error_description\":\"no\"}"}},
		"/d ", ERR_UPSTREAM, "400 invalid_scope, no"},
	{"the person refuses", {.url = D}, {FIRST, {I "/t", 400, "{\"error\":\"access_denied\"}"}},
		"/t ", ERR_DENIED, "refused"},
	{"nobody approves", {.url = D}, {FIRST, {I "/t", 400, WAIT}}, "/t ", ERR_LIMIT,
		"nobody approved in time"},
	{"tokens for somebody else", {.url = D},
		{{PRM, 200, "{\"resource\":\"https://bank.test/\"," ONE OURS}}, PRM, ERR_DENIED,
		"--audience https://bank.test/"},
	{"by the issuer's entry", {.url = D},
		{{PRM, 200,
			RESOURCE ONE ",\"pan_issuers\":[{\"issuer\":\"https://i.test\",\"client_"
				     "id\":\"cli\",\"audience\":\"bank\"}]}"}},
		PRM, ERR_DENIED, "--audience bank"},
	{"which are wanted", {.url = D, .audience = "https://bank.test/"},
		{{PRM, 200, "{\"resource\":\"https://bank.test/\"," ONE OURS}, {DISCO, 200, SERVER},
			{I "/d", 200, CODE}, {I "/t", 200, TOKENS}},
		"resource=https%3A%2F%2Fbank.test%2F", ERR_NONE, NULL},
	{"asked by audience", {.url = D},
		{{PRM, 200,
			 RESOURCE ONE ",\"pan_issuers\":[{\"issuer\":\"https://i.test\",\"client_"
				      "id\":\"cli\",\"audience_parameter\":\"audience\"}]}"},
			{DISCO, 200, SERVER}, {I "/d", 200, CODE}, {I "/t", 200, TOKENS}},
		"scope=openid&audience=https%3A%2F%2Fd.test%2F\n", ERR_NONE, NULL},
	{"asked by neither, which nobody agreed to", {.url = D},
		{{PRM, 200,
			RESOURCE ONE ",\"pan_issuers\":[{\"issuer\":\"https://i.test\",\"client_"
				     "id\":\"cli\",\"audience_parameter\":\"none\"}]}"}},
		PRM, ERR_DENIED, "--audience https://d.test/"},
	{"asked by neither", {.url = D, .audience = "https://d.test/"},
		{{PRM, 200,
			 RESOURCE ONE ",\"pan_issuers\":[{\"issuer\":\"https://i.test\",\"client_"
				      "id\":\"cli\",\"audience_parameter\":\"none\"}]}"},
			{DISCO, 200, SERVER}, {I "/d", 200, CODE}, {I "/t", 200, TOKENS}},
		"scope=openid\n", ERR_NONE, NULL},
	{"plain http", {.url = "http://d.test"}, {{PRM, 200, ""}}, "", ERR_SYNTAX, "https://"},
};

static size_t
count(const struct world_row *rows)
{
	size_t n = 0;

	while (n < 8 && rows[n].url != NULL)
		n++;
	return n;
}

static void
check_kept(struct token_store *s, const struct row *r, bool ok)
{
	AUTO_LOGIN l = {.saved = 0};

	assert_int_equal(token_store_newest(s, SPAN_NONE, &l, NULL), ok);
	if (!ok)
		return; /* and nothing is left behind */
	check_span(l.server, D);
	check_span(l.issuer, I);
	check_span(secret_open(&l.access), "at");
	check_span(secret_open(&l.refresh), "rt");
	check_span(l.revocation_endpoint, I "/r");
	check_span(l.audience, r->o.audience != NULL ? r->o.audience : "https://d.test/");
	assert_int_equal(l.expires - l.saved, 600);
}

static void
logging_in(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows_login) / sizeof(rows_login[0]); i++) {
		const struct row *r = &rows_login[i];
		struct world w;
		struct person p;
		AUTO_STORE s = {.folder = -1};
		AUTO_LOGIN l = {.saved = 0};
		struct err e = {0};
		struct device_login_options o = r->o;
		CHECK_ROW(r->name);
		world_init(&w, r->rows, count(r->rows));
		person_init(&p);
		o.ui = &p.ui;
		assert_true(token_store_open(true, &s, NULL));
		bool ok = device_login_run(&w.client, &s, &o, &l, &e);
		if (e.code != r->code)
			fail_msg("%s", e.msg);
		if (!ok && strstr(e.msg, r->why) == NULL)
			fail_msg("%s", e.msg);
		buf_addc(&w.said, '\0');
		if (strstr(w.said.p, r->said) == NULL)
			fail_msg("%s", w.said.p);
		check_kept(&s, r, ok);
		assert_true(w.ms <= 60000);
		world_fini(&w);
	}
}

/* Several issuers: the person is asked once, and the choice is remembered. */
static void
choosing(void **state)
{
	static const struct world_row rows[] = {
		{PRM, 200,
			RESOURCE
			"\"authorization_servers\":[\"https://h.test\",\"https://i.test\"],"
			"\"pan_issuers\":[{\"issuer\":\"https://h.test\",\"client_id\":\"h\"},"
			"{\"issuer\":\"https://i.test\",\"client_id\":\"i\"}]}"},
		{DISCO, 200, SERVER}, {I "/d", 200, CODE}, {I "/t", 200, TOKENS}};
	struct world w;
	struct person p;
	AUTO_STORE s = {.folder = -1};
	struct err e = {0};

	(void)state;
	world_init(&w, rows, 4);
	person_init(&p);
	const struct device_login_options o = {.url = D, .ui = &p.ui};
	assert_true(token_store_open(true, &s, NULL));
	for (unsigned i = 0; i < 3; i++) {
		AUTO_LOGIN l = {.saved = 0};
		assert_int_equal(device_login_run(&w.client, &s, &o, &l, &e), i > 0);
		if (i == 0)
			assert_non_null(strstr(e.msg, "may be: https://h.test https://i.test"));
		assert_int_equal(p.chosen, i == 0 ? 1 : 2);
		p.pick = 1;
	}
	world_fini(&w);
}

/* The person is asked, and the consent is remembered. */
static void
check_consent(const char *metadata)
{
	const struct world_row rows[] = {{PRM, 200, metadata}, {DISCO, 200, SERVER},
		{I "/d", 200, CODE}, {I "/t", 200, TOKENS}};
	struct world w;
	struct person p;
	AUTO_STORE s = {.folder = -1};

	world_init(&w, rows, 4);
	person_init(&p);
	const struct device_login_options o = {.url = D, .ui = &p.ui};
	assert_true(token_store_open(true, &s, NULL));
	for (unsigned i = 0; i < 3; i++) {
		AUTO_LOGIN l = {.saved = 0};
		assert_int_equal(device_login_run(&w.client, &s, &o, &l, NULL), i > 0);
		assert_int_equal(p.asked, i == 0 ? 1 : 2);
		p.agrees = true;
	}
	world_fini(&w);
}

static void
another_audience(void **state)
{
	(void)state;
	check_consent("{\"resource\":\"pan-data\"," ONE OURS);
}

static void
any_audience(void **state)
{
	(void)state;
	check_consent(RESOURCE ONE ",\"pan_issuers\":[{\"issuer\":\"https://i.test\",\"client_"
				   "id\":\"cli\",\"audience_parameter\":\"none\"}]}");
}

/* ---- the end of a login ---- */

#define UNSUPPORTED "{\"error\":\"unsupported_token_type\"}"
static const struct {
	const char *name;
	struct world_row rows[2];
	bool endpoint, want, lives;
} rows_revoke[] = {
	{"both", {{I "/r", 200, ""}}, true, true, false},
	{"an access token of a kind that cannot be revoked",
		{{I "/r", 200, ""}, {I "/r", 400, UNSUPPORTED}}, true, true, true},
	{"a refresh token of such a kind", {{I "/r", 400, UNSUPPORTED}, {I "/r", 200, ""}}, true,
		false, false},
	{"nobody answers", {{I "/r", 0, ""}}, true, false, false},
	{"refused", {{I "/r", 401, "{\"error\":\"invalid_client\"}"}}, true, false, false},
	{"no such endpoint", {{I "/x", 200, ""}}, false, false, false},
};

static void
revoking(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows_revoke) / sizeof(rows_revoke[0]); i++) {
		struct world w;
		AUTO_LOGIN l = {.saved = 0};
		struct err e = {0};
		bool lives = false;
		CHECK_ROW(rows_revoke[i].name);
		world_init(&w, rows_revoke[i].rows, rows_revoke[i].rows[1].url != NULL ? 2 : 1);
		assert_true(token_login_init(&l));
		l.issuer = SPAN(I);
		l.client_id = SPAN("cli");
		l.revocation_endpoint = rows_revoke[i].endpoint ? SPAN(I "/r") : SPAN_NONE;
		assert_true(
			secret_set(&l.access, SPAN("at")) && secret_set(&l.refresh, SPAN("rt")));
		assert_int_equal(renew_revoke(&w.client, &l, &lives, &e), rows_revoke[i].want);
		if (rows_revoke[i].want)
			assert_int_equal(lives, rows_revoke[i].lives);
		assert_int_equal(e.code != ERR_NONE, !rows_revoke[i].want);
		if (rows_revoke[i].endpoint)
			check_span(buf_span(&w.said),
				I "/r token=rt&token_type_hint=refresh_token&client_id=cli\n" I
				  "/r token=at&token_type_hint=access_token&client_id=cli\n");
		world_fini(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logging_in),
		cmocka_unit_test(choosing),
		cmocka_unit_test(another_audience),
		cmocka_unit_test(any_audience),
		cmocka_unit_test(revoking),
	};
	return cmocka_run_group_tests_name("device_login", tests, NULL, NULL);
}
