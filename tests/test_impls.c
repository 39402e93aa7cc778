/* The built-in kernels against their formulas in long double, and the zoo
 * against the kernel from which each bug departs. */
#define _POSIX_C_SOURCE 200809L

#include "../impls/zoo.h"

#include <normgate/contract.h>
#include <normgate/dtype.h>
#include <normgate/op.h>

#include <fenv.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROWS = 3, N = 1000, PAGE = 65536, ROOM = PAGE / sizeof(double) };

/* x uniform in offset +- spread, everything else in +-1. */
struct input {
    size_t rows, n;
    double eps, offset, spread;
    bool nan; /* the first element is a NaN */
};

/* Every tensor a kernel may read or write, all of it poisoned before a call. */
struct memory {
    _Alignas(PAGE) double tensor[NG_TENSOR_COUNT][ROOM]; /* on own pages */
    int rounding, result; /* the mode left behind */
};

/* A kernel, an input of its shape, and the call that results. */
struct trial {
    ng_contract contract;
    ng_case test;
    ng_tensor slot[NG_TENSOR_COUNT];
    ng_view view;
    ng_call call;
};

static double uniform(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u; /* Numerical Recipes, 2nd ed. */
    return *state / 2147483648.0 - 1;
}

/* Values of a role: variances are positive, rstd is about what it would be. */
static double draw(ng_role role, const struct input *input, uint32_t *state)
{
    double value = uniform(state);
    switch (role) {
    case ng_tensor_x: return input->offset + input->spread * value;
    case ng_tensor_mean:
    case ng_tensor_running_mean: return input->offset + value / 2;
    case ng_tensor_rstd:
    case ng_tensor_running_var: return 1 + value / 2;
    default: return value;
    }
}

static void fill(const struct trial *trial, const struct input *input,
                 struct memory *memory)
{
    const ng_view *view = &trial->view;
    size_t n = ng_view_n(view), total = n * ng_view_sets(view);
    memset(memory, 0xa5, sizeof *memory);
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const ng_tensor *slot = &trial->slot[role];
        uint32_t state = role + 1;
        bool element = ng_role_extent(role) == ng_per_element;
        assert_true(slot->count < ROOM);
        if (slot->use != ng_input && slot->use != ng_update)
            continue;
        for (size_t i = 0; i < (element ? total : slot->count); i++)
            ng_dtype_set(slot->dtype, memory->tensor[role],
                         element ? ng_view_index(view, i / n, i % n) : i,
                         draw(role, input, &state));
    }
    if (input->nan)
        ng_dtype_set(trial->slot[ng_tensor_x].dtype,
                     memory->tensor[ng_tensor_x], 0, NAN);
}

