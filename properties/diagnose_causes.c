/* Causes: the list of what a kernel may do in place of its contract. First
 * neighbouring contracts (one field changed, another eps), then defects. */
#include "diagnose.h"

#include <stdio.h>
#include <string.h>

/* What eps becomes; the rest change a field. */
typedef enum eps_change {
    eps_kept,
    eps_twice,
    eps_over_n,
    eps_squared,
    eps_fixed,
    eps_at_least,
    eps_never_zero,
} eps_change;

typedef struct neighbour {
    const char *field, *value;  /* NULL: none is changed */
    const char *other, *needed; /* only where this field is so; NULL: always */
    eps_change eps;
    const char *words;
    double least; /* eps_at_least */
} neighbour;

static const neighbour neighbours[] = {
    {"eps_place", "outside", NULL, NULL, eps_kept,
     "eps added outside the square root", 0},
    {"eps_place", "none", NULL, NULL, eps_kept, "eps ignored", 0},
    {"eps_place", "max_var", NULL, NULL, eps_kept,
     "max(var, eps) instead of var + eps", 0},
    {"eps_place", "inside", "eps_place", "max_var", eps_kept,
     "eps added under the root", 0},
    {"eps_place", "inside", "eps_place", "max_norm", eps_kept,
     "eps added under the root", 0},
    {"eps_place", "inside", "eps_place", "max_norm", eps_squared,
     "eps squared, added under the root", 0},
    {"eps_place", "inside", "eps_place", "outside", eps_kept,
     "eps added inside the square root", 0},
    {"eps_place", "inside", "eps_place", "none", eps_kept,
     "eps added under the root, where none is declared", 0},
    {NULL, NULL, NULL, NULL, eps_twice, "eps added twice", 0},
    {NULL, NULL, NULL, NULL, eps_over_n,
     "eps added to the sum of squares, not to their mean", 0},
    {NULL, NULL, NULL, NULL, eps_squared, "eps squared", 0},
    {NULL, NULL, NULL, NULL, eps_fixed, "eps fixed at 1e-05", 0},
    {NULL, NULL, NULL, NULL, eps_at_least, "a floor under eps, 1e-07", 1e-7},
    {NULL, NULL, NULL, NULL, eps_at_least, "a floor under eps, 1e-06", 1e-6},
    {NULL, NULL, NULL, NULL, eps_at_least, "a floor under eps, 1e-05", 1e-5},
    {NULL, NULL, NULL, NULL, eps_at_least, "a floor under eps, 1e-08", 1e-8},
    {NULL, NULL, NULL, NULL, eps_at_least, "a floor under eps, 1e-12", 1e-12},
    {NULL, NULL, NULL, NULL, eps_never_zero, "eps fixed at 1e-05 where it is 0",
     0},
    {"eps_dtype", "f16", NULL, NULL, eps_kept, "eps rounded to f16", 0},
    {"eps_dtype", "bf16", NULL, NULL, eps_kept, "eps rounded to bf16", 0},
    {"divisor", "n_minus_1", NULL, NULL, eps_kept,
     "a variance divided by n - 1", 0},
    {"divisor", "n", NULL, NULL, eps_kept, "a variance divided by n", 0},
    {"divisor", "one", NULL, NULL, eps_kept,
     "a sum of squares that is not divided", 0},
    {"centred", "no", NULL, NULL, eps_kept, "the mean not subtracted", 0},
    {"centred", "yes", NULL, NULL, eps_kept, "the mean subtracted", 0},
    {"affine", "none", NULL, NULL, eps_kept, "gamma and beta ignored", 0},
    {"affine", "gamma", "affine", "gamma_beta", eps_kept, "beta ignored", 0},
    {"affine", "one_plus_gamma", NULL, NULL, eps_kept,
     "1 + gamma used instead of gamma", 0},
    {"affine", "gamma", "affine", "one_plus_gamma", eps_kept,
     "gamma used instead of 1 + gamma", 0},
    {"running_var", "biased", NULL, NULL, eps_kept,
     "the running variance biased", 0},
    {"running_var", "unbiased", NULL, NULL, eps_kept,
     "the running variance not biased", 0},
    {"momentum", "old", "momentum", "new", eps_kept, "momentum swapped", 0},
    {"momentum", "new", "momentum", "old", eps_kept, "momentum swapped", 0},
    {"momentum", "new", "momentum", "cumulative", eps_kept,
     "momentum used where the average is cumulative", 0},
    {"momentum", "cumulative", NULL, NULL, eps_kept,
     "the cumulative average where momentum is declared", 0},
    {"subnormals", "flushed", NULL, NULL, eps_kept,
     "subnormals flushed to zero", 0},
};
enum { NEIGHBOURS = sizeof neighbours / sizeof neighbours[0] };

