/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config.h"

#include "agent/base/scope.h"
#include "agent/base/settings_issuer.h"
#include "agent/catalog/layout_back.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TEXT_MAX ((off_t)16 << 20) /* bytes of a text that is copied */

#define FRONT   BUNDLE_ROLE(PROCESS_FRONT)
#define GATE    BUNDLE_ROLE(PROCESS_GATE)
#define INDEXER BUNDLE_ROLE(PROCESS_INDEXER)
#define COURIER BUNDLE_ROLE(PROCESS_COURIER)
#define MOVER   BUNDLE_ROLE(PROCESS_MOVER)

struct loader {
	struct config *c;
	const struct settings *s;
	struct buf *report;
	unsigned roles;
	bool create; /* else a folder that the start would make may be missing */
	unsigned faults, policy_faults;
};

/* What went wrong with a file, at the line that names it. */
static void
fault(struct loader *l, const char *path, const char *what)
{
	settings_fault(l->s, path, l->report, "%s: %s: %s", path, what, strerrordesc_np(errno));
	l->faults++;
}

static void
keep(struct loader *l, unsigned roles, const char *name, const char *path, int *fd)
{
	struct err e = {0};

	if (!bundle_add(&l->c->bundle, roles, name, path, fd, &e)) {
		settings_fault(l->s, path, l->report, "%s", e.msg);
		l->faults++;
	}
}

