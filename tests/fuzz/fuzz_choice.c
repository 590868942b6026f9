/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/hold.h"
#include "transfer/choice.h"

#include <string.h>

#define SIZE 64U

/*
 * The first line is a query, the rest a path: a pattern takes the path exactly when the plain
 * definition by a table of (pattern, path) says so, and a file or a folder by its name.
 */

/* Does p match s from the end on?  t[i][k]: p from i takes s from k. */
static bool
plain(struct span p, struct span s)
{
	static bool t[SIZE + 4][SIZE + 2];

	memset(t, 0, sizeof(t));
	t[p.n][s.n] = true;
	for (size_t i = p.n; i-- > 0;)
		for (size_t k = s.n + 1; k-- > 0;) {
			bool more = k < s.n;
			char c = more ? s.p[k] : '/';
			if (i + 1 < p.n && p.p[i] == '*' && p.p[i + 1] == '*') {
				bool dirs = (i == 0 || p.p[i - 1] == '/') && i + 2 < p.n &&
					    p.p[i + 2] == '/';
				if (!dirs) {
					t[i][k] = t[i + 2][k] || (more && t[i][k + 1]);
					continue;
				}
				t[i][k] = t[i + 3][k];
				for (size_t j = k + 1; j < s.n; j++)
					t[i][k] = t[i][k] || (s.p[j] == '/' && t[i + 3][j + 1]);
			} else if (p.p[i] == '*') {
				t[i][k] = t[i + 1][k] || (more && c != '/' && t[i][k + 1]);
			} else if (p.p[i] == '?') {
				size_t j = k + 1;
				while (more && j < s.n && ((unsigned char)s.p[j] & 0xc0) == 0x80)
					j++;
				t[i][k] = more && c != '/' && ((unsigned char)c & 0xc0) != 0x80 &&
					  t[i + 1][j];
			} else {
				t[i][k] = more && c == p.p[i] && t[i + 1][k + 1];
			}
		}
	return t[0][0];
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span path = {(const char *)data, size};
	struct span query = span_cut(&path, '\n');
	struct choice c;
	AUTO_ARENA a = {0};

	hold(arena_init(&a, 1 << 20));
	if (path.p == NULL || path.n > SIZE || !span_utf8(path) ||
		!choice_parse(query, &a, &c, NULL))
		return 0;
	bool takes = choice_takes(&c, path);
	if (c.n_file == 1 && c.n_glob == 0) {
		struct span f = c.file[0].path;
		hold(takes ==
			(span_eq(f, path) || (span_ends(f, SPAN("/")) && span_starts(path, f))));
	}
	struct span text = choice_unmet(&c);
	if (c.n_file == 0 && c.n_glob == 1 && !takes)
		hold(text.n > SIZE || !plain(text, path));
	if (c.n_file == 0 && c.n_glob == 1 && takes) {
		struct choice again;
		hold(text.p == NULL && choice_parse(query, &a, &again, NULL));
		text = choice_unmet(&again);
		hold(text.n > SIZE || plain(text, path));
	}
	return 0;
}
