/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_access.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/base/civil.h"
#include "agent/base/jsonw.h"
#include "agent/base/settings.h"
#include "agent/catalog/ledger_people.h"
#include "agent/cli/cli_admin.h"
#include "agent/cli/cli_catalogue.h"
#include "agent/cli/cli_events.h"
#include "agent/cli/command.h"

#define MEMORY   ((size_t)16 << 20)
#define TEXT_MAX ((size_t)4 << 20)

struct local {
	const struct cli_access_call *c;
	struct settings *settings;
	struct ledger *ledger;
	struct arena mem;
	int64_t now;
};

static int
complain(const struct local *l, const struct err *e)
{
	(void)fprintf(stderr, "pan-agent access %s: %s\n", l->c->name, e->msg);
	return e->code == ERR_ABSENT || e->code == ERR_DENIED ? EXIT_NO : EXIT_CALL;
}

static void
print_time(int64_t at)
{
	AUTO_BUF text = BUF_INIT(64);

	civil_write_iso(&text, at);
	cli_catalogue_print(buf_span(&text));
}

/* ---- requests ---- */

static void
print_request(const struct local *l, const struct ledger_request *r)
{
	AUTO_BUF line = BUF_INIT(65536);
	struct jsonw w;

	if (l->c->json) {
		jsonw_init(&w, &line);
		jsonw_obj(&w, NULL);
		jsonw_str(&w, "id", r->id);
		jsonw_str(&w, "pid", r->pid);
		jsonw_str(&w, "issuer", r->who.iss);
		jsonw_str(&w, "sub", r->who.sub);
		jsonw_str(&w, "action", r->action);
		jsonw_str(&w, "text", r->text);
		jsonw_iso(&w, "at", r->at);
		jsonw_end(&w, '}');
		buf_addc(&line, '\n');
		(void)fwrite(line.p, 1, line.n, stdout);
		return;
	}
	cli_catalogue_print(r->id);
	(void)fputs("  ", stdout);
	print_time(r->at);
	(void)fputs("  ", stdout);
	cli_catalogue_print(r->pid);
	(void)fputs("  ", stdout);
	cli_catalogue_print(r->who.sub);
	(void)fputs(" at ", stdout);
	cli_catalogue_print(r->who.iss);
	(void)fputs("\n    ", stdout);
	cli_catalogue_print(r->text);
	(void)fputc('\n', stdout);
}

static int
list_requests(struct local *l)
{
	struct ledger_request *list = NULL;
	struct err e = {0};
	size_t n = 0;

	if (!ledger_requests_open(l->ledger, span_of(l->c->url), &l->mem, &list, &n, &e))
		return complain(l, &e);
	for (size_t i = 0; i < n; i++)
		print_request(l, &list[i]);
	return EXIT_DONE;
}

/* ---- links ---- */

static int64_t
instant(struct when w)
{
	if (!w.given)
		return time(NULL);
	return w.is_date ? (int64_t)w.date * 86400 : w.instant;
}

bool
cli_access_links(struct ledger *l, struct span pid, struct when now, struct buf *out, struct err *e)
{
	int64_t at = instant(now);
	struct ledger_link *list = NULL;
	size_t n = 0;
	AUTO_ARENA mem = {0};

	if (!arena_init(&mem, MEMORY))
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	if (!ledger_links(l, pid, &mem, &list, &n, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!ledger_link_live(&list[i], at))
			continue;
		buf_addf(out, "links   %.*s until ", SPAN_ARG(list[i].id));
		civil_write_iso(out, list[i].until);
		buf_addf(out, ", made by %.*s%s\n", SPAN_ARG(list[i].by),
			list[i].personal ? ", for one person" : "");
	}
	return true;
}

static bool
link_facts(struct ledger *l, struct span id, struct arena *a, struct facts *f, struct err *e)
{
	struct ledger_link k;

	if (!ledger_link_get(l, id, a, &k, e))
		return err_set(e, ERR_ABSENT, NULL, "no such link");
	if (!ledger_link_live(&k, instant(f->now)) || k.personal || !span_eq(k.pid, f->object.pid))
		return err_set(e, ERR_ABSENT, NULL, "the link has ended, or is of another dataset");
	return true;
}

static bool
terms_facts(struct ledger *l, const struct ledger_person *who, struct arena *a, struct facts *f,
	struct err *e)
{
	struct ledger_terms *terms = NULL;
	size_t n = 0;

