/* Bounds: the sums' bounds are the formulas of BOUNDS.md on numbers worked out
 * by hand; no plain f32 kernel of a class, on random and on adversarial data,
 * leaves its bound (a right kernel never fails); and every bound is nearly
 * reached by some data, so that an inflated one shows (a wrong one does). */
#include "../properties/bounds.h"

#include <normgate/source.h>

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { N_MAX = 4096, LANES = 8, BLOCK = 32 };

static ng_contract contract_of(const char *fields)
{
    ng_contract contract;
    ng_error error;
    if (ng_contract_parse(&contract, fields, &error) != ng_status_ok)
        fail_msg("%s: %s", fields, error.text);
    return contract;
}

/* u = 2^-24: g(k) = k/(2^24 - k), with 2^24 = 16777216. 16-bit storage has f32
 * arithmetic, unless it says otherwise: bf16 has u = 2^-8, f16 2^-11. */
static const struct {
    const char *contract;
    double n, above, below, added; /* above/below + added */
} formulas[] = {
    {"op=layer_norm", 1, 1, 16777215, 0},
    {"op=layer_norm summation=recursive", 1000, 1000, 16776216, 0},
    /* 1024/8 + 2*8, then with a tail, with 16 lanes, and n < n/8 + 2*8 */
    {"op=layer_norm summation=lanes block=8", 1024, 144, 16777072, 0},
    {"op=layer_norm summation=lanes block=8", 1025, 145, 16777071, 0},
    {"op=layer_norm summation=lanes", 1600, 132, 16777084, 0},
    {"op=layer_norm summation=lanes block=8", 16, 16, 16777200, 0},
    /* 32 + 1024/32, and n < 32 + 2 */
    {"op=layer_norm summation=blocked block=32", 1024, 64, 16777152, 0},
    {"op=layer_norm summation=blocked block=32", 33, 33, 16777183, 0},
    /* 32 + 5 + 1, and a base case alone */
    {"op=layer_norm summation=pairwise block=32", 1024, 38, 16777178, 0},
    {"op=layer_norm summation=pairwise block=32", 1000, 38, 16777178, 0},
    {"op=layer_norm summation=pairwise block=32", 20, 20, 16777196, 0},
    /* 2u + 2^13 u^2 + g(1024)^2, g(1024) = 1/16383; u + g(1024) at 2^-53 */
    {"op=layer_norm summation=compensated", 1024, 1, 8388608,
     0x1p-35 + 1 / 268402689.0},
    {"op=layer_norm summation=wide", 1024, 1, 16777216, 0x1.00000000008p-43},
    {"op=layer_norm dtype=f64", 1024, 0x1p-43, 1 - 0x1p-43, 0},
    {"op=layer_norm dtype=bf16", 1000, 1000, 16776216, 0},
    {"op=layer_norm dtype=bf16 compute=bf16", 128, 1, 1, 0},
    {"op=layer_norm dtype=bf16 compute=bf16", 256, INFINITY, 1, 0},
    {"op=layer_norm dtype=f16 compute=f16", 1024, 1, 1, 0},
};
enum { FORMULAS = sizeof formulas / sizeof formulas[0] };

static void test_formulas(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORMULAS; i++) {
        ng_contract contract = contract_of(formulas[i].contract);
        double got = ng_accumulation_bound(&contract, formulas[i].n);
        double want = formulas[i].above / formulas[i].below + formulas[i].added;
        if (got != want && !(fabs(got - want) <= 4 * DBL_EPSILON * want))
            fail_msg("%s, n = %g: %.17g, by hand %.17g", formulas[i].contract,
                     formulas[i].n, got, want);
        double before = 0; /* and a longer sum is never better */
        for (size_t n = 1; n <= 20000; n++) {
            double now = ng_accumulation_bound(&contract, (double)n);
            if (!(now > 0) || now < before)
                fail_msg("%s: %g at n = %zu, %g before", formulas[i].contract,
                         now, n, before);
            before = now;
        }
    }
}

/* Four squares of 2^61 have the root sum 2^62; of 2^62, 2^63, which is above
 * sqrt(largest)/2. At u = 2^-8 300 additions promise nothing. */
