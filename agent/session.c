/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/session.h"

#include "agent/base/base64.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAGIC         "pansess1"
#define SPENT         SESSION_SLOTS
#define ID_BYTES      32U
#define SLOTS_MAX     (SESSION_SLOTS + 256U) /* what the head has room for */
#define LOCK_SECONDS  1
#define CLOCK_BACK    86400
#define MARK_FREE     0U
#define MARK_USED     1U
#define REF_LIFETIMES "RFC 6265 8.4"

/* One session, beside its texts: so that a search touches 64 bytes of each. */
struct entry {
	uint8_t id[CRYPTO_SHA256_SIZE];
	int64_t created, used;
	uint32_t n_issuer, n_claims;
	uint32_t mark; /* written last, and first when it ends */
	uint32_t unused;
};

struct spent {
	uint8_t id[16];
	int64_t until;
};

/* The shared memory; behind SESSION_HEAD_BYTES come the slots. */
struct head {
	char magic[8]; /* written last */
	uint64_t slots;
	char unused[SESSION_LOCK_AT - 16];
	pthread_mutex_t lock;
	uint8_t key[CRYPTO_SEAL_KEY];
	struct spent spent[SPENT];
	struct entry entries[SLOTS_MAX];
};
_Static_assert(sizeof(struct head) <= SESSION_HEAD_BYTES, "the head has grown out of its place");
_Static_assert(offsetof(struct head, lock) == SESSION_LOCK_AT, "the lock is where the test looks");

struct session_store {
	struct head *head;
	char *slots; /* n of SESSION_SLOT_BYTES */
	size_t n, bytes;
	struct session_rules rules;
	uint8_t key[CRYPTO_SEAL_KEY];
};

/* ---- the memory ---- */

static bool
make_lock(pthread_mutex_t *lock)
{
	pthread_mutexattr_t how;

	if (pthread_mutexattr_init(&how) != 0)
		return false;
	bool ok = pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED) == 0 &&
		  pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST) == 0 &&
		  pthread_mutex_init(lock, &how) == 0;
	(void)pthread_mutexattr_destroy(&how);
	return ok;
}

/* The magic comes last: a set-up that was killed half-way is begun again by the next gate. */
static bool
set_up(struct session_store *s, struct err *e)
{
	struct head *h = s->head;

	if (memcmp(h->magic, MAGIC, sizeof(h->magic)) == 0) {
		if (h->slots != s->n)
			return err_set(e, ERR_SYNTAX, NULL, "sessions: not of this layout");
		return true;
	}
	if (h->magic[0] != '\0')
		return err_set(e, ERR_SYNTAX, NULL,
			"sessions: made by another version; restart the agent");
	if (!crypto_random(h->key, sizeof(h->key), e))
		return false;
	if (!make_lock(&h->lock))
		return err_set(e, ERR_SYSTEM, NULL, "sessions: make the lock");
	h->slots = s->n;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	memcpy(h->magic, MAGIC, sizeof(h->magic));
	return true;
}

static bool
map(struct session_store *s, int fd, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "sessions: look at the memory");
	if (st.st_size < (off_t)(SESSION_HEAD_BYTES + SESSION_SLOT_BYTES))
		return err_set(e, ERR_SYNTAX, NULL, "sessions: the memory is too small");
	s->n = ((size_t)st.st_size - SESSION_HEAD_BYTES) / SESSION_SLOT_BYTES;
	if (s->n > SLOTS_MAX)
		s->n = SLOTS_MAX;
	s->bytes = SESSION_HEAD_BYTES + s->n * SESSION_SLOT_BYTES;
	void *p = mmap(NULL, s->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED || p == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "sessions: map the memory");
	(void)madvise(p, s->bytes, MADV_DONTDUMP);
	s->head = p;
	s->slots = (char *)p + SESSION_HEAD_BYTES;
	return true;
}

bool
session_open(int fd, const struct session_rules *rules, struct session_store **ret, struct err *e)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct session_store *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return err_set(e, ERR_LIMIT, NULL, "sessions: no memory");
	s->rules = *rules;
	/* An old and a new gate may come at the same moment.  A process that dies lets go. */
	bool ok = map(s, fd, e) && s->head != NULL;
	if (ok && fcntl(fd, F_SETLKW, &whole) < 0)
		ok = err_set(e, ERR_SYSTEM, NULL, "sessions: lock the memory");
	ok = ok && set_up(s, e);
	whole.l_type = F_UNLCK;
	(void)fcntl(fd, F_SETLK, &whole);
	if (!ok) {
		session_close(s);
		return false;
	}
	memcpy(s->key, s->head->key, sizeof(s->key));
	*ret = s;
	return true;
}