	if (!ledger_terms_of(l, who, a, &terms, &n, e))
		return false;
	struct span *list = arena_array(a, n + 1, sizeof(*list));
	if (list == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	for (size_t i = 0; i < n; i++)
		list[i] = terms[i].terms;
	f->accepted = list;
	f->n_accepted = n;
	return true;
}

bool
cli_access_facts(struct cli_access_asker *x, struct arena *a, struct facts *f, struct err *e)
{
	struct ledger_link *grants = NULL;
	size_t n = 0;

	x->granted = 0;
	if (x->link.p != NULL) {
		x->granted = 1U << ROLE_DELEGATE;
		f->roles = 0;
		return link_facts(x->ledger, x->link, a, f, e);
	}
	if (f->subject == NULL || f->subject->sub.p == NULL)
		return true;
	const struct ledger_person who = {f->subject->iss, f->subject->sub};
	if (!terms_facts(x->ledger, &who, a, f, e) ||
		!ledger_grants_of(x->ledger, &who, instant(f->now), a, &grants, &n, e))
		return false;
	for (size_t i = 0; i < n; i++)
		if (span_eq(grants[i].pid, f->object.pid))
			x->granted = 1U << ROLE_DELEGATE;
	return true;
}

static void
print_link(const struct local *l, const struct ledger_link *k)
{
	AUTO_BUF line = BUF_INIT(65536);
	struct jsonw w;

	if (l->c->json) {
		jsonw_init(&w, &line);
		jsonw_obj(&w, NULL);
		jsonw_str(&w, "id", k->id);
		jsonw_cstr(&w, "kind", k->personal ? "person" : "link");
		jsonw_bool(&w, "live", ledger_link_live(k, l->now));
		jsonw_str(&w, "by", k->by);
		jsonw_str(&w, "maker", k->maker.sub);
		jsonw_str(&w, "to", k->personal ? k->who.sub : k->to);
		jsonw_str(&w, "note", k->note);
		jsonw_iso(&w, "until", k->until);
		jsonw_u64(&w, "days_used", k->days);
		jsonw_end(&w, '}');
		buf_addc(&line, '\n');
		(void)fwrite(line.p, 1, line.n, stdout);
		return;
	}
	cli_catalogue_print(k->id);
	(void)printf("  %s  until ", ledger_link_live(k, l->now) ? "live " : "ended");
	print_time(k->until);
	(void)fputs("  made by ", stdout);
	cli_catalogue_print(k->by);
	(void)fputs(", for ", stdout);
	cli_catalogue_print(k->personal ? k->who.sub : k->to);
	(void)printf(", used on %llu days  ", (unsigned long long)k->days);
	cli_catalogue_print(k->note);
	(void)fputc('\n', stdout);
}

static int
list_links(struct local *l)
{
	struct ledger_link *list = NULL;
	struct err e = {0};
	size_t n = 0;

	if (!ledger_links(l->ledger, span_of(l->c->url), &l->mem, &list, &n, &e))
		return complain(l, &e);
	for (size_t i = 0; i < n; i++)
		print_link(l, &list[i]);
	return EXIT_DONE;
}

/* By the running agent, which alone writes the ledger. */
static int
revoke(struct local *l)
{
	AUTO_BUF job = BUF_INIT(512);
	AUTO_BUF answer = BUF_INIT(65536);
	struct err e = {0};
	struct jsonw w;
	int status = 0;

	jsonw_init(&w, &job);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "job", "revoke");
	jsonw_cstr(&w, "link", l->c->id);
	jsonw_end(&w, '}');
	if (!cli_events_post(l->settings, buf_span(&job), &status, &answer, &e))
		return complain(l, &e);
	if (status != 200) {
		(void)err_set(&e, ERR_DENIED, NULL, "%.*s", SPAN_ARG(buf_span(&answer)));
		return complain(l, &e);
	}
	(void)printf("%s: revoked\n", l->c->id);
	return EXIT_DONE;
}

static int
run(struct local *l)
{
	struct err e = {0};

	if (strcmp(l->c->name, "revoke") == 0)
		return revoke(l);
	if (!arena_init(&l->mem, MEMORY))
		return EXIT_CALL;
	if (!ledger_open(l->settings->ledger, LEDGER_READ, &l->ledger, &e))
		return complain(l, &e);
	return strcmp(l->c->name, "links") == 0 ? list_links(l) : list_requests(l);
}

int
cli_access_local(const struct cli_access_call *c)
{
	struct local l = {.c = c, .now = time(NULL)};

	l.settings = cli_admin_settings("access", c->config);
	if (l.settings == NULL)
		return EXIT_CALL;
	int code = run(&l);
	ledger_close(l.ledger);
	arena_fini(&l.mem);
	settings_free(l.settings);
	return code;
}