/* A sealed copy of an opened file; -1 with errno. */
static int
snapshot(int fd)
{
	AUTO_FD copy = memfd_create("pan-agent", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct stat st;
	off_t at = 0;

	if (copy < 0 || fstat(fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode) || st.st_size > TEXT_MAX) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EFBIG;
		return -1;
	}
	while (at < st.st_size) {
		char block[65536];
		ssize_t n = pread(fd, block, sizeof(block), at);
		if (n < 0 || (n > 0 && pwrite(copy, block, (size_t)n, at) != n))
			return -1;
		if (n == 0)
			break;
		at += n;
	}
	if (fcntl(copy, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return -1;
	return take_fd(&copy);
}

static void
add_text(struct loader *l, unsigned roles, const char *name, const char *path)
{
	if ((roles & l->roles) == 0 || path == NULL) /* NULL: reported already */
		return;
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int copy = fd >= 0 ? snapshot(fd) : -1;
	if (copy < 0)
		fault(l, path, "cannot be read");
	else
		keep(l, roles, name, path, &copy);
}

/* Opened, not read: flags decide what the role may do. */
static void
add_open(struct loader *l, unsigned roles, const char *name, const char *path, int flags)
{
	if ((roles & l->roles) == 0 || path == NULL) /* NULL: reported already */
		return;
	int fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
	if (fd < 0)
		fault(l, path, "cannot be opened");
	else
		keep(l, roles, name, path, &fd);
}

/* The folder that holds a file. */
static void
add_folder_of(struct loader *l, unsigned roles, const char *name, const char *path)
{
	char dir[PATH_MAX];
	const char *slash = path != NULL ? strrchr(path, '/') : NULL;

	if ((roles & l->roles) == 0 || path == NULL) /* NULL: reported already */
		return;
	(void)snprintf(dir, sizeof(dir), "%.*s",
		slash != NULL && slash > path ? (int)(slash - path) : 1, path);
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && (l->create || errno != ENOENT))
		fault(l, path, "its folder cannot be opened");
	else if (fd >= 0)
		keep(l, roles, name, dir, &fd);
}

static void
make_folder(struct loader *l, const char *path)
{
	if (mkdir(path, 0750) < 0 && errno != EEXIST)
		fault(l, path, "cannot be made");
}

static void
add_shared(struct loader *l, const struct config_shared *shared)
{
	static const struct {
		const char *name;
		size_t at;
		unsigned roles;
	} rows[] = {
		{"epoch", offsetof(struct config_shared, epoch_read), BUNDLE_ALL & ~GATE},
		{"epoch", offsetof(struct config_shared, epoch_write), GATE},
		/* All may write there, so not what reads strangers' files. */
		{"metrics", offsetof(struct config_shared, metrics),
			BUNDLE_ALL & ~BUNDLE_ROLE(PROCESS_READER)},
		{"sessions", offsetof(struct config_shared, sessions), GATE},
		{"replay", offsetof(struct config_shared, replay), GATE},
	};

	for (size_t i = 0; shared != NULL && i < sizeof(rows) / sizeof(rows[0]); i++) {
		int have = *(const int *)(const void *)((const char *)shared + rows[i].at);
		int fd = have >= 0 ? fcntl(have, F_DUPFD_CLOEXEC, 4) : -1;
		if (have >= 0 && fd < 0)
			fault(l, rows[i].name, "cannot be shared");
		else if (have >= 0)
			keep(l, rows[i].roles, rows[i].name, rows[i].name, &fd);
	}
}

static void
add_proposals(struct loader *l)
{
	if (l->s->proposals == NULL || (l->roles & INDEXER) == 0)
		return;
	add_open(l, INDEXER, "proposals", l->s->proposals, O_RDONLY);
	if (stat(l->s->proposals, &l->c->proposals) < 0)
		l->c->proposals = (struct stat){0};
}

bool
config_wants_courier(const struct settings *s)
{
	for (size_t i = 0; i < s->n_issuers; i++)
		if (settings_issuer_fetched(&s->issuers[i]))
			return true;
	return false;
}

bool
config_wants_mover(const struct settings *s)
{
	return s->transfer.push;
}

/* The file beside a policy that holds its signatures; none there is for the gate to judge. */
static void
add_signature(struct loader *l, const char *name, const char *policy)
{
	char path[PATH_MAX];

	if ((l->roles & (GATE | INDEXER)) == 0 || policy == NULL || l->s->signers.n == 0)
		return;
	if (snprintf(path, sizeof(path), "%s.sig", policy) >= (int)sizeof(path))
		return; /* so long a policy could not be opened either */
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return;
	int copy = fd >= 0 ? snapshot(fd) : -1;
	if (copy >= 0) {
		keep(l, GATE | INDEXER, name, path, &copy);
		return;
	}
	settings_fault(
		l->s, policy, l->report, "%s: cannot be read: %s", path, strerrordesc_np(errno));
	l->faults++;
}

static void
add_policies(struct loader *l)
{
	const struct settings_list *files = &l->s->policies;
	unsigned before = l->faults;
	char name[32];

	for (size_t i = 0; i < files->n; i++) {
		/* One may catalogue before there is a policy to bind what is catalogued. */
		if ((l->roles & GATE) == 0 && files->item[i] != NULL &&
			access(files->item[i], R_OK) != 0)
			continue;
		(void)snprintf(name, sizeof(name), "policy.%zu", i);
		add_text(l, GATE | INDEXER, name, files->item[i]);
		(void)snprintf(name, sizeof(name), "policy.%zu.sig", i);
		add_signature(l, name, files->item[i]);
	}
	l->policy_faults = l->faults - before;
}

/* Secrets are opened and passed on, as the keys of TLS are; the rest is copied. */
static void
add_issuer(struct loader *l, const struct settings_issuer *s, size_t i)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "jwks.%zu", i);
	add_text(l, GATE, name, s->jwks_file);
	if (!settings_issuer_fetched(s))
		return;
	(void)snprintf(name, sizeof(name), "ca.%zu", i);
	add_text(l, COURIER, name, s->ca_file);
	(void)snprintf(name, sizeof(name), "secret.%zu", i);
	add_open(l, COURIER, name, s->client_secret_file, O_RDONLY);
	(void)snprintf(name, sizeof(name), "websecret.%zu", i);
	add_open(l, COURIER, name, s->web_client_secret_file, O_RDONLY);
}

