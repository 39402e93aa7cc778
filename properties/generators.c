/* Generators: the table, the parameter families, and the tensors of a case. */
#include <normgate/families.h>

#include <normgate/op.h>

#include <math.h>
#include <stdio.h>
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

/* The inputs being filled. */
typedef struct filling {
    const ng_case *test;
    const ng_contract *contract;
    const ng_generator *generator;
    const ng_affine_family *affine;
    const ng_dy_family *dy;
    ng_source source;
    ng_tensor *tensor; /* [NG_TENSOR_COUNT] */
    ng_problem *problem;
} filling;

static void fill_parameters(filling *f)
{
    const ng_tensor *gamma = &f->tensor[ng_tensor_gamma];
    const ng_tensor *beta = &f->tensor[ng_tensor_beta];
    for (size_t i = 0; gamma->data != NULL && i < gamma->count; i++) {
        double g, b;
        f->affine->draw(&f->source, i, &g, &b);
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

static double x_at(const filling *f, size_t set, size_t i)
{
    const ng_tensor *x = &f->tensor[ng_tensor_x];
    return ng_dtype_get(x->dtype, x->data,
                        ng_view_index(&f->problem->view, set, i));
}

/* Mean of a set and 1/sigma, near enough for a family to aim at. */
static void moments(const filling *f, size_t set, double *mean, double *rstd)
{
    size_t n = ng_view_n(&f->problem->view);
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        sum += x_at(f, set, i);
    *mean = f->contract->centred == ng_centred_yes ? sum / (double)n : 0;
    for (size_t i = 0; i < n; i++) {
        double d = x_at(f, set, i) - *mean;
        squares += d * d;
    }
    *rstd = squares > 0 ? 1 / sqrt(squares / (double)n) : 0;
    if (!isfinite(*mean) || !isfinite(*rstd))
        *mean = *rstd = 0;
}

static void fill_gradient(filling *f, const ng_tensor *tensor,
                          const ng_dy_family *family)
{
    const ng_view *view = &f->problem->view;
    const ng_tensor *gamma = &f->tensor[ng_tensor_gamma];
    ng_dy_place place = {.sets = ng_view_sets(view), .n = ng_view_n(view)};
    for (; tensor->data != NULL && place.set < place.sets; place.set++) {
        double mean, rstd;
        moments(f, place.set, &mean, &rstd);
        for (place.i = 0; place.i < place.n; place.i++) {
            double x = x_at(f, place.set, place.i);
            place.x = isfinite(x) ? x : 0;
            place.x_hat = (place.x - mean) * rstd;
            place.gamma = 1;
            if (gamma->data != NULL)
                place.gamma =
                    ng_dtype_get(gamma->dtype, gamma->data,
                                 ng_view_param(view, place.set, place.i));
            ng_dtype_set(tensor->dtype, tensor->data,
                         ng_view_index(view, place.set, place.i),
                         family->draw(&f->source, &place));
        }
    }
}

static void fill_running(filling *f)
{
    const ng_tensor *mean = &f->tensor[ng_tensor_running_mean];
    const ng_tensor *var = &f->tensor[ng_tensor_running_var];
    const ng_view *view = &f->problem->view;
    bool poison =
        mean->use == ng_input && strcmp(f->affine->name, "poisoned") == 0;
    for (size_t c = 0; mean->data != NULL && c < mean->count; c++) {
        double first = 0, m, v;
        if (c < ng_view_sets(view) && ng_view_n(view) > 0)
            first = x_at(f, c, 0);
        ng_draw_running(&f->source, f->test->eps, first, &m, &v);
        if (f->generator->running != NULL)
            f->generator->running(f->test, &m, &v);
        if (poison && c % 4 == 1)
            m = c % 8 == 1 ? NAN : INFINITY;
        if (poison && c % 4 == 3)
            v = c % 8 == 3 ? INFINITY : NAN;
        ng_dtype_set(mean->dtype, mean->data, c, m);
        ng_dtype_set(var->dtype, var->data, c, v);
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
static ng_status look_up(filling *f, ng_error *error)
{
    const ng_case *test = f->test;
    const ng_generator **generator = &f->generator;
    char names[256];
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
    f->affine = ng_affine_family_find(test->affine);
    f->dy = ng_dy_family_find(test->dy);
    if (f->affine == NULL) {
        ng_affine_family_names(names, sizeof names);
        return ng_fail(error, ng_status_bad_input,
                       "unknown affine=%s; expected %s", test->affine, names);
    }
    if (f->dy == NULL) {
        ng_dy_family_names(names, sizeof names);
        return ng_fail(error, ng_status_bad_input, "unknown dy=%s; expected %s",
                       test->dy, names);
    }
    return ng_status_ok;
}

ng_status ng_case_tensors(const ng_case *test, const ng_contract *contract,
                          ng_arena *arena, ng_problem *problem,
                          ng_tensor tensor[NG_TENSOR_COUNT], ng_error *error)
{
    filling f = {.test = test,
                 .contract = contract,
                 .tensor = tensor,
                 .problem = problem};
    ng_status status = look_up(&f, error);
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
    fill_parameters(&f);
    fill_residual(&f);
    fill_gradient(&f, &tensor[ng_tensor_dy], f.dy);
    fill_gradient(&f, &tensor[ng_tensor_dh], ng_dy_family_find("normal"));
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
    size_t generators = 0, affines = 0, gradients = 0;
    while (ng_generators[generators] != NULL)
        generators++;
    while (ng_affine_families[affines].name != NULL)
        affines++;
    while (ng_dy_families[gradients].name != NULL)
        gradients++;
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
    strcpy(test->affine,
           ng_affine_families[ng_source_u32(&source) % affines].name);
    if (ng_pass_find(test->pass)->gradient)
        strcpy(test->dy,
               ng_dy_families[ng_source_u32(&source) % gradients].name);
    size_t left = count > source.position ? count - source.position : 0;
    test->byte_count = left < NG_CASE_BYTES_MAX ? left : NG_CASE_BYTES_MAX;
    if (test->byte_count > 0)
        memcpy(test->bytes, bytes + source.position, test->byte_count);
}