static void attach(struct trial *trial, struct memory *memory)
{
    ng_call *call = &trial->call;
#define NG_TENSOR(name, meaning)                                               \
    if (trial->slot[ng_tensor_##name].use != ng_unused)                        \
        call->name = memory->tensor[ng_tensor_##name];
#include <normgate/tensors.def>
#undef NG_TENSOR
}

static void set_up(struct trial *trial, const ng_kernel *kernel,
                   const struct input *input, struct memory *memory)
{
    ng_error error;
    ng_contract *contract = &trial->contract;
    ng_case *test = &trial->test;
    if (ng_contract_parse(contract, kernel->contract, &error) != ng_status_ok)
        fail_msg("%s: %s", kernel->name, error.text);
    ng_case_init(test, contract->op, ng_contract_storage(contract));
    strcpy(test->pass, contract->pass);
    ng_case_reshape(test, input->rows, input->n);
    if (contract->layout == ng_layout_strided) {
        test->step = 2;
        test->gap = 3;
    }
    ng_case_slots(test, contract, trial->slot);
    trial->view = ng_case_view(test, contract);
    trial->call = (ng_call){.size = sizeof(ng_call),
                            .kernel = kernel->name,
                            .op = contract->op,
                            .pass = contract->pass,
                            .eps = input->eps,
                            .rows = test->rows,
                            .n = test->n,
                            .N = test->N,
                            .C = test->C,
                            .spatial = test->spatial,
                            .num_groups = test->num_groups,
                            .momentum = 0.25,
                            .batches = 2};
    ng_case_strides(test, contract, trial->call.stride);
    attach(trial, memory);
    fill(trial, input, memory);
}

/* The rounding mode is put back, so that no bug outlives its test. */
static void run(const ng_kernel *kernel, const struct trial *trial,
                struct memory *memory)
{
    memory->result = kernel->run(&trial->call);
    memory->rounding = fegetround();
    fesetround(FE_TONEAREST);
}

/* Element `i` of a tensor, as it lies in `memory`. */
static long double value(const struct trial *trial, const struct memory *memory,
                         ng_role role, size_t i, double absent)
{
    const ng_tensor *slot = &trial->slot[role];
    return slot->use == ng_unused
               ? absent
               : ng_dtype_get(slot->dtype, memory->tensor[role], i);
}

static struct memory one, other; /* `other` keeps what went into a call */

static void near(const struct trial *trial, ng_role role, size_t i,
                 long double want, long double tolerance)
{
    long double got = value(trial, &one, role, i, NAN);
    long double u = ng_dtype_u(trial->slot[role].dtype);
    if (trial->slot[role].use == ng_unused ||
        fabsl(got - want) <= tolerance + 2 * u * fabsl(want))
        return;
    fail_msg("%s rows=%zu n=%zu: %s[%zu] is %La, by the formula %La",
             trial->call.kernel, trial->call.rows, trial->call.n,
             ng_role_name(role), i, got, want);
}

/* What the formulas need of one set. */
struct set {
    size_t index, n;
    long double mean, var, rstd; /* var: what stands under the root */
    long double slope, g_mean;   /* of g*x_hat, g; with their magnitudes: */
    long double slope_size, g_size;
    long double unit; /* tolerance relative to the size of a result */
    bool fixed;
};

static size_t at(const struct trial *trial, const struct set *set, size_t i)
{
    return ng_view_index(&trial->view, set->index, i);
}

/* What is normalized: x, or its sum with the residual, rounded or not. */
static long double x_of(const struct trial *trial, const struct set *set,
                        size_t i)
{
    size_t index = at(trial, set, i);
    if (trial->contract.round_residual == ng_round_residual_yes)
        return value(trial, &one, ng_tensor_h, index, NAN);
    return value(trial, &other, ng_tensor_x, index, NAN) +
           value(trial, &other, ng_tensor_residual, index, 0);
}

static long double gamma_of(const struct trial *trial, const struct set *set,
                            size_t i)
{
    size_t k = ng_view_param(&trial->view, set->index, i);
    long double gamma = value(trial, &other, ng_tensor_gamma, k, 1);
    return trial->contract.affine == ng_affine_one_plus_gamma ? 1 + gamma
                                                              : gamma;
}

static long double g_of(const struct trial *trial, const struct set *set,
                        size_t i)
{
    return gamma_of(trial, set, i) *
           value(trial, &other, ng_tensor_dy, at(trial, set, i), 0);
}

static long double x_hat_of(const struct trial *trial, const struct set *set,
                            size_t i)
{
    return (x_of(trial, set, i) - set->mean) * set->rstd;
}

static long double divisor_of(const struct trial *trial, const struct set *set)
{
    return trial->contract.divisor == ng_divisor_one ? 1 : set->n;
}

static bool is_running(const struct trial *trial)
{
    return strncmp(trial->contract.pass, "inference", 9) == 0;
}

/* With u of the arithmetic, the mean errs by about n*u*mean|x|, the variance
 * relatively by n*u and by the square of the former, a shifted variance by
 * n*u*(1 + (mean - x_0)^2/var), and (mean - x_0)^2 is a small multiple of var
 * for uniform x. With kappa = mean|x|*rstd this moves x_hat by some n*u*(1 +
 * kappa)(1 + |x_hat|), of which 8(n + 8)u is generous. */
static void statistics(const struct trial *trial, struct set *set)
{
    long double sum = 0, absolute = 0, n = set->n, eps = trial->call.eps;
    for (size_t i = 0; i < set->n; i++) {
        sum += x_of(trial, set, i);
        absolute += fabsl(x_of(trial, set, i));
    }
    set->mean = trial->contract.centred == ng_centred_yes ? sum / n : 0;
    for (size_t i = 0; i < set->n; i++) {
        long double d = x_of(trial, set, i) - set->mean;
        set->var += d * d / divisor_of(trial, set);
    }
    set->rstd = trial->contract.eps_place == ng_eps_place_max_norm
                    ? 1 / fmaxl(sqrtl(set->var), eps)
                    : 1 / sqrtl(set->var + eps);
    if (is_running(trial)) {
        size_t c = ng_view_param(&trial->view, set->index, 0);
        set->mean = value(trial, &other, ng_tensor_running_mean, c, NAN);
        set->rstd =
            1 /
            sqrtl(value(trial, &other, ng_tensor_running_var, c, NAN) + eps);
        set->fixed = true;
    } else if (trial->slot[ng_tensor_rstd].use == ng_input) {
        set->mean = value(trial, &other, ng_tensor_mean, set->index, 0);
        set->rstd = value(trial, &other, ng_tensor_rstd, set->index, NAN);
    }
    set->unit = 8 * (n + 8) *
                ng_dtype_u(ng_contract_compute(&trial->contract)) *
                (1 + absolute / n * set->rstd);
}

static void means_of_g(const struct trial *trial, struct set *set)
{
    long double n = set->n;
    for (size_t i = 0; i < set->n && !set->fixed; i++) {
        long double g = g_of(trial, set, i);
        long double product = g * x_hat_of(trial, set, i);
        set->slope += product / divisor_of(trial, set);
        set->slope_size += fabsl(product) / divisor_of(trial, set);
        if (trial->contract.centred == ng_centred_yes)
            set->g_mean += g / n;
        set->g_size += fabsl(g) / n;
    }
}

static void check_element(const struct trial *trial, const struct set *set,
                          size_t i)
{
    size_t index = at(trial, set, i);
    size_t k = ng_view_param(&trial->view, set->index, i);
    long double x_hat = x_hat_of(trial, set, i), g = g_of(trial, set, i);
    long double gamma = gamma_of(trial, set, i);
    long double beta = value(trial, &other, ng_tensor_beta, k, 0);
    long double dh = value(trial, &other, ng_tensor_dh, index, 0);
    long double h = value(trial, &other, ng_tensor_x, index, 0) +
                    value(trial, &other, ng_tensor_residual, index, 0);
    long double size = fabsl(g) + set->g_size + fabsl(x_hat) * set->slope_size;
    long double dx = (g - set->g_mean - x_hat * set->slope) * set->rstd + dh;
    near(trial, ng_tensor_h, index, h, 0);
    near(trial, ng_tensor_y, index, gamma * x_hat + beta,
         set->unit * (fabsl(gamma) * (1 + fabsl(x_hat)) + fabsl(beta)));
    size = set->unit * (size * (1 + fabsl(x_hat)) * set->rstd + fabsl(dh));
    near(trial, ng_tensor_dx, index, dx, size);
    near(trial, ng_tensor_dresidual, index, dx, size);
}

/* Over the sets: dgamma, dbeta per parameter and statistics per channel. */
struct sums {
    long double dgamma[N], dbeta[N], size[N], mean[N], var[N], unit;
};

static void add(const struct trial *trial, const struct set *set,
                struct sums *sums)
{
    size_t channel = ng_view_param(&trial->view, set->index, 0);
    long double n = set->n, sets = trial->call.rows, C = trial->call.C;
    for (size_t i = 0; i < set->n; i++) {
        size_t k = ng_view_param(&trial->view, set->index, i);
        long double dy =
            value(trial, &other, ng_tensor_dy, at(trial, set, i), 0);
        long double x_hat = x_hat_of(trial, set, i);
        sums->dgamma[k] += dy * x_hat;
        sums->dbeta[k] += dy;
        sums->size[k] += fabsl(dy) * (1 + fabsl(x_hat));
    }
    sums->mean[channel] += set->mean * C / sets;
    sums->var[channel] += set->var * n / (n - 1) * C / sets;
    sums->unit = fmaxl(sums->unit, set->unit);
}

static void check_sums(const struct trial *trial, const struct sums *sums)
{
    bool cumulative = trial->contract.momentum == ng_momentum_cumulative;
    long double m = cumulative ? 1.0L / 3 : trial->call.momentum;
    for (size_t k = 0; k < trial->slot[ng_tensor_gamma].count; k++) {
        long double size = 2 * sums->unit * sums->size[k];
        near(trial, ng_tensor_dgamma, k, sums->dgamma[k], size);
        near(trial, ng_tensor_dbeta, k, sums->dbeta[k], size);
    }
    for (size_t c = 0; c < trial->call.C && !is_running(trial); c++) {
        long double mean = value(trial, &other, ng_tensor_running_mean, c, NAN);
        long double var = value(trial, &other, ng_tensor_running_var, c, NAN);
        near(trial, ng_tensor_running_mean, c,
             (1 - m) * mean + m * sums->mean[c],
             sums->unit * (fabsl(mean) + fabsl(sums->mean[c])));
        near(trial, ng_tensor_running_var, c, (1 - m) * var + m * sums->var[c],
             sums->unit * (var + sums->var[c]));
    }
}

static void check_call(const struct trial *trial)
{
    static struct sums sums;
    memset(&sums, 0, sizeof sums);
    for (size_t s = 0; s < trial->call.rows; s++) {
        struct set set = {.index = s, .n = trial->call.n};
        statistics(trial, &set);
        means_of_g(trial, &set);
        for (size_t i = 0; i < set.n; i++)
            check_element(trial, &set, i);
        if (trial->slot[ng_tensor_mean].use == ng_output)
            near(trial, ng_tensor_mean, s, set.mean, set.unit / set.rstd);
        if (trial->slot[ng_tensor_rstd].use == ng_output)
            near(trial, ng_tensor_rstd, s, set.rstd, set.unit * set.rstd);
        add(trial, &set, &sums);
    }
    check_sums(trial, &sums);
}

/* Both memories hold the input; the call is made on `one`. */
static void run_twice_filled(const ng_kernel *kernel, const struct input *input,
                             struct trial *trial)
{
    set_up(trial, kernel, input, &other);
    set_up(trial, kernel, input, &one);
    run(kernel, trial, &one);
}

/* Six sets, so that examples, channels and groups are several. */
static void check_sizes(const ng_kernel *kernel)
{
    for (size_t n = 2; n <= 40; n += n < 20 ? 1 : 5) {
        struct input input = {n % 3 == 0 ? 6 : ROWS, n, 1e-3, 2, 1, false};
        struct trial trial;
        run_twice_filled(kernel, &input, &trial);
        assert_int_equal(one.result, NG_DONE);
        check_call(&trial);
        for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
            const ng_tensor *slot = &trial.slot[role];
            size_t end = slot->count * ng_format_of(slot->dtype)->size;
            assert_int_equal(((unsigned char *)one.tensor[role])[end], 0xa5);
        }
    }
}

static void assert_untouched(const struct trial *trial)
{
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        size_t size = trial->slot[role].count;
        if (role == ng_tensor_dgamma || role == ng_tensor_dbeta)
            for (size_t i = 0; i < size; i++) /* sums of nothing */
                assert_true(value(trial, &one, role, i, 0) == 0);
        else
            assert_memory_equal(one.tensor[role], other.tensor[role],
                                sizeof one.tensor[role]);
    }
}

static void check_empty(const ng_kernel *kernel)
{
    struct input empty[] = {{0, 5, 1e-3, 0, 1, false},
                            {ROWS, 0, 1e-3, 0, 1, false}};
    for (size_t i = 0; i < 2; i++) {
        struct trial trial;
        run_twice_filled(kernel, &empty[i], &trial);
        assert_int_equal(one.result, NG_DONE);
        assert_untouched(&trial);
    }
}

/* Training on one value per channel is refused, as one_value=refuse says. */
static void check_one_value(const ng_kernel *kernel)
{
    struct input single = {ROWS, 1, 1e-3, 0, 1, false};
    struct trial trial;
    run_twice_filled(kernel, &single, &trial);
    bool refused = ng_case_forbidden(&trial.test, &trial.contract) != NULL;
    assert_int_equal(one.result, refused ? NG_NOT_ACCEPTED : NG_DONE);
    if (refused)
        assert_memory_equal(one.tensor, other.tensor, sizeof one.tensor);
}

static void right_kernels(void **state)
{
    (void)state;
    for (size_t i = 0; i < ng_builtin_count(); i++) {
        const ng_builtin *builtin = ng_builtin_at(i);
        for (size_t k = 0; k < builtin->kernel_count; k++) {
            if (builtin->killed_by != NULL)
                continue;
            check_sizes(&builtin->kernels[k]);
            check_empty(&builtin->kernels[k]);
            check_one_value(&builtin->kernels[k]);
        }
    }
}

static void names_are_unique(void **state)
{
    (void)state;
    for (size_t i = 0; i < ng_builtin_count(); i++) {
        const ng_builtin *builtin = ng_builtin_at(i);
        bool bug = strncmp(builtin->name, "bug.", 4) == 0;
        assert_int_equal(bug, builtin->killed_by != NULL);
        assert_true(builtin->kernel_count > 0);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(builtin->name, ng_builtin_at(j)->name);
        for (size_t k = 1; k < builtin->kernel_count; k++)
            assert_string_not_equal(builtin->kernels[k].name,
                                    builtin->kernels[k - 1].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(right_kernels),
    };
    return cmocka_run_group_tests_name("impls", tests, NULL, NULL);
}
