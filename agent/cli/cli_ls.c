/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_ls.h"

#include "agent/base/civil.h"
#include "agent/base/jsonw.h"
#include "agent/cli/cli_catalogue.h"
#include "agent/cli/cli_size.h"
#include "agent/cli/command.h"
#include "policy/view_all.h"

enum { PAGE = 500 };

static const char help[] =
	"usage: pan-agent ls [--config FILE] [--json] [PID]\n"
	"\n"
	"The datasets of this machine's catalogue, one a line: pid, files, size, day,\n"
	"instrument, title.  With a PID the files of that dataset: size, format, path, and\n"
	"what is wrong with it.  What is shown here is the admin's view; what others may\n"
	"see is `pan-agent policy explain`.\n"
	"\n"
	"--json   one JSON object a line\n"
	"\n"
	"Exit status: 0 done; 1 there is no such dataset, or no catalogue; 2 wrong call.\n"
	"\n"
	"example: pan-agent ls 10.5072/2026-0123-scan1\n";

static void
emit(struct buf *line)
{
	buf_addc(line, '\n');
	(void)fwrite(line->p, 1, buf_ok(line) ? line->n : 0, stdout);
	buf_reset(line);
}

/* ---- datasets ---- */

static void
dataset_json(const struct catalog_dataset *d, struct buf *line)
{
	struct jsonw w;

	jsonw_init(&w, line);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "pid", d->pid);
	jsonw_str(&w, "title", d->title);
	jsonw_str(&w, "proposal", d->proposal);
	jsonw_str(&w, "instrument", d->instrument);
	jsonw_iso(&w, "start", d->start);
	jsonw_iso(&w, "end", d->end);
	jsonw_u64(&w, "files", d->files);
	jsonw_u64(&w, "bytes", d->bytes);
	jsonw_end(&w, '}');
	emit(line);
}

static void
dataset_text(const struct catalog_dataset *d)
{
	char size[32];
	struct civil day = {0};

	cli_catalogue_print(d->pid);
	(void)printf("\t%llu\t%s\t", (unsigned long long)d->files,
		cli_size(d->bytes, size, sizeof(size)));
	if (d->start != INT64_MIN) {
		civil_from_secs(d->start, &day);
		(void)printf("%04d-%02d-%02d\t", day.year, day.month, day.day);
	} else {
		(void)fputs("-\t", stdout);
	}
	cli_catalogue_print(d->instrument);
	(void)fputc('\t', stdout);
	cli_catalogue_print(d->title);
	(void)fputc('\n', stdout);
}

static int
datasets(struct cli_catalogue *c)
{
	struct catalog_query q = {.view = view_all(), .limit = PAGE};
	AUTO_BUF line = BUF_INIT(1 << 20);
	struct catalog_page page = {.more = true};
	struct err e = {0};

	while (page.more) {
		arena_reset(&c->arena);
		if (!catalog_datasets(c->catalog, &q, &c->arena, &page, &e))
			return cli_catalogue_complain(c, "datasets", &e);
		for (size_t i = 0; i < page.n; i++)
			if (c->json)
				dataset_json(&page.row[i].dataset, &line);
			else
				dataset_text(&page.row[i].dataset);
		q.behind = page.at;
	}
	return EXIT_DONE;
}

/* ---- files ---- */

static void
file_json(const struct catalog_file *f, struct buf *line)
{
	struct jsonw w;

	jsonw_init(&w, line);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "path", f->path);
	jsonw_u64(&w, "bytes", f->bytes);
	jsonw_iso(&w, "modified", f->mtime_s);
	jsonw_str(&w, "format", f->format);
	jsonw_str(&w, "problem", f->problem);
	if (f->has_digests) {
		jsonw_hex(&w, "sha256", f->sha256, sizeof(f->sha256));
		jsonw_hex(&w, "md5", f->md5, sizeof(f->md5));
		uint8_t adler[4] = {(uint8_t)(f->adler32 >> 24), (uint8_t)(f->adler32 >> 16),
			(uint8_t)(f->adler32 >> 8), (uint8_t)f->adler32};
		uint8_t crc[4] = {(uint8_t)(f->crc32c >> 24), (uint8_t)(f->crc32c >> 16),
			(uint8_t)(f->crc32c >> 8), (uint8_t)f->crc32c};
		jsonw_hex(&w, "adler32", adler, sizeof(adler));
		jsonw_hex(&w, "crc32c", crc, sizeof(crc));
	}
	jsonw_end(&w, '}');
	emit(line);
}

static void
file_text(const struct catalog_file *f)
{
	char size[32];

	(void)printf("%10s  %-5.*s  ", cli_size(f->bytes, size, sizeof(size)), SPAN_ARG(f->format));
	cli_catalogue_print(f->path);
	if (f->problem.p != NULL) {
		(void)fputs("  (", stdout);
		cli_catalogue_print(f->problem);
		(void)fputc(')', stdout);
	}
	(void)fputc('\n', stdout);
}

static int
files(struct cli_catalogue *c)
{
	AUTO_BUF line = BUF_INIT(1 << 20);
	AUTO_BUF after = BUF_INIT(8192);
	struct catalog_dataset d;
	struct catalog_file *list = NULL;
	size_t n = PAGE;
	struct err e = {0};

	if (!catalog_by_pid(c->catalog, span_of(c->pid), &c->arena, &d, &e))
		return cli_catalogue_complain(c, c->pid, &e);
	while (n == PAGE) {
		arena_reset(&c->arena);
		if (!catalog_files(c->catalog, d.id, after.n > 0 ? buf_span(&after) : SPAN_NONE,
			    PAGE, &c->arena, &list, &n, &e))
			return cli_catalogue_complain(c, c->pid, &e);
		for (size_t i = 0; i < n; i++)
			if (c->json)
				file_json(&list[i], &line);
			else
				file_text(&list[i]);
		buf_reset(&after);
		if (n > 0)
			buf_add(&after, list[n - 1].path);
	}
	return EXIT_DONE;
}

int
cli_ls(int argc, char **argv)
{
	struct cli_catalogue c;
	int code = cli_catalogue_open(&c, argc, argv, help);

	if (code >= 0)
		return code;
	code = c.pid != NULL ? files(&c) : datasets(&c);
	cli_catalogue_close(&c);
	return code;
}
