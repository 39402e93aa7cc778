/* The built-in kernels against their formula in long double, and the zoo
 * against the kernel from which each bug departs. */
#define _POSIX_C_SOURCE 200809L

#include "../impls/zoo.h"

#include <normgate/dtype.h>

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

enum { ROWS = 3, N = 1000, PAGE = 65536 };

/* x uniform in offset +- spread, gamma and beta in +-1. */
struct input {
    size_t rows, n;
    double eps, offset, spread;
    bool nan; /* the first element is a NaN */
};

/* Everything a kernel may read or write, all of it poisoned before a call. */
struct memory {
    _Alignas(PAGE) unsigned char x[PAGE]; /* alone on its pages */
    double y[ROWS * N + 1], mean[ROWS], rstd[ROWS];
    double gamma[N], beta[N];
    int rounding; /* mode left behind */
};

static double uniform(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u; /* Numerical Recipes, 2nd ed. */
    return *state / 2147483648.0 - 1;
}

static void fill(struct memory *memory, const struct input *input,
                 ng_dtype dtype)
{
    uint32_t state = 1;
    memset(memory, 0xa5, sizeof *memory);
    for (size_t i = 0; i < input->rows * input->n; i++)
        ng_dtype_set(dtype, memory->x, i,
                     input->offset + input->spread * uniform(&state));
    if (input->nan)
        ng_dtype_set(dtype, memory->x, 0, NAN);
    for (size_t i = 0; i < input->n; i++) {
        ng_dtype_set(dtype, memory->gamma, i, uniform(&state));
        ng_dtype_set(dtype, memory->beta, i, uniform(&state));
    }
}

static ng_call call_of(const ng_kernel *kernel, const struct input *input,
                       struct memory *memory)
{
    bool centred = strstr(kernel->contract, "op=layer_norm") != NULL;
    return (ng_call){
        .size = sizeof(ng_call),
        .kernel = kernel->name,
        .op = centred ? "layer_norm" : "rms_norm",
        .pass = "forward",
        .eps = input->eps,
        .rows = input->rows,
        .n = input->n,
        .x = memory->x,
        .gamma = memory->gamma,
        .beta = centred ? memory->beta : NULL,
        .y = memory->y,
        .mean = centred ? memory->mean : NULL,
        .rstd = memory->rstd,
    };
}

static ng_dtype dtype_of(const ng_kernel *kernel)
{
    ng_dtype dtype;
    assert_true(ng_dtype_parse(strrchr(kernel->name, '_') + 1, &dtype));
    return dtype;
}

/* The rounding mode is put back, so that no bug outlives its test. */
static void run(const ng_kernel *kernel, const ng_call *call,
                struct memory *memory)
{
    assert_int_equal(kernel->run(call), NG_DONE);
    memory->rounding = fegetround();
    fesetround(FE_TONEAREST);
}

static long double element(ng_dtype dtype, const void *array, size_t i,
                           double absent)
{
    return array != NULL ? ng_dtype_get(dtype, array, i) : absent;
}

/* |got - formula| in units of a tolerance. With u of the arithmetic, the mean
 * errs by about n*u*mean|x|, the variance relatively by n*u and by the square
 * of the former, a shifted variance by n*u*(1 + (mean - x_0)^2/var), and
 * (mean - x_0)^2 is a small multiple of var for uniform x. With kappa =
 * mean|x|*rstd this moves x_hat by some n*u*(1 + kappa)(1 + |x_hat|), of which
 * 8(n + 8)u is generous; the last rounding adds u of storage times |y|. */
