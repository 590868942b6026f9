/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_audit_call.h"

#include <stdio.h>
#include <string.h>

static bool
wrong(const struct cli_audit_call *c, const char *what, const char *value)
{
	(void)fprintf(stderr, "pan-agent %s: %s%s; see pan-agent %s --help\n", c->command, what,
		value, c->command);
	return false;
}

static const struct cli_option *
find(const struct cli_option *table, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

/* An option of all of them, or of this one; its value is argv[1].  Returns how many words it took.
 */
static int
take(struct cli_audit_call *c, int argc, char **argv)
{
	const char *key = NULL;
	const struct cli_option own[] = {{"--config", &c->config, NULL}, {"--json", NULL, &c->json},
		{"--help", NULL, &c->help}, {"-h", NULL, &c->help}, {"--key", &key, NULL}};
	const struct cli_option *o = find(own, sizeof(own) / sizeof(own[0]), argv[0]);

	if (o == NULL)
		o = find(c->more, c->n_more, argv[0]);
	if (o == NULL)
		return wrong(c, "no option ", argv[0]);
	if (o->on != NULL) {
		*o->on = true;
		return 1;
	}
	if (argc < 2 || argv[1][0] == '\0')
		return wrong(c, "a value is missing after ", argv[0]);
	*o->value = argv[1];
	if (key != NULL && c->n_keys == CLI_AUDIT_KEYS)
		return wrong(c, "one key too many: ", key);
	if (key != NULL)
		c->keys[c->n_keys++] = key;
	return 2;
}

bool
cli_audit_call_read(struct cli_audit_call *c, int argc, char **argv)
{
	bool words = false;

	for (int i = 1; i < argc && !c->help;) {
		if (!words && strcmp(argv[i], "--") == 0) {
			words = true;
			i++;
		} else if (words || argv[i][0] != '-') {
			if (c->n_words == CLI_AUDIT_WORDS)
				return wrong(c, "one file too many: ", argv[i]);
			c->words[c->n_words++] = argv[i++];
		} else {
			int took = take(c, argc - i, argv + i);
			if (took == 0)
				return false;
			i += took;
		}
	}
	return true;
}