static void test_domain(void **state)
{
    static const struct {
        const char *fields;
        double n, size;
        bool judged;
    } rows[] = {
        {"", 4, 0x1p61, true},
        {"", 4, 0x1p62, false},
        {"compute=f64", 4, 0x1p62, true},
        {"max_abs=100", 4, 100, true},
        {"max_abs=100", 4, 101, false},
        {"max_n=4", 4, 1, true},
        {"max_n=3", 4, 1, false},
        {"dtype=bf16 compute=bf16", 4, 1, true},
        {"dtype=bf16 compute=bf16", 300, 1, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[96];
        snprintf(text, sizeof text, "op=layer_norm %s", rows[i].fields);
        ng_contract contract = contract_of(text);
        double size = rows[i].size;
        ng_conditions set = {.n = rows[i].n,
                             .mean_abs = size,
                             .deviation = size,
                             .root_mean_square = size,
                             .scale = size,
                             .first = size,
                             .finite = true};
        ng_set_bound bound;
        ng_bound_set(&bound, &contract, &set, size);
        if (bound.judged != rows[i].judged)
            fail_msg("%s, n = %g, size %g", text, rows[i].n, size);
    }
}

/* What underflow may do to a right kernel, worked out by hand. */
static void test_underflow(void **state)
{
    (void)state;
    /* f16 holds eps = 1.5 * 2^-24 as 2^-23: s is off by sqrt(4/3). */
    ng_contract half =
        contract_of("op=batch_norm pass=inference dtype=f16 compute=f16");
    ng_conditions set = {.n = 4, .scale = sqrt(0x1.8p-24), .finite = true};
    ng_set_bound bound;
    ng_bound_set(&bound, &half, &set, 0);
    assert_true(bound.judged);
    assert_true(bound.scale >= sqrt(4.0 / 3) - 1 && bound.scale < 1);
    /* gamma = 2^-149 times rstd = 1/4 is 0 in f32, and so is y of x = 1000,
     * where 250 * 2^-149 is due; folded or not. */
    static const char *const orders[] = {"centre_first", "folded"};
    for (size_t k = 0; k < 2; k++) {
        char text[96];
        snprintf(text, sizeof text,
                 "op=batch_norm pass=inference affine_eval=%s", orders[k]);
        ng_contract single = contract_of(text);
        ng_conditions plain = {.n = 4,
                               .deviation = 4,
                               .root_mean_square = 1000,
                               .mean_abs = 1000,
                               .scale = 4,
                               .finite = true};
        ng_point exact = {.kind = ng_kind_value, .high = 250 * 0x1p-149};
        ng_bound_set(&bound, &single, &plain, 1000);
        double y =
            ng_bound_y(&bound, &single, &plain, &exact, 1000, 0x1p-149, 0);
        assert_true(y >= 250 * 0x1p-149 && y < 0x1p-126);
    }
}

/* a g + b x + c at x = mean = 2^60 and s = 2^-20: rounding may leave sum g x -
 * mean sum g at 2^36, which rstd^3 = 2^60 makes b = 2^96, and b x is beyond f32.
 * x - mean first gives no such term. */
static void test_folded_overflow(void **state)
{
    static const struct {
        const char *order;
        bool judged;
    } rows[] = {{"centre_first", true}, {"folded", false}};
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        char text[128];
        snprintf(text, sizeof text,
                 "op=layer_norm pass=backward backward_stats=saved "
                 "affine_eval=%s",
                 rows[k].order);
        ng_contract contract = contract_of(text);
        ng_conditions set = {.n = 1,
                             .mean = 0x1p60,
                             .mean_abs = 0x1p60,
                             .root_mean_square = 0x1p60,
                             .first = 0x1p60,
                             .scale = 0x1p-20,
                             .divisor = 1,
                             .g_abs = 1,
                             .g_mean = 1,
                             .finite = true,
                             .gradient_finite = true};
        ng_point exact = {.kind = ng_kind_value};
        ng_set_bound bound;
        ng_bound_set(&bound, &contract, &set, 0x1p60);
        double dx = ng_bound_dx(&bound, &contract, &set, &exact, 0x1p60, 1, 0);
        assert_true(bound.dx_judged);
        assert_int_equal(isfinite(dx) != 0, rows[k].judged);
    }
}

/* --- plain f32 kernels, one per class -------------------------------------- */

static float sum_recursive(const float *t, size_t n)
{
    float total = 0;
    for (size_t i = 0; i < n; i++)
        total += t[i];
    return total;
}

