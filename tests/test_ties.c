/* Proves that rounding is right where it is hardest: f32 outputs of which at
 * least 40 % lie exactly on the midpoint of two neighbours, and others within
 * 2^-20 to 2^-1000 of one. A tie must be decided by exact comparison and go to
 * the even neighbour; nothing may stay undecided. NORMGATE_EFFORT=10 makes it a
 * million elements.
 *
 * Construction. For integers x with n * sum(x^2) - sum(x)^2 + n^2 eps = k^2 (n
 * sum(x^2) + n^2 eps = k^2 for RMS), x_hat = c/k with the integer c = n x -
 * sum(x) (n x for RMS). Let c = 2^t odd and gamma = k m 2^-t with m odd: then
 * gamma x_hat = u is an odd integer. For an odd M in [2^24, 2^25), a midpoint
 * of f32, beta = M - u is even, so at most 24 bits long, and y = M exactly.
 * All of it may be scaled by a power of two, into subnormals too, and x by
 * another one. Instead of eps = 0 some eps that keeps k an integer is used.
 * Near ties: the same with a far smaller eps added (y moves by 2^-20 to 2^-1000
 * of itself), and with one ulp of gamma. */
#include "slow_reference.h"

#include <normgate/reference.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { N_MAX = 48 };

/* A set with a rational 1/rstd. */
typedef struct pattern {
    bool centred;
    size_t n;
    int x[N_MAX];
    int64_t eps; /* integer, in units of x^2; 0 mostly */
    int64_t k;   /* 1/rstd = k/n */
    int64_t c[N_MAX];
} pattern;

typedef struct tally {
    size_t elements, built, ties, subnormal, overflow, failures;
    size_t level[NG_LEVEL_COUNT];
} tally;

static bool square(int64_t d, int64_t *root)
{
    int64_t r = (int64_t)sqrt((double)d);
    while (r * r > d)
        r--;
    while ((r + 1) * (r + 1) <= d)
        r++;
    *root = r;
    return r > 0 && r * r == d;
}

/* Draws small integers until the denominator is rational; `even`: and k even,
 * as a midpoint of subnormals needs. */
static void draw_pattern(slow_random *random, bool even, pattern *p)
{
    for (;;) {
        int spread = slow_int(random, 1, 20);
        int offset = slow_below(random, 3) ? 0 : slow_int(random, -5000, 5000);
        p->centred = slow_below(random, 3) != 0;
        if (!p->centred)
            offset = 0;
        p->n = 2 + slow_below(random, N_MAX - 1);
        /* Two values in equal numbers have a rational deviation at once. */
        bool pair = p->centred && slow_below(random, 4) == 0;
        int a = slow_int(random, -spread, spread), b = a + spread;
        if (pair)
            p->n -= p->n % 2;
        int64_t n = (int64_t)p->n, s1 = 0, s2 = 0;
        for (size_t i = 0; i < p->n; i++) {
            p->x[i] = offset + (pair ? (i % 2 ? a : b)
                                     : slow_int(random, -spread, spread));
            s1 += p->x[i];
            s2 += (int64_t)p->x[i] * p->x[i];
        }
        p->eps = slow_below(random, 2) ? slow_int(random, 0, 40) : 0;
        if (pair && spread % 2 == 0 && slow_below(random, 2))
            p->eps = 3 * spread * spread / 4; /* x_hat = +-1/2 */
        int64_t d = n * s2 - (p->centred ? s1 * s1 : 0) + n * n * p->eps;
        if (!square(d, &p->k) || p->k >= 1 << 20 || (even && p->k % 2 != 0))
            continue;
        for (size_t i = 0; i < p->n; i++)
            p->c[i] = n * p->x[i] - (p->centred ? s1 : 0);
        return;
    }
}

/* What is done to a set of ties. */
typedef enum twist {
    TIES,        /* nothing */
    NUDGE_EPS,   /* eps + 4^s 2^-j: all elements leave their midpoint */
    NUDGE_FINE,  /* the same where binary128 begins to fail: j = 98 to 124 */
    NUDGE_GAMMA, /* gamma one ulp off */
    PLAIN,       /* random gamma and beta: no ties wanted */
    TWISTS
} twist;

typedef struct row {
    size_t n;
    double x[N_MAX], gamma[N_MAX], beta[N_MAX];
    double eps;
    bool centred, no_beta, tie[N_MAX];
} row;

static bool is_f32(double v)
{
    return (double)(float)v == v;
}

