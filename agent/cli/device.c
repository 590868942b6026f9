/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/device.h"

#define SLOW_DOWN    5U /* RFC 8628 3.5 */
#define INTERVAL_MAX 120U
#define DOUBLINGS    4U /* of the interval while nobody answers */

void
device_begin(const struct oauth_code *c, int64_t now_ms, struct device *ret)
{
	*ret = (struct device){.until_ms = now_ms + (int64_t)c->expires_in * 1000,
		.next_ms = now_ms + (int64_t)c->interval * 1000,
		.interval = c->interval};
}

unsigned
device_left(const struct device *d, int64_t now_ms)
{
	return now_ms < d->until_ms ? (unsigned)((d->until_ms - now_ms + 999) / 1000) : 0;
}

static enum device_turn
over(struct err *e)
{
	(void)err_set(e, ERR_LIMIT, "RFC 8628 3.5",
		"nobody approved in time and the code has ended; run the command again for a new "
		"one");
	return DEVICE_NO;
}

static enum device_turn
again(struct device *d, int64_t seconds, int64_t now_ms, struct err *e)
{
	if (seconds > INTERVAL_MAX)
		seconds = INTERVAL_MAX;
	d->next_ms = now_ms + seconds * 1000;
	return d->next_ms >= d->until_ms ? over(e) : DEVICE_AGAIN;
}

/* No answer, or one that says "later": wait twice as long each time (RFC 8628 3.5). */
static enum device_turn
failed(struct device *d, const struct device_answer *a, int64_t now_ms, struct err *e)
{
	unsigned n = d->failures < DOUBLINGS ? ++d->failures : DOUBLINGS;
	int64_t wait = (int64_t)d->interval << n;

	return again(d, a->retry_after > wait ? a->retry_after : wait, now_ms, e);
}

/* The answer is no: what it means for the person. */
static void
tell_no(const struct oauth_error *why, struct err *e)
{
	struct span words = why->description;

	if (!span_is(why->code, "access_denied"))
		(void)err_set(e, ERR_UPSTREAM, "RFC 6749 5.2",
			"the issuer gives no token: %.*s%s%.*s", SPAN_ARG(why->code),
			words.p != NULL ? ", " : "", SPAN_ARG(words));
	else
		(void)err_set(e, ERR_DENIED, "RFC 8628 3.5", "the approval was refused%s%.*s",
			words.p != NULL ? ": " : "", SPAN_ARG(words));
}

static enum device_turn
refused(struct device *d, const struct oauth_error *why, int64_t now_ms, struct err *e)
{
	d->failures = 0;
	if (span_is(why->code, "authorization_pending"))
		return again(d, d->interval, now_ms, e);
	if (span_is(why->code, "slow_down")) {
		d->interval += d->interval < INTERVAL_MAX ? SLOW_DOWN : 0;
		return again(d, d->interval, now_ms, e);
	}
	if (span_is(why->code, "expired_token"))
		return over(e);
	tell_no(why, e);
	return DEVICE_NO;
}

enum device_turn
device_judge(struct device *d, const struct device_answer *a, int64_t now_ms, struct arena *mem,
	struct oauth_tokens *ret, struct err *e)
{
	struct oauth_error why;

	if (a->status == 200)
		return oauth_tokens_parse(a->body, mem, ret, e) ? DEVICE_DONE : DEVICE_NO;
	if (a->status == 0 || a->status == 429 || a->status >= 500)
		return failed(d, a, now_ms, e);
	oauth_error_parse(a->body, mem, &why);
	if (why.code.p != NULL)
		return refused(d, &why, now_ms, e);
	(void)err_set(e, ERR_UPSTREAM, "RFC 6749 5.2",
		"the issuer answers %u without saying why; its administrators must be told",
		a->status);
	return DEVICE_NO;
}
