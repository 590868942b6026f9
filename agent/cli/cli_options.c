/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_options.h"

#include <stdio.h>
#include <string.h>

static bool
wrong(const struct cli_call *c, const char *what, const char *value)
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

static bool
is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Takes argv[*i], and its value with it. */
static bool
take(const struct cli_call *c, const struct cli_option *o, int *i)
{
	if (o->on != NULL) {
		*o->on = true;
		return true;
	}
	if (*i + 1 >= c->argc || c->argv[*i + 1][0] == '\0')
		return wrong(c, "a value is missing after ", c->argv[*i]);
	*o->value = c->argv[++*i];
	return true;
}

bool
cli_options_read(const struct cli_call *c, const struct cli_option *table, size_t n,
	const char **word, bool *help)
{
	*help = false;
	for (int i = c->from; i < c->argc; i++) {
		const char *at = c->argv[i];
		const struct cli_option *o = find(table, n, at);
		if (is_help(at)) {
			*help = true;
			return true;
		}
		if (o == NULL && at[0] == '-' && at[1] != '\0')
			return wrong(c, "no option ", at);
		if (o == NULL && (word == NULL || *word != NULL))
			return wrong(c, "one too many: ", at);
		if (o == NULL)
			*word = at;
		else if (!take(c, o, &i))
			return false;
	}
	return true;
}
