/* The zoo's numbering: bug_<id> is both the bug and its place in ng_zoo. */
#ifndef NORMGATE_ZOO_H
#define NORMGATE_ZOO_H

#include <normgate/builtin.h>

enum bug {
#define NG_BUG(id, ...) bug_##id,
#include "zoo.def"
    bug_family, /* the number of the first of zoo_family.def */
    bug_before_family = bug_family - 1,
#include "zoo_family.def"
#undef NG_BUG
    bug_count
};

extern const ng_builtin ng_zoo[];
extern const ng_kernel ng_zoo_family[]; /* from bug_family on */

#endif
