/* SPDX-License-Identifier: Apache-2.0 */
/* Files and folders that contributors add: who, where, what is looked at, what stays of a failure.
 */
#include "agent/gate_grant.h"
#include "agent/gate_ingest.h"
#include "tests/unit/people_world.h"

#include <dirent.h>
#include <errno.h>

static const char ingest_policy[] =
	"policy: ingest\n"
	"version: 1\n"
	"timezone: Europe/Paris\n"
	"valid_from: 2000-01-01\n"
	"licence: CC-BY-4.0\n"
	"embargo: {anchor: experiment_end, period: 3y, early_release: [pi]}\n"
	"metadata: {public_at: {experiment_end: [title]}}\n"
	"rules:\n"
	"  - {id: record, effect: permit, action: [meta.public], when: {state: [embargoed, "
	"open]}}\n"
	"  - {id: team, effect: permit, action: [data.list, data.read], when: {role: [pi]}}\n"
	"  - {id: open-data, effect: permit, action: [data.list, data.read], when: {state: open}}\n"
	"  - {id: writers, effect: permit, action: [data.write], when: {role: [pi, coproposer]}}\n"
	"tests:\n"
	"  - {name: closed, now: 2025-01-01, dates: {experiment_end: 2024-05-31}, action: "
	"data.read, expect: deny}\n";

struct ground {
	struct people *w;
	struct policy_set *policies, *before;
	struct settings_root roots[3];
	int fds[3];
};

static void
catalogue_one(struct gate_place *p)
{
	struct ingest *in = NULL;
	struct ingest_dataset s = {.folder = SPAN("SHUT/had"),
		.pid = SPAN("10.5072/in/SHUT/had"),
		.proposal = SPAN("SHUT")};
	int64_t id = 0;

	assert_true(ingest_open(p->catalogue, &in, NULL) && ingest_begin(in, NULL));
	assert_true(ingest_source(in, SPAN("in"), 1, SPAN("/y"), &s.source, NULL));
	assert_true(ingest_dataset_put(in, &s, &id, NULL) && ingest_record(in, id, &s, NULL) &&
		    ingest_commit(in, NULL));
	ingest_close(in);
}

static int
ground_setup(void **state)
{
	const struct policy_source source = {
		"ingest.yaml", {ingest_policy, sizeof(ingest_policy) - 1}};
	struct ground *g = calloc(1, sizeof(*g));
	AUTO_BUF report = BUF_INIT(8192);
	void *people = NULL;
	char path[128];

	assert_non_null(g);
	assert_int_equal(people_setup(&people), 0);
	g->w = people;
	struct gate_place *p = g->w->place;
	catalogue_one(p);
	static const char *const folders[] = {"in", "in/SHUT", "in/SHUT/had", "pair"};
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", p->dir, folders[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	g->roots[0] = p->root;
	g->roots[1] = (struct settings_root){.name = "in",
		.layout = "{proposal}/{dataset}",
		.pid = "10.5072/in/{proposal}/{dataset}",
		.proposal = "{proposal}",
		.writable = true};
	g->roots[2] = (struct settings_root){.name = "pair",
		.layout = "{proposal}/{dataset}",
		.pid = "10.5072/pair/{proposal}-{dataset}",
		.proposal = "{proposal}",
		.writable = true};
	g->fds[0] = p->roots[0];
	for (int i = 1; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", p->dir, g->roots[i].name);
		g->fds[i] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		assert_true(g->fds[i] >= 0);
	}
	p->settings.roots = g->roots;
	p->settings.n_roots = 3;
	p->settings.ingest = (struct settings_ingest){.max_file = 1, .mode = INGEST_GROUP};
	p->gate.roots = g->fds;
	g->policies = policy_set_load(&source, 1, &report, NULL);
	if (g->policies == NULL)
		fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
	g->before = p->policies;
	p->gate.policies = g->policies;
	*state = g;
	return 0;
}

static int
ground_teardown(void **state)
{
	struct ground *g = *state;
	void *people = g->w;

	(void)close(g->fds[1]);
	(void)close(g->fds[2]);
	policy_set_free(g->policies);
	free(g);
	return people_teardown(&people);
}

/* ---- asking ---- */

