/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/token_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/crypto.h"
#include "agent/base/proc.h"
#include "agent/base/scope.h"
#include "agent/cli/cli_file.h"

#define LOCK_MS   30000
#define LOCK_STEP 50000U /* microseconds */
#define HALF      16U    /* hex digits of each hash in a name */

/* ---- the folder ---- */

/* XDG Base Directory Specification: a path that is not absolute counts as none. */
static bool
find_path(char *to, size_t n, struct err *e)
{
	const char *state = secure_getenv("XDG_STATE_HOME");
	const char *home = secure_getenv("HOME");
	int put = -1;

	if (state != NULL && state[0] == '/')
		put = snprintf(to, n, "%s/pan-agent", state);
	else if (home != NULL && home[0] == '/')
		put = snprintf(to, n, "%s/.local/state/pan-agent", home);
	if (put < 0)
		return err_set(e, ERR_ABSENT, NULL,
			"there is no place for logins: set HOME or XDG_STATE_HOME");
	return (size_t)put < n || err_set(e, ERR_LIMIT, NULL, "the path of the logins is too long");
}

/* Every folder of the path that is missing, for this user alone. */
static bool
make_path(const char *path, struct err *e)
{
	char part[4096];

	for (size_t i = 1; path[i - 1] != '\0'; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		(void)snprintf(part, sizeof(part), "%.*s", (int)i, path);
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return err_set(e, ERR_SYSTEM, NULL, "cannot make %s", part);
	}
	return true;
}

static bool
judge_folder(const struct token_store *s, struct err *e)
{
	struct stat st;

	if (fstat(s->folder, &st) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "%s", s->path);
	if (st.st_uid != geteuid())
		return err_set(e, ERR_DENIED, NULL, "%s belongs to somebody else", s->path);
	if ((st.st_mode & 077) != 0 && fchmod(s->folder, 0700) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "cannot close %s to others", s->path);
	return true;
}

bool
token_store_open(bool create, struct token_store *ret, struct err *e)
{
	AUTO_STORE s = {.folder = -1};

	if (!find_path(s.path, sizeof(s.path), e) || (create && !make_path(s.path, e)))
		return false;
	s.folder = open(s.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s.folder < 0 && (create || errno != ENOENT))
		return err_set(e, ERR_SYSTEM, NULL, "cannot open %s", s.path);
	if (s.folder >= 0 && !judge_folder(&s, e))
		return false;
	*ret = s;
	s.folder = -1;
	return true;
}

void
token_store_close(struct token_store *s)
{
	if (s->folder >= 0)
		(void)close(s->folder);
	s->folder = -1;
}

bool
token_store_lock(struct token_store *s, struct err *e)
{
	long long until = proc_now_ms() + LOCK_MS;

	if (s->folder < 0)
		return err_set(e, ERR_ABSENT, NULL, "there is no login yet");
	while (flock(s->folder, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_set(e, ERR_SYSTEM, NULL, "cannot lock %s", s->path);
		if (proc_now_ms() > until)
			return err_set(e, ERR_LIMIT, NULL,
				"another pan-agent holds the logins for too long; try again");
		(void)usleep(LOCK_STEP);
	}
	return true;
}

void
token_store_unlock(struct token_store *s)
{
	if (s->folder >= 0)
		(void)flock(s->folder, LOCK_UN);
}

/* ---- one file ---- */

static bool
half(struct span s, char *to)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t sum[CRYPTO_SHA256_SIZE];

	if (!crypto_sha256(s, sum))
		return false;
	for (size_t i = 0; i < HALF / 2; i++) {
		to[2 * i] = digits[sum[i] >> 4];
		to[2 * i + 1] = digits[sum[i] & 15U];
	}
	return true;
}

/* HASH-HASH.json */
static bool
file_name(struct span server, struct span issuer, char to[TOKEN_STORE_NAME], struct err *e)
{
	char first[HALF + 1] = "";
	char second[HALF + 1] = "";

	if (!half(server, first) || !half(issuer, second))
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	(void)snprintf(to, TOKEN_STORE_NAME, "%s-%s.json", first, second);
	return true;
}

static bool
judge_file(int fd, const char *name, size_t *size, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "%s", name);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return err_set(e, ERR_DENIED, NULL,
			"the kept login %s is not yours alone: delete it, and log in again", name);
	if (st.st_size < 0 || st.st_size > (off_t)TOKEN_LOGIN_BYTES_MAX)
		return err_set(e, ERR_LIMIT, NULL, "the kept login %s is too long", name);
	*size = (size_t)st.st_size;
	return true;
}

