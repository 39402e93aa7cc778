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
 * `poisoned` has a NaN or an Inf here and there; `zero` has no gamma. */
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

static void zero(ng_source *source, double *gamma, double *beta)
{
    *gamma = 0;
    *beta = ng_source_normal(source);
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
    {"spread", spread}, {"poisoned", poisoned},     {"zero", zero},
};
enum { FAMILY_COUNT = sizeof families / sizeof families[0] };

/* Families of dy. `spike` is a gradient that one element has alone. */
static double dy_normal(ng_source *source, size_t i)
{
    (void)i;
    return ng_source_normal(source);
}

static double dy_ones(ng_source *source, size_t i)
{
    (void)source;
    (void)i;
    return 1;
}

static double dy_zero(ng_source *source, size_t i)
{
    (void)source;
    (void)i;
    return 0;
}

static double dy_spike(ng_source *source, size_t i)
{
    return i == 0 ? 1 + ng_source_unit(source) : 0;
}

static double dy_wide(ng_source *source, size_t i)
{
    (void)i;
    return ldexp(ng_source_normal(source),
                 (int)ng_source_below(source, 17) - 8);
}

static double dy_integers(ng_source *source, size_t i)
{
    (void)i;
    return (double)ng_source_below(source, 15) - 7;
}

static const struct {
    const char *name;
    double (*draw)(ng_source *source, size_t i);
} gradients[] = {
    {"normal", dy_normal}, {"ones", dy_ones}, {"zero", dy_zero},
    {"spike", dy_spike},   {"wide", dy_wide}, {"integers", dy_integers},
};
enum { GRADIENT_COUNT = sizeof gradients / sizeof gradients[0] };

/* The inputs being filled. */
typedef struct filling {
    const ng_case *test;
    const ng_contract *contract;
    const ng_generator *generator;
    ng_source source;
    ng_tensor *tensor; /* [NG_TENSOR_COUNT] */
    ng_problem *problem;
} filling;

static void fill_parameters(filling *f, size_t family)
{
    const ng_tensor *gamma = &f->tensor[ng_tensor_gamma];
    const ng_tensor *beta = &f->tensor[ng_tensor_beta];
    for (size_t i = 0; gamma->data != NULL && i < gamma->count; i++) {
        double g, b;
        families[family].draw(&f->source, &g, &b);
        ng_dtype_set(gamma->dtype, gamma->data, i, g);
        if (beta->data != NULL)
            ng_dtype_set(beta->dtype, beta->data, i, b);
    }
}

/* A quarter of another member of the family, so that the sum stays in range. */
static void fill_residual(filling *f)
{
    const ng_tensor *residual = &f->tensor[ng_tensor_residual];
    if (residual->data == NULL)
        return;
    f->generator->fill(f->test, f->contract, &f->problem->view, &f->source,
                       residual->data);
    for (size_t i = 0; i < residual->count; i++)
        ng_dtype_set(residual->dtype, residual->data, i,
                     ng_dtype_get(residual->dtype, residual->data, i) / 4);
}

static void fill_gradient(filling *f, const ng_tensor *tensor, size_t family)
{
    const ng_view *view = &f->problem->view;
    size_t n = ng_view_n(view);
    for (size_t set = 0; tensor->data != NULL && set < ng_view_sets(view);
         set++) {
        for (size_t i = 0; i < n; i++)
            ng_dtype_set(tensor->dtype, tensor->data,
                         ng_view_index(view, set, i),
                         gradients[family].draw(&f->source, set * n + i));
    }
}

/* Running statistics: a mean among the channel's values, a variance that is
 * ordinary, near eps, zero or large. */