struct wish {
	const char *path, *fields;
	uint64_t length;
	const char *who;
};

/* The first question; the grant is the caller's. */
static struct grant *
ask_first(struct people *w, const struct wish *x, uint32_t *want)
{
	struct http_ask q = {.id = 1,
		.method = HTTP_PUT,
		.path = span_of(x->path),
		.fields = x->fields != NULL ? span_of(x->fields) : SPAN(""),
		.has_length = true,
		.length = x->length,
		.landed = -1};
	AUTO_BUF token = BUF_INIT(8192);
	struct http_answer a;

	people_token(w, x->who, &token);
	q.authorization = buf_span(&token);
	gate_answer(&w->place->desk, &q, w->at * 1000, &a);
	struct grant *g = a.body == HTTP_UPLOAD ? grant_ref(a.grant) : NULL;
	if (want != NULL)
		*want = a.want;
	people_note(w, &a);
	return g;
}

static unsigned
ask_commit(struct people *w, const struct wish *x, int landed, const struct digest_values *found)
{
	struct http_ask q = {.id = 1,
		.method = HTTP_PUT,
		.path = span_of(x->path),
		.fields = x->fields != NULL ? span_of(x->fields) : SPAN(""),
		.has_length = true,
		.length = x->length,
		.commit = true,
		.landed = landed};
	AUTO_BUF token = BUF_INIT(8192);
	struct http_answer a;

	if (found != NULL)
		q.digests = *found;
	people_token(w, x->who, &token);
	q.authorization = buf_span(&token);
	gate_answer(&w->place->desk, &q, w->at * 1000, &a);
	people_note(w, &a);
	return w->status;
}

/* What a front holds of it. */
static int
descriptor(struct grant *g)
{
	const struct http_answer a = {.body = HTTP_UPLOAD, .grant = g};

	return gate_descriptor(&a);
}

static unsigned
upload(struct people *w, const struct wish *x, const char *body, const struct digest_values *found)
{
	struct grant *g = ask_first(w, x, NULL);

	if (g == NULL)
		return w->status;
	assert_int_equal(grant_pwrite(g, body, strlen(body), 0), (ssize_t)strlen(body));
	unsigned status = ask_commit(w, x, descriptor(g), found);
	grant_unref(g);
	return status;
}

static bool
on_disk(const struct people *w, const char *path, const char *text)
{
	char name[256];
	char got[64] = "";

	(void)snprintf(name, sizeof(name), "%s/%s", w->place->dir, path);
	AUTO_FD fd = open(name, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, got, sizeof(got) - 1) >= 0 && strcmp(got, text) == 0;
}

static mode_t
mode_of(const struct people *w, const char *path)
{
	char name[256];
	struct stat st = {0};

	(void)snprintf(name, sizeof(name), "%s/%s", w->place->dir, path);
	assert_int_equal(stat(name, &st), 0);
	return st.st_mode & 07777;
}

/* Names in a folder of the ground, without dots. */
static unsigned
entries(const struct people *w, const char *path)
{
	char name[256];
	unsigned n = 0;

	(void)snprintf(name, sizeof(name), "%s/%s", w->place->dir, path);
	AUTO_DIR d = opendir(name);
	assert_non_null(d);
	for (struct dirent *x = NULL; (x = readdir(d)) != NULL;) // NOLINT(concurrency-mt-unsafe)
		n += x->d_name[0] != '.';
	return n;
}

/* ---- files ---- */

#define NEW   "/data/10.5072/in/SHUT/new"
#define HELLO 5

