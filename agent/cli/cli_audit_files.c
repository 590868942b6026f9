/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_audit_files.h"

#include "agent/base/proc.h"
#include "agent/base/scope.h"
#include "agent/cli/cli_size.h"
#include "policy/audit_line.h"
#include "policy/audit_names.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK   (1UL << 20)
#define BAR_MIN (64UL << 20) /* what is read at once needs no bar */
#define BAR_MS  200

/* ---- which files ---- */

static bool
complain(const struct cli_audit_files *f, const char *name, const char *what)
{
	(void)fprintf(stderr, "pan-agent %s: %s: %s\n", f->command, name, what);
	return false;
}

static uint64_t
first_record(int fd)
{
	AUTO_FREE char *text = malloc(AUDIT_LINE_MAX);
	struct audit_line l;
	ssize_t n = text != NULL ? pread(fd, text, AUDIT_LINE_MAX, 0) : -1;

	if (n <= 0 || !audit_line_head((struct span){text, (size_t)n}, &l, NULL))
		return 0;
	return l.seq;
}

static bool
add(struct cli_audit_files *f, const char *name)
{
	struct stat st;
	AUTO_FD fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 || fstat(fd, &st) < 0)
		return complain(f, name, strerrordesc_np(errno));
	if (!S_ISREG(st.st_mode))
		return complain(f, name, "is not a file");
	char *copy = f->n < CLI_AUDIT_FILES ? strdup(name) : NULL;
	if (copy == NULL)
		return complain(f, name, "one file too many");
	f->file[f->n++] = (struct cli_audit_file){copy, first_record(fd), (uint64_t)st.st_size};
	f->bytes += (uint64_t)st.st_size;
	return true;
}

void
cli_audit_files_folder(const char *name, char *ret, size_t cap)
{
	const char *slash = strrchr(name, '/');

	(void)snprintf(ret, cap, "%.*s",
		slash == NULL   ? 1
		: slash == name ? 1
				: (int)(slash - name),
		slash == NULL ? "." : name);
}

static bool
add_log(struct cli_audit_files *f, const char *log)
{
	char folder[PATH_MAX];
	char path[2 * PATH_MAX];
	const char *slash = strrchr(log, '/');
	bool ok = true;

	cli_audit_files_folder(log, folder, sizeof(folder));
	AUTO_DIR d = opendir(folder);
	if (d == NULL)
		return complain(f, folder, strerrordesc_np(errno));
	struct dirent *x = readdir(d);            // NOLINT(concurrency-mt-unsafe): one thread
	for (; x != NULL && ok; x = readdir(d)) { // NOLINT(concurrency-mt-unsafe): one thread
		if (!audit_names_is_older(slash != NULL ? slash + 1 : log, span_of(x->d_name)))
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", folder, x->d_name);
		ok = add(f, path);
	}
	return ok && add(f, log);
}

/* By number; what has none stays last. */
static int
by_first(const void *a, const void *b)
{
	uint64_t x = ((const struct cli_audit_file *)a)->first - 1;
	uint64_t y = ((const struct cli_audit_file *)b)->first - 1;

	return x < y ? -1 : x > y;
}

bool
cli_audit_files_open(struct cli_audit_files *f, const char *command, const char *const *names,
	size_t n, const struct settings *s)
{
	bool ok = true;

	*f = (struct cli_audit_files){
		.command = command, .file = calloc(CLI_AUDIT_FILES, sizeof(*f->file))};
	if (f->file == NULL)
		return complain(f, "files", "no memory");
	for (size_t i = 0; i < n && ok; i++)
		ok = add(f, names[i]);
	if (n == 0)
		ok = add_log(f, s->audit_file);
	if (!ok) {
		cli_audit_files_close(f);
		return false;
	}
	qsort(f->file, f->n, sizeof(*f->file), by_first);
	f->bar = f->bytes >= BAR_MIN && isatty(STDERR_FILENO) == 1;
	return true;
}

void
cli_audit_files_close(struct cli_audit_files *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->file[i].name);
	free(f->file);
	*f = (struct cli_audit_files){.command = f->command};
}

