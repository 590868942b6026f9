/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/settings_dump.h"

#include "agent/base/settings_schema.h"

static const char *
kind_name(enum settings_kind kind)
{
	switch (kind) {
	case SETTINGS_TEXT:
		return "text";
	case SETTINGS_PATH:
		return "path";
	case SETTINGS_NUMBER:
		return "number";
	case SETTINGS_YESNO:
	case SETTINGS_TRI:
	case SETTINGS_WORD:
		return "word";
	case SETTINGS_TEXTS:
		return "list of text";
	case SETTINGS_PATHS:
		return "list of paths";
	case SETTINGS_MAP:
		return "section";
	case SETTINGS_MAPS:
		return "list of sections";
	}
	return "";
}

/* Before the names of a section's keys. */
static const char *
section_prefix(enum settings_section in)
{
	for (const struct settings_key *k = settings_schema(); k->name != NULL; k++)
		if (in != SETTINGS_TOP && k->section == SETTINGS_TOP && k->child == in)
			return k->name;
	return NULL;
}

void
settings_dump(struct buf *out)
{
	for (const struct settings_key *k = settings_schema(); k->name != NULL; k++) {
		const char *in = section_prefix(k->section);
		const char *given = k->fallback != NULL ? k->fallback : k->shown;
		if (given == NULL)
			given = k->required ? "required" : "none";
		buf_addf(out, "%s%s%s\t%s\t%s%s%s\t%s\n", in != NULL ? in : "",
			in != NULL ? "." : "", k->name, kind_name(k->kind), given,
			k->unit != NULL ? " " : "", k->unit != NULL ? k->unit : "", k->text);
	}
}
