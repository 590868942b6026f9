/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/nexus_entry.h"

#include <math.h>
#include <string.h>

#include "agent/base/jsonw.h"
#include "transfer/nexus_time.h"
#include "transfer/technique.h"
#include "transfer/text.h"

/* Where each place is looked for: the first group of the class, in the first parent that has one.
 */
static const struct {
	const char *nx_class;
	enum nexus_place place;
	unsigned n;
	enum nexus_place in[3];
} place_rows[] = {
	{"NXsubentry", NEXUS_AT_SUBENTRY, 1, {NEXUS_AT_ENTRY}},
	{"NXinstrument", NEXUS_AT_INSTRUMENT, 2, {NEXUS_AT_ENTRY, NEXUS_AT_SUBENTRY}},
	{"NXsource", NEXUS_AT_SOURCE, 3, {NEXUS_AT_INSTRUMENT, NEXUS_AT_ENTRY, NEXUS_AT_SUBENTRY}},
	{"NXsample", NEXUS_AT_SAMPLE, 3, {NEXUS_AT_ENTRY, NEXUS_AT_SUBENTRY, NEXUS_AT_INSTRUMENT}},
};

static const char *const key_names[NEXUS_KEYS] = {"title", "definition", "start_time", "end_time",
	"experiment_identifier", "entry_identifier", "run_cycle", "instrument", "source",
	"source_type", "probe", "sample", "formula"};

/* The allow-list of texts.  Several rows for one key: the first that says something wins. */
static const struct {
	enum nexus_key key;
	enum nexus_place place;
	const char *field;
} text_rows[] = {
	{NEXUS_TITLE, NEXUS_AT_ENTRY, "title"},
	{NEXUS_TITLE, NEXUS_AT_SUBENTRY, "title"},
	{NEXUS_DEFINITION, NEXUS_AT_ENTRY, "definition"},
	{NEXUS_DEFINITION, NEXUS_AT_SUBENTRY, "definition"},
	{NEXUS_START, NEXUS_AT_ENTRY, "start_time"},
	{NEXUS_START, NEXUS_AT_SUBENTRY, "start_time"},
	{NEXUS_END, NEXUS_AT_ENTRY, "end_time"},
	{NEXUS_END, NEXUS_AT_SUBENTRY, "end_time"},
	{NEXUS_EXPERIMENT, NEXUS_AT_ENTRY, "experiment_identifier"},
	{NEXUS_EXPERIMENT, NEXUS_AT_SUBENTRY, "experiment_identifier"},
	{NEXUS_IDENTIFIER, NEXUS_AT_ENTRY, "entry_identifier"},
	{NEXUS_CYCLE, NEXUS_AT_ENTRY, "run_cycle"},
	{NEXUS_INSTRUMENT_NAME, NEXUS_AT_INSTRUMENT, "name"},
	{NEXUS_SOURCE_NAME, NEXUS_AT_SOURCE, "name"},
	{NEXUS_SOURCE_TYPE, NEXUS_AT_SOURCE, "type"},
	{NEXUS_SOURCE_TYPE, NEXUS_AT_SOURCE,
		"radiation"}, /* NXcanSAS: type and probe in one word */
	{NEXUS_PROBE, NEXUS_AT_SOURCE, "probe"},
	{NEXUS_SAMPLE_NAME, NEXUS_AT_SAMPLE, "name"},
	{NEXUS_FORMULA, NEXUS_AT_SAMPLE, "chemical_formula"},
};

