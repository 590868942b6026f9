/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/lint_cover.h"
#include "policy/lint_notes.h"

/* What lint says of single rules: L1, L2, L6, L7 (policy language 10.1). */
void lint_rules(struct lint_notes *l, const struct policy *p, struct cover *c);
/* "a reader with the role pi, state embargoed, kind log": one question in words. */
void lint_rules_case(const struct cover_case *k, struct buf *out);
/* Can somebody without a token meet the obligations of this permit?  Not where terms are asked. */
bool lint_rules_no_terms(const struct rule *r);
