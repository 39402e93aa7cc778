/* Forward: y, mean and rstd of every set, each correctly rounded with proof. */
#include "moments.h"
#include "radical.h"

#include <math.h>

struct ng_exact {
    size_t sets, n;
    ng_point *y;               /* [sets][n] */
    ng_point *mean, *rstd;     /* [sets] */
    ng_conditions *conditions; /* [sets] */
    size_t levels[NG_LEVEL_COUNT];
};

/* What the elements of one set share. */
typedef struct set_state {
    const ng_problem *problem;
    ng_dtype storage, param;
    moments set;
    radical root, mean;
    quad_set quads;
} set_state;

static double parameter(const set_state *s, const void *array, size_t index,
                        double absent)
{
    return array == NULL ? absent : ng_dtype_get(s->param, array, index);
}

/* The decision table for an element that a NaN or Inf reaches.
 *
 * x of the set        op        y                          mean   rstd
 * any NaN             any       NaN                        NaN    NaN
 * any Inf, no NaN     centred   NaN (Inf - Inf)            Inf|NaN  0|NaN
 * any Inf, no NaN     RMS       NaN at the Inf, else beta|NaN       0|NaN
 * finite, gamma or beta NaN     NaN at that element
 * finite, gamma Inf             Inf of either sign or NaN at that element
 *         beta Inf              the same Inf or NaN at that element
 * 0/0: eps = 0 and no spread    undefined: the least rounding of the mean
 *                               decides what a correct kernel returns */
static bool table_y(const set_state *s, ng_point *point, double x, double gamma,
                    double beta)
{
    bool centred = s->problem->contract->centred == ng_centred_yes;
    bool hit = s->set.nan || s->set.inf || s->root.zero || !isfinite(gamma) ||
               !isfinite(beta);
    if (!hit)
        return false;
    *point = (ng_point){.kind = ng_kind_nan, .rounded = NAN};
    if (s->set.nan || isnan(gamma) || isnan(beta))
        return true;
    if (s->set.inf) {
        if (!centred && isfinite(x) && isfinite(gamma) && isfinite(beta)) {
            point->kind = ng_kind_zero_nan;
            point->rounded = ng_dtype_round(s->storage, beta);
            point->high = beta;
        }
        return true;
    }
    point->kind = s->root.zero ? ng_kind_undefined : ng_kind_nonfinite;
    if (!s->root.zero && isfinite(gamma)) { /* beta is infinite */
        point->kind = ng_kind_infinite;
        point->rounded = beta;
    }
    return true;
}

static void exact_centred(const set_state *s, dyadic *c, double x)
{
    dyadic_set_double(c, x);
    if (s->problem->contract->centred == ng_centred_yes) {
        dyadic_mul_ui(c, c, s->set.n);
        dyadic_sub(c, c, &s->set.sum);
    }
}

static void slow_y(const set_state *s, ng_point *point, double x, double gamma,
                   double beta)
{
    dyadic a, g, b;
    dyadic_init(&a);
    dyadic_init(&g);
    dyadic_init(&b);
    exact_centred(s, &a, x);
    if (s->problem->contract->affine == ng_affine_one_plus_gamma) {
        dyadic_set_double(&g, 1);
        dyadic_set_double(&b, gamma);
        dyadic_add(&g, &g, &b);
    } else {
        dyadic_set_double(&g, gamma);
    }
    dyadic_mul(&a, &a, &g);
    dyadic_set_double(&b, beta);
    radical_round(point, &s->root, &a, &b, s->storage);
    dyadic_clear(&a);
    dyadic_clear(&g);
    dyadic_clear(&b);
}

static bool fast_y(const set_state *s, ng_point *point, double x, double gamma,
                   double beta)
{
    quad v, y;
    bool one_plus = s->problem->contract->affine == ng_affine_one_plus_gamma;
    if (!quad_evaluate(&v, &y, &s->quads, x, gamma, beta, one_plus))
        return false;
    /* An upper bound of |v|/|y| but for 2^-50; where a double under- or
     * overflows it is 0, Inf or NaN, and the slower level takes over. */
    double ratio = fabs((double)v / (double)y) * (1 + 0x1p-50);
    if (!((double)y != 0) || (v != 0 && (double)v == 0))
        return false;
    return quad_round(point, y, ratio < 1 ? 1 : ratio, s->storage);
}

static void round_y(const set_state *s, ng_point *point, size_t set, size_t i)
{
    const ng_problem *p = s->problem;
    size_t index = ng_view_param(&p->view, set, i);
    bool unit = p->contract->affine == ng_affine_none;
    bool shifted = p->contract->affine == ng_affine_gamma_beta;
    double neutral = p->contract->affine == ng_affine_one_plus_gamma ? 0 : 1;
    double gamma = unit ? 1 : parameter(s, p->gamma, index, neutral);
    double beta = shifted ? parameter(s, p->beta, index, 0) : 0;
    double x = ng_dtype_get(s->storage, p->x, ng_view_index(&p->view, set, i));
    if (table_y(s, point, x, gamma, beta))
        return;
    if (!fast_y(s, point, x, gamma, beta))
        slow_y(s, point, x, gamma, beta);
}

