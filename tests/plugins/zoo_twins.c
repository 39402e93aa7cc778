/* The zoo with every bug left out: kernels that must hold all properties, so
 * that in the zoo each departure is the bug and no other. */
#define NG_ZOO_TWINS
#include "../../impls/zoo.c"

#define TWIN(dtype, id, op, pass, fields)                                      \
    {#id "_" #dtype, CONTRACT(dtype, op, pass, fields), run_##id##_##dtype,    \
     "impls/zoo.def", __LINE__},
static const ng_kernel twins[] = {
#define NG_BUG(id, op, pass, dtype, dtypes, class, fields, ...)                \
    TWIN(dtype, id, op, pass, fields)                                          \
    OTHERS_##dtypes##_##dtype(TWIN, id, op, pass, fields)
#include "../../impls/zoo.def"
#undef NG_BUG
};

NG_DESCRIPTOR = {NG_ABI_VERSION,
                 (uint32_t)sizeof(ng_library),
                 (uint32_t)sizeof(ng_kernel),
                 (uint32_t)(sizeof twins / sizeof twins[0]),
                 "zoo twins",
                 twins};
