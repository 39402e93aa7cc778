/* Proves the arithmetic below the reference: exact sums of doubles, products and
 * triples against GMP integers, from subnormals to the largest; the rationals of
 * the running statistics against GMP's own, for each meaning of momentum. */
#include "slow_reference.h" /* random numbers and effort */

#include "../reference/running.h"
#include "../reference/sum.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* All integers here count units of 2^-SHIFT: the cube of the least subnormal is
 * 2^-3222. */
enum { SHIFT = 3300 };

/* *significand * 2^result = value, by frexp. */
static int split(mpz_t significand, double value)
{
    int exponent;
    double fraction = frexp(value, &exponent);
    mpz_set_d(significand, ldexp(fraction, 53));
    return exponent - 53;
}

/* total += a b c 2^SHIFT */
static void add_slowly(mpz_t total, double a, double b, double c)
{
    mpz_t x, y;
    mpz_inits(x, y, NULL);
    int exponent = split(x, a);
    exponent += split(y, b);
    mpz_mul(x, x, y);
    exponent += split(y, c);
    mpz_mul(x, x, y);
    if (exponent + SHIFT >= 0)
        mpz_mul_2exp(x, x, (mp_bitcnt_t)(exponent + SHIFT));
    else /* the significands were padded with zeros */
        mpz_tdiv_q_2exp(x, x, (mp_bitcnt_t)(-exponent - SHIFT));
    mpz_add(total, total, x);
    mpz_clears(x, y, NULL);
}

static void expect_sum(const exact_sum *sum, const mpz_t total)
{
    dyadic got;
    dyadic_init(&got);
    sum_get(&got, sum);
    bool low = got.e + SHIFT < 0;
    mp_bitcnt_t by = (mp_bitcnt_t)labs(got.e + SHIFT);
    mpz_t left, right;
    mpz_init_set(left, got.m);
    mpz_init_set(right, total);
    mpz_mul_2exp(low ? right : left, low ? right : left, by);
    if (mpz_cmp(left, right) != 0)
        fail_msg("a sum is %.17g * 2^%ld, not %.17g * 2^-%d", mpz_get_d(got.m),
                 got.e, mpz_get_d(total), SHIFT);
    mpz_clears(left, right, NULL);
    dyadic_clear(&got);
}

static double any_double(slow_random *random)
{
    static const double ends[] = {0,
                                  -0.0,
                                  1,
                                  -1,
                                  3,
                                  0x1p-1074,
                                  -0x1p-1074,
                                  0x1p-1022,
                                  DBL_MAX,
                                  -DBL_MAX,
                                  0x1.fffffffffffffp-1023};
    if (slow_below(random, 4) == 0)
        return ends[slow_below(random, sizeof ends / sizeof ends[0])];
    double size = ldexp(1, slow_int(random, -1074, 1023));
    return slow_below(random, 2) ? size * slow_real(random) : slow_real(random);
}

enum { VALUES, PRODUCTS, TRIPLES, KINDS };

static void add(exact_sum *sum, int kind, const double v[3])
{
    if (kind == VALUES)
        sum_add(sum, v[0]);
    else if (kind == PRODUCTS)
        sum_add_product(sum, v[0], v[1]);
    else
        sum_add_triple(sum, v[0], v[1], v[2]);
}

static void random_sums(void **state)
{
    (void)state;
    slow_random random = {61};
    for (size_t k = 0; k < 600 * slow_effort(); k++) {
        size_t terms = slow_below(&random, k % 20 == 0 ? 300 : 12);
        exact_sum sum;
        mpz_t total;
        sum_init(&sum);
        mpz_init(total);
        for (size_t i = 0; i < terms; i++) {
            int kind = (int)slow_below(&random, KINDS);
            double v[3] = {1, 1, 1};
            for (int f = 0; f <= kind; f++)
                v[f] = any_double(&random);
            add(&sum, kind, v);
            add_slowly(total, v[0], v[1], v[2]);
            if (slow_below(&random, 3) == 0) { /* taken away again */
                v[0] = -v[0];
                add(&sum, kind, v);
                add_slowly(total, v[0], v[1], v[2]);
            }
        }
        expect_sum(&sum, total);
        mpz_clear(total);
    }
}