static void build(slow_random *random, twist kind, row *r)
{
    pattern p;
    bool tiny = slow_below(random, 8) == 0; /* towards subnormals */
    bool huge = !tiny && slow_below(random, 16) == 0;
    do {
        draw_pattern(random, tiny, &p);
    } while (kind == NUDGE_FINE && p.eps != 0);
    int scale = slow_int(random, -40, 40); /* of x */
    r->n = p.n;
    r->centred = p.centred;
    r->eps = ldexp((double)p.eps, 2 * scale);
    r->no_beta = !tiny && !huge && slow_below(random, 12) == 0;
    for (size_t i = 0; i < p.n; i++) {
        r->x[i] = ldexp(p.x[i], scale);
        r->tie[i] = false;
        r->gamma[i] = slow_real(random);
        r->beta[i] = r->no_beta ? 0 : slow_real(random);
        if (kind == PLAIN || p.c[i] == 0)
            continue;
        int t = 0;
        while (p.c[i] % ((int64_t)2 << t) == 0)
            t++;
        int64_t odd = p.c[i] >> t;
        int64_t limit = ((int64_t)1 << 24) / p.k; /* gamma: 24 bits */
        int64_t m, u, midpoint;
        if (r->no_beta) { /* y = gamma x_hat itself in [2^24, 2^25) */
            m = ((int64_t)3 << 23) / (odd < 0 ? -odd : odd);
            m += slow_int(random, -3, 3);
            m |= 1;
            u = m * odd;
            midpoint = u;
            if (m >= limit || (u < 0 ? -u : u) < 1 << 24 ||
                (u < 0 ? -u : u) >= 1 << 25)
                continue;
        } else {
            int bits = slow_int(random, 1, 23);
            m = (int64_t)slow_below(random, (uint64_t)1 << bits) | 1;
            if (slow_below(random, 2))
                m = -m;
            u = m * odd;
            midpoint =
                ((int64_t)1 << 24) + (int64_t)slow_below(random, 1 << 24);
            midpoint |= 1;
            if (tiny) /* fewer bits: a midpoint between subnormals */
                midpoint = midpoint >> slow_int(random, 1, 22) | 1;
            if (huge) /* between the largest number and 2^128 */
                midpoint = ((int64_t)1 << 25) - 1;
            if (slow_below(random, 2))
                midpoint = -midpoint;
            if (m <= -limit || m >= limit)
                continue;
        }
        /* Units of half the last place. */
        int unit = huge ? 128 - 25 : tiny ? -150 : slow_int(random, -60, 60);
        double gamma = ldexp((double)(p.k * m), unit - t);
        double beta = ldexp((double)(midpoint - u), unit);
        if (!is_f32(gamma) || !is_f32(beta))
            continue;
        r->gamma[i] = gamma;
        r->beta[i] = beta;
        r->tie[i] = true;
    }
    if (kind == NUDGE_EPS || kind == NUDGE_FINE) {
        static const int depth[] = {20, 40, 60, 80, 100, 120, 200, 400, 1000};
        int j = kind == NUDGE_FINE ? slow_int(random, 98, 124)
                                   : depth[slow_below(random, 9)];
        double eps = r->eps + ldexp(1, 2 * scale - j);
        if (eps == r->eps) /* below the last place of eps */
            eps = nextafter(r->eps, INFINITY);
        r->eps = eps;
    }
    for (size_t i = 0; i < p.n; i++) {
        if (kind == NUDGE_GAMMA)
            r->gamma[i] = nextafterf((float)r->gamma[i], INFINITY);
        if (kind != TIES)
            r->tie[i] = false;
        r->gamma[i] = (float)r->gamma[i];
        r->beta[i] = (float)r->beta[i];
    }
}