static float sum_lanes(const float *t, size_t n)
{
    float lane[LANES] = {0};
    size_t whole = n - n % LANES;
    for (size_t i = 0; i < whole; i++)
        lane[i % LANES] += t[i];
    float total = sum_recursive(lane, LANES);
    for (size_t i = whole; i < n; i++)
        total += t[i];
    return total;
}

static float sum_blocked(const float *t, size_t n)
{
    float total = 0;
    for (size_t i = 0; i < n; i += BLOCK)
        total += sum_recursive(t + i, n - i < BLOCK ? n - i : BLOCK);
    return total;
}

static float sum_pairwise(const float *t, size_t n)
{
    return n <= BLOCK
               ? sum_recursive(t, n)
               : sum_pairwise(t, n / 2) + sum_pairwise(t + n / 2, n - n / 2);
}

static float sum_kahan(const float *t, size_t n)
{
    float total = 0, lost = 0;
    for (size_t i = 0; i < n; i++) {
        float term = t[i] - lost, next = total + term;
        lost = (next - total) - term;
        total = next;
    }
    return total;
}

static float sum_wide(const float *t, size_t n)
{
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += (double)t[i];
    return (float)total;
}

typedef float (*sum_of)(const float *t, size_t n);
typedef struct moments {
    float mean, var;
} moments;

static moments around(sum_of sum, const float *x, size_t n, float mean)
{
    static float square[N_MAX];
    for (size_t i = 0; i < n; i++)
        square[i] = (x[i] - mean) * (x[i] - mean);
    return (moments){mean, sum(square, n) / (float)n};
}

static moments two_pass(sum_of sum, const float *x, size_t n)
{
    return around(sum, x, n, sum(x, n) / (float)n);
}

static moments mean_square(sum_of sum, const float *x, size_t n)
{
    return around(sum, x, n, 0);
}

static moments welford(sum_of sum, const float *x, size_t n)
{
    float mean = 0, squares = 0;
    (void)sum;
    for (size_t i = 0; i < n; i++) {
        float d = x[i] - mean;
        mean += d / (float)(i + 1);
        squares += d * (x[i] - mean);
    }
    return (moments){mean, squares / (float)n};
}

static moments shifted(sum_of sum, const float *x, size_t n)
{
    float total = 0, squares = 0;
    (void)sum;
    for (size_t i = 0; i < n; i++) {
        float d = x[i] - x[0];
        total += d;
        squares += d * d;
    }
    float offset = total / (float)n;
    float var = (squares - total * offset) / (float)n;
    return (moments){x[0] + offset, fmaxf(var, 0)};
}

static moments one_pass_in_double(sum_of sum, const float *x, size_t n)
{
    double total = 0, squares = 0;
    (void)sum;
    for (size_t i = 0; i < n; i++) {
        total += (double)x[i];
        squares += (double)x[i] * (double)x[i];
    }
    double mean = total / (double)n;
    double var = squares / (double)n - mean * mean;
    return (moments){(float)mean, (float)fmax(var, 0)};
}

enum { SUM, MEAN, SCALE, Y, PARTS };

/* `floor`: how much of each part of the bound some data must use up. 0.9 and
 * more where `lost` does it, 0.4 where one rounding does, else (the bound adds
 * up worst cases that exclude one another) below what random data reach. 0: a
 * part that the class does not have. */
typedef struct style {
    const char *contract;
    moments (*run)(sum_of sum, const float *x, size_t n);
    sum_of sum;
    double floor[PARTS];
} style;

static const style styles[] = {
    {"", two_pass, sum_recursive, {0.98, 0.98, 0.98, 0.98}},
    {"summation=lanes block=8", two_pass, sum_lanes, {0.95, 0.95, 0.95, 0.9}},
    {"summation=blocked block=32",
     two_pass,
     sum_blocked,
     {0.95, 0.95, 0.9, 0.7}},
    {"summation=pairwise block=32",
     two_pass,
     sum_pairwise,
     {0.9, 0.9, 0.8, 0.6}},
    {"summation=compensated", two_pass, sum_kahan, {0.4, 0.4, 0.4, 0.4}},
    {"summation=wide", two_pass, sum_wide, {0.95, 0.5, 0.4, 0.4}},
    {"variance=welford", welford, NULL, {0, 0.25, 0.25, 0.25}},
    {"variance=shifted", shifted, NULL, {0, 0.4, 0.25, 0.4}},
    {"variance=one_pass_wide", one_pass_in_double, NULL, {0, 0.4, 0.4, 0.4}},
    {"centred=no", mean_square, sum_recursive, {0.98, 0, 0.98, 0.98}},
    {"affine_eval=folded", two_pass, sum_recursive, {0.98, 0.98, 0.98, 0.9}},
    {"eps_place=outside", two_pass, sum_recursive, {0.98, 0.98, 0.98, 0.98}},
};
enum { STYLES = sizeof styles / sizeof styles[0] };