/* ---- the bar ---- */

static void
draw(struct cli_audit_files *f, bool end)
{
	char done[32];
	char all[32];
	int64_t now = proc_now_ms();

	if (!f->bar || (!end && now - f->told_ms < BAR_MS))
		return;
	f->told_ms = now;
	unsigned part = (unsigned)(f->bytes > 0 ? f->done * 100 / f->bytes : 100);
	if (part > 100) /* it grew meanwhile */
		part = 100;
	if (end)
		(void)fputs("\r\033[K", stderr);
	else
		(void)fprintf(stderr, "\r[%-50.*s] %u %%, %s of %s\033[K", (int)part / 2,
			"==================================================", part,
			cli_size(f->done, done, sizeof(done)),
			cli_size(f->bytes, all, sizeof(all)));
	(void)fflush(stderr);
}

/* ---- lines ---- */

struct reading {
	int fd;
	char *text; /* BLOCK bytes */
	size_t n;   /* of it */
	struct cli_audit_at at;
	bool (*line)(void *ctx, const struct cli_audit_at *at, struct span line);
	void *ctx;
	bool stopped;
};

/* All whole lines of what was read; what is left moves to the front. */
static void
give_lines(struct reading *r)
{
	size_t from = 0;

	while (!r->stopped) {
		const char *end = memchr(r->text + from, '\n', r->n - from);
		if (end == NULL)
			break;
		struct span line = {r->text + from, (size_t)(end - r->text) - from};
		from += line.n + 1;
		r->at.line++;
		r->stopped = !r->line(r->ctx, &r->at, line);
	}
	memmove(r->text, r->text + from, r->n - from);
	r->n -= from;
}

/* False: there is no more, or *e. */
static bool
more(struct cli_audit_files *f, struct reading *r, struct err *e)
{
	ssize_t n = 0;

	do {
		n = read(r->fd, r->text + r->n, BLOCK - r->n);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(e, ERR_SYSTEM, NULL, "%s", r->at.file);
	r->n += (size_t)n;
	f->done += (uint64_t)n;
	draw(f, false);
	return n > 0;
}

/*
 * What stands behind the last line end may be a line that is being written this moment: whoever
 * writes holds the lock.
 */
static void
finish_line(struct cli_audit_files *f, struct reading *r, struct err *e)
{
	if (flock(r->fd, LOCK_SH) < 0)
		return;
	while (r->n < BLOCK && more(f, r, e))
		continue;
	(void)flock(r->fd, LOCK_UN);
	give_lines(r);
}

static void
read_lines(struct cli_audit_files *f, struct reading *r, struct err *e)
{
	while (!r->stopped && r->n < BLOCK && more(f, r, e))
		give_lines(r);
	if (!r->stopped && r->n > 0 && r->n < BLOCK && e->code == ERR_NONE)
		finish_line(f, r, e);
	if (r->stopped || r->n == 0 || e->code != ERR_NONE)
		return;
	r->at.line++;
	r->at.torn = true;
	r->stopped = !r->line(r->ctx, &r->at, (struct span){r->text, r->n});
}

bool
cli_audit_files_each(struct cli_audit_files *f,
	bool (*line)(void *ctx, const struct cli_audit_at *at, struct span line), void *ctx,
	struct err *e)
{
	AUTO_FREE char *text = malloc(BLOCK);
	struct reading r = {.text = text, .line = line, .ctx = ctx};

	*e = (struct err){.code = ERR_NONE};
	if (text == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	for (size_t i = 0; i < f->n && !r.stopped && e->code == ERR_NONE; i++) {
		AUTO_FD fd = open(f->file[i].name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		r.at = (struct cli_audit_at){.file = f->file[i].name};
		r.fd = fd;
		r.n = 0;
		if (fd < 0)
			(void)err_set(e, ERR_SYSTEM, NULL, "%s", r.at.file);
		else
			read_lines(f, &r, e);
	}
	draw(f, true);
	return e->code == ERR_NONE;
}
