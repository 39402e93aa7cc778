/* The built-in subjects: first the kernels that are right, then the zoo. */
#include "zoo.h"

#define NG_IMPL(name) extern const ng_builtin ng_builtin_##name;
#include "impls.def"
#undef NG_IMPL

static const ng_builtin *const builtins[] = {
#define NG_IMPL(name) &ng_builtin_##name,
#include "impls.def"
#undef NG_IMPL
#define NG_BUG(id, ...) &ng_zoo[bug_##id],
#include "zoo.def"
#undef NG_BUG
};

size_t ng_builtin_count(void)
{
    return sizeof builtins / sizeof builtins[0];
}

const ng_builtin *ng_builtin_at(size_t i)
{
    return builtins[i];
}
