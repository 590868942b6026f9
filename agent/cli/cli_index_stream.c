/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_index_stream.h"

#include "agent/base/json.h"
#include "agent/cli/cli_size.h"

#include <unistd.h>

#define LINE_MAX_BYTES ((size_t)256 * 1024)
#define BAR_WIDTH      30U
#define PROBLEMS_SHOWN 50U

void
cli_index_stream_init(struct cli_index_stream *s, FILE *out, FILE *notes, bool raw)
{
	*s = (struct cli_index_stream){.out = out,
		.notes = notes,
		.raw = raw,
		.bar = !raw && isatty(fileno(notes)) == 1,
		.line = BUF_INIT(LINE_MAX_BYTES)};
}

static void
clear_bar(struct cli_index_stream *s)
{
	if (s->shown)
		(void)fputs("\r\x1b[K", s->notes);
	s->shown = false;
}

void
cli_index_stream_fini(struct cli_index_stream *s)
{
	clear_bar(s);
	buf_fini(&s->line);
}

static uint64_t
number(const struct json *o, const char *name)
{
	int64_t v = 0;

	return json_get_i64(o, name, &v) && v > 0 ? (uint64_t)v : 0;
}

/* Terminals obey control characters, and names of files may hold them. */
static void
print_clean(FILE *f, struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		(void)fputc(c < 0x20 || c == 0x7f ? '?' : c, f);
	}
}

static void
on_progress(struct cli_index_stream *s, const struct json *o)
{
	char bar[BAR_WIDTH + 1];
	char size[32];

	s->files = number(o, "files");
	s->total = number(o, "total");
	s->bytes = number(o, "bytes");
	if (!s->bar)
		return;
	uint64_t full = s->total > 0 && s->files <= s->total ? s->files * BAR_WIDTH / s->total : 0;
	for (unsigned i = 0; i < BAR_WIDTH; i++)
		bar[i] = i < full ? '#' : '.';
	bar[BAR_WIDTH] = '\0';
	(void)fprintf(s->notes, "\r\x1b[K[%s] %llu of %llu files, %s read", bar,
		(unsigned long long)s->files, (unsigned long long)s->total,
		cli_size(s->bytes, size, sizeof(size)));
	(void)fflush(s->notes);
	s->shown = true;
}

static void
on_file(struct cli_index_stream *s, const struct json *o)
{
	struct span path = SPAN_NONE;
	struct span problem = SPAN_NONE;

	if (++s->problems > PROBLEMS_SHOWN || !json_get_str(o, "path", &path) ||
		!json_get_str(o, "problem", &problem))
		return;
	clear_bar(s);
	print_clean(s->notes, path);
	(void)fputs(": ", s->notes);
	print_clean(s->notes, problem);
	(void)fputc('\n', s->notes);
}

/* A dataset that another policy binds from now on; only of --rebind. */
static void
on_binding(struct cli_index_stream *s, const struct json *o)
{
	struct span pid = SPAN_NONE;
	struct span policy = SPAN_NONE;

	if (!json_get_str(o, "pid", &pid))
		return;
	print_clean(s->out, pid);
	(void)fputs(": ", s->out);
	if (json_get_str(o, "bound", &policy))
		print_clean(s->out, policy);
	else
		(void)fputs("no policy fits its dates, or several do", s->out);
	(void)fputs(", was ", s->out);
	if (json_get_str(o, "was", &policy))
		print_clean(s->out, policy);
	else
		(void)fputs("none", s->out);
	(void)fputc('\n', s->out);
}

static void
on_error(struct cli_index_stream *s, const struct json *o)
{
	struct span text = SPAN_NONE;

	s->failed = true;
	clear_bar(s);
	(void)fputs("pan-agent index: ", s->notes);
	if (json_get_str(o, "text", &text))
		print_clean(s->notes, text);
	(void)fputc('\n', s->notes);
}

static void
on_done(struct cli_index_stream *s, const struct json *o)
{
	double seconds = 0;
	char size[32];

	s->done = true;
	s->failed = s->failed || number(o, "uncatalogued") > 0;
	if (s->raw)
		return;
	clear_bar(s);
	if (s->rebind) {
		(void)fprintf(s->out, "%llu datasets looked at, %llu bound to another policy\n",
			(unsigned long long)number(o, "datasets"),
			(unsigned long long)number(o, "bound"));
		return;
	}
	if (s->problems > PROBLEMS_SHOWN)
		(void)fprintf(s->notes, "and %llu more; `pan-agent index --json` tells all\n",
			(unsigned long long)(s->problems - PROBLEMS_SHOWN));
	(void)json_f64(json_get(o, "seconds"), &seconds);
	(void)fprintf(s->out,
		"%llu datasets, %llu files: %llu HDF5, %llu other; %llu broken, %llu unchanged, "
		"%llu removed; %s read in %.1f s\n",
		(unsigned long long)number(o, "datasets"), (unsigned long long)number(o, "files"),
		(unsigned long long)number(o, "hdf5"), (unsigned long long)number(o, "plain"),
		(unsigned long long)number(o, "broken"), (unsigned long long)number(o, "unchanged"),
		(unsigned long long)number(o, "removed"),
		cli_size(number(o, "bytes"), size, sizeof(size)), seconds);
	if (number(o, "uncatalogued") > 0)
		(void)fprintf(s->notes,
			"pan-agent index: %llu things belong in the catalogue and could not be "
			"put there; see above\n",
			(unsigned long long)number(o, "uncatalogued"));
}

static void
one_line(struct cli_index_stream *s, struct span line)
{
	static const struct {
		const char *name;
		void (*run)(struct cli_index_stream *s, const struct json *o);
	} events[] = {{"progress", on_progress}, {"file", on_file}, {"binding", on_binding},
		{"error", on_error}, {"done", on_done}};
	static const struct json_limits limits = {
		.bytes = LINE_MAX_BYTES, .depth = 4, .object = true};
	AUTO_JSON o = json_parse(line, &limits, NULL);
	struct span event = SPAN_NONE;

	if (s->raw) {
		(void)fwrite(line.p, 1, line.n, s->out);
		(void)fputc('\n', s->out);
		(void)fflush(s->out);
	}
	if (o == NULL || !json_get_str(o, "event", &event))
		return;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		bool ends = span_is(event, "done") || span_is(event, "error");
		if (span_is(event, events[i].name) && (!s->raw || ends))
			events[i].run(s, o);
	}
}

void
cli_index_stream_feed(struct cli_index_stream *s, struct span bytes)
{
	while (bytes.n > 0) {
		struct span rest = bytes;
		struct span head = span_cut(&rest, '\n');
		buf_add(&s->line, head);
		if (rest.p == NULL)
			return; /* the line goes on */
		if (buf_ok(&s->line) && s->line.n > 0)
			one_line(s, buf_span(&s->line));
		buf_reset(&s->line);
		bytes = rest;
	}
}
