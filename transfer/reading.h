/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What the indexer asks a reader and what it answers: one message each over their socketpair.
 * The reader hands the file to a child of its own and passes on what that writes; when the child
 * ends without an answer the reader writes one itself, with "died".
 * Question: the text "nexus" with the file's descriptor.  Answer: one JSON object (at most
 * READING_MAX bytes), written by transfer/nexus.c and read again, as a stranger's bytes, by the
 * catalogue:
 *   {"format":"nexus"|"hdf5"|"hdf4"|"other",
 *    "problem":null|"one line: what of the file cannot be read"; with entries, those were, and
 *              hold: something else in the file is broken,
 *    "died":absent|null|READING_SIGNALS|READING_LATE|READING_UNREAD; with a problem and no entries,
 *    "notes":["one line each: R19-R23 oddities"],
 *    "entries":[{"name","title","definition","start_time","end_time" (RFC 3339 UTC or null),
 *                "start_zone":"given"|"assumed"|null,
 *                "experiment_identifier","entry_identifier","run_cycle",
 *                "instrument","source","source_type","probe","sample","formula",
 *                "users":["name"],
 *                "parameters":[{"name":"wavelength","value":1.54,"unit":"angstrom"}],
 *                "technique":"PaNET id or null"}]}
 * Absent values are null.  Text is UTF-8 (ISO-8859-1 converted), without placeholders.
 */
#define READING_MAX      61440U /* 60 KiB */
#define READING_DEADLINE 5U     /* seconds of wall time for one file */

/* "died": by which signal, or without one or an answer; after its deadline; or never begun. */
#define READING_SIGNALS                                                                            \
	"SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGKILL", "SIGPIPE", "SIGSEGV", "SIGSYS",        \
		"SIGTRAP", "another end"
#define READING_LATE   "deadline"
#define READING_UNREAD "unread"
