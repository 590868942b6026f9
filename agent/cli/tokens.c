/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/scope.h"
#include "agent/cli/cli_file.h"
#include "agent/cli/origin.h"
#include "agent/cli/renew.h"
#include "auth/credential.h"

#define TEXT_MAX (CREDENTIAL_TOKEN_MAX + 4096U) /* a token, and blanks around it */

/* One search. */
struct search {
	const char *server; /* origin; NULL: any */
	const struct tokens_options *o;
	struct tokens *ret;
};

/* What looking in one place came to. */
enum look { LOOK_ON, LOOK_FOUND, LOOK_STOP };

void
tokens_fini(struct tokens *t)
{
	secret_fini(&t->token);
	token_login_fini(&t->login);
	*t = (struct tokens){.from = TOKENS_NONE};
}

/* isspace of the C locale, whatever the locale is. */
static bool
blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct span
tokens_strip(struct span s)
{
	while (s.n > 0 && blank(s.p[0]))
		s = span_skip(s, 1);
	while (s.n > 0 && blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

static enum look
stop(struct err *e, enum err_code code, const char *where, const char *what)
{
	(void)err_set(e, code, "RFC 6750 2.1", "%s: %s", where, what);
	return LOOK_STOP;
}

/* A text that was found at `where`. */
static enum look
take(struct tokens *ret, struct span text, enum tokens_from from, const char *where, struct err *e)
{
	struct span token = tokens_strip(text);

	if (token.n == 0)
		return LOOK_ON;
	if (token.n > CREDENTIAL_TOKEN_MAX || !credential_b64token(token))
		return stop(e, ERR_SYNTAX, where, "this is no token; correct or remove it");
	if (!secret_set(&ret->token, token))
		return stop(e, ERR_LIMIT, where, "no memory");
	ret->from = from;
	(void)snprintf(ret->where, sizeof(ret->where), "%s", where);
	return LOOK_FOUND;
}

/* ---- files ---- */

/*
 * Whoever may write to /tmp can put a file there under our name.  It is never used; nor does it
 * stop us, or anybody could keep us from our own login.
 */
static bool
foreign(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_uid != geteuid();
}

/* A file in a place that others know of: it must be ours, and only ours to write. */
static enum look
judge(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return stop(e, ERR_SYSTEM, path, "it cannot be read");
	if (st.st_uid != geteuid())
		return LOOK_ON;
	if (!S_ISREG(st.st_mode))
		return stop(e, ERR_DENIED, path, "this is no file");
	if ((st.st_mode & 022) != 0)
		return stop(e, ERR_DENIED, path, "others can write to this file: chmod 600");
	return LOOK_FOUND;
}

/* XDG_RUNTIME_DIR/bt_u<euid> and /tmp/bt_u<euid>: a missing one is no fault. */
static enum look
look_known(struct search *s, const char *folder, enum tokens_from from, struct err *e)
{
	AUTO_WIPED text = BUF_INIT(TEXT_MAX);
	char path[280];

	if (folder == NULL || folder[0] != '/')
		return LOOK_ON;
	int n = snprintf(path, sizeof(path), "%s/bt_u%u", folder, (unsigned)geteuid());
	if (n < 0 || (size_t)n >= sizeof(path))
		return LOOK_ON;
	AUTO_FD fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int why = errno;
	if (fd < 0 && (why == ENOENT || why == ENOTDIR || foreign(path)))
		return LOOK_ON;
	errno = why;
	if (fd < 0 && why == ELOOP)
		return stop(e, ERR_DENIED, path,
			"a link is not followed here: put the token itself there, or name the file "
			"by "
			"$BEARER_TOKEN_FILE");
	if (fd < 0)
		return stop(e, ERR_SYSTEM, path, "it cannot be read");
	enum look good = judge(fd, path, e);
	if (good != LOOK_FOUND)
		return good;
	if (!buf_reserve(&text, TEXT_MAX))
		return stop(e, ERR_LIMIT, path, "no memory");
	ssize_t got = read(fd, text.p, TEXT_MAX);
	if (got < 0)
		return stop(e, ERR_SYSTEM, path, "it cannot be read");
	return take(s->ret, (struct span){text.p, (size_t)got}, from, path, e);
}

/* A file that the person named. */
static enum look
look_file(struct search *s, const char *path, enum tokens_from from, struct err *e)
{
	AUTO_WIPED text = BUF_INIT(TEXT_MAX);
	struct err why = {.code = ERR_NONE};

	if (!buf_reserve(&text, TEXT_MAX))
		return stop(e, ERR_LIMIT, path, "no memory");
	if (!cli_file_read(path, &text, &why)) {
		(void)err_set(e, ERR_SYNTAX, why.ref, "%s%s",
			from == TOKENS_ENV_FILE ? "$BEARER_TOKEN_FILE: " : "", why.msg);
		if (e != NULL) /* the system's words are in the text already */
			e->code = why.code;
		return LOOK_STOP;
	}
	enum look l = take(
		s->ret, buf_span(&text), from, strcmp(path, "-") == 0 ? "standard input" : path, e);
	if (l == LOOK_ON && from == TOKENS_FILE)
		return stop(e, ERR_SYNTAX, path, "it is empty");
	return l;
}

static enum look
look_outside(struct search *s, struct err *e)
{
	const char *file = secure_getenv("BEARER_TOKEN_FILE");
	enum look l = LOOK_ON;

	if (s->o->file != NULL)
		return look_file(s, s->o->file, TOKENS_FILE, e);
	l = take(s->ret, span_of(secure_getenv("BEARER_TOKEN")), TOKENS_ENV, "$BEARER_TOKEN", e);
	if (l == LOOK_ON && file != NULL && file[0] != '\0')
		l = look_file(s, file, TOKENS_ENV_FILE, e);
	if (l == LOOK_ON)
		l = look_known(s, secure_getenv("XDG_RUNTIME_DIR"), TOKENS_RUNTIME, e);
	if (l == LOOK_ON)
		l = look_known(s, s->o->tmp != NULL ? s->o->tmp : "/tmp", TOKENS_TMP, e);
	return l;
}

/* ---- the kept login ---- */

static enum look
take_login(struct search *s, struct token_login *l, enum tokens_from from, struct err *e)
{
	if (!secret_set(&s->ret->token, secret_open(&l->access)))
		return stop(e, ERR_LIMIT, "login", "no memory");
	s->ret->from = from;
	(void)snprintf(s->ret->where, sizeof(s->ret->where), "the login at %.*s",
		SPAN_ARG(span_first(l->issuer, 256)));
	s->ret->login = token_login_take(l);
	return LOOK_FOUND;
}

/* The caller's client, or `own`, made now. */
static struct client *
client_of(struct search *s, struct client *own, struct err *e)
{
	if (s->o->client != NULL)
		return s->o->client;
	return client_init(own, s->o->ca_file, e) ? own : NULL;
}

/* An issuer that is away does not matter while the token is good. */
static bool
keep_good(struct search *s, struct token_store *store, struct token_login *l, struct err *e)
{
	AUTO_CLIENT own = {.arg = NULL};
	struct client *c = client_of(s, &own, e);

	if (c == NULL)
		return false;
	int64_t now = c->now(c);
	if (!s->o->renew && renew_fresh(l, now))
		return true;
	if (renew(c, store, l, e))
		return true;
	return !s->o->renew && l->expires > now;
}

static enum look
look_kept(struct search *s, struct token_store *store, struct err *e)
{
	AUTO_LOGIN l = {.saved = 0};
	struct err why = {.code = ERR_NONE};

	if (s->server == NULL && token_store_servers(store) > 1)
		return LOOK_ON;
	if (!token_store_newest(store, span_of(s->server), &l, &why)) {
		if (why.code == ERR_ABSENT)
			return LOOK_ON;
		if (e != NULL)
			*e = why;
		return LOOK_STOP;
	}
	if (!keep_good(s, store, &l, &why)) {
		if (why.code == ERR_UNAUTH && s->server != NULL && s->o->ui != NULL)
			return LOOK_ON; /* it has ended: log in again */
		if (e != NULL)
			*e = why;
		return LOOK_STOP;
	}
	return take_login(s, &l, TOKENS_KEPT, e);
}

static enum look
login_now(struct search *s, struct token_store *store, struct err *e)
{
	const struct device_login_options o = {.url = s->server, .ui = s->o->ui};
	AUTO_CLIENT own = {.arg = NULL};
	struct client *c = client_of(s, &own, e);
	AUTO_LOGIN l = {.saved = 0};

	if (c == NULL || !device_login_run(c, store, &o, &l, e))
		return LOOK_STOP;
	return take_login(s, &l, TOKENS_LOGIN, e);
}

static enum look
look_inside(struct search *s, struct err *e)
{
	AUTO_STORE store = {.folder = -1};
	bool may_login = s->server != NULL && s->o->ui != NULL;

	if (!token_store_open(may_login, &store, e))
		return LOOK_STOP;
	enum look l = look_kept(s, &store, e);
	return l == LOOK_ON && may_login ? login_now(s, &store, e) : l;
}

bool
tokens_find(const char *server, const struct tokens_options *o, struct tokens *ret, struct err *e)
{
	AUTO_TOKENS found = {.from = TOKENS_NONE};
	struct origin origin = {.text = ""};
	struct search s = {.o = o, .ret = &found};

	if (server != NULL && !origin_parse(span_of(server), &origin, e))
		return false;
	s.server = server != NULL ? origin.text : NULL;
	enum look l = look_outside(&s, e);
	if (l == LOOK_ON)
		l = look_inside(&s, e);
	if (l == LOOK_STOP)
		return false;
	if (l == LOOK_ON)
		return err_set(e, ERR_ABSENT, NULL,
			"no token: log in with pan-agent login %s, or put one into $BEARER_TOKEN, "
			"a file named by $BEARER_TOKEN_FILE, or --token-file",
			s.server != NULL ? s.server : "URL");
	*ret = found;
	found = (struct tokens){.from = TOKENS_NONE};
	return true;
}