/* Where the courier keeps what it fetched. */
static void
add_courier_folder(struct loader *l)
{
	char dir[PATH_MAX];

	if ((l->roles & COURIER) == 0 || l->s->state_dir == NULL || !config_wants_courier(l->s))
		return;
	(void)snprintf(dir, sizeof(dir), "%s/issuers", l->s->state_dir);
	if (l->create && mkdir(dir, 0700) < 0 && errno != EEXIST)
		fault(l, dir, "cannot be made");
	int fd = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (l->create || errno != ENOENT))
		fault(l, dir, "cannot be opened");
	else if (fd >= 0)
		keep(l, COURIER, "courier.dir", dir, &fd);
}

/* A root that takes new datasets must tell their folders from their pids. */
static void
check_root(struct loader *l, const struct settings_root *root)
{
	struct layout layout;
	struct err e = {0};

	if (!root->writable || l->s->faults > 0) /* half of it may be missing */
		return;
	if (layout_parse(root, &layout, &e) && layout_back_check(&layout, &e))
		return;
	settings_fault(l->s, root->path, l->report, "%s", e.msg);
	l->faults++;
}

static void
add_files(struct loader *l)
{
	const struct settings *s = l->s;
	char name[32];

	for (size_t i = 0; i < s->n_certificates; i++) {
		(void)snprintf(name, sizeof(name), "tls.chain.%zu", i);
		add_text(l, FRONT, name, s->certificates[i].chain);
		(void)snprintf(name, sizeof(name), "tls.key.%zu", i);
		add_open(l, FRONT, name, s->certificates[i].key, O_RDONLY);
	}
	add_policies(l);
	for (size_t i = 0; i < s->n_issuers; i++)
		add_issuer(l, &s->issuers[i], i);
	add_text(l, GATE, "accounts", s->accounts);
	add_courier_folder(l);
	if (s->transfer.push)
		add_text(l, MOVER, "transfer.ca", s->transfer.ca_file);
	for (size_t i = 0; i < s->n_roots; i++) {
		(void)snprintf(name, sizeof(name), "root.%zu", i);
		add_open(l, GATE | INDEXER, name, s->roots[i].path, O_PATH | O_DIRECTORY);
		check_root(l, &s->roots[i]);
	}
	add_folder_of(l, GATE | INDEXER, "catalogue.dir", s->catalogue);
	add_folder_of(l, GATE, "ledger.dir", s->ledger);
	add_proposals(l);
}

/* The absolute path of the file: relative ones in it mean its folder, in every role. */
static bool
absolute(const char *file, char out[PATH_MAX])
{
	char cwd[PATH_MAX];

	if (file[0] == '/')
		return snprintf(out, PATH_MAX, "%s", file) < PATH_MAX;
	if (getcwd(cwd, sizeof(cwd)) == NULL)
		return false;
	return snprintf(out, PATH_MAX, "%s/%s", cwd, file) < PATH_MAX;
}

static struct settings *
read_settings(const char *file, int copy, struct buf *report, struct err *e)
{
	struct stat st;

	if (fstat(copy, &st) < 0 || st.st_size == 0)
		return settings_read(file, SPAN(""), report, e);
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, copy, 0);
	if (p == MAP_FAILED) {
		(void)err_set(e, ERR_SYSTEM, NULL, "map %s", file);
		return NULL;
	}
	struct settings *s = settings_read(file, (struct span){p, (size_t)st.st_size}, report, e);
	(void)munmap(p, (size_t)st.st_size);
	return s;
}

struct config *
config_load(const char *file, unsigned roles, bool create, const struct config_shared *shared,
	struct buf *report, struct err *e)
{
	char path[PATH_MAX];
	AUTO_FD fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	AUTO_FD copy = fd >= 0 ? snapshot(fd) : -1;
	struct config *c = calloc(1, sizeof(*c));