/* `param` is the dtype of gamma and beta. */
static void judge(const row *r, ng_dtype param, tally *total)
{
    ng_arena arena = {0};
    ng_contract contract;
    ng_error error = {""};
    assert_int_equal(ng_contract_init(&contract,
                                      r->centred ? "layer_norm" : "rms_norm",
                                      &error),
                     ng_status_ok);
    assert_true(ng_contract_set(&contract, "affine", "gamma_beta"));
    assert_true(
        ng_contract_set(&contract, "param", param == ng_f64 ? "f64" : "same"));
    float x[N_MAX], gamma[N_MAX], beta[N_MAX];
    for (size_t i = 0; i < r->n; i++) {
        x[i] = (float)r->x[i];
        gamma[i] = (float)r->gamma[i];
        beta[i] = (float)r->beta[i];
        assert_true(x[i] == r->x[i]);
    }
    bool wide = param == ng_f64;
    ng_problem problem = {.contract = &contract,
                          .view = ng_view_rows(1, r->n),
                          .eps = r->eps,
                          .x = x,
                          .gamma = wide ? (const void *)r->gamma : gamma,
                          .beta = r->no_beta ? NULL
                                  : wide     ? (const void *)r->beta
                                             : beta};
    ng_exact *exact = ng_exact_compute(&arena, &problem, &error);
    if (exact == NULL)
        fail_msg("%s", error.text);
    slow_input input = {.norm = SLOW_LAYER,
                        .N = 1,
                        .C = r->n,
                        .H = 1,
                        .W = 1,
                        .centred = r->centred,
                        .eps = r->eps,
                        .x = r->x,
                        .gamma = r->gamma,
                        .beta = r->no_beta ? NULL : r->beta};
    slow_output slow;
    slow_forward(&slow, &input);
    for (size_t i = 0; i < r->n; i++) {
        ng_point point;
        slow_rounding how;
        ng_exact_at(exact, ng_tensor_y, 0, i, &point);
        double rounded = slow_round(&slow_f32, slow.y[i], slow.y_size[i],
                                    slow.tie_bits, &how);
        total->elements++;
        total->built += r->tie[i];
        total->ties += how == SLOW_TIE;
        total->subnormal += fabs(rounded) < 0x1p-126 && rounded != 0;
        total->overflow += isinf(rounded) != 0;
        if ((unsigned)point.level < NG_LEVEL_COUNT)
            total->level[point.level]++;
        bool wrong = point.kind != ng_kind_value || point.rounded != rounded ||
                     point.level >= ng_level_undecided ||
                     /* a tie cannot be enclosed: only compared */
                     (how == SLOW_TIE && point.level != ng_level_exact) ||
                     /* by construction and by MPFR alike */
                     (r->tie[i] && how != SLOW_TIE);
        if (wrong && total->failures++ < 5)
            printf("FAILURE %s n=%zu i=%zu: %a, expected %a, level %d, tie %d "
                   "(built %d), eps=%a gamma=%a beta=%a x=%a\n",
                   contract.op, r->n, i, point.rounded, rounded, point.level,
                   how == SLOW_TIE, r->tie[i], r->eps, r->gamma[i], r->beta[i],
                   r->x[i]);
    }
    if (!wide && ng_exact_levels(exact)[ng_level_undecided] != 0)
        total->failures++;
    slow_clear(&slow);
    ng_arena_release(&arena);
}

static void show(const tally *total)
{
    printf("  %zu elements, %zu ties (%.1f %%), %zu of them built so, "
           "%zu subnormal, %zu overflow; levels: binary128 %zu, mpfr %zu, "
           "exact %zu, undecided %zu\n",
           total->elements, total->ties,
           100.0 * (double)total->ties / (double)total->elements, total->built,
           total->subnormal, total->overflow, total->level[ng_level_binary128],
           total->level[ng_level_mpfr], total->level[ng_level_exact],
           total->level[ng_level_undecided]);
}

static void ties_and_near_ties(void **state)
{
    (void)state;
    tally total = {0};
    slow_random random = {40};
    size_t wanted = 100000 * slow_effort();
    while (total.elements < wanted) {
        row r;
        uint64_t pick = slow_below(&random, 12);
        build(&random,
              pick < 8    ? TIES
              : pick < 9  ? NUDGE_EPS
              : pick < 10 ? NUDGE_FINE
              : pick < 11 ? NUDGE_GAMMA
                          : PLAIN,
              &r);
        judge(&r, ng_f32, &total);
    }
    show(&total);
    assert_int_equal(total.failures, 0);
    assert_int_equal(total.level[ng_level_undecided], 0);
    assert_true(total.ties * 10 >= total.elements * 4);
    assert_true(total.built * 10 >= total.elements * 4);
    assert_true(total.subnormal > total.elements / 100);
    assert_true(total.overflow > total.elements / 100);
}

/* beta a midpoint of f32 itself (held in f64), gamma * x_hat a hair beside it:
 * down to 2^-1000 of y, on either side. */
static void hairs(void **state)
{
    (void)state;
    tally total = {0};
    slow_random random = {41};
    for (size_t k = 0; k < 300 * slow_effort(); k++) {
        row r = {.n = 6, .centred = true, .eps = 1e-5};
        int depth = 10 * slow_int(&random, 6, 100);
        for (size_t i = 0; i < r.n; i++) {
            r.x[i] = (float)slow_real(&random);
            r.gamma[i] = ldexp(slow_real(&random), -depth);
            int64_t odd =
                ((1 << 24) + (int64_t)slow_below(&random, 1 << 24)) | 1;
            r.beta[i] = ldexp((double)odd, -24);
            if (slow_below(&random, 2))
                r.beta[i] = -r.beta[i];
            if (i == 0)
                r.gamma[i] = 0;
        }
        r.tie[0] = true;
        judge(&r, ng_f64, &total);
    }
    show(&total);
    assert_int_equal(total.failures, 0);
    assert_int_equal(total.ties, 300 * slow_effort());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ties_and_near_ties),
        cmocka_unit_test(hairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