bool
token_store_read(struct token_store *s, const char *name, struct token_login *ret, struct err *e)
{
	AUTO_FD fd = s->folder >= 0 ? openat(s->folder, name,
					      O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
				    : -1;
	AUTO_SECRET text = {.p = NULL};
	struct err why = {.code = ERR_NONE};
	size_t size = 0;

	if (fd < 0 && (s->folder < 0 || errno == ENOENT))
		return err_set(e, ERR_ABSENT, NULL, "there is no such login");
	if (fd < 0)
		return err_set(e, ERR_SYSTEM, NULL, "cannot read the kept login %s", name);
	if (!judge_file(fd, name, &size, e))
		return false;
	text = (struct secret){calloc(1, size + 1), 0, size + 1};
	if (text.p == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	ssize_t got = read(fd, text.p, size);
	if (got < 0)
		return err_set(e, ERR_SYSTEM, NULL, "cannot read the kept login %s", name);
	if (!token_login_parse((struct span){text.p, (size_t)got}, ret, &why))
		return err_set(e, ERR_SYNTAX, NULL,
			"the kept login %s/%s is broken (%s): delete it, and log in again", s->path,
			name, why.msg);
	return true;
}

bool
token_store_load(struct token_store *s, struct span server, struct span issuer,
	struct token_login *ret, struct err *e)
{
	char name[TOKEN_STORE_NAME];
	AUTO_LOGIN l = {.saved = 0};

	if (!file_name(server, issuer, name, e) || !token_store_read(s, name, &l, e))
		return false;
	if (!span_eq(l.server, server) || !span_eq(l.issuer, issuer))
		return err_set(e, ERR_SYNTAX, NULL,
			"the kept login %s is of another server: delete it, and log in again",
			name);
	*ret = token_login_take(&l);
	return true;
}

bool
token_store_save(struct token_store *s, const struct token_login *l, struct err *e)
{
	AUTO_BUF text = BUF_INIT(TOKEN_LOGIN_BYTES_MAX);
	char name[TOKEN_STORE_NAME];

	if (!file_name(l->server, l->issuer, name, e))
		return false;
	/* All at once: a growing buffer would leave the tokens behind in what it gave back. */
	bool ok = buf_reserve(&text, TOKEN_LOGIN_BYTES_MAX);
	token_login_write(l, &text);
	ok = ok && buf_ok(&text) ? cli_file_replace(s->folder, name, buf_span(&text), e)
				 : err_set(e, ERR_LIMIT, NULL, "the login is too long to be kept");
	if (text.p != NULL)
		explicit_bzero(text.p, text.cap);
	return ok;
}

bool
token_store_delete(struct token_store *s, const struct token_login *l, struct err *e)
{
	char name[TOKEN_STORE_NAME];

	if (!file_name(l->server, l->issuer, name, e))
		return false;
	return unlinkat(s->folder, name, 0) == 0 || errno == ENOENT ||
	       err_set(e, ERR_SYSTEM, NULL, "cannot delete %s/%s", s->path, name);
}

/* ---- all of them ---- */

static int
by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

size_t
token_store_names(struct token_store *s, char ret[][TOKEN_STORE_NAME])
{
	int fd = s->folder >= 0 ? openat(s->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	AUTO_DIR at = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *d = NULL;
	size_t n = 0;

	if (at == NULL) {
		scope_close(&fd);
		return 0;
	}
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): this stream is of this call alone */
	while (n < TOKEN_STORE_MAX && (d = readdir(at)) != NULL) {
		struct span name = span_of(d->d_name);
		if (name.n == 2U * HALF + 6U && name.p[HALF] == '-' &&
			span_ends(name, SPAN(".json")))
			(void)span_cstr(name, ret[n++], TOKEN_STORE_NAME);
	}
	qsort(ret, n, TOKEN_STORE_NAME, by_name);
	return n;
}

bool
token_store_newest(
	struct token_store *s, struct span server, struct token_login *ret, struct err *e)
{
	AUTO_FREE char(*names)[TOKEN_STORE_NAME] = calloc(TOKEN_STORE_MAX, TOKEN_STORE_NAME);
	size_t n = names != NULL ? token_store_names(s, names) : 0;
	AUTO_LOGIN best = {.saved = -1};
	char first[HALF + 1] = "";

	if (server.p != NULL && !half(server, first))
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	for (size_t i = 0; i < n; i++) {
		AUTO_LOGIN l = {.saved = 0};
		if (server.p != NULL && strncmp(names[i], first, HALF) != 0)
			continue;
		if (!token_store_read(s, names[i], &l, e))
			return false;
		if ((server.p != NULL && !span_eq(l.server, server)) || l.saved <= best.saved)
			continue;
		struct token_login other = best;
		best = l;
		l = other;
	}
	if (best.saved < 0)
		return err_set(e, ERR_ABSENT, NULL, "there is no login");
	*ret = token_login_take(&best);
	return true;
}

size_t
token_store_servers(struct token_store *s)
{
	AUTO_FREE char(*names)[TOKEN_STORE_NAME] = calloc(TOKEN_STORE_MAX, TOKEN_STORE_NAME);
	size_t n = names != NULL ? token_store_names(s, names) : 0;
	size_t servers = 0;

	for (size_t i = 0; i < n; i++)
		servers += i == 0 || strncmp(names[i], names[i - 1], HALF) != 0;
	return servers;
}