/* --- data ------------------------------------------------------------------ */

/* Half a unit of 1 added to 1 is lost, by ties to even: the sum of 1 and n - 1
 * of these errs by (n - 1)u. Of the squares, 2 and t^2, just below 2^-23. */
static float lost(size_t i, size_t lead)
{
    static const float t = 0x1.6a09e4p-12f;
    if (lead == 1)
        return i == 0 ? 1 : 0x1p-24f;
    float sign = i / (lead / 2) % 2 == 0 ? 1.0f : -1.0f;
    return i < lead ? sign : sign * t;
}

/* Element i of n of every family: normal with an offset; constant; an outlier;
 * alternating, wide, subnormal, near-constant, rising, large; then what loses
 * or gains half a unit each time, for each order of summation. */
enum { FAMILIES = 22 };
static void values(float of[FAMILIES], size_t i, size_t n, ng_source *source)
{
    float normal = (float)ng_source_normal(source);
    float unit = (float)ng_source_unit(source), odd = i % 2 == 0 ? 1 : -1;
    int draw = (int)ng_source_below(source, 200);
    bool power = (i & (i - 1)) == 0, head = i < BLOCK;
    const float all[FAMILIES] = {normal,
                                 1 + normal,
                                 100 + normal,
                                 1e3f + normal,
                                 1e5f + normal,
                                 0.1f,
                                 1e5f + 0.1f,
                                 i == 0 ? 1e4f : normal,
                                 i + 1 == n ? 1e4f : normal,
                                 odd * (1 + 0.001f * normal),
                                 odd * ldexpf(1 + unit, draw % 40 - 20),
                                 0x1p-149f * (float)draw,
                                 1 + 0x1p-23f * (float)(draw % 2),
                                 (float)i / (float)n - 0.3f,
                                 1e15f * normal,
                                 i == 0 ? 1 : 0x1.000002p-24f,
                                 lost(i, 1),
                                 i < LANES ? 1 : 0x1p-24f,
                                 head || i % BLOCK == 0 ? lost(i, 1) : 0,
                                 head || power ? lost(i, 1) : 0,
                                 lost(i, 2),
                                 lost(i, (size_t)2 * LANES)};
    memcpy(of, all, sizeof all);
}

/* --- containment ------------------------------------------------------------ */

typedef struct maxima {
    double at[PARTS];
    size_t judged, of;
    char what[160]; /* is being tried */
} maxima;

static void raise(maxima *m, int part, long double error, double bound)
{
    double ratio = error > 0 ? (double)(fabsl(error) / (long double)bound) : 0;
    if (!(ratio <= 1))
        fail_msg("%s, part %d: error %Lg, bound %g, ratio %.6g", m->what, part,
                 error, bound, ratio);
    m->at[part] = fmax(m->at[part], ratio);
}

typedef struct exact {
    long double sum, size, mean, scale;
    ng_conditions set;
} exact;

static exact solve(const ng_contract *contract, const float *x, size_t n,
                   double eps)
{
    exact e = {0};
    long double count = (long double)n, square = 0, var = 0;
    for (size_t i = 0; i < n; i++) {
        e.sum += (long double)x[i];
        e.size += fabsl((long double)x[i]);
        square += (long double)x[i] * (long double)x[i];
    }
    e.mean = contract->centred == ng_centred_yes ? e.sum / count : 0;
    for (size_t i = 0; i < n; i++)
        var += ((long double)x[i] - e.mean) * ((long double)x[i] - e.mean);
    var /= count;
    e.scale = contract->eps_place == ng_eps_place_outside
                  ? sqrtl(var) + (long double)eps
                  : sqrtl(var + (long double)eps);
    e.set = (ng_conditions){.n = (double)n,
                            .mean = (double)e.mean,
                            .mean_abs = (double)(e.size / count),
                            .deviation = (double)sqrtl(var),
                            .root_mean_square = (double)sqrtl(square / count),
                            .scale = (double)e.scale,
                            .first = (double)x[0],
                            .finite = true};
    return e;
}