static void
a_new_dataset(void **state)
{
	struct people *w = ((struct ground *)*state)->w;
	const struct wish x = {NEW "/sub/a b.txt", NULL, HELLO, "pia"};

	assert_int_equal(upload(w, &x, "hello", NULL), 201);
	assert_non_null(strstr(w->fields.p, "Location: " NEW "/sub/a%20b.txt\r\n"));
	assert_true(on_disk(w, "in/SHUT/new/sub/a b.txt", "hello"));
	assert_int_equal(mode_of(w, "in/SHUT/new/sub/a b.txt") & 07137, 0);
	assert_int_equal(mode_of(w, "in/SHUT/new") & 07027, 0);
	assert_int_equal(audited(w, "\"kind\":\"landed\""), 1);
	assert_int_equal(audited(w, "\"file\":\"sub/a b.txt\",\"bytes\":5"), 1);
	assert_int_equal(audited(w, "\"action\":\"data.write\""), 2); /* decided twice */
	/* What is there is never replaced. */
	assert_int_equal(upload(w, &x, "HELLO", NULL), 409);
	says(w, 409, "never replaced");
	const struct wish once = {x.path, "If-None-Match: *\n", HELLO, "pia"};
	assert_int_equal(upload(w, &once, "HELLO", NULL), 412);
	const struct wish match = {NEW "/other", "If-Match: \"x\"\n", HELLO, "pia"};
	assert_int_equal(upload(w, &match, "HELLO", NULL), 412);
	assert_true(on_disk(w, "in/SHUT/new/sub/a b.txt", "hello"));
	assert_int_equal(audited(w, "\"kind\":\"landed\""), 1);
}

/* The front sends a commit again when the gate that had it went away. */
static void
an_answer_that_was_lost(void **state)
{
	struct people *w = ((struct ground *)*state)->w;
	const struct wish x = {NEW "/a", NULL, HELLO, "pia"};
	struct grant *g = ask_first(w, &x, NULL);

	assert_non_null(g);
	assert_int_equal(grant_pwrite(g, "hello", HELLO, 0), HELLO);
	assert_int_equal(ask_commit(w, &x, descriptor(g), NULL), 201);
	assert_int_equal(ask_commit(w, &x, descriptor(g), NULL), 201);
	assert_int_equal(audited(w, "\"kind\":\"landed\""), 1);
	assert_int_equal(entries(w, "in/SHUT/new"), 1);
	/* It has its name now, and gets no second one elsewhere, whoever hands it over. */
	const struct wish other = {NEW "/b", NULL, HELLO, "pia"};
	assert_int_equal(ask_commit(w, &other, descriptor(g), NULL), 400);
	assert_int_equal(entries(w, "in/SHUT/new"), 1);
	assert_int_equal(audited(w, "\"kind\":\"landed\""), 1);
	grant_unref(g);
}

static void
what_was_announced(void **state)
{
	static const struct {
		const char *name, *fields;
		uint64_t length;
		unsigned status;
		uint32_t want;
		const char *text;
	} rows[] = {
		{"too little came", NULL, 6, 400, 0,
			"5 bytes came where Content-Length announced 6"},
		{"another digest", "Digest: adler32=062c0216\n", 5, 400, 1U << DIGEST_ADLER32,
			"The adler32 of what came is another one"},
		{"one that was not computed", "Digest: md5=XUFAKrxLKna5cZ2REBfFkg==\n", 5, 400,
			1U << DIGEST_MD5, "The md5 of what came"},
		{"the right one", "Repr-Digest: adler=:BiwCFQ==:\n", 5, 201, 1U << DIGEST_ADLER32,
			NULL},
	};
	struct people *w = ((struct ground *)*state)->w;
	const struct digest_values found = {.have = 1U << DIGEST_ADLER32, .adler32 = 0x062c0215};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct wish x = {NEW "/a", rows[i].fields, rows[i].length, "pia"};
		uint32_t want = 0;
		CHECK_ROW(rows[i].name);
		struct grant *g = ask_first(w, &x, &want);
		assert_non_null(g);
		assert_int_equal(want, rows[i].want);
		assert_int_equal(grant_pwrite(g, "hello", HELLO, 0), HELLO);
		assert_int_equal(ask_commit(w, &x, descriptor(g), &found), rows[i].status);
		grant_unref(g);
		if (rows[i].text != NULL)
			says(w, rows[i].status, rows[i].text);
		if (rows[i].status != 201)
			assert_int_equal(entries(w, "in/SHUT"), 1); /* had */
	}
	assert_int_equal(audited(w, "\"kind\":\"landed\""), 1);
}

