/* The zoo's numbering: bug_<id> is both the bug and its place in ng_zoo. */
#ifndef NORMGATE_ZOO_H
#define NORMGATE_ZOO_H

#include <normgate/builtin.h>

enum bug {
#define NG_BUG(id, op, dtype, killed_by, claim) bug_##id,
#include "zoo.def"
#undef NG_BUG
    bug_count
};

extern const ng_builtin ng_zoo[];

#endif