static void round_statistics(const set_state *s, ng_point *mean, ng_point *rstd)
{
    ng_dtype dtype = ng_contract_stats(s->problem->contract);
    bool centred = s->problem->contract->centred == ng_centred_yes;
    if (s->set.nan || s->set.inf || s->set.n == 0) {
        bool nan = s->set.nan || s->set.n == 0;
        *mean = (ng_point){.kind = nan ? ng_kind_nan : ng_kind_nonfinite,
                           .rounded = NAN};
        *rstd = (ng_point){.kind = nan ? ng_kind_nan : ng_kind_zero_nan,
                           .rounded = nan ? NAN : 0};
        return;
    }
    dyadic a, zero;
    dyadic_init(&a);
    dyadic_init(&zero);
    radical_round(mean, &s->mean, &s->set.sum, &zero, dtype);
    if (s->root.zero) {
        *rstd = (ng_point){.kind = ng_kind_undefined, .rounded = INFINITY};
    } else {
        dyadic_set_double(&a, centred ? (double)s->set.n : 1);
        radical_round(rstd, &s->root, &a, &zero, dtype);
    }
    dyadic_clear(&a);
    dyadic_clear(&zero);
}

/* root / k of a non-negative rational num/den, as a double. */
static double root_of(const dyadic *num, unsigned long den, unsigned long k)
{
    mpfr_t value;
    mpfr_init2(value, 64);
    dyadic_get(value, num, MPFR_RNDN);
    mpfr_div_ui(value, value, den, MPFR_RNDN);
    mpfr_sqrt(value, value, MPFR_RNDN);
    mpfr_div_ui(value, value, k, MPFR_RNDN);
    double result = mpfr_get_d(value, MPFR_RNDN);
    mpfr_clear(value);
    return result;
}

static double quotient(const dyadic *num, unsigned long den)
{
    mpfr_t value;
    mpfr_init2(value, 64);
    dyadic_get(value, num, MPFR_RNDN);
    mpfr_div_ui(value, value, den, MPFR_RNDN);
    double result = mpfr_get_d(value, MPFR_RNDN);
    mpfr_clear(value);
    return result;
}

static double scale_of(const radical *root, unsigned long k)
{
    if (root->zero)
        return 0;
    mpfr_t value, b;
    mpfr_init2(value, 64);
    mpfr_init2(b, 64);
    dyadic_get(value, &root->num, MPFR_RNDN);
    mpfr_div_ui(value, value, root->den, MPFR_RNDN);
    mpfr_sqrt(value, value, MPFR_RNDN);
    dyadic_get(b, &root->b, MPFR_RNDN);
    mpfr_add(value, value, b, MPFR_RNDN);
    mpfr_div_ui(value, value, k, MPFR_RNDN);
    double result = mpfr_get_d(value, MPFR_RNDN);
    mpfr_clear(value);
    mpfr_clear(b);
    return result;
}

static void fill_conditions(const set_state *s, ng_conditions *to)
{
    const moments *set = &s->set;
    bool centred = s->problem->contract->centred == ng_centred_yes;
    *to = (ng_conditions){.n = (double)set->n, .first = set->first};
    to->finite = !set->nan && !set->inf && set->n > 0;
    if (!to->finite)
        return;
    radical bare;
    radical_init(&bare);
    ng_contract without = *s->problem->contract;
    without.eps_place = ng_eps_place_none;
    radical_of(&bare, &without, 0, set);
    to->mean = centred ? quotient(&set->sum, set->n) : 0;
    to->mean_abs = quotient(&set->magnitudes, set->n);
    to->root_mean_square = root_of(&set->squares, set->n, 1);
    to->deviation = scale_of(&bare, centred ? set->n : 1);
    to->scale = scale_of(&s->root, centred ? set->n : 1);
    radical_clear(&bare);
}

static bool contract_defined(const ng_contract *contract, ng_error *error)
{
    if (contract->eps_place == ng_eps_place_max_norm) {
        ng_fail(error, ng_status_bad_input,
                "eps_place=max_norm is defined for Lp normalization only");
        return false;
    }
    if (contract->residual != ng_residual_none ||
        contract->saved == ng_saved_mean_var) {
        ng_fail(error, ng_status_bad_input,
                "the reference does not define %s yet",
                contract->residual != ng_residual_none ? "residual=sum"
                                                       : "saved=mean_var");
        return false;
    }
    return true;
}