static void
refusals(void **state)
{
	static const struct {
		const char *name, *path, *fields;
		uint64_t length;
		const char *who;
		unsigned status;
		const char *text;
	} rows[] = {
		{"nobody", NEW "/a", NULL, 5, NULL, 401, "no rule lets you add data to it"},
		{"somebody", NEW "/a", NULL, 5, "eve", 403, "no rule lets you add data to it"},
		{"the team of another proposal", "/data/10.5072/in/OPEN/x/a", NULL, 5, "pia", 403,
			NULL},
		{"a proposal that nobody knows", "/data/10.5072/in/NONE/x/a", NULL, 5, "pia", 404,
			NULL},
		{"no pid of any root", "/data/10.5073/SHUT/x/a", NULL, 5, "pia", 404, NULL},
		{"a root that is not writable", "/data/10.5072/SHUT/b.txt", NULL, 5, "pia", 403,
			"its data root is not writable"},
		{"the dataset itself", NEW, NULL, 5, "pia", 403, "needs a name below its dataset"},
		{"its folder", NEW "/", NULL, 5, "pia", 403, "needs a name below its dataset"},
		{"a folder's name", NEW "/sub/", NULL, 5, "pia", 403, "is no name"},
		{"a hidden name", NEW "/.htaccess", NULL, 5, "pia", 403, "is no name"},
		{"a hidden folder", NEW "/.git/config", NULL, 5, "pia", 403, "is no name"},
		{"a hidden dataset", "/data/10.5072/in/SHUT/.new/a", NULL, 5, "pia", 403,
			"is no name"},
		{"half a file's name", NEW "/a.part", NULL, 5, "pia", 403, "is no name"},
		{"another half's", NEW "/a.tmp", NULL, 5, "pia", 403, "is no name"},
		{"control character", NEW "/a\tb", NULL, 5, "pia", 403, "is no name"},
		{"too deep", NEW "/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/a",
			NULL, 5, "pia", 403, "at most 31 deep"},
		{"too large", NEW "/a", NULL, (1U << 20) + 1, "pia", 413, "at most 1 MiB"},
		{"a part of a file", NEW "/a", "Content-Range: bytes 0-4/10\n", 5, "pia", 400,
			"no Content-Range"},
		{"packed", NEW "/a", "Content-Encoding: gzip\n", 5, "pia", 415,
			"without Content-Encoding"},
		{"digest that is none", NEW "/a", "Digest: md5=x\n", 5, "pia", 400,
			"no value of md5"},
		{"a file as a folder", "/data/10.5072/in/SHUT/had/file/a", NULL, 5, "pia", 409,
			"is not a folder of this dataset"},
		{"a link as a folder", "/data/10.5072/in/SHUT/had/link/a", NULL, 5, "pia", 409,
			"is not a folder of this dataset"},
		{"a link", "/data/10.5072/in/SHUT/had/link", NULL, 5, "pia", 409, NULL},
		{"a folder", "/data/10.5072/in/SHUT/had/folder", NULL, 5, "pia", 409,
			"something with this name"},
	};
	struct people *w = ((struct ground *)*state)->w;
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/in/SHUT/had/file", w->place->dir);
	AUTO_FD file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(file >= 0);
	(void)snprintf(path, sizeof(path), "%s/in/SHUT/had/link", w->place->dir);
	assert_int_equal(symlink("/tmp", path), 0);
	(void)snprintf(path, sizeof(path), "%s/in/SHUT/had/folder", w->place->dir);
	assert_int_equal(mkdir(path, 0755), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct wish x = {rows[i].path, rows[i].fields, rows[i].length, rows[i].who};
		CHECK_ROW(rows[i].name);
		if (rows[i].who != NULL) {
			assert_null(ask_first(w, &x, NULL));
		} else {
			struct http_ask q = {.method = HTTP_PUT,
				.path = span_of(x.path),
				.has_length = true,
				.length = 5,
				.landed = -1};
			(void)people_ask(w, &q, NULL);
		}
		says(w, rows[i].status, rows[i].text != NULL ? rows[i].text : "");
	}
	assert_int_equal(entries(w, "in/SHUT"), 1);
	assert_int_equal(audited(w, "\"kind\":\"landed\""), 0);
}

static void
without_a_length(void **state)
{
	struct people *w = ((struct ground *)*state)->w;

	assert_int_equal(call(w, HTTP_PUT, NEW "/a", NULL, "pia"), 411);
	says(w, 411, "Content-Length");
}