/* The allow-list of numbers: in the place itself, or in its groups of a class. */
static const struct {
	const char *name;
	enum nexus_place place;
	const char *nx_class;
	const char *field;
} parameter_rows[] = {
	{"wavelength", NEXUS_AT_INSTRUMENT, "NXmonochromator", "wavelength"},
	{"wavelength", NEXUS_AT_INSTRUMENT, "NXcrystal", "wavelength"},
	{"wavelength", NEXUS_AT_INSTRUMENT, "NXvelocity_selector", "wavelength"},
	{"wavelength", NEXUS_AT_INSTRUMENT, NULL, "wavelength"},
	{"incident_wavelength", NEXUS_AT_INSTRUMENT, "NXbeam", "incident_wavelength"},
	{"incident_wavelength", NEXUS_AT_SAMPLE, "NXbeam", "incident_wavelength"},
	{"incident_wavelength", NEXUS_AT_INSTRUMENT, NULL, "incident_wavelength"},
	{"incident_wavelength", NEXUS_AT_SOURCE, NULL, "incident_wavelength"},
	{"energy", NEXUS_AT_INSTRUMENT, "NXmonochromator", "energy"},
	{"incident_energy", NEXUS_AT_INSTRUMENT, "NXbeam", "incident_energy"},
	{"incident_energy", NEXUS_AT_SAMPLE, "NXbeam", "incident_energy"},
	{"incident_energy", NEXUS_AT_INSTRUMENT, "NXmonochromator", "incident_energy"},
	{"source_energy", NEXUS_AT_SOURCE, NULL, "energy"},
	{"source_current", NEXUS_AT_SOURCE, NULL, "current"},
	{"sample_temperature", NEXUS_AT_SAMPLE, NULL, "temperature"},
	{"sample_pressure", NEXUS_AT_SAMPLE, NULL, "pressure"},
	{"sample_magnetic_field", NEXUS_AT_SAMPLE, NULL, "magnetic_field"},
	{"sample_electric_field", NEXUS_AT_SAMPLE, NULL, "electric_field"},
	{"sample_thickness", NEXUS_AT_SAMPLE, NULL, "thickness"},
	{"sample_mass", NEXUS_AT_SAMPLE, NULL, "mass"},
	{"detector_distance", NEXUS_AT_INSTRUMENT, "NXdetector", "distance"},
	{"count_time", NEXUS_AT_INSTRUMENT, "NXdetector", "count_time"},
	{"duration", NEXUS_AT_ENTRY, NULL, "duration"},
};

static void
find_place(struct nexus_walk *w, struct nexus_entry *en, size_t row)
{
	for (size_t i = 0; i < place_rows[row].n; i++) {
		const struct nexus_group *parent = &en->places[place_rows[row].in[i]];
		struct hdf5_node node;
		size_t at = 0;
		const struct nexus_member *m =
			nexus_walk_find(parent, place_rows[row].nx_class, &at);
		if (m != NULL && hdf5_child(w->f, &parent->node, m->name, &node)) {
			en->places[place_rows[row].place] = nexus_walk_list(w, node);
			en->names[place_rows[row].place] = m->name;
			return;
		}
	}
}

static void
read_texts(struct nexus_walk *w, struct nexus_entry *en)
{
	for (size_t i = 0; i < sizeof(text_rows) / sizeof(text_rows[0]); i++) {
		struct span *slot = &en->texts[text_rows[i].key];
		const struct hdf5_node *at = &en->places[text_rows[i].place].node;
		bool empty = true;
		if (slot->p != NULL || nexus_walk_text(w, at, text_rows[i].field, slot, &empty))
			continue;
		if (!empty)
			nexus_walk_note(w, en->name,
				"%s is left out: a placeholder, too long, or not one plain text",
				key_names[text_rows[i].key]);
	}
}

/*
 * SOLEIL, ILL and PSI name the group after the instrument.  A name that only says what the group is
 * ("instrument", "sasinstrument") tells nothing.
 */
static void
name_instrument(struct nexus_entry *en)
{
	struct span *slot = &en->texts[NEXUS_INSTRUMENT_NAME];
	struct span name = span_of(en->names[NEXUS_AT_INSTRUMENT]);
	static const char generic[] = "instrument";

	if (slot->p != NULL || name.p == NULL)
		return;
	for (size_t i = 0; i + sizeof(generic) - 1 <= name.n; i++)
		if (span_eq_nocase(
			    span_first(span_skip(name, i), sizeof(generic) - 1), span_of(generic)))
			return;
	*slot = span_first(name, text_cut(name, TEXT_SHOWN));
}