/* What each defect's value is taken from. */
static const double values_one[] = {0};
static const double values_both[] = {0, 1};
static const double values_tails[] = {2, 4, 8, 16, 32, 64, 128, 256, 1024};
static const double values_narrow[] = {ng_bf16, ng_f16};
static const double values_formats[] = {ng_bf16, ng_f16, ng_f32};
static const double values_squares[] = {ng_f16, ng_f32};
static const double values_floors[] = {1e-12, 1e-10, 1e-8, 1e-7, 1e-6,
                                       1e-5,  1e-4,  1e-3, 1e-2};
/* dtype + 16 lanes */
static const double values_accumulators[] = {
    ng_bf16 + 16,      ng_f16 + 16,      ng_bf16 + 16 * 4,  ng_f16 + 16 * 4,
    ng_bf16 + 16 * 8,  ng_f16 + 16 * 8,  ng_bf16 + 16 * 16, ng_f16 + 16 * 16,
    ng_bf16 + 16 * 32, ng_f16 + 16 * 32,
};

static const struct {
    ng_defect defect;
    const double *values;
    size_t count;
    const char *list, *words;
} defects[] = {
#define NG_DEFECT(id, values, words)                                           \
    {ng_defect_##id, values_##values, sizeof values_##values / sizeof(double), \
     #values, words},
#include "diagnose_defects.def"
#undef NG_DEFECT
};
enum { DEFECTS = sizeof defects / sizeof defects[0] };

static double changed_eps(const neighbour *near, double eps, size_t n)
{
    switch (near->eps) {
    case eps_at_least: return eps < near->least ? near->least : eps;
    case eps_twice: return 2 * eps;
    case eps_over_n: return eps / (double)n;
    case eps_squared: return eps * eps;
    case eps_fixed: return 1e-5;
    case eps_never_zero: return eps == 0 ? 1e-5 : eps;
    default: return eps;
    }
}

/* The phrase with its format or its K filled in, or its value behind it. */
static void word(char words[NG_CAUSE_WORDS], size_t row, double value)
{
    const char *text = defects[row].words, *list = defects[row].list;
    const char *format = strstr(text, "FORMAT"), *length = strstr(text, " K ");
    int dtype = (int)value % 16;
    if (format != NULL)
        snprintf(words, NG_CAUSE_WORDS, "%.*s%s%s", (int)(format - text), text,
                 ng_format_of((ng_dtype)dtype)->name, format + 6);
    else if (length != NULL)
        snprintf(words, NG_CAUSE_WORDS, "%.*s %g%s", (int)(length - text), text,
                 value, length + 2);
    else if (strcmp(list, "floors") == 0)
        snprintf(words, NG_CAUSE_WORDS, "%s, %g", text, value);
    else if (strcmp(list, "both") == 0 && value > 0)
        snprintf(words, NG_CAUSE_WORDS, "%s, beta likewise", text);
    else
        snprintf(words, NG_CAUSE_WORDS, "%s", text);
}

size_t ng_causes(ng_cause *causes)
{
    size_t count = 0;
    for (size_t k = 0; k < NEIGHBOURS; k++) {
        ng_cause *cause = &causes[count++];
        *cause = (ng_cause){.neighbour = k + 1};
        snprintf(cause->words, sizeof cause->words, "%s", neighbours[k].words);
    }
    for (size_t row = 0; row < DEFECTS; row++) {
        for (size_t v = 0; v < defects[row].count && count < NG_CAUSES; v++) {
            ng_cause *cause = &causes[count++];
            *cause = (ng_cause){.defect = defects[row].defect,
                                .value = defects[row].values[v]};
            word(cause->words, row, cause->value);
        }
    }
    return count;
}

/* What the contract says already is no neighbour of it. */
bool ng_cause_apply(const ng_cause *cause, size_t n, ng_damage *damage)
{
    if (cause->neighbour == 0) {
        size_t slot = damage->defect[0] != ng_defect_none;
        damage->defect[slot] = cause->defect;
        damage->value[slot] = cause->value;
        return true;
    }
    const neighbour *near = &neighbours[cause->neighbour - 1];
    ng_contract before = damage->contract, needed = before;
    if (near->other != NULL &&
        (!ng_contract_set(&needed, near->other, near->needed) ||
         memcmp(&needed, &before, sizeof before) != 0))
        return false;
    bool gradient = ng_pass_find(before.pass)->gradient;
    bool none = near->value != NULL && strcmp(near->value, "none") == 0;
    if (gradient && none && strcmp(near->field, "affine") == 0)
        return false; /* gamma missing in dx says more */
    double eps = changed_eps(near, damage->eps, n);
    if (near->field != NULL)
        ng_contract_set(&damage->contract, near->field, near->value);
    bool same = eps == damage->eps &&
                memcmp(&damage->contract, &before, sizeof before) == 0;
    damage->eps = eps;
    return !same;
}