static void
no_room(void **state)
{
	struct people *w = ((struct ground *)*state)->w;
	const struct wish x = {NEW "/a", NULL, HELLO, "pia"};

	w->place->settings.ingest.keep_free = 1U << 30; /* a PiB */
	assert_null(ask_first(w, &x, NULL));
	says(w, 507, "no room");
}

static void
nothing_is_writable(void **state)
{
	struct ground *g = *state;
	struct people *w = g->w;

	g->roots[1].writable = g->roots[2].writable = false;
	assert_int_equal(call(w, HTTP_PUT, NEW "/a", NULL, "pia"), 405);
	assert_non_null(strstr(w->fields.p, "Allow: GET, HEAD, OPTIONS, PROPFIND\r\n"));
	assert_int_equal(call(w, HTTP_MKCOL, NEW "/", NULL, "pia"), 405);
}

/* In between the rule goes away: the second question is decided as the first was. */
static void
decided_again(void **state)
{
	struct ground *g = *state;
	struct people *w = g->w;
	const struct wish x = {NEW "/a", NULL, HELLO, "pia"};
	struct grant *held = ask_first(w, &x, NULL);

	assert_non_null(held);
	assert_int_equal(grant_pwrite(held, "hello", HELLO, 0), HELLO);
	w->place->gate.policies = g->before; /* the people's, without data.write */
	assert_int_equal(ask_commit(w, &x, descriptor(held), NULL), 403);
	grant_unref(held);
	w->place->gate.policies = g->policies;
	assert_int_equal(entries(w, "in/SHUT"), 1);
}

/* In between somebody else was faster. */
static void
overtaken(void **state)
{
	struct people *w = ((struct ground *)*state)->w;
	const struct wish x = {"/data/10.5072/in/SHUT/had/a", NULL, HELLO, "pia"};
	struct grant *slow = ask_first(w, &x, NULL);

	assert_non_null(slow);
	assert_int_equal(grant_pwrite(slow, "slow!", HELLO, 0), HELLO);
	assert_int_equal(upload(w, &x, "hello", NULL), 201);
	assert_int_equal(ask_commit(w, &x, descriptor(slow), NULL), 409);
	grant_unref(slow);
	assert_true(on_disk(w, "in/SHUT/had/a", "hello"));
}

/* A descriptor that is not what a begin gave out. */
static void
another_file(void **state)
{
	struct people *w = ((struct ground *)*state)->w;
	const struct wish x = {NEW "/a", NULL, HELLO, "pia"};
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(ask_commit(w, &x, ends[0], NULL), 400);
	assert_int_equal(ask_commit(w, &x, -1, NULL), 503);
	AUTO_FD memory = memfd_create("x", MFD_CLOEXEC);
	assert_int_equal(write(memory, "hello", HELLO), HELLO);
	assert_int_equal(ask_commit(w, &x, memory, NULL), 400); /* of another file system */
	(void)close(ends[0]);
	(void)close(ends[1]);
	assert_int_equal(entries(w, "in/SHUT"), 1);
}

/* Of the places that a pid may mean the proposal picks one. */
static void
the_proposal_tells(void **state)
{
	struct people *w = ((struct ground *)*state)->w;
	const struct wish x = {"/data/10.5072/pair/SHUT-a-b/f", NULL, HELLO, "pia"};
	const struct wish none = {"/data/10.5072/pair/a-SHUT/f", NULL, HELLO, "pia"};

	assert_int_equal(upload(w, &x, "hello", NULL), 201);
	assert_true(on_disk(w, "pair/SHUT/a-b/f", "hello"));
	assert_int_equal(upload(w, &none, "hello", NULL), 404);
}

/* ---- scopes ---- */

static unsigned
ask_scoped(struct people *w, const char *path, const char *scope)
{
	AUTO_BUF payload = BUF_INIT(1024);
	AUTO_BUF token = BUF_INIT(8192);
	struct http_ask q = {.id = 1,
		.method = HTTP_PUT,
		.path = span_of(path),
		.has_length = true,
		.length = HELLO,
		.landed = -1};
	struct http_answer a;

	buf_addf(&payload,
		"{\"iss\":\"" KEYS_ISS "\",\"sub\":\"pia\",\"aud\":\"https://localhost/\","
		"\"exp\":4000000000,\"iat\":1700000000,\"jti\":\"j\",\"client_id\":\"cli\","
		"\"scope\":\"%s\"}",
		scope);
	buf_adds(&token, "Bearer ");
	mint_token(&w->key, SPAN("{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}"),
		buf_span(&payload), &token);
	q.authorization = buf_span(&token);
	gate_answer(&w->place->desk, &q, w->at * 1000, &a);
	people_note(w, &a);
	return a.body == HTTP_UPLOAD ? 0 : w->status;
}

