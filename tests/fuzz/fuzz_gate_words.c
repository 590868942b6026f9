/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_words.h"

#include "agent/base/form.h"
#include "agent/base/jsonw.h"
#include "tests/fuzz/hold.h"

#define ALL ((1U << WORD_COUNT) - 1U)

/* Whatever was taken is asked for, has its size, and can be shown on a page and a terminal. */
static void
check(const struct gate_words *w, uint32_t allowed)
{
	for (unsigned i = 0; i < WORD_COUNT; i++) {
		struct span rest = w->value[i];
		if (rest.p == NULL)
			continue;
		hold((allowed >> i & 1U) != 0);
		hold(rest.n > 0 && rest.n <= GATE_WORDS_TEXT && span_utf8(rest));
		if (i != WORD_TEXT && i != WORD_NOTE)
			hold(!span_control(rest));
		while (rest.p != NULL)
			hold(!span_control(span_cut(&rest, '\n')));
	}
	hold(w->days <= GATE_WORDS_DAYS && (w->days > 0) == (w->value[WORD_DAYS].p != NULL));
}

/* The same words, written again in both forms, are read as the same words. */
static void
again(const struct gate_words *w, struct arena *mem)
{
	AUTO_BUF json = BUF_INIT(1UL << 20);
	AUTO_BUF form = BUF_INIT(1UL << 20);
	struct gate_words of_json;
	struct gate_words of_form;
	struct jsonw j;

	jsonw_init(&j, &json);
	jsonw_obj(&j, NULL);
	for (unsigned i = 0; i < WORD_COUNT; i++) {
		if (w->value[i].p == NULL)
			continue;
		form_add(&form, gate_word_names[i], w->value[i]);
		if (i != WORD_TOKEN)
			jsonw_str(&j, gate_word_names[i], w->value[i]);
	}
	jsonw_end(&j, '}');
	hold(gate_words_json(buf_span(&json), ALL, mem, &of_json, NULL));
	hold(gate_words_form(buf_span(&form), ALL, mem, &of_form, NULL));
	for (unsigned i = 0; i < WORD_COUNT; i++) {
		hold(span_eq(of_form.value[i], w->value[i]));
		hold(i == WORD_TOKEN ? of_json.value[i].p == NULL
				     : span_eq(of_json.value[i], w->value[i]));
	}
	hold(of_form.days == w->days && of_json.days == w->days);
}

/* The first two bytes: which form it is in, and which words are asked for. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA mem = {0};
	struct gate_words w;

	if (size < 2 || !arena_init(&mem, 8UL << 20))
		return 0;
	struct span body = {(const char *)data + 2, size - 2};
	uint32_t allowed = data[1] == 'a' ? ALL : data[1];
	bool ok = data[0] == 'f' ? gate_words_form(body, allowed, &mem, &w, NULL)
				 : gate_words_json(body, allowed, &mem, &w, NULL);
	if (!ok)
		return 0;
	check(&w, allowed);
	again(&w, &mem);
	return 0;
}
