/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox_landlock.h"

#include "agent/base/scope.h"
#include "agent/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define G BUNDLE_ROLE(PROCESS_GATE)
#define I BUNDLE_ROLE(PROCESS_INDEXER)
#define N BUNDLE_ROLE(PROCESS_COURIER)

/* Newer than the headers of Debian 12; the numbers are kernel interface and stay. */
#define ACCESS_FS_TRUNCATE  (1ULL << 14) /* since interface 3 */
#define ACCESS_FS_IOCTL_DEV (1ULL << 15) /* 5 */
#define ACCESS_NET_BIND     1ULL         /* 4 */
#define ACCESS_NET_CONNECT  2ULL         /* 4 */
#define SCOPE_ALL           3ULL         /* abstract sockets and signals, 6 */

struct ruleset {
	uint64_t fs, net, scoped;
};

#define READ_BENEATH (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_BENEATH                                                                              \
	(READ_BENEATH | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |              \
		ACCESS_FS_TRUNCATE)

#define WRITABLE "root. writable" /* stands for those root.N that are so in the settings */

/* What stays open, by name of the bundle file; "root." stands for all of root.N. */
static const struct path_row {
	const char *prefix;
	unsigned roles;
	uint64_t access;
} paths[] = {
	/* The gate lists no folder but that of the audit log. */
	{"root.", G, LANDLOCK_ACCESS_FS_READ_FILE},
	/* And where contributors add data, files and folders come to be; none goes away or moves.
	 * An unnamed file is linked into a folder that may be another one than it was made in; a
	 * folder is opened to be flushed. */
	{WRITABLE, G,
		LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE |
			LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |
			LANDLOCK_ACCESS_FS_REFER},
	{"root.", I, READ_BENEATH},
	/* A reader of a SQLite catalogue in WAL mode takes its locks in the -shm file beside it. */
	{"catalogue.dir", G, WRITE_BENEATH & ~LANDLOCK_ACCESS_FS_READ_DIR},
	/* Keys, older files, new ones. */
	{"audit.dir", G, WRITE_BENEATH | LANDLOCK_ACCESS_FS_REMOVE_FILE},
	{"ledger.dir", G, WRITE_BENEATH},
	{"catalogue.dir", I, WRITE_BENEATH | LANDLOCK_ACCESS_FS_REMOVE_FILE},
	{"courier.dir", N, WRITE_BENEATH | LANDLOCK_ACCESS_FS_REMOVE_FILE},
};

/*
 * What the libraries of courier and mover read.  Single files and no /etc as a whole, which holds private keys
 * too; agent/supervisor_net.c starts it again when one of them is replaced.
 */
static const char *const net_paths[] = {
	"/etc/resolv.conf",
	"/etc/hosts",
	"/etc/nsswitch.conf",
	"/etc/gai.conf",
	"/etc/host.conf",
	"/run/systemd/resolve",
	"/etc/ssl/certs",
	"/etc/ssl/openssl.cnf",
	"/usr/share/ca-certificates",
	"/usr/local/share/ca-certificates",
	"/etc/pki/tls/certs",
	"/etc/pki/ca-trust/extracted",
};

static bool
connects(enum process what)
{
	return what == PROCESS_COURIER || what == PROCESS_MOVER;
}

static struct ruleset
ruleset_for(enum process what, int abi)
{
	struct ruleset s = {.fs = (1ULL << 13) - 1}; /* interface 1: EXECUTE to MAKE_SYM */

	if (abi >= 2)
		s.fs |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		s.fs |= ACCESS_FS_TRUNCATE;
	if (abi >= 4)
		s.net = connects(what) ? ACCESS_NET_BIND : ACCESS_NET_BIND | ACCESS_NET_CONNECT;
	if (abi >= 5)
		s.fs |= ACCESS_FS_IOCTL_DEV;
	if (abi >= 6)
		s.scoped = SCOPE_ALL;
	return s;
}

/* Older kernels take a longer structure as long as what they do not know is zero. */
static int
ruleset_open(const struct ruleset *s)
{
	return (int)syscall(SYS_landlock_create_ruleset, s, sizeof(*s), 0U);
}

static bool
open_beneath(int ruleset, int fd, uint64_t access)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};

	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U) == 0;
}

static bool
is_writable_root(const struct role *r, const char *name)
{
	char root[32];

	for (size_t i = 0; r->settings != NULL && i < r->settings->n_roots; i++) {
		(void)snprintf(root, sizeof(root), "root.%zu", i);
		if (r->settings->roots[i].writable && strcmp(name, root) == 0)
			return true;
	}
	return false;
}

static bool
is_row(const struct role *r, const struct path_row *p, const char *name)
{
	if (strcmp(p->prefix, WRITABLE) == 0)
		return is_writable_root(r, name);
	return strncmp(name, p->prefix, strlen(p->prefix)) == 0;
}

static bool
open_bundle(int ruleset, const struct role *r, uint64_t handled, struct err *e)
{
	for (size_t i = 0; i < r->n_files; i++) {
		for (size_t k = 0; k < sizeof(paths) / sizeof(paths[0]); k++) {
			const struct path_row *p = &paths[k];
			if ((p->roles & BUNDLE_ROLE(r->what)) == 0 ||
				!is_row(r, p, r->files[i].name))
				continue;
			if (!open_beneath(ruleset, r->files[i].fd, p->access & handled))
				return err_set(e, ERR_SYSTEM, NULL,
					"Landlock: %s cannot be opened to this role",
					r->files[i].path);
		}
	}
	return true;
}

/* One that is not there is nothing to read. */
static bool
open_path(int ruleset, const char *path, struct err *e)
{
	AUTO_FD fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return true;
	if (fstat(fd, &st) == 0 &&
		open_beneath(ruleset, fd,
			S_ISDIR(st.st_mode) ? READ_BENEATH : LANDLOCK_ACCESS_FS_READ_FILE))
		return true;
	return err_set(e, ERR_SYSTEM, NULL, "Landlock: %s cannot be opened to this role", path);
}

static bool
open_net_paths(int ruleset, struct err *e)
{
	bool ok = true;

	for (size_t i = 0; ok && i < sizeof(net_paths) / sizeof(net_paths[0]); i++)
		ok = open_path(ruleset, net_paths[i], e);
	return ok;
}

bool
sandbox_landlock(const struct role *r, struct err *e)
{
	errno = 0;
	if (r->settings != NULL && !r->settings->landlock)
		return err_set(e, ERR_SYSTEM, NULL, "Landlock: switched off by sandbox_landlock");
	int abi =
		(int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 1)
		return err_set(e, ERR_SYSTEM, NULL,
			"Landlock: not in this kernel, or not switched on (boot with "
			"lsm=landlock,...)");
	struct ruleset s = ruleset_for(r->what, abi);
	int set = ruleset_open(&s);
	if (set < 0)
		return err_set(e, ERR_SYSTEM, NULL, "Landlock: no rule set");
	bool ok = open_bundle(set, r, s.fs, e) &&
		  (!connects(r->what) || open_net_paths(set, e));
	if (ok && syscall(SYS_landlock_restrict_self, set, 0U) != 0)
		ok = err_set(e, ERR_SYSTEM, NULL, "Landlock: the rule set is not taken");
	(void)close(set);
	return ok;
}
