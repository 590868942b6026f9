/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Grants over temporary files, for the tests of what streams and keeps them. */
#include "policy/grant.h"
#include "policy/grant_issue.h"
#include "tests/unit/check.h"

#include <fcntl.h>
#include <unistd.h>

#define GRANTED_EXPIRES INT64_C(4000000000)
#define GRANTED_EPOCH   7U

struct granted {
	int fd; /* writable, of the same file */
	struct grant *grant;
};

/* Byte i of the file is (char)(i * 7 + i / 251). */
static inline char
granted_byte(size_t i)
{
	return (char)(i * 7 + i / 251);
}

static inline struct granted
granted_make(size_t size)
{
	struct granted g = {.fd = -1};
	struct grant_info info = {.modified = 784111777,
		.expires = GRANTED_EXPIRES,
		.epoch = GRANTED_EPOCH,
		.decision = 42,
		.etag = "\"abc\""};
	char path[] = "/tmp/pan-granted-XXXXXX";
	char *bytes = malloc(size + 1);

	assert_non_null(bytes);
	for (size_t i = 0; i < size; i++)
		bytes[i] = granted_byte(i);
	g.fd = mkstemp(path);
	assert_true(g.fd >= 0);
	assert_int_equal(write(g.fd, bytes, size), size);
	free(bytes);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	(void)unlink(path);
	assert_true(grant_issue(&fd, &info, &g.grant, NULL));
	return g;
}

static inline void
granted_end(struct granted *g)
{
	grant_unref(g->grant);
	(void)close(g->fd);
}