	if (copy < 0 || c == NULL || !absolute(file, path)) {
		(void)err_set(e, ERR_SYSTEM, NULL, "cannot read the configuration");
		buf_addf(report, "%s:1:1: error: cannot be read: %s\n", file,
			strerrordesc_np(errno));
		config_free(c);
		return NULL;
	}
	c->settings = read_settings(path, copy, report, e);
	if (c->settings == NULL) {
		config_free(c);
		return NULL;
	}
	struct loader l = {.c = c, .s = c->settings, .report = report, .roles = roles};
	keep(&l, BUNDLE_ALL, "agent.yaml", path, &copy);
	l.faults += c->settings->faults; /* and on: what the files lack is told too */
	l.create = create && l.faults == 0;
	if (l.create) {
		make_folder(&l, c->settings->state_dir);
		make_folder(&l, c->settings->runtime_dir);
		make_folder(&l, c->settings->log_dir);
		add_open(&l, GATE, "audit", c->settings->audit_file, O_RDWR | O_APPEND | O_CREAT);
	}
	add_folder_of(&l, GATE, "audit.dir", c->settings->audit_file);
	add_files(&l);
	add_shared(&l, shared);
	if (l.faults == 0)
		return c;
	(void)err_set(e, ERR_SYNTAX, l.policy_faults > 0 ? CONFIG_POLICY : NULL,
		"%s has %u fault%s", file, l.faults, l.faults == 1 ? "" : "s");
	config_free(c);
	return NULL;
}

/* ---- policies alone ---- */

static bool
is_policy(const struct bundle_entry *b)
{
	return strncmp(b->file.name, "policy.", 7) == 0;
}

/* The supervisor's own, for the front: with the last copy of it closed, nobody listens. */
static bool
is_listener(const struct bundle_entry *b)
{
	return strncmp(b->file.name, "listen.", 7) == 0;
}

static const struct bundle_entry *
find_entry(const struct bundle *b, const char *name)
{
	for (size_t i = 0; i < b->n; i++)
		if (strcmp(b->entries[i].file.name, name) == 0)
			return &b->entries[i];
	return NULL;
}

static void
copy_entries(struct loader *l, const struct bundle *from)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct bundle_entry *b = &from->entries[i];
		if (is_policy(b) || is_listener(b))
			continue;
		int fd = fcntl(b->file.fd, F_DUPFD_CLOEXEC, 4);
		if (fd >= 0)
			keep(l, b->roles, b->file.name, b->file.path, &fd);
		else
			fault(l, b->file.path, "cannot be kept");
	}
}

struct config *
config_policies(const struct config *old, struct buf *report, struct err *e)
{
	const struct bundle_entry *yaml = find_entry(&old->bundle, "agent.yaml");
	struct config *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		(void)err_set(e, ERR_LIMIT, NULL, "no memory for the configuration");
		return NULL;
	}
	if (yaml != NULL)
		c->settings = read_settings(old->settings->file, yaml->file.fd, report, e);
	if (c->settings == NULL) {
		config_free(c);
		return NULL;
	}
	struct loader l = {.c = c, .s = c->settings, .report = report, .roles = BUNDLE_ALL};
	copy_entries(&l, &old->bundle);
	c->proposals = old->proposals;
	add_policies(&l);
	if (l.faults == 0)
		return c;
	(void)err_set(e, ERR_SYNTAX, CONFIG_POLICY, "the policies cannot be read");
	config_free(c);
	return NULL;
}

void
config_keep_policies(struct config *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->bundle.n; i++)
		if (is_policy(&c->bundle.entries[i]))
			c->bundle.entries[n++] = c->bundle.entries[i];
		else
			(void)close(c->bundle.entries[i].file.fd);
	c->bundle.n = n;
}