static void fill_running(filling *f)
{
    const ng_tensor *mean = &f->tensor[ng_tensor_running_mean];
    const ng_tensor *var = &f->tensor[ng_tensor_running_var];
    const ng_tensor *x = &f->tensor[ng_tensor_x];
    const ng_view *view = &f->problem->view;
    double eps = f->test->eps;
    for (size_t c = 0; mean->data != NULL && c < mean->count; c++) {
        double first = 0, size = 0.25 + 3.75 * ng_source_unit(&f->source);
        const double factor[] = {1, eps > 0 ? eps : 1, eps > 0 ? 0 : 1, 100};
        if (c < ng_view_sets(view) && ng_view_n(view) > 0)
            first = ng_dtype_get(x->dtype, x->data, ng_view_index(view, c, 0));
        if (!isfinite(first))
            first = 0;
        ng_dtype_set(mean->dtype, mean->data, c,
                     first + ng_source_normal(&f->source));
        ng_dtype_set(var->dtype, var->data, c,
                     size * factor[ng_source_below(&f->source, 4)]);
    }
}

/* The statistics that a forward pass saved: those of x, correctly rounded. */
static ng_status fill_saved(filling *f, ng_arena *arena, ng_error *error)
{
    const ng_tensor *mean = &f->tensor[ng_tensor_mean];
    const ng_tensor *rstd = &f->tensor[ng_tensor_rstd];
    if (rstd->data == NULL || rstd->use != ng_input)
        return ng_status_ok;
    ng_contract forward = *f->contract;
    ng_problem problem = *f->problem;
    ng_contract_set(&forward, "residual", "none");
    strcpy(forward.pass, "forward");
    problem.contract = &forward;
    const ng_exact *exact = ng_exact_compute(arena, &problem, error);
    if (exact == NULL)
        return ng_status_no_memory;
    for (size_t set = 0; set < rstd->count; set++) {
        ng_point point;
        ng_exact_at(exact, ng_tensor_rstd, set, 0, &point);
        ng_dtype_set(rstd->dtype, rstd->data, set, point.rounded);
        ng_exact_at(exact, ng_tensor_mean, set, 0, &point);
        if (mean->data != NULL)
            ng_dtype_set(mean->dtype, mean->data, set, point.rounded);
    }
    return ng_status_ok;
}

/* Memory for the inputs; what lies between strides is NaN. */
static ng_status allocate_inputs(filling *f, ng_arena *arena, ng_error *error)
{
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        ng_tensor *tensor = &f->tensor[role];
        size_t size = ng_format_of(tensor->dtype)->size;
        if (tensor->use != ng_input && tensor->use != ng_update)
            continue;
        tensor->data = ng_arena_alloc(arena, tensor->count, size);
        if (tensor->data == NULL)
            return ng_fail(error, ng_status_no_memory, "no memory for %s",
                           ng_role_name(role));
        if (ng_role_extent(role) == ng_per_element)
            memset(tensor->data, 0xff, tensor->count * size);
    }
    return ng_status_ok;
}

void ng_problem_attach(ng_problem *problem, const ng_tensor *tensor)
{
    problem->x = tensor[ng_tensor_x].data;
    problem->residual = tensor[ng_tensor_residual].data;
    problem->gamma = tensor[ng_tensor_gamma].data;
    problem->beta = tensor[ng_tensor_beta].data;
    problem->dy = tensor[ng_tensor_dy].data;
    problem->dh = tensor[ng_tensor_dh].data;
    problem->running_mean = tensor[ng_tensor_running_mean].data;
    problem->running_var = tensor[ng_tensor_running_var].data;
    problem->mean = problem->rstd = NULL;
    if (tensor[ng_tensor_mean].use == ng_input)
        problem->mean = tensor[ng_tensor_mean].data;
    if (tensor[ng_tensor_rstd].use == ng_input)
        problem->rstd = tensor[ng_tensor_rstd].data;
}