/* The longest significands and the ends of the range in every factor. */
static void extreme_terms(void **state)
{
    (void)state;
    static const double ends[] = {DBL_MAX,
                                  -DBL_MAX,
                                  0x1p-1074,
                                  -0x1p-1074,
                                  0x1.fffffffffffffp-1023,
                                  0x1p1023,
                                  0x1.fffffffffffffp0};
    enum { ENDS = sizeof ends / sizeof ends[0] };
    for (size_t k = 0; k < KINDS * ENDS * ENDS * ENDS; k++) {
        int kind = (int)(k % KINDS);
        double v[3] = {ends[k / KINDS % ENDS], 1, 1};
        if (kind >= PRODUCTS)
            v[1] = ends[k / KINDS / ENDS % ENDS];
        if (kind >= TRIPLES)
            v[2] = ends[k / KINDS / ENDS / ENDS];
        exact_sum sum;
        mpz_t total;
        sum_init(&sum);
        mpz_init(total);
        add(&sum, kind, v);
        add_slowly(total, v[0], v[1], v[2]);
        expect_sum(&sum, total);
        mpz_clear(total);
    }
    exact_sum none;
    mpz_t zero;
    mpz_init(zero);
    sum_init(&none);
    expect_sum(&none, zero);
    sum_add(&none, 0.0);
    sum_add_product(&none, -0.0, DBL_MAX);
    sum_add_triple(&none, DBL_MAX, 0, DBL_MAX);
    expect_sum(&none, zero);
    mpz_clear(zero);
}

/* As many terms as a set may have: carries are deferred, and must not be lost.
 * 2^24 times the same is one shift. */
static void many_terms(void **state)
{
    (void)state;
    const double v[3] = {DBL_MAX, DBL_MAX, DBL_MAX};
    exact_sum sum;
    mpz_t total;
    sum_init(&sum);
    mpz_init(total);
    for (size_t i = 0; i < (size_t)1 << 24; i++)
        sum_add_triple(&sum, v[0], v[1], v[2]);
    add_slowly(total, v[0], v[1], v[2]);
    mpz_mul_2exp(total, total, 24);
    expect_sum(&sum, total);
    mpz_clear(total);
}

/* --- rationals ------------------------------------------------------------- */

static void to_mpq(mpq_t to, const rational *r)
{
    mpq_set_z(to, r->num.m);
    if (r->num.e >= 0)
        mpq_mul_2exp(to, to, (mp_bitcnt_t)r->num.e);
    else
        mpq_div_2exp(to, to, (mp_bitcnt_t)-r->num.e);
    mpq_t den;
    mpq_init(den);
    mpq_set_z(den, r->den);
    mpq_div(to, to, den);
    mpq_clear(den);
}

static void expect_rational(const rational *r, const mpq_t exact)
{
    mpq_t got;
    mpq_init(got);
    assert_true(mpz_sgn(r->den) > 0);
    to_mpq(got, r);
    if (!mpq_equal(got, exact))
        fail_msg("%.17g where %.17g was due", mpq_get_d(got), mpq_get_d(exact));
    mpq_clear(got);
}

static void random_rational(slow_random *random, rational *r)
{
    rational_set_double(r, slow_real(random) *
                               ldexp(1, slow_int(random, -1000, 1000)));
    if (slow_below(random, 3) != 0)
        mpz_set_ui(r->den, 1 + slow_below(random, 1 << 24));
}

static void arithmetic(void **state)
{
    (void)state;
    slow_random random = {62};
    rational a, b, to;
    mpq_t p, q, exact;
    rational_init(&a);
    rational_init(&b);
    rational_init(&to);
    mpq_inits(p, q, exact, NULL);
    expect_rational(&to, exact); /* both begin at 0 */
    for (size_t k = 0; k < 500 * slow_effort(); k++) {
        random_rational(&random, &a);
        random_rational(&random, &b);
        if (k % 5 == 0)
            mpz_set(b.den, a.den);
        to_mpq(p, &a);
        to_mpq(q, &b);
        rational_add(&to, &a, &b);
        mpq_add(exact, p, q);
        expect_rational(&to, exact);
        rational_mul(&to, &a, &b);
        mpq_mul(exact, p, q);
        expect_rational(&to, exact);
        rational_reduce(&to);
        expect_rational(&to, exact);
        mpz_t common;
        mpz_init(common);
        mpz_gcd(common, to.num.m, to.den);
        assert_true(mpz_cmp_ui(common, 1) == 0 || mpz_sgn(to.num.m) == 0);
        mpz_clear(common);
        rational_mul(&a, &a, &b); /* onto an argument */
        mpq_mul(exact, p, q);
        expect_rational(&a, exact);
        rational_add(&a, &a, &b);
        mpq_add(exact, exact, q);
        expect_rational(&a, exact);
        rational_add(&b, &a, &b);
        mpq_add(exact, exact, q);
        expect_rational(&b, exact);
    }
    rational_clear(&a);
    rational_clear(&b);
    rational_clear(&to);
    mpq_clears(p, q, exact, NULL);
}

