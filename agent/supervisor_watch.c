/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/supervisor_watch.h"

#include "agent/base/log.h"
#include "agent/base/scope.h"
#include "agent/supervisor_reload.h"

#include <stdio.h>
#include <string.h>

/* What the last look was for: policies that are in force, or that were refused. */
static const struct config *
last_tried(const struct supervisor *s)
{
	return s->reload.refused != NULL ? s->reload.refused : s->config;
}

/* The policy files, and beside each its signatures. */
static bool
watch_policies(struct supervisor *s, const struct settings_list *files, struct err *e)
{
	AUTO_FREE const char **list = calloc(2 * files->n + 1, sizeof(*list));
	struct arena names = {0};
	size_t n = 0;

	if (list == NULL || !arena_init(&names, (size_t)1 << 20))
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	for (size_t i = 0; i < files->n; i++) {
		list[n++] = files->item[i];
		list[n] = arena_printf(&names, "%s.sig", files->item[i]).p;
		n += list[n] != NULL;
	}
	bool good = watch_files(s->watch, list, n, s->now, e);
	arena_fini(&names);
	return good;
}

void
supervisor_watch_renew(struct supervisor *s)
{
	const struct settings *now = s->config->settings;
	struct err e = {0};

	if (s->once || (s->watch == NULL && !now->watch_policies))
		return;
	bool good = s->watch != NULL || watch_new(&s->watch, &e);
	if (good && now->watch_policies)
		good = watch_policies(s, &last_tried(s)->settings->policies, &e);
	else if (good)
		good = watch_files(s->watch, NULL, 0, s->now, &e);
	if (!good)
		log_err(LOG_WARN, "reload", &e);
}

int
supervisor_watch_fd(const struct supervisor *s)
{
	return s->watch != NULL ? watch_fd(s->watch) : -1;
}

int
supervisor_watch_wait(const struct supervisor *s)
{
	return s->watch != NULL ? watch_wait(s->watch, s->now) : -1;
}

/* A reload would confirm a clock that stepped ahead (13.1), and nobody has looked at it. */
static bool
clock_held(struct supervisor *s)
{
	bool held = span_is(child_said(&s->child[SEAT_GATE], "clock"), ROLE_CLOCK_HELD);

	if (held)
		log_warn("reload",
			"policies have changed on disk, and wait for `pan-agent reload`: "
			"it would confirm the wall clock, which stepped ahead");
	return held;
}

void
supervisor_watch_serve(struct supervisor *s)
{
	if (s->watch == NULL || !watch_due(s->watch, s->now) || s->phase > PHASE_SERVE)
		return;
	bool later = s->phase == PHASE_START || s->reload.busy;
	if (!later && config_policies_differ(last_tried(s)) && !clock_held(s))
		later = !supervisor_reload_policies(s);
	if (later)
		watch_again(s->watch, s->now);
}
