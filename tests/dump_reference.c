/* Prints cases and their exact results for crosscheck.py, which computes them
 * again with fractions and mpmath. One case:
 *
 *   case LAYER_OR_RMS DTYPE STATS_DTYPE eps EPS place PLACE ddof 0|1 plus 0|1
 *   x HEX...         one line each; gamma and beta may be `-`: absent
 *   gamma HEX...
 *   beta HEX...
 *   mean KIND HEX    kind is value or undefined
 *   rstd KIND HEX
 *   y KIND HEX ...   pairs
 */
#include "slow_reference.h" /* random numbers and effort only */

#include <normgate/reference.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { N_MAX = 40 };

static void set(ng_contract *contract, const char *field, const char *value)
{
    if (!ng_contract_set(contract, field, value)) {
        fprintf(stderr, "no %s=%s\n", field, value);
        exit(2);
    }
}

static void print_values(const char *name, ng_dtype dtype, const void *data,
                         size_t count)
{
    printf("%s", name);
    if (data == NULL)
        printf(" -");
    for (size_t i = 0; data != NULL && i < count; i++)
        printf(" %a", ng_dtype_get(dtype, data, i));
    printf("\n");
}

static void print_point(const ng_exact *exact, ng_role role, size_t i)
{
    ng_point point;
    ng_exact_at(exact, role, 0, i, &point);
    printf(" %s %a", point.kind == ng_kind_value ? "value" : "undefined",
           point.rounded);
}

static void fill(slow_random *random, ng_dtype dtype, void *data, size_t n,
                 int style)
{
    double max = ng_dtype_max(dtype), min = ng_dtype_min(dtype);
    double offset = ldexp(slow_real(random), slow_int(random, 0, 14));
    for (size_t i = 0; i < n; i++) {
        double v = slow_real(random);
        switch (style) {
        case 0: break;
        case 1: v += offset; break;
        case 2: v = slow_int(random, -6, 6); break;
        case 3: v *= max; break;
        case 4: v *= min; break;
        case 5: v = offset; break;
        case 6: v = i % 2 ? 1 : -1; break;
        default: v *= ldexp(1, slow_int(random, -14, 15));
        }
        ng_dtype_set(dtype, data, i, v);
    }
}

static void one(slow_random *random)
{
    static const char *const dtypes[] = {"f16", "bf16", "f32", "f64"};
    static const char *const places[] = {"inside", "outside", "max_var",
                                         "none"};
    static const char *const affines[] = {"gamma_beta", "gamma_beta",
                                          "gamma_beta", "one_plus_gamma"};
    static const double some[] = {0, 1e-12, 1e-5, 1e-3, 1, 3, 8};
    bool rms = slow_below(random, 3) == 0;
    ng_arena arena = {0};
    ng_contract contract;
    ng_error error;
    if (ng_contract_init(&contract, rms ? "rms_norm" : "layer_norm", &error)) {
        fprintf(stderr, "%s\n", error.text);
        exit(2);
    }
    const char *place = places[slow_below(random, 4)];
    const char *affine = affines[slow_below(random, 4)];
    bool plus = affine[0] == 'o';
    set(&contract, "dtype", dtypes[slow_below(random, 4)]);
    set(&contract, "eps_place", place);
    set(&contract, "affine", affine);
    size_t n = 1 + slow_below(random, slow_below(random, 3) ? 8 : N_MAX);
    bool minus = !rms && n > 1 && slow_below(random, 4) == 0;
    if (minus)
        set(&contract, "divisor", "n_minus_1");
    ng_dtype dtype = ng_contract_storage(&contract);
    ng_dtype stats = ng_contract_stats(&contract);
    double eps = slow_below(random, 2) ? some[slow_below(random, 7)]
                                       : fabs(slow_real(random));
    double x[N_MAX], gamma[N_MAX], beta[N_MAX]; /* raw, of any dtype */
    bool has_gamma = plus || slow_below(random, 5) != 0;
    bool has_beta = !plus && slow_below(random, 5) != 0;
    fill(random, dtype, x, n, slow_int(random, 0, 7));
    fill(random, dtype, gamma, n, slow_int(random, 0, 7));
    fill(random, dtype, beta, n, slow_int(random, 0, 7));
    ng_problem problem = {.contract = &contract,
                          .view = ng_view_rows(1, n),
                          .eps = eps,
                          .x = x,
                          .gamma = has_gamma ? gamma : NULL,
                          .beta = has_beta ? beta : NULL};
    ng_exact *exact = ng_exact_compute(&arena, &problem, &error);
    if (exact == NULL) {
        fprintf(stderr, "%s\n", error.text);
        exit(2);
    }
    printf("case %s %s %s eps %a place %s ddof %d plus %d\n",
           rms ? "rms" : "layer", ng_format_of(dtype)->name,
           ng_format_of(stats)->name, eps, place, minus, plus);
    print_values("x", dtype, x, n);
    print_values("gamma", dtype, has_gamma ? gamma : NULL, n);
    print_values("beta", dtype, has_beta ? beta : NULL, n);
    printf("mean");
    print_point(exact, ng_tensor_mean, 0);
    printf("\nrstd");
    print_point(exact, ng_tensor_rstd, 0);
    printf("\ny");
    for (size_t i = 0; i < n; i++)
        print_point(exact, ng_tensor_y, i);
    printf("\n");
    ng_arena_release(&arena);
}

int main(void)
{
    slow_random random = {77};
    for (size_t k = 0; k < 400 * slow_effort(); k++)
        one(&random);
    return 0;
}
