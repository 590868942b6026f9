/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_catalogue.h"

#include "agent/cli/command.h"

#include <string.h>

#define MEMORY ((size_t)64 * 1024 * 1024)

int
cli_catalogue_complain(const struct cli_catalogue *c, const char *what, const struct err *e)
{
	(void)fprintf(stderr, "pan-agent %s: %s%s%s\n", c->command, what, e != NULL ? ": " : "",
		e != NULL ? e->msg : "");
	return e != NULL && e->code == ERR_ABSENT ? EXIT_NO : EXIT_CALL;
}

static bool
take(struct cli_catalogue *c, int argc, char **argv, int *i)
{
	const char *a = argv[*i];

	if (strcmp(a, "--json") == 0)
		c->json = true;
	else if (strcmp(a, "--config") == 0 && *i + 1 < argc)
		c->config = argv[++*i];
	else if (a[0] != '-' && c->pid == NULL)
		c->pid = a;
	else
		return false;
	return true;
}

static int
open_both(struct cli_catalogue *c)
{
	AUTO_BUF report = BUF_INIT(65536);
	struct err e = {0};

	c->settings = settings_load(command_config(c->config), &report, NULL);
	if (report.n > 0)
		(void)fwrite(report.p, 1, report.n, stderr);
	if (c->settings == NULL)
		return EXIT_CALL;
	if (!arena_init(&c->arena, MEMORY))
		return cli_catalogue_complain(c, "no memory", NULL);
	if (!catalog_open(c->settings->catalogue, &c->catalog, &e))
		return cli_catalogue_complain(c, "catalogue", &e);
	if (!ledger_open(c->settings->ledger, LEDGER_READ, &c->ledger, &e))
		return cli_catalogue_complain(c, "ledger", &e);
	catalog_use_ledger(c->catalog, c->ledger);
	return -1;
}

int
cli_catalogue_open(struct cli_catalogue *c, int argc, char **argv, const char *help)
{
	*c = (struct cli_catalogue){.command = argv[0]};
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			(void)fputs(help, stdout);
			return EXIT_DONE;
		}
		if (!take(c, argc, argv, &i)) {
			(void)fputs(help, stderr);
			return EXIT_CALL;
		}
	}
	int code = open_both(c);
	if (code >= 0)
		cli_catalogue_close(c);
	return code;
}

void
cli_catalogue_close(struct cli_catalogue *c)
{
	catalog_close(c->catalog);
	ledger_close(c->ledger);
	settings_free(c->settings);
	arena_fini(&c->arena);
	*c = (struct cli_catalogue){0};
}

void
cli_catalogue_print(struct span text)
{
	if (text.p == NULL) {
		(void)fputc('-', stdout);
		return;
	}
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		(void)fputc(c < 0x20 || c == 0x7f ? '?' : c, stdout);
	}
}