/* An issuer with path scopes: they cover the path, whatever policy gives; policy is asked as well.
 */
static void
path_scopes(void **state)
{
	static const struct {
		const char *scope, *path;
		unsigned status; /* 0: the body is wanted */
	} rows[] = {
		{"openid", NEW "/a", 403}, {"storage.read:/", NEW "/a", 403},
		{"storage.create:/data/10.5072/in/SHUT/old", NEW "/a", 403},
		{"storage.create:" NEW, NEW "/a", 0}, {"storage.modify:/data", NEW "/a", 0},
		{"storage.create:/", "/data/10.5072/in/OPEN/x/a", 403}, /* not of her team */
	};
	struct people *w = ((struct ground *)*state)->w;
	struct gate_place *p = w->place;
	AUTO_BUF report = BUF_INIT(8192);

	auth_free(p->gate.auth);
	p->issuer.path_scopes = 1;
	assert_true(auth_load(&p->settings, NULL, NULL, &report, &p->gate.auth, NULL));
	people_keys(w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].scope);
		assert_int_equal(ask_scoped(w, rows[i].path, rows[i].scope), rows[i].status);
		if (rows[i].status == 403 && i < 3)
			assert_non_null(strstr(w->fields.p, "scope=\"storage.create:" NEW "/a\""));
	}
}

/* ---- folders ---- */

static void
folders(void **state)
{
	static const struct {
		const char *name, *path, *body, *who;
		unsigned status;
	} rows[] = {
		{"nobody", NEW "/", NULL, NULL, 401},
		{"somebody", NEW "/", NULL, "eve", 403},
		{"below what is not there", NEW "/sub/", NULL, "pia", 409},
		{"a dataset", NEW "/", NULL, "pia", 201},
		{"again", NEW "/", NULL, "pia", 405},
		{"a folder", NEW "/sub/", NULL, "pia", 201},
		{"without its slash", NEW "/sub/deep", NULL, "pia", 201},
		{"again, without its slash", NEW "/sub", NULL, "pia", 405},
		{"below nothing", NEW "/nope/deep", NULL, "pia", 409},
		{"a hidden one", NEW "/.sub", NULL, "pia", 403},
		{"with a body", NEW "/other", "<x/>", "pia", 415},
		{"above datasets", "/data/10.5072/in/SHUT/", NULL, "pia", 405},
		{"far above", "/data/10.5072/", NULL, "pia", 405},
		{"all of them", "/data/", NULL, "pia", 405},
		{"of nobody", "/data/10.5073/", NULL, "pia", 404},
		{"in a root that is not writable", "/data/10.5072/SHUT/sub/", NULL, "pia", 403},
	};
	struct people *w = ((struct ground *)*state)->w;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		assert_int_equal(call(w, HTTP_MKCOL, rows[i].path, rows[i].body, rows[i].who),
			rows[i].status);
		if (rows[i].status == 405)
			assert_non_null(strstr(w->fields.p, "Allow: GET, HEAD, OPTIONS, "));
	}
	assert_int_equal(entries(w, "in/SHUT/new"), 1);
	assert_int_equal(entries(w, "in/SHUT/new/sub"), 1);
	assert_int_equal(audited(w, "\"kind\":\"landed\""), 3);
	assert_int_equal(audited(w, "\"file\":\"/\"}"), 1);
	assert_int_equal(audited(w, "\"file\":\"sub/deep/\"}"), 1);
}

