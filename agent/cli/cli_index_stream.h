/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * The lines that a run of the indexer tells (agent/indexer_report.h), for people: a bar on a
 * terminal, what is wrong with which file, a summary.  As they are with `raw`.
 */
struct cli_index_stream {
	FILE *out, *notes; /* the summary; everything else */
	bool raw, bar;     /* bar: notes is a terminal */
	struct buf line;
	uint64_t files, total, bytes; /* of the last progress */
	uint64_t problems;            /* files told of */
	bool shown;                   /* a bar stands on the terminal */
	bool rebind;                  /* the run binds datasets anew: the caller sets it */
	bool done, failed;            /* the last line came; something is not in the catalogue */
};

void cli_index_stream_init(struct cli_index_stream *s, FILE *out, FILE *notes, bool raw);
void cli_index_stream_fini(struct cli_index_stream *s);
/* The next bytes, as they come. */
void cli_index_stream_feed(struct cli_index_stream *s, struct span bytes);