static void
read_users(struct nexus_walk *w, struct nexus_entry *en, enum nexus_place place)
{
	const struct nexus_group *g = &en->places[place];
	size_t at = 0;
	const struct nexus_member *m;

	while ((m = nexus_walk_find(g, "NXuser", &at)) != NULL && en->n_users < NEXUS_USERS) {
		AUTO_HDF5_NODE user = HDF5_NODE_NONE;
		struct span name;
		bool known = false;
		if (!hdf5_child(w->f, &g->node, m->name, &user) ||
			!nexus_walk_text(w, &user, "name", &name, NULL))
			continue;
		for (size_t i = 0; i < en->n_users; i++)
			known = known || span_eq(en->users[i], name);
		if (!known)
			en->users[en->n_users++] = name;
	}
}

/* A number with its unit.  A value over time (NXlog) stands for its average. */
static bool
read_number(struct nexus_walk *w, const struct hdf5_node *group, const char *field,
	struct nexus_parameter *ret)
{
	AUTO_HDF5_NODE node = HDF5_NODE_NONE;
	AUTO_HDF5_NODE inner = HDF5_NODE_NONE;
	struct span unit;

	if (!hdf5_child(w->f, group, field, &node))
		return false;
	const struct hdf5_node *value = &node;
	if (node.kind == HDF5_GROUP) {
		if (!hdf5_child(w->f, &node, "average_value", &inner) &&
			!hdf5_child(w->f, &node, "value", &inner))
			return false;
		value = &inner;
	}
	if (!hdf5_number(w->f, value, &ret->value) || !isfinite(ret->value))
		return false;
	ret->unit = SPAN_NONE;
	if (hdf5_attr_text(w->f, value, "units", w->a, &unit) &&
		!text_shown(unit, w->a, &ret->unit))
		ret->unit = SPAN_NONE;
	/* "NX_WAVELENGTH" is what the generator of dummy files writes, with the number 1. */
	return !span_starts(ret->unit, SPAN("NX_"));
}

static bool
find_number(
	struct nexus_walk *w, const struct nexus_entry *en, size_t row, struct nexus_parameter *ret)
{
	const struct nexus_group *g = &en->places[parameter_rows[row].place];
	size_t at = 0;
	const struct nexus_member *m;

	if (parameter_rows[row].nx_class == NULL)
		return read_number(w, &g->node, parameter_rows[row].field, ret);
	while ((m = nexus_walk_find(g, parameter_rows[row].nx_class, &at)) != NULL) {
		AUTO_HDF5_NODE node = HDF5_NODE_NONE;
		if (hdf5_child(w->f, &g->node, m->name, &node) &&
			read_number(w, &node, parameter_rows[row].field, ret))
			return true;
	}
	return false;
}

static void
read_parameters(struct nexus_walk *w, struct nexus_entry *en)
{
	for (size_t i = 0; i < sizeof(parameter_rows) / sizeof(parameter_rows[0]); i++) {
		struct nexus_parameter *p = &en->parameters[en->n_parameters];
		const char *name = parameter_rows[i].name;
		bool known = en->n_parameters > 0 &&
			     strcmp(en->parameters[en->n_parameters - 1].name, name) == 0;
		if (known || en->n_parameters == NEXUS_PARAMETERS)
			continue; /* rows of one name stand together */
		if (find_number(w, en, i, p)) {
			p->name = name;
			en->n_parameters++;
		}
	}
}

/* ---- what the texts mean ---- */

void
nexus_entry_time(struct nexus_walk *w, struct nexus_entry *en, enum nexus_key key)
{
	struct nexus_time t;
	size_t i = key == NEXUS_START ? 0 : 1;
	struct span text = en->texts[key];

	if (text.p == NULL)
		return;
	if (!nexus_time_parse(text, &t)) {
		nexus_walk_note(
			w, en->name, "%s is in no known form and is left out", key_names[key]);
		return;
	}
	if (!t.zoned) {
		if (w->zone->name == NULL || w->zone->to_utc == NULL) {
			nexus_walk_note(w, en->name,
				"%s has no zone and no time zone is configured", key_names[key]);
			return;
		}
		if (!w->zone->to_utc(w->zone->zone, t.secs, &t.secs)) {
			nexus_walk_note(w, en->name, "%s is no moment in the configured time zone",
				key_names[key]);
			return;
		}
	}
	en->times[i] = t.secs;
	en->timed[i] = true;
	if (key == NEXUS_START) {
		en->start_zone = t.zoned ? "given" : "assumed";
		if (!t.zoned)
			nexus_walk_note(
				w, en->name, "start_time has no zone: taken as %s", w->zone->name);
	}
}