static void check_row(const ng_kernel *kernel, const ng_call *call, size_t set)
{
    ng_dtype storage = dtype_of(kernel);
    ng_dtype compute = storage == ng_f64 ? ng_f64 : ng_f32;
    size_t n = call->n, first = set * n;
    long double sum = 0, absolute = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        long double x = element(storage, call->x, first + i, 0);
        sum += x;
        absolute += fabsl(x);
    }
    bool centred = strcmp(call->op, "layer_norm") == 0;
    long double mean = centred ? sum / n : 0;
    for (size_t i = 0; i < n; i++) {
        long double d = element(storage, call->x, first + i, 0) - mean;
        squares += d * d;
    }
    long double rstd = 1 / sqrtl(squares / n + call->eps);
    long double kappa = absolute / n * rstd;
    long double unit = 8 * (n + 8) * (long double)ng_dtype_u(compute);
    for (size_t i = 0; i < n; i++) {
        long double x = element(storage, call->x, first + i, 0);
        long double x_hat = (x - mean) * rstd;
        long double gamma = element(storage, call->gamma, i, 1);
        long double beta = element(storage, call->beta, i, 0);
        long double y = gamma * x_hat + beta;
        long double got = element(storage, call->y, first + i, 0);
        long double bound =
            2 * ng_dtype_u(storage) * fabsl(y) +
            unit *
                (fabsl(gamma) * (1 + kappa) * (1 + fabsl(x_hat)) + fabsl(beta));
        if (!(fabsl(got - y) <= bound))
            fail_msg("%s n=%zu [%zu]: got %La, formula %La", kernel->name, n,
                     first + i, got, y);
    }
    if (call->mean != NULL)
        assert_true(fabsl(element(compute, call->mean, set, 0) - mean) <=
                    unit * absolute / n);
    if (call->rstd != NULL)
        assert_true(fabsl(element(compute, call->rstd, set, 0) - rstd) <=
                    unit * rstd * (1 + kappa));
}

/* Calls `check` on every kernel that is right. */
static void each_kernel(void (*check)(const ng_kernel *kernel))
{
    for (size_t i = 0; i < ng_builtin_count(); i++) {
        const ng_builtin *builtin = ng_builtin_at(i);
        for (size_t k = 0; k < builtin->kernel_count; k++)
            if (builtin->killed_by == NULL)
                check(&builtin->kernels[k]);
    }
}

static struct memory one, other;

static void check_sizes(const ng_kernel *kernel)
{
    for (size_t n = 1; n <= 70; n++) {
        struct input input = {ROWS, n, 1e-3, 2, 1, false};
        ng_call call = call_of(kernel, &input, &one);
        fill(&one, &input, dtype_of(kernel));
        run(kernel, &call, &one);
        for (size_t set = 0; set < ROWS; set++)
            check_row(kernel, &call, set);
        unsigned char *end = (unsigned char *)one.y +
                             ROWS * n * ng_format_of(dtype_of(kernel))->size;
        assert_int_equal(*end, 0xa5);
    }
}

/* Each of the four optional arrays given or not, in all combinations. */
static void check_absent(const ng_kernel *kernel)
{
    struct input input = {ROWS, 37, 1e-3, 2, 1, false};
    for (unsigned given = 0; given < 16; given++) {
        ng_call call = call_of(kernel, &input, &one);
        fill(&one, &input, dtype_of(kernel));
        call.gamma = given & 1 ? call.gamma : NULL;
        call.beta = given & 2 ? call.beta : NULL;
        call.mean = given & 4 ? call.mean : NULL;
        call.rstd = given & 8 ? call.rstd : NULL;
        run(kernel, &call, &one);
        for (size_t set = 0; set < ROWS; set++)
            check_row(kernel, &call, set);
    }
}

static void check_empty(const ng_kernel *kernel)
{
    struct input empty[] = {{0, 5, 1e-3, 0, 1, false},
                            {ROWS, 0, 1e-3, 0, 1, false}};
    for (size_t i = 0; i < 2; i++) {
        ng_call call = call_of(kernel, &empty[i], &one);
        memset(&one, 0xa5, sizeof one);
        memset(&other, 0xa5, sizeof other);
        run(kernel, &call, &one);
        other.rounding = FE_TONEAREST;
        assert_memory_equal(&one, &other, sizeof one);
    }
}

static void formula_at_every_tail(void **state)
{
    (void)state;
    each_kernel(check_sizes);
}

static void absent_arrays(void **state)
{
    (void)state;
    each_kernel(check_absent);
}