void
session_close(struct session_store *s)
{
	if (s == NULL)
		return;
	if (s->head != NULL)
		(void)munmap(s->head, s->bytes);
	explicit_bzero(s, sizeof(*s));
	free(s);
}

const uint8_t *
session_seal_key(const struct session_store *s)
{
	return s->key;
}

/* ---- under the lock ---- */

/* A holder that was killed left nothing half-done that counts: see `mark`. */
static bool
lock(struct session_store *s, struct err *e)
{
	struct timespec until;

	/* Not pthread_mutex_clocklock, which ThreadSanitizer does not know (clang 14). */
	int r = pthread_mutex_trylock(&s->head->lock);
	if (r == EBUSY) {
		(void)clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += LOCK_SECONDS;
		r = pthread_mutex_timedlock(&s->head->lock, &until);
	}
	if (r == EOWNERDEAD)
		r = pthread_mutex_consistent(&s->head->lock);
	errno = r;
	return r == 0 || err_set(e, ERR_LIMIT, NULL, "sessions: the lock is not to be had (%d)", r);
}

static void
unlock(struct session_store *s)
{
	(void)pthread_mutex_unlock(&s->head->lock);
}

static void
drop(struct session_store *s, size_t i)
{
	struct entry *n = &s->head->entries[i];
	size_t bytes = (size_t)n->n_issuer + n->n_claims;

	__atomic_store_n(&n->mark, MARK_FREE, __ATOMIC_RELEASE);
	explicit_bzero(s->slots + i * SESSION_SLOT_BYTES,
		bytes < SESSION_SLOT_BYTES ? bytes : SESSION_SLOT_BYTES);
	memset(n->id, 0, sizeof(n->id));
}

/* A clock that went back lengthens a life by as much, and by a day at most. */
static bool
within(int64_t since, int64_t now, unsigned seconds)
{
	return since >= 0 && since <= now + CLOCK_BACK && now - since < (int64_t)seconds;
}

static bool
alive(const struct entry *n, const struct session_rules *rules, int64_t now)
{
	return n->mark == MARK_USED && n->n_issuer <= SESSION_TEXT_MAX &&
	       n->n_claims <= SESSION_TEXT_MAX - n->n_issuer &&
	       within(n->created, now, rules->max) && within(n->used, now, rules->idle);
}

/* Where a new one goes: a free or ended one, else the one that was unused the longest. */
static size_t
pick(const struct session_store *s, int64_t now)
{
	const struct entry *list = s->head->entries;
	size_t oldest = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (!alive(&list[i], &s->rules, now))
			return i;
		if (list[i].used < list[oldest].used)
			oldest = i;
	}
	return oldest;
}

/* s->n: none. */
static size_t
find(const struct session_store *s, const uint8_t id[CRYPTO_SHA256_SIZE])
{
	for (size_t i = 0; i < s->n; i++) {
		const struct entry *n = &s->head->entries[i];
		if (n->mark == MARK_USED && crypto_same(n->id, id, CRYPTO_SHA256_SIZE))
			return i;
	}
	return s->n;
}

/* ---- sessions ---- */

bool
session_make(struct session_store *s, struct span issuer, struct span claims, int64_t now,
	struct buf *cookie, struct err *e)
{
	struct entry made = {.created = now, .used = now};
	uint8_t random[ID_BYTES];
	AUTO_BUF value = BUF_INIT(SESSION_COOKIE_LEN + 1);

	if (issuer.n > SESSION_TEXT_MAX || claims.n > SESSION_TEXT_MAX - issuer.n)
		return err_set(e, ERR_LIMIT, NULL,
			"session: the issuer tells more of this user than %lu bytes hold",
			SESSION_TEXT_MAX);
	if (!crypto_random(random, sizeof(random), e))
		return false;
	base64_url_encode(&value, random, sizeof(random));
	explicit_bzero(random, sizeof(random));
	if (!buf_ok(&value) || !crypto_sha256(buf_span(&value), made.id))
		return err_set(e, ERR_LIMIT, NULL, "session: no memory");
	made.n_issuer = (uint32_t)issuer.n;
	made.n_claims = (uint32_t)claims.n;
	if (!lock(s, e))
		return false;
	size_t i = pick(s, now);
	drop(s, i);
	char *text = s->slots + i * SESSION_SLOT_BYTES;
	memcpy(text, issuer.n > 0 ? issuer.p : "", issuer.n);
	memcpy(text + issuer.n, claims.n > 0 ? claims.p : "", claims.n);
	s->head->entries[i] = made;
	__atomic_store_n(&s->head->entries[i].mark, MARK_USED, __ATOMIC_RELEASE);
	unlock(s);
	buf_add(cookie, buf_span(&value));
	explicit_bzero(value.p, value.cap);
	return buf_ok(cookie) || err_set(e, ERR_LIMIT, NULL, "session: no memory");
}