/* Does a file hold other bytes than this copy of it? */
static bool
differs(const struct bundle_entry *b, const char *path)
{
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat is;
	struct stat was;
	off_t at = 0;

	if (b == NULL || fd < 0)
		return (b == NULL) != (fd < 0);
	if (fstat(fd, &is) < 0 || fstat(b->file.fd, &was) < 0 || is.st_size != was.st_size)
		return true;
	while (at < was.st_size) {
		char x[16384];
		char y[16384];
		ssize_t n = pread(fd, x, sizeof(x), at);
		if (n <= 0 || pread(b->file.fd, y, (size_t)n, at) != n ||
			memcmp(x, y, (size_t)n) != 0)
			return true;
		at += n;
	}
	return false;
}

bool
config_policies_differ(const struct config *c)
{
	const struct settings_list *files = &c->settings->policies;
	bool found = false;

	for (size_t i = 0; i < files->n && !found; i++) {
		char name[32];
		char path[PATH_MAX];
		(void)snprintf(name, sizeof(name), "policy.%zu", i);
		found = differs(find_entry(&c->bundle, name), files->item[i]);
		(void)snprintf(name, sizeof(name), "policy.%zu.sig", i);
		if (c->settings->signers.n > 0 &&
			snprintf(path, sizeof(path), "%s.sig", files->item[i]) < (int)sizeof(path))
			found = found || differs(find_entry(&c->bundle, name), path);
	}
	return found;
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	bundle_fini(&c->bundle);
	settings_free(c->settings);
	free(c);
}

bool
config_refresh_proposals(struct config *c)
{
	struct stat st;
	const char *path = c->settings->proposals;

	if (path == NULL || stat(path, &st) < 0 ||
		(st.st_ino == c->proposals.st_ino && st.st_dev == c->proposals.st_dev &&
			st.st_size == c->proposals.st_size &&
			st.st_mtim.tv_sec == c->proposals.st_mtim.tv_sec &&
			st.st_mtim.tv_nsec == c->proposals.st_mtim.tv_nsec))
		return false;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return false;
	for (size_t i = 0; i < c->bundle.n; i++)
		if (strcmp(c->bundle.entries[i].file.name, "proposals") == 0) {
			(void)close(c->bundle.entries[i].file.fd);
			c->bundle.entries[i].file.fd = take_fd(&fd);
			c->proposals = st;
			return true;
		}
	(void)close(fd);
	return false;
}

/* ---- what a reload cannot change ---- */

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
same_list(const struct settings_list *a, const struct settings_list *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = same_text(a->item[i], b->item[i]);
	return same;
}

static bool
same_certificates(const struct settings *a, const struct settings *b)
{
	bool same = a->n_certificates == b->n_certificates;

	for (size_t i = 0; same && i < a->n_certificates; i++)
		same = same_text(a->certificates[i].chain, b->certificates[i].chain) &&
		       same_text(a->certificates[i].key, b->certificates[i].key);
	return same;
}

void
config_fixed_keys(const struct settings *old, const struct settings *now, struct buf *names)
{
	const struct {
		const char *name;
		bool same;
	} keys[] = {
		{"public_url", same_text(old->public_url, now->public_url)},
		{"hosts", same_list(&old->hosts, &now->hosts)},
		{"listen", same_list(&old->listen, &now->listen)},
		{"workers", old->workers == now->workers},
		{"readers", old->readers == now->readers},
		{"sandbox", old->sandbox_required == now->sandbox_required},
		{"sandbox_landlock", old->landlock == now->landlock},
		{"certificates", same_certificates(old, now)},
		{"tls", old->tls_own_ciphers == now->tls_own_ciphers &&
				old->tls_record_writer == now->tls_record_writer},
		{"client_certificates", old->client_certificates == now->client_certificates},
		{"runtime_dir", same_text(old->runtime_dir, now->runtime_dir)},
		{"catalogue", same_text(old->catalogue, now->catalogue)},
		{"limits", memcmp(&old->limits, &now->limits, sizeof(old->limits)) == 0},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!keys[i].same)
			buf_addf(names, "%s%s", names->n > 0 ? ", " : "", keys[i].name);
}