static ng_exact *exact_new(ng_arena *arena, const ng_view *view,
                           ng_error *error)
{
    ng_exact *exact = ng_arena_alloc(arena, 1, sizeof *exact);
    size_t sets = ng_view_sets(view), n = ng_view_n(view);
    if (exact != NULL) {
        exact->sets = sets;
        exact->n = n;
        exact->y = ng_arena_alloc(arena, sets * n, sizeof *exact->y);
        exact->mean = ng_arena_alloc(arena, sets, sizeof *exact->mean);
        exact->rstd = ng_arena_alloc(arena, sets, sizeof *exact->rstd);
        exact->conditions =
            ng_arena_alloc(arena, sets, sizeof *exact->conditions);
    }
    if (exact == NULL || exact->y == NULL || exact->mean == NULL ||
        exact->rstd == NULL || exact->conditions == NULL) {
        ng_fail(error, ng_status_no_memory,
                "no memory for the exact values of %zu x %zu outputs", sets, n);
        return NULL;
    }
    return exact;
}

static void count_level(ng_exact *exact, const ng_point *point)
{
    exact->levels[point->level]++;
}

ng_exact *ng_exact_forward(ng_arena *arena, const ng_problem *problem,
                           ng_error *error)
{
    if (!contract_defined(problem->contract, error))
        return NULL;
    double eps = ng_contract_eps(problem->contract, problem->eps);
    if (!(eps >= 0) || isinf(eps)) {
        ng_fail(error, ng_status_bad_input,
                "eps=%g is no finite number >= 0 in the contract's eps_dtype",
                problem->eps);
        return NULL;
    }
    ng_exact *exact = exact_new(arena, &problem->view, error);
    if (exact == NULL)
        return NULL;
    set_state s = {.problem = problem};
    bool centred = problem->contract->centred == ng_centred_yes;
    s.storage = ng_contract_storage(problem->contract);
    s.param = ng_contract_param(problem->contract);
    moments_init(&s.set);
    radical_init(&s.root);
    radical_init(&s.mean);
    for (size_t set = 0; set < exact->sets; set++) {
        moments_of(&s.set, &problem->view, set, s.storage, problem->x);
        if (s.set.n > 0) {
            radical_of(&s.root, problem->contract, eps, &s.set);
            radical_of_mean(&s.mean, &s.set);
            quad_split(&s.set.sum, &s.quads.sum_high, &s.quads.sum_low);
            s.quads.n = centred ? (quad)s.set.n : 0;
            s.quads.inverse = s.root.inverse;
        }
        round_statistics(&s, &exact->mean[set], &exact->rstd[set]);
        count_level(exact, &exact->mean[set]);
        count_level(exact, &exact->rstd[set]);
        fill_conditions(&s, &exact->conditions[set]);
        for (size_t i = 0; i < exact->n; i++) {
            ng_point *point = &exact->y[set * exact->n + i];
            round_y(&s, point, set, i);
            count_level(exact, point);
        }
    }
    moments_clear(&s.set);
    radical_clear(&s.root);
    radical_clear(&s.mean);
    return exact;
}

void ng_exact_at(const ng_exact *exact, ng_role role, size_t set, size_t i,
                 ng_point *point)
{
    if (role == ng_tensor_mean)
        *point = exact->mean[set];
    else if (role == ng_tensor_rstd)
        *point = exact->rstd[set];
    else
        *point = exact->y[set * exact->n + i];
}

const ng_conditions *ng_exact_conditions(const ng_exact *exact, size_t set)
{
    return &exact->conditions[set];
}

const size_t *ng_exact_levels(const ng_exact *exact)
{
    return exact->levels;
}

const char *ng_reference_libraries(void)
{
#define NUMBER(n) #n
#define DOTTED(a, b, c) NUMBER(a) "." NUMBER(b) "." NUMBER(c)
    return "MPFR " MPFR_VERSION_STRING ", GMP " DOTTED(
        __GNU_MP_VERSION, __GNU_MP_VERSION_MINOR, __GNU_MP_VERSION_PATCHLEVEL);
#undef NUMBER
#undef DOTTED
}

double ng_point_error(const ng_point *point, double got)
{
    if (point->kind != ng_kind_value && point->kind != ng_kind_zero_nan)
        return NAN;
    if (!isfinite(got))
        return NAN;
    /* got - high is exact when they are close (Sterbenz), else its rounding is
     * 2^-53 relative; the factor rounds the whole up. */
    double scaled = ldexp(got, -point->exponent);
    if (isinf(scaled)) /* exact is so small beside got that it hardly counts */
        return fabs(got) * (1 + 0x1p-50);
    double distance = fabs((scaled - point->high) - point->low);
    double rounded_up = distance * (1 + 0x1p-50);
    double absolute = ldexp(rounded_up, point->exponent);
    /* Among subnormal doubles ldexp rounds, and may round down. */
    if (ldexp(absolute, -point->exponent) < rounded_up)
        absolute = nextafter(absolute, INFINITY);
    return absolute;
}
