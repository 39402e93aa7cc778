/* The zoo's numbering: bug_<id> is both the bug and its place in ng_zoo. */
#ifndef NORMGATE_ZOO_H
#define NORMGATE_ZOO_H

#include <normgate/builtin.h>

enum bug {
#define NG_BUG(id, ...) bug_##id,
#include "zoo.def"
#undef NG_BUG
    bug_count,
    bug_none = bug_count /* what the zoo departs from */
};

extern const ng_builtin ng_zoo[];

#endif
