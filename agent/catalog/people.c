/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/people.h"

#include "agent/catalog/store.h"

#include <errno.h>
#include <unistd.h>

/* An account of the facility has an empty issuer there: that is no person of the log. */
static const char *const of_catalogue[] = {
	"SELECT DISTINCT issuer, sub FROM member WHERE sub IS NOT NULL AND issuer <> ''",
};
static const char *const of_ledger[] = {
	"SELECT iss, sub FROM acceptance UNION SELECT iss, sub FROM request"
	" UNION SELECT iss, sub FROM answer UNION SELECT iss, who FROM event"
	" UNION SELECT iss, sub FROM link UNION SELECT maker_iss, maker_sub FROM link"
	" UNION SELECT iss, sub FROM link_end",
};

static bool
each(const char *path, const char *const *sql,
	bool (*person)(void *ctx, struct span iss, struct span sub), void *ctx, struct err *e)
{
	struct store *s = NULL;
	enum store_row row = STORE_FAIL;

	if (!store_open(path, STORE_READ, &s, e))
		return false;
	bool ok = store_prepare(s, sql, 1, e);
	while (ok && (row = store_step(s, 0, e)) == STORE_ROW) {
		struct span iss = store_col_text(s, 0, 0);
		struct span sub = store_col_text(s, 0, 1);
		if (iss.p != NULL && sub.p != NULL && !person(ctx, iss, sub)) {
			row = STORE_END;
			break;
		}
	}
	store_close(s);
	return ok && row == STORE_END;
}

bool
people_of_catalogue(const char *path, bool (*person)(void *ctx, struct span iss, struct span sub),
	void *ctx, struct err *e)
{
	return each(path, of_catalogue, person, ctx, e);
}

bool
people_of_ledger(const char *path, bool (*person)(void *ctx, struct span iss, struct span sub),
	void *ctx, struct err *e)
{
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return true;
	return each(path, of_ledger, person, ctx, e);
}