static void judge_y(maxima *all, const ng_contract *contract, const exact *e,
                    const ng_set_bound *bound, moments m, float rstd, float x,
                    ng_source *source)
{
    float gamma = 0.5f + 1.5f * (float)ng_source_unit(source);
    float beta = (float)ng_source_normal(source);
    float y = (x - m.mean) * rstd * gamma + beta;
    if (contract->affine_eval == ng_affine_eval_folded)
        y = x * (rstd * gamma) + (beta - m.mean * (rstd * gamma));
    long double want =
        ((long double)x - e->mean) / e->scale * (long double)gamma +
        (long double)beta;
    ng_point point = {.kind = ng_kind_value, .high = (double)want};
    raise(all, Y, fabsl((long double)y - want),
          ng_bound_y(bound, contract, &e->set, &point, (double)x, (double)gamma,
                     (double)beta));
}

static void try_one(maxima *all, const style *s, const ng_contract *contract,
                    const float *x, size_t n, double eps, ng_source *source)
{
    exact e = solve(contract, x, n, eps);
    ng_set_bound bound;
    ng_bound_set(&bound, contract, &e.set, 0);
    all->of++;
    if (s->sum != NULL)
        raise(all, SUM, fabsl((long double)s->sum(x, n) - e.sum),
              ng_accumulation_bound(contract, (double)n) * (double)e.size);
    if (!bound.judged)
        return;
    all->judged++;
    moments m = s->run(s->sum, x, n);
    float rstd = contract->eps_place == ng_eps_place_outside
                     ? 1 / (sqrtf(m.var) + (float)eps)
                     : 1 / sqrtf(m.var + (float)eps);
    raise(all, MEAN, fabsl((long double)m.mean - e.mean), bound.mean);
    raise(all, SCALE, fabsl((long double)rstd * e.scale - 1), bound.scale);
    for (size_t i = 0; i < n; i += 1 + n / 64)
        judge_y(all, contract, &e, &bound, m, rstd, x[i], source);
}

static void test_containment(void **state)
{
    static const size_t sizes[] = {1,  2,   3,   4,    8,    16,  33,
                                   64, 100, 256, 1000, 1024, 4096};
    static const double eps[] = {1e-5, 0, 1, 1e-12, 1e-40};
    static float x[FAMILIES][N_MAX];
    ng_source source;
    (void)state;
    if (LDBL_MANT_DIG < 64)
        skip(); /* the exact values need more than double */
    for (size_t c = 0; c < STYLES; c++) {
        const style *s = &styles[c];
        /* Each style sees the same data, whatever was judged before it. */
        ng_source_from_seed(&source, 20);
        char text[96];
        snprintf(text, sizeof text, "op=layer_norm %s", s->contract);
        ng_contract contract = contract_of(text);
        maxima all = {0};
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            size_t n = sizes[k];
            for (size_t i = 0; i < n; i++) {
                float of[FAMILIES];
                values(of, i, n, &source);
                for (size_t f = 0; f < FAMILIES; f++)
                    x[f][i] = of[f];
            }
            for (size_t f = 0; f < 5 * FAMILIES; f++) {
                snprintf(all.what, sizeof all.what,
                         "%s, family %zu, n = %zu, eps = %g", text, f / 5, n,
                         eps[f % 5]);
                try_one(&all, s, &contract, x[f / 5], n, eps[f % 5], &source);
            }
        }
        print_message("%-41s sum %.4f mean %.4f rstd %.4f y %.4f, %zu/%zu "
                      "judged\n",
                      text, all.at[SUM], all.at[MEAN], all.at[SCALE], all.at[Y],
                      all.judged, all.of);
        for (int part = 0; part < PARTS; part++)
            assert_true(all.at[part] >= s->floor[part]);
        assert_true(all.judged * 5 > all.of * 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formulas),
        cmocka_unit_test(test_domain),
        cmocka_unit_test(test_underflow),
        cmocka_unit_test(test_folded_overflow),
        cmocka_unit_test(test_containment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