/* Begun anew when the indexer has reported: the folder that it made itself is no conflict. */
static void
after_the_indexer(void **state)
{
	struct people *w = ((struct ground *)*state)->w;
	struct gate_desk *d = &w->place->desk;
	const struct gate_wait waited = {.wish = 7, .wish_until_ms = NOW_MS};
	struct http_ask q = {.id = 1, .method = HTTP_MKCOL, .path = SPAN(NEW "/")};
	AUTO_BUF token = BUF_INIT(8192);
	struct http_answer a;
	struct gate_case c;

	people_token(w, "pia", &token);
	q.authorization = buf_span(&token);
	for (int i = 0; i < 2; i++) {
		gate_start(d);
		gate_begin(d, &q, NOW_MS, i == 0 ? NULL : &waited, &c);
		gate_record(d, &c, 1);
		gate_finish(d, &c, &a);
		gate_end(d);
		people_note(w, &a);
		assert_int_equal(w->status, 201);
	}
	assert_int_equal(audited(w, "\"kind\":\"landed\""), 1);
	assert_int_equal(call(w, HTTP_MKCOL, NEW "/", NULL, "pia"), 405);
}

/* A folder that holds nothing yet is there for PROPFIND and for pages. */
static void
empty_folders(void **state)
{
	static const struct {
		enum http_method method;
		const char *path;
		unsigned status;
	} rows[] = {
		{HTTP_PROPFIND, "/data/10.5072/in/SHUT/had/", 207},
		{HTTP_PROPFIND, "/data/10.5072/in/SHUT/had/made/", 207},
		{HTTP_PROPFIND, "/data/10.5072/in/SHUT/had/made", 207},
		{HTTP_PROPFIND, "/data/10.5072/in/SHUT/had/nope/", 404},
		{HTTP_PROPFIND, "/data/10.5072/in/SHUT/had/nope", 404},
		{HTTP_GET, "/data/10.5072/in/SHUT/had/made/", 200},
		{HTTP_GET, "/data/10.5072/in/SHUT/had/made", 301},
		{HTTP_GET, "/data/10.5072/in/SHUT/had/nope/", 404},
	};
	struct people *w = ((struct ground *)*state)->w;

	assert_int_equal(call(w, HTTP_MKCOL, "/data/10.5072/in/SHUT/had/made/", NULL, "pia"), 201);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_ask q = {.method = rows[i].method,
			.path = span_of(rows[i].path),
			.depth = SPAN("1")};
		CHECK_ROW(rows[i].path);
		assert_int_equal(people_ask(w, &q, "pia"), rows[i].status);
	}
	/* Who may write and not list sees none of it. */
	struct http_ask q = {.method = HTTP_PROPFIND,
		.path = SPAN("/data/10.5072/in/SHUT/had/made/"),
		.depth = SPAN("0")};
	assert_int_equal(people_ask(w, &q, "cop"), 403);
}

/* ---- a log that takes nothing ---- */

static void
no_record_no_file(void **state)
{
	struct people *w = ((struct ground *)*state)->w;
	const struct wish x = {NEW "/a", NULL, HELLO, "pia"};
	struct grant *g = ask_first(w, &x, NULL);
	struct audit *good = w->place->gate.audit;
	struct audit *full = NULL;
	int fd = open("/dev/full", O_RDWR | O_APPEND | O_CLOEXEC);

	assert_non_null(g);
	assert_int_equal(grant_pwrite(g, "hello", HELLO, 0), HELLO);
	if (!audit_open(
		    &fd, &(struct audit_place){.dir = -1}, "gate", AUDIT_SYNC_NEVER, &full, NULL)) {
		grant_unref(g);
		(void)close(fd);
		skip();
	}
	w->place->gate.audit = full;
	assert_int_equal(ask_commit(w, &x, descriptor(g), NULL), 503);
	w->place->gate.audit = good;
	audit_free(full);
	grant_unref(g);
	assert_int_equal(entries(w, "in/SHUT"), 1);
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, ground_setup, ground_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(a_new_dataset),
		WITH(an_answer_that_was_lost),
		WITH(what_was_announced),
		WITH(refusals),
		WITH(without_a_length),
		WITH(no_room),
		WITH(nothing_is_writable),
		WITH(decided_again),
		WITH(overtaken),
		WITH(another_file),
		WITH(the_proposal_tells),
		WITH(path_scopes),
		WITH(folders),
		WITH(after_the_indexer),
		WITH(empty_folders),
		WITH(no_record_no_file),
	};
	return cmocka_run_group_tests_name("gate_ingest", tests, NULL, NULL);
}
