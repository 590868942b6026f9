/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/span.h"

/*
 * The technique that an application definition of NeXus stands for, as a term of the PaNET ontology
 * (local name: "PaNET01124"; the full identifier puts http://purl.org/pan-science/PaNET/ in front),
 * or NULL where the definition says nothing of a technique (NXarchive, NXscan).  Pure.
 */
const char *technique_of(struct span definition);
