/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_policy_list.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/base/civil.h"
#include "agent/base/settings.h"
#include "agent/cli/cli_admin.h"
#include "agent/cli/cli_policy.h"
#include "agent/cli/command.h"
#include "policy/inforce.h"
#include "policy/model.h"
#include "policy/timeline.h"

#define TEXT_MAX ((size_t)4 << 20)

static const char help_text[] =
	"usage: pan-agent policy list [--json] [--config FILE | FILE...]\n"
	"\n"
	"Lists the policies of the configuration, or of the named files, as they stand on disk:\n"
	"name, version, first digits of the file's SHA-256, the days for which they hold and the\n"
	"date of a dataset that is compared with them.  Then draws these days, so that a gap is\n"
	"seen.  pan-agent status tells which policies the running agent has in force.\n"
	"\n"
	"Exit status: 0 done; 1 a file has faults; 2 wrong call or unreadable.\n"
	"\n"
	"example: pan-agent policy list\n";

struct call {
	const char *config;
	bool json;
	const char *const *files;
	size_t n;
};

static int
wrong(const char *what)
{
	(void)fprintf(
		stderr, "pan-agent policy list: %s; see pan-agent policy list --help\n", what);
	return EXIT_CALL;
}

/* 0, or the exit status. */
static int
read_options(struct call *c, int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		if (strcmp(argv[i], "--json") == 0)
			c->json = true;
		else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
			c->config = argv[++i];
		else
			return wrong("no such option, or its value is missing");
	}
	c->files = (const char *const *)argv + i;
	c->n = (size_t)(argc - i);
	return c->n > 0 && c->config != NULL ? wrong("files, or --config FILE, not both") : 0;
}

static void
date_text(int32_t date, bool given, char out[16])
{
	AUTO_BUF b = BUF_INIT(64);

	civil_write_iso(&b, (int64_t)date * 86400);
	(void)snprintf(out, 16, "%.*s", given ? 10 : 1, given ? b.p : "-");
}

static void
print_row(const struct policy *p, struct buf *out)
{
	char from[16];
	char until[16];

	date_text(p->valid_from, true, from);
	date_text(p->valid_until, p->has_until, until);
	buf_addf(out, "%-24.*s %7u %02x%02x%02x%02x  %-10s %-10s  %-17s %s\n", SPAN_ARG(p->id),
		p->version, p->sha256[0], p->sha256[1], p->sha256[2], p->sha256[3], from, until,
		milestone_names[p->bind_on], p->file);
}

static void
print_set(const struct call *c, const struct policy_set *s)
{
	AUTO_BUF out = BUF_INIT(TEXT_MAX);

	if (c->json) {
		inforce_write(s, INT64_MIN, &out);
		buf_addc(&out, '\n');
	} else {
		buf_addf(&out, "%-24s %7s %-8s  %-10s %-10s  %-17s %s\n", "POLICY", "VERSION",
			"SHA256", "FROM", "UNTIL", "BOUND BY", "FILE");
		for (size_t i = 0; i < policy_set_count(s); i++)
			print_row(policy_set_policy(s, i), &out);
		buf_addc(&out, '\n');
		timeline_draw(s, (int32_t)(time(NULL) / 86400), &out);
	}
	(void)fwrite(out.p, 1, out.n, stdout);
}

static int
list(const struct call *c)
{
	struct cli_policy_files files = {0};

	if (!cli_policy_read(c->files, c->n, &files))
		return EXIT_CALL;
	struct policy_set *s = cli_policy_load(&files);
	if (s != NULL)
		print_set(c, s);
	int code = s != NULL ? EXIT_DONE : EXIT_NO;
	policy_set_free(s);
	cli_policy_files_fini(&files);
	return code;
}

int
cli_policy_list(int argc, char **argv)
{
	struct call c = {.n = 0};

	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		(void)fputs(help_text, stdout);
		return EXIT_DONE;
	}
	int code = read_options(&c, argc, argv);
	if (code != 0)
		return code;
	struct settings *s = c.n == 0 ? cli_admin_settings("policy list", c.config) : NULL;
	if (c.n == 0 && s == NULL)
		return EXIT_CALL;
	if (s != NULL) {
		c.files = s->policies.item;
		c.n = s->policies.n;
	}
	code = list(&c);
	settings_free(s);
	return code;
}