/* The rows of the tables that the case names. */
static ng_status look_up(const ng_case *test, const ng_generator **generator,
                         size_t *family, size_t *gradient, ng_error *error)
{
    if (ng_op_find(test->op) == NULL)
        return ng_fail(error, ng_status_bad_input, "unknown op '%s'", test->op);
    *generator = ng_generator_find(test->gen);
    if (*generator == NULL)
        return ng_fail(error, ng_status_bad_input,
                       "unknown generator '%s'; `normgate list generators` "
                       "shows the known ones",
                       test->gen);
    double low = (*generator)->arg_low, high = (*generator)->arg_high;
    if (!isnan(test->gen_arg) &&
        (isnan(low) || !(test->gen_arg >= low) || !(test->gen_arg <= high)))
        return ng_fail(error, ng_status_bad_input,
                       !isnan(low)
                           ? "gen=%s:%g: the argument lies outside %g .. %g"
                           : "gen=%s takes no argument (got %g)",
                       test->gen, test->gen_arg, low, high);
    for (*family = 0; *family < FAMILY_COUNT; ++*family) {
        if (strcmp(families[*family].name, test->affine) == 0)
            break;
    }
    if (*family == FAMILY_COUNT)
        return ng_fail(error, ng_status_bad_input,
                       "unknown affine=%s; expected unit, scale_only, random, "
                       "spread, poisoned or zero",
                       test->affine);
    for (*gradient = 0; *gradient < GRADIENT_COUNT; ++*gradient) {
        if (strcmp(gradients[*gradient].name, test->dy) == 0)
            return ng_status_ok;
    }
    return ng_fail(error, ng_status_bad_input,
                   "unknown dy=%s; expected normal, ones, zero, spike, wide or "
                   "integers",
                   test->dy);
}

ng_status ng_case_tensors(const ng_case *test, const ng_contract *contract,
                          ng_arena *arena, ng_problem *problem,
                          ng_tensor tensor[NG_TENSOR_COUNT], ng_error *error)
{
    filling f = {.test = test,
                 .contract = contract,
                 .tensor = tensor,
                 .problem = problem};
    size_t family = 0, gradient = 0;
    ng_status status = look_up(test, &f.generator, &family, &gradient, error);
    if (status != ng_status_ok)
        return status;
    if (strcmp(test->op, contract->op) != 0 ||
        strcmp(test->pass, contract->pass) != 0)
        return ng_fail(error, ng_status_bad_input,
                       "the case is of %s/%s, the kernel of %s/%s", test->op,
                       test->pass, contract->op, contract->pass);
    *problem = (ng_problem){.contract = contract,
                            .view = ng_case_view(test, contract),
                            .eps = test->eps,
                            .momentum = test->momentum,
                            .batches = test->batches};
    ng_case_slots(test, contract, tensor);
    status = allocate_inputs(&f, arena, error);
    if (status != ng_status_ok)
        return status;
    ng_case_source(test, &f.source);
    f.generator->fill(test, contract, &problem->view, &f.source,
                      tensor[ng_tensor_x].data);
    fill_parameters(&f, family);
    fill_residual(&f);
    fill_gradient(&f, &tensor[ng_tensor_dy], gradient);
    fill_gradient(&f, &tensor[ng_tensor_dh], 0);
    fill_running(&f);
    ng_problem_attach(problem, tensor);
    return fill_saved(&f, arena, error);
}

void ng_case_draw(ng_case *test, const ng_contract *contract,
                  const uint8_t *bytes, size_t count)
{
    static const double eps[] = {0x1.4f8b588e368f1p-17, 1, 1e-12, 1e-3, 0};
    ng_source source;
    ng_source_from_bytes(&source, bytes, count);
    ng_case_init(test, contract->op, ng_contract_storage(contract));
    strcpy(test->pass, contract->pass);
    size_t rows = 1 + (size_t)ng_source_u32(&source) % 4;
    ng_case_reshape(test, rows, 1 + (size_t)ng_source_u32(&source) % 256);
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
    if (ng_pass_find(test->pass)->gradient)
        strcpy(test->dy,
               gradients[ng_source_u32(&source) % GRADIENT_COUNT].name);
    size_t left = count > source.position ? count - source.position : 0;
    test->byte_count = left < NG_CASE_BYTES_MAX ? left : NG_CASE_BYTES_MAX;
    if (test->byte_count > 0)
        memcpy(test->bytes, bytes + source.position, test->byte_count);
}
