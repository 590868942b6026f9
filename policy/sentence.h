/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"

#include <stdbool.h>

/*
 * A decision in one sentence of plain English, for the page of whoever asked: what the dataset is,
 * what one may do with it and by which rule of which policy, and what comes next: "This dataset is
 * under embargo until 2027-05-31 (Europe/Paris), so you may not read its data (rule default of
 * policy house); ask the principal investigator, who may have it opened earlier."  Never names a
 * person, and says of a hidden dataset (404) what is said of one that does not exist (POL-11).
 */
struct decision;
struct facts;
void decision_write_sentence(const struct decision *d, const struct facts *f, struct buf *out);
/* What is said where there is no such dataset, to somebody with or without a checked token. */
const char *sentence_absent(bool authenticated);