/* exact := (1 - m) exact + m value, or its mirror. */
static void step_slowly(mpq_t exact, const mpq_t value, double momentum,
                        bool weight_of_old)
{
    mpq_t weight, rest, part;
    mpq_inits(weight, rest, part, NULL);
    mpq_set_d(weight, momentum);
    mpq_set_ui(rest, 1, 1);
    mpq_sub(rest, rest, weight);
    mpq_mul(part, value, weight_of_old ? rest : weight);
    mpq_mul(exact, exact, weight_of_old ? weight : rest);
    mpq_add(exact, exact, part);
    mpq_clears(weight, rest, part, NULL);
}

static void momentum_steps(void **state)
{
    (void)state;
    static const double momenta[] = {0.1, 0.9, 0, 1, 0.99, -0.5, 3, 0x1p-300};
    slow_random random = {63};
    for (int old = 0; old < 2; old++) {
        ng_contract contract;
        ng_contract_init(&contract, "batch_norm", NULL);
        ng_contract_set(&contract, "momentum", old ? "old" : "new");
        for (size_t k = 0; k < 100 * slow_effort(); k++) {
            rational running, value;
            mpq_t exact, next;
            rational_init(&running);
            rational_init(&value);
            mpq_inits(exact, next, NULL);
            random_rational(&random, &running);
            to_mpq(exact, &running);
            for (int call = 0; call < 4; call++) {
                double momentum = momenta[(k + (size_t)call) % 8];
                random_rational(&random, &value);
                to_mpq(next, &value);
                running_step(&running, &value, &contract, momentum,
                             slow_u64(&random));
                step_slowly(exact, next, momentum, old != 0);
                expect_rational(&running, exact);
            }
            rational_clear(&running);
            rational_clear(&value);
            mpq_clears(exact, next, NULL);
        }
    }
}

/* After k batches the cumulative average is the mean of all k values, whatever
 * it began with; far along a step weighs 1/(batches + 1), also at 2^64. */
static void cumulative_average(void **state)
{
    (void)state;
    slow_random random = {64};
    ng_contract contract;
    ng_contract_init(&contract, "batch_norm", NULL);
    ng_contract_set(&contract, "momentum", "cumulative");
    rational running, value;
    mpq_t sum, next, mean;
    rational_init(&running);
    rational_init(&value);
    mpq_inits(sum, next, mean, NULL);
    rational_set_double(&running, 1e300);
    for (uint64_t batches = 0; batches < 60; batches++) {
        random_rational(&random, &value);
        to_mpq(next, &value);
        mpq_add(sum, sum, next);
        running_step(&running, &value, &contract, 0.1, batches);
        mpq_set_ui(mean, 1, batches + 1);
        mpq_mul(mean, mean, sum);
        expect_rational(&running, mean);
    }
    /* from 0 with the value 1: 1/2^64 */
    rational_set_double(&running, 0);
    rational_set_double(&value, 1);
    running_step(&running, &value, &contract, 0.1, UINT64_MAX);
    mpq_set_ui(mean, 1, 1);
    mpq_div_2exp(mean, mean, 64);
    expect_rational(&running, mean);
    rational_clear(&running);
    rational_clear(&value);
    mpq_clears(sum, next, mean, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_sums),    cmocka_unit_test(extreme_terms),
        cmocka_unit_test(many_terms),     cmocka_unit_test(arithmetic),
        cmocka_unit_test(momentum_steps), cmocka_unit_test(cumulative_average),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
