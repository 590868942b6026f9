/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the catalogue takes from outside at most, and why. */
#define LIMIT_PID          512U   /* bytes of a pid: a DOI with its suffix is far below */
#define LIMIT_PID_SEGMENTS 16U    /* its segments: each is one look-up of catalog_match */
#define LIMIT_PATH         4096U  /* bytes of a path beneath a root (PATH_MAX) */
#define LIMIT_DEPTH        32U    /* folders beneath each other: descriptors held by the walk */
#define LIMIT_PAGE         10000U /* rows of one answer */
#define LIMIT_PROPOSALS    100000U
#define LIMIT_TEAM         1000U /* members of one proposal: each is compared at each decision */
#define LIMIT_EVENTS       1000U /* of one proposal: each is read at each decision */
#define LIMIT_PARAMETERS   256U  /* distinct values kept for one dataset */
#define LIMIT_USERS        64U   /* names kept for one dataset */
#define LIMIT_NOTES        32U   /* oddities kept for one dataset */
#define LIMIT_NS           1000000000