/* The id of a cookie; false when it can be none of ours. */
static bool
cookie_id(struct span cookie, uint8_t ret[CRYPTO_SHA256_SIZE])
{
	uint8_t random[ID_BYTES + 3];
	size_t n = 0;
	bool ok = cookie.n == SESSION_COOKIE_LEN &&
		  base64_url_decode(cookie, random, sizeof(random), &n) && n == ID_BYTES &&
		  crypto_sha256(cookie, ret);

	explicit_bzero(random, sizeof(random));
	return ok;
}

static bool
none(struct err *e)
{
	return err_set(e, ERR_ABSENT, REF_LIFETIMES, "no session, or it has ended; log in again");
}

bool
session_find(struct session_store *s, struct span cookie, int64_t now, struct arena *mem,
	struct session *ret, struct err *e)
{
	struct session got = {.created = 0};
	struct entry n = {.mark = MARK_FREE};

	if (!cookie_id(cookie, got.id))
		return none(e);
	if (!lock(s, e))
		return false;
	size_t i = find(s, got.id);
	if (i < s->n)
		n = s->head->entries[i]; /* checked and used from here: what is shared may change */
	bool live = alive(&n, &s->rules, now);
	if (live) {
		struct span text = {
			s->slots + i * SESSION_SLOT_BYTES, (size_t)n.n_issuer + n.n_claims};
		got.issuer = arena_span(mem, span_first(text, n.n_issuer));
		got.claims = arena_span(mem, span_skip(text, n.n_issuer));
		s->head->entries[i].used = now > n.used ? now : n.used;
	} else if (i < s->n) {
		drop(s, i);
	}
	unlock(s);
	if (!live)
		return none(e);
	if (got.issuer.p == NULL || got.claims.p == NULL)
		return err_set(e, ERR_LIMIT, NULL, "session: no memory left for this request");
	got.created = n.created;
	got.used = n.used;
	got.ends = n.created + (int64_t)s->rules.max;
	*ret = got;
	return true;
}

bool
session_end(struct session_store *s, struct span cookie, struct err *e)
{
	uint8_t id[CRYPTO_SHA256_SIZE];

	if (!cookie_id(cookie, id))
		return true;
	if (!lock(s, e))
		return false;
	size_t i = find(s, id);
	if (i < s->n)
		drop(s, i);
	unlock(s);
	return true;
}

bool
session_form_token(const struct session_store *s, const struct session *of, struct buf *out)
{
	static const char purpose[] = "form";
	uint8_t text[sizeof(purpose) + CRYPTO_SHA256_SIZE];
	uint8_t mac[CRYPTO_SHA256_SIZE];

	memcpy(text, purpose, sizeof(purpose));
	memcpy(text + sizeof(purpose), of->id, CRYPTO_SHA256_SIZE);
	if (!crypto_hmac_sha256((struct span){(const char *)s->key, sizeof(s->key)},
		    (struct span){(const char *)text, sizeof(text)}, mac))
		return false;
	base64_url_encode(out, mac, sizeof(mac));
	return buf_ok(out);
}

bool
session_spend(struct session_store *s, struct span what, int64_t until, int64_t now, struct err *e)
{
	uint8_t id[CRYPTO_SHA256_SIZE];
	struct spent *list = s->head->spent;
	size_t to = 0;
	bool before = false;

	if (!crypto_sha256(what, id))
		return err_set(e, ERR_SYSTEM, NULL, "session: hash");
	if (!lock(s, e))
		return false;
	for (size_t i = 0; i < SPENT && !before; i++) {
		before = list[i].until > now && crypto_same(list[i].id, id, sizeof(list[i].id));
		if (list[i].until < list[to].until)
			to = i;
	}
	if (!before) {
		list[to].until = 0;
		memcpy(list[to].id, id, sizeof(list[to].id));
		list[to].until = until;
	}
	unlock(s);
	return !before || err_set(e, ERR_DENIED, "RFC 6749 10.12",
				  "this login was finished before; begin a new one");
}

size_t
session_count(struct session_store *s, int64_t now)
{
	size_t n = 0;

	if (!lock(s, NULL))
		return 0;
	for (size_t i = 0; i < s->n; i++)
		n += alive(&s->head->entries[i], &s->rules, now);
	unlock(s);
	return n;
}
