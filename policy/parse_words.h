/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/form.h"

/*
 * What other places of a file name: groups of roles into the form, terms and rate classes into
 * f->p.  Comes before everything else, wherever it stands in the file.
 */
void parse_words(struct form *f, const struct yaml_node *root);
/* Groups into f->p, and whether a list named them; comes after everything else. */
void parse_words_end(struct form *f);
