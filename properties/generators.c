/* Generators: the table, the parameter families, and the tensors of a case. */
#include <normgate/generator.h>
#include <normgate/op.h>

#include <math.h>
#include <string.h>

#define NG_GENERATOR(name) extern const ng_generator ng_generator_##name;
#include "generators.def"
#undef NG_GENERATOR

const ng_generator *const ng_generators[] = {
#define NG_GENERATOR(name) &ng_generator_##name,
#include "generators.def"
#undef NG_GENERATOR
    NULL,
};

const ng_generator *ng_generator_find(const char *name)
{
    for (size_t i = 0; ng_generators[i] != NULL; i++) {
        if (strcmp(ng_generators[i]->name, name) == 0)
            return ng_generators[i];
    }
    return NULL;
}

/* Parameter families. gamma is never near zero in `random`, so that a wrong
 * x_hat shows in every element; `spread` has zeros, signs and 16 binades;
 * `poisoned` has a NaN or an Inf here and there. */
static void unit(ng_source *source, double *gamma, double *beta)
{
    (void)source;
    *gamma = 1;
    *beta = 0;
}

static void scale_only(ng_source *source, double *gamma, double *beta)
{
    double size = 0.5 + 1.5 * ng_source_unit(source);
    *gamma = ng_source_below(source, 2) != 0 ? -size : size;
    *beta = 0;
}

static void random_pair(ng_source *source, double *gamma, double *beta)
{
    scale_only(source, gamma, beta);
    *beta = ng_source_normal(source);
}

static void spread(ng_source *source, double *gamma, double *beta)
{
    double sign = ng_source_below(source, 2) != 0 ? -1 : 1;
    *gamma = sign * ldexp(1 + ng_source_unit(source),
                          (int)ng_source_below(source, 17) - 8);
    if (ng_source_below(source, 8) == 7)
        *gamma = 0;
    *beta =
        ng_source_normal(source) * ldexp(1, (int)ng_source_below(source, 9));
}

static void poisoned(ng_source *source, double *gamma, double *beta)
{
    random_pair(source, gamma, beta);
    switch (ng_source_below(source, 16)) {
    case 13: *gamma = NAN; break;
    case 14: *gamma = INFINITY; break;
    case 15: *beta = -INFINITY; break;
    default: break;
    }
}

static const struct {
    const char *name;
    void (*draw)(ng_source *source, double *gamma, double *beta);
} families[] = {
    {"unit", unit},     {"scale_only", scale_only}, {"random", random_pair},
    {"spread", spread}, {"poisoned", poisoned},
};
enum { FAMILY_COUNT = sizeof families / sizeof families[0] };

static ng_status fill_parameters(const ng_case *test,
                                 const ng_contract *contract, size_t count,
                                 ng_source *source, ng_problem *problem,
                                 ng_arena *arena, ng_error *error)
{
    size_t family = 0;
    while (family < FAMILY_COUNT && strcmp(families[family].name, test->affine))
        family++;
    if (family == FAMILY_COUNT)
        return ng_fail(error, ng_status_bad_input,
                       "unknown affine=%s; expected unit, scale_only, random, "
                       "spread or poisoned",
                       test->affine);
    problem->gamma = problem->beta = NULL;
    if (contract->affine == ng_affine_none)
        return ng_status_ok;
    ng_dtype dtype = ng_contract_param(contract);
    size_t size = ng_format_of(dtype)->size;
    void *gamma = ng_arena_alloc(arena, count, size);
    void *beta = ng_arena_alloc(arena, count, size);
    if (gamma == NULL || beta == NULL)
        return ng_fail(error, ng_status_no_memory, "no memory for gamma");
    for (size_t i = 0; i < count; i++) {
        double g, b;
        families[family].draw(source, &g, &b);
        ng_dtype_set(dtype, gamma, i, g);
        ng_dtype_set(dtype, beta, i, b);
    }
    problem->gamma = gamma;
    if (contract->affine == ng_affine_gamma_beta)
        problem->beta = beta;
    return ng_status_ok;
}

ng_status ng_case_tensors(const ng_case *test, const ng_contract *contract,
                          ng_arena *arena, ng_problem *problem, ng_error *error)
{
    const ng_op *op = ng_op_find(test->op);
    const ng_generator *generator = ng_generator_find(test->gen);
    if (op == NULL)
        return ng_fail(error, ng_status_bad_input, "unknown op '%s'", test->op);
    if (generator == NULL)
        return ng_fail(error, ng_status_bad_input,
                       "unknown generator '%s'; `normgate list generators` "
                       "shows the known ones",
                       test->gen);
    bool takes_arg = !isnan(generator->arg_low);
    if (!isnan(test->gen_arg) &&
        (!takes_arg || !(test->gen_arg >= generator->arg_low) ||
         !(test->gen_arg <= generator->arg_high)))
        return ng_fail(error, ng_status_bad_input,
                       takes_arg ? "gen=%s:%g: the argument lies outside %g .. "
                                   "%g"
                                 : "gen=%s takes no argument (got %g)",
                       test->gen, test->gen_arg, generator->arg_low,
                       generator->arg_high);
    *problem = (ng_problem){
        .contract = contract, .view = op->plan(test), .eps = test->eps};
    size_t size = ng_format_of(ng_contract_storage(contract))->size;
    void *x = ng_arena_alloc(arena, test->rows * test->n, size);
    if (x == NULL)
        return ng_fail(error, ng_status_no_memory, "no memory for x");
    ng_source source;
    ng_case_source(test, &source);
    generator->fill(test, contract, &problem->view, &source, x);
    problem->x = x;
    return fill_parameters(test, contract, op->params(test), &source, problem,
                           arena, error);
}

void ng_case_draw(ng_case *test, const ng_contract *contract,
                  const uint8_t *bytes, size_t count)
{
    static const double eps[] = {0x1.4f8b588e368f1p-17, 1, 1e-12, 1e-3, 0};
    ng_source source;
    ng_source_from_bytes(&source, bytes, count);
    ng_case_init(test, contract->op, ng_contract_storage(contract));
    test->rows = 1 + (size_t)ng_source_u32(&source) % 4;
    test->n = 1 + (size_t)ng_source_u32(&source) % 256;
    test->eps = eps[ng_source_u32(&source) % 5];
    size_t generators = 0;
    while (ng_generators[generators] != NULL)
        generators++;
    /* The last generator, raw, is the fuzzer's own; zero chooses the first. */
    const ng_generator *generator =
        ng_generators[ng_source_u32(&source) % generators];
    strcpy(test->gen, generator->name);
    if (!isnan(generator->arg_low)) {
        /* Geometric between 1e-6 and 1e8, cut to the family's range. */
        double arg = pow(10, ng_source_u32(&source) % 15) * 1e-6;
        arg = arg < generator->arg_low ? generator->arg_low : arg;
        test->gen_arg = arg > generator->arg_high ? generator->arg_high : arg;
    }
    strcpy(test->affine, families[ng_source_u32(&source) % FAMILY_COUNT].name);
    size_t left = count > source.position ? count - source.position : 0;
    test->byte_count = left < NG_CASE_BYTES_MAX ? left : NG_CASE_BYTES_MAX;
    if (test->byte_count > 0)
        memcpy(test->bytes, bytes + source.position, test->byte_count);
}