static void
judge_probe(struct nexus_entry *en)
{
	static const struct span probes[] = {SPAN_INIT("neutron"), SPAN_INIT("x-ray"),
		SPAN_INIT("muon"), SPAN_INIT("electron"), SPAN_INIT("proton"),
		SPAN_INIT("ultraviolet"), SPAN_INIT("visible light"), SPAN_INIT("positron")};
	struct span type = en->texts[NEXUS_SOURCE_TYPE];

	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		if (span_eq_nocase(type, probes[i])) {
			if (en->texts[NEXUS_PROBE].p == NULL)
				en->texts[NEXUS_PROBE] = type;
			en->texts[NEXUS_SOURCE_TYPE] = SPAN_NONE;
			return;
		}
}

static void
judge(struct nexus_walk *w, struct nexus_entry *en)
{
	nexus_entry_time(w, en, NEXUS_START);
	nexus_entry_time(w, en, NEXUS_END);
	if (en->timed[0] && en->timed[1] && en->times[1] < en->times[0]) {
		en->timed[1] = false;
		nexus_walk_note(
			w, en->name, "%s lies before start_time and is left out", "end_time");
	}
	judge_probe(en);
	if (span_is(en->texts[NEXUS_EXPERIMENT], en->name)) {
		en->texts[NEXUS_EXPERIMENT] = SPAN_NONE;
		nexus_walk_note(w, en->name, "%s only repeats the entry's name and is left out",
			"experiment_identifier");
	}
	/* A base class is no application definition. */
	if (span_is(en->texts[NEXUS_DEFINITION], "NXentry") ||
		span_is(en->texts[NEXUS_DEFINITION], "NXsubentry"))
		en->texts[NEXUS_DEFINITION] = SPAN_NONE;
}

/* ---- writing ---- */

void
nexus_entry_write(const struct nexus_entry *en, struct buf *out)
{
	struct jsonw j;

	jsonw_init(&j, out);
	jsonw_obj(&j, NULL);
	jsonw_cstr(&j, "name", en->name);
	for (size_t k = 0; k < NEXUS_KEYS; k++) {
		if (k == NEXUS_START || k == NEXUS_END)
			jsonw_iso(&j, key_names[k],
				en->timed[k - NEXUS_START] ? en->times[k - NEXUS_START]
							   : INT64_MIN);
		else
			jsonw_str(&j, key_names[k], en->texts[k]);
	}
	jsonw_cstr(&j, "start_zone", en->start_zone);
	jsonw_strs(&j, "users", en->users, en->n_users);
	jsonw_list(&j, "parameters");
	for (size_t i = 0; i < en->n_parameters; i++) {
		jsonw_obj(&j, NULL);
		jsonw_cstr(&j, "name", en->parameters[i].name);
		jsonw_f64(&j, "value", en->parameters[i].value);
		jsonw_str(&j, "unit", en->parameters[i].unit);
		jsonw_end(&j, '}');
	}
	jsonw_end(&j, ']');
	jsonw_cstr(&j, "technique", technique_of(en->texts[NEXUS_DEFINITION]));
	jsonw_end(&j, '}');
}

void
nexus_entry_init(struct nexus_entry *en, const char *name)
{
	*en = (struct nexus_entry){.name = name};
	for (size_t i = 0; i < NEXUS_PLACES; i++)
		en->places[i] = NEXUS_GROUP_NONE;
}

void
nexus_entry_fini(const struct nexus_entry *en)
{
	for (size_t i = 0; i < NEXUS_PLACES; i++)
		nexus_walk_group_fini(&en->places[i]);
}

void
nexus_entry_read(struct nexus_walk *w, struct nexus_entry *en)
{
	for (size_t i = 0; i < sizeof(place_rows) / sizeof(place_rows[0]); i++)
		find_place(w, en, i);
	read_texts(w, en);
	name_instrument(en);
	read_users(w, en, NEXUS_AT_ENTRY);
	read_users(w, en, NEXUS_AT_SUBENTRY);
	read_parameters(w, en);
	judge(w, en);
}