static void nothing_to_do(void **state)
{
    (void)state;
    each_kernel(check_empty);
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

/* The kernel of two_pass that has the bug's op and dtype. */
static const ng_kernel *right_for(const ng_kernel *wrong)
{
    const ng_builtin *two_pass = ng_builtin_at(0);
    assert_string_equal(two_pass->name, "two_pass");
    for (size_t k = 0; k < two_pass->kernel_count; k++)
        if (strcmp(two_pass->kernels[k].name, wrong->name) == 0)
            return &two_pass->kernels[k];
    fail_msg("two_pass has no %s", wrong->name);
    return NULL;
}

/* Whether the second of two equal calls leaves the same bits everywhere. */
static bool same_bits(const ng_kernel *wrong, const struct input *input)
{
    const ng_kernel *right = right_for(wrong);
    ng_call want = call_of(right, input, &other);
    ng_call call = call_of(wrong, input, &one);
    for (int time = 0; time < 2; time++) {
        fill(&one, input, dtype_of(wrong));
        run(wrong, &call, &one);
    }
    fill(&other, input, dtype_of(wrong));
    run(right, &want, &other);
    return memcmp(&one, &other, sizeof one) == 0;
}

/* Inputs on which a bug shows, where the usual one does not show it. */
static const struct input usual = {2, 14, 0.5, 1, 1, false};
static const struct input biting[bug_count] = {
    [bug_one_pass] = {2, 64, 1e-5, 4000, 1, false},
    [bug_one_pass_unclamped] = {2, 64, 1e-5, 4000, 1, false},
    [bug_abs_clamp] = {2, 14, 1e-12, 0, 1e-4, false},
    [bug_eps_f16] = {2, 14, 1e-8, 0, 1e-4, false},
    [bug_f16_square_overflow] = {2, 14, 1e-5, 0, 2000, false},
    [bug_sign_lost] = {2, 14, 0.5, 0, 1, false},
    [bug_nan_swallowed] = {2, 14, 0.5, 1, 1, true},
    [bug_nan_leaks] = {2, 14, 0.5, 1, 1, true},
    [bug_order_by_call] = {1, N, 0.5, 1, 1, false},
    [bug_batch_dependent] = {2, N, 0.5, 1, 1, false},
    [bug_spins] = {1, 13, 0.5, 1, 1, false},
    [bug_crashes] = {1, 127, 0.5, 1, 1, false},
    [bug_exits] = {1, 31, 0.5, 1, 1, false},
};

/* In a process of its own, on read-only x: true if the kernel came back. */
static bool comes_back(const ng_kernel *kernel, const struct input *input,
                       bool hangs)
{
    enum { CAME_BACK = 42 };
    ng_call call = call_of(kernel, input, &one);
    fill(&one, input, dtype_of(kernel));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL); /* not cmocka's */
        mprotect(one.x, sizeof one.x, PROT_READ);
        kernel->run(&call);
        _exit(CAME_BACK);
    }
    if (hangs) {
        nanosleep(&(struct timespec){0, 50000000}, NULL);
        kill(child, SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == CAME_BACK;
}

static void every_bug_bites(void **state)
{
    (void)state;
    for (size_t id = 0; id < bug_count; id++) {
        const ng_kernel *kernel = &ng_zoo[id].kernels[0];
        const struct input *input = biting[id].n != 0 ? &biting[id] : &usual;
        bool ends = id == bug_spins || id == bug_crashes || id == bug_exits ||
                    id == bug_writes_input;
        if (ends ? comes_back(kernel, input, id == bug_spins)
                 : same_bits(kernel, input))
            fail_msg("%s does not show", ng_zoo[id].name);
    }
}

/* The zoo departs from two_pass at one spot only: away from it, equal bits. */
static void bugs_are_right_elsewhere(void **state)
{
    (void)state;
    static const size_t quiet[] = {
        bug_abs_clamp,        bug_eps_f16,
        bug_tail_dropped,     bug_padded_lanes,
        bug_row_padded,       bug_spins,
        bug_crashes,          bug_exits,
        bug_tail_not_written, bug_writes_input,
        bug_last_row_skipped, bug_batch_dependent,
        bug_nan_leaks,        bug_nan_swallowed,
    };
    const struct input plain = {1, 64, 0x1p-10, 1, 1, false};
    for (size_t i = 0; i < sizeof quiet / sizeof quiet[0]; i++)
        if (!same_bits(&ng_zoo[quiet[i]].kernels[0], &plain))
            fail_msg("%s shows", ng_zoo[quiet[i]].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(formula_at_every_tail),
        cmocka_unit_test(absent_arrays),
        cmocka_unit_test(nothing_to_do),
        cmocka_unit_test(every_bug_bites),
        cmocka_unit_test(bugs_are_right_elsewhere),
    };
    return cmocka_run_group_tests_name("impls", tests, NULL, NULL);
}
