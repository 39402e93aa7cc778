/* Proves the running statistics: after any sequence of train, eval and reset
 * calls the exact state equals the closed form
 *
 *     (1 - m)^k r0 + sum over j of m (1 - m)^(k - j) s_j
 *
 * (cumulative: the average of all statistics), formed in integers from the data
 * alone, by halves, and never step by step; and after one call the buffers hold
 * its correct rounding. */
#include "../reference/running.h"
#include "../reference/set.h"
#include "../reference/value.h"
#include "slow_reference.h" /* random numbers and effort only */

#include <normgate/arena.h>
#include <normgate/op.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Every n and n - 1 up to 8 divides 840, every number of sets 6, and x are
 * multiples of 2^-GRID: statistics are multiples of 1/UNIT, UNIT = 6 840^2
 * 2^(2 GRID). */
enum { POOL = 32, N_MAX = 8, SETS_MAX = 3, COMMON = 840, GRID = 16 };

/* One batch: mean and var from the reference, and times UNIT in integers. */
typedef struct batch {
    rational value[2];
    mpz_t whole[2];
} batch;

typedef struct pool {
    ng_contract contract;
    bool unbiased;
    batch batch[POOL];
} pool;

static void unit_get(mpz_t unit)
{
    mpz_set_ui(unit, 6ul * COMMON * COMMON);
    mpz_mul_2exp(unit, unit, 2 * GRID);
}

/* Adds share/6 of a set's statistics, X = 2^GRID x. */
static void add_whole(batch *b, const long *X, long n, bool unbiased,
                      unsigned long share)
{
    mpz_t term;
    long sum = 0, squares = 0, k = unbiased ? n - 1 : n;
    for (long i = 0; i < n; i++) {
        sum += X[i];
        squares += X[i] * X[i];
    }
    mpz_init_set_si(term, sum * (COMMON / n));
    mpz_mul_ui(term, term, COMMON);
    mpz_mul_2exp(term, term, GRID);
    mpz_addmul_ui(b->whole[0], term, share);
    mpz_set_si(term, n * squares - sum * sum);
    mpz_mul_si(term, term, COMMON / n * (COMMON / k));
    mpz_addmul_ui(b->whole[1], term, share);
    mpz_clear(term);
}

/* Adds 1/sets of a set's statistics as the reference has them. */
static void add_value(batch *b, const ng_problem *problem, size_t set,
                      bool unbiased, unsigned long sets)
{
    set_state s;
    rational part;
    set_init(&s);
    rational_init(&part);
    set_load(&s, problem, problem->eps, set);
    dyadic_set(&part.num, &s.m.sum);
    mpz_set_ui(part.den, s.m.n * sets);
    rational_add(&b->value[0], &b->value[0], &part);
    set_variance(&s, unbiased ? s.m.n - 1 : s.m.n, &part.num, part.den);
    mpz_mul_ui(part.den, part.den, sets);
    rational_add(&b->value[1], &b->value[1], &part);
    for (int k = 0; k < 2; k++)
        rational_reduce(&b->value[k]);
    rational_clear(&part);
    set_clear(&s);
}

static void batch_fill(batch *b, const pool *p, slow_random *random)
{
    long X[SETS_MAX][N_MAX];
    double x[SETS_MAX * N_MAX];
    ng_case test;
    const ng_op *op = ng_op_find(p->contract.op);
    bool instance = strcmp(op->name, "instance_norm") == 0;
    ng_case_init(&test, op->name, ng_f64);
    test.N = 1 + slow_below(random, instance ? SETS_MAX : 4);
    test.spatial = 2 + slow_below(random, instance ? N_MAX - 1 : 1);
    op->complete(&test);
    ng_problem problem = {.contract = &p->contract,
                          .view = ng_case_view(&test, &p->contract),
                          .eps = 0x1p-17,
                          .x = x};
    for (int k = 0; k < 2; k++) {
        rational_init(&b->value[k]);
        mpz_init(b->whole[k]);
    }
    for (size_t i = 0; i < test.rows * test.n; i++) {
        X[i / test.n][i % test.n] = slow_int(random, -(1 << 20), 1 << 20);
        x[i] = ldexp((double)X[i / test.n][i % test.n], -GRID);
    }
    for (size_t set = 0; set < test.rows; set++) {
        add_whole(b, X[set], (long)test.n, p->unbiased, 6 / test.rows);
        add_value(b, &problem, set, p->unbiased, test.rows);
    }
}

static void pool_init(pool *p, const char *op, const char *momentum,
                      bool unbiased, slow_random *random)
{
    char text[256];
    snprintf(text, sizeof text,
             "op=%s dtype=f64 running=update momentum=%s running_var=%s", op,
             momentum, unbiased ? "unbiased" : "biased");
    assert_int_equal(ng_contract_parse(&p->contract, text, NULL), ng_status_ok);
    p->unbiased = unbiased;
    for (size_t i = 0; i < POOL; i++)
        batch_fill(&p->batch[i], p, random);
}

static void pool_clear(pool *p)
{
    for (size_t i = 0; i < POOL; i++) {
        for (int k = 0; k < 2; k++) {
            rational_clear(&p->batch[i].value[k]);
            mpz_clear(p->batch[i].whole[k]);
        }
    }
}

/* value = m 2^e exactly, m odd or 0 */
static long integer_of(mpz_t m, double value)
{
    int e;
    mpz_set_d(m, ldexp(frexp(value, &e), 53));
    if (mpz_sgn(m) == 0)
        return 0;
    mp_bitcnt_t zeros = mpz_scan1(m, 0);
    mpz_fdiv_q_2exp(m, m, zeros);
    return e - 53 + (long)zeros;
}

/* What happened since the buffers were last set: from r0, `count` batches. */
typedef struct history {
    double r0[2];
    uint64_t seen; /* before r0 */
    size_t count, capacity;
    unsigned char *pick; /* indices into the pool */
} history;

/* One step is r := (keep r + take s)/2^e. */
typedef struct weights {
    mpz_t keep, take;
    long e;
} weights;

static void weights_of(weights *w, const ng_contract *contract, double momentum)
{
    mpz_inits(w->keep, w->take, NULL);
    w->e = -integer_of(w->take, momentum);
    if (w->e < 0) {
        mpz_mul_2exp(w->take, w->take, (mp_bitcnt_t)-w->e);
        w->e = 0;
    }
    mpz_ui_pow_ui(w->keep, 2, (unsigned long)w->e);
    mpz_sub(w->keep, w->keep, w->take);
    if (contract->momentum == ng_momentum_old)
        mpz_swap(w->keep, w->take);
}

/* The steps from `low` to `high` together: r := (a r + b/UNIT)/2^(e steps). */
static void halves(mpz_t a, mpz_t b, const weights *w, const pool *p,
                   const history *h, size_t low, size_t high, int which)
{
    if (high - low == 1) {
        mpz_set(a, w->keep);
        mpz_mul(b, w->take, p->batch[h->pick[low]].whole[which]);
        return;
    }
    size_t middle = low + (high - low) / 2;
    mpz_t later, sum;
    mpz_inits(later, sum, NULL);
    halves(a, b, w, p, h, low, middle, which);
    halves(later, sum, w, p, h, middle, high, which);
    mpz_mul(a, a, later);
    mpz_mul(b, b, later);
    mpz_mul_2exp(sum, sum, (mp_bitcnt_t)w->e * (middle - low));
    mpz_add(b, b, sum);
    mpz_clears(later, sum, NULL);
}

/* state = (a r0 + b/UNIT)/divisor 2^-shift, in integers. */
static bool equals(const rational *state, const mpz_t a, double r0,
                   const mpz_t b, const mpz_t divisor, long shift)
{
    mpz_t left, right, unit;
    mpz_inits(left, right, unit, NULL);
    unit_get(unit);
    long e = integer_of(right, r0);
    mpz_mul(right, right, a);
    mpz_mul(right, right, unit);
    if (e >= 0) {
        mpz_mul_2exp(right, right, (mp_bitcnt_t)e);
        mpz_add(right, right, b);
        e = 0;
    } else {
        mpz_mul_2exp(left, b, (mp_bitcnt_t)-e);
        mpz_add(right, right, left);
    }
    mpz_mul(right, right, state->den);
    mpz_mul(left, state->num.m, unit);
    mpz_mul(left, left, divisor);
    long places = state->num.e + shift - e;
    if (places >= 0)
        mpz_mul_2exp(left, left, (mp_bitcnt_t)places);
    else
        mpz_mul_2exp(right, right, (mp_bitcnt_t)-places);
    bool equal = mpz_cmp(left, right) == 0;
    mpz_clears(left, right, unit, NULL);
    return equal;
}

static void check_history(const rational state[2], const pool *p,
                          const history *h, double momentum)
{
    mpz_t a, b, divisor;
    weights w;
    mpz_inits(a, b, divisor, NULL);
    weights_of(&w, &p->contract, momentum);
    for (int k = 0; k < 2; k++) {
        long shift = w.e * (long)h->count;
        mpz_set_ui(a, 1);
        mpz_set_ui(b, 0);
        mpz_set_ui(divisor, 1);
        if (h->count > 0 && p->contract.momentum == ng_momentum_cumulative) {
            mpz_set_ui(a, h->seen); /* (seen r0 + sum s)/(seen + count) */
            for (size_t i = 0; i < h->count; i++)
                mpz_add(b, b, p->batch[h->pick[i]].whole[k]);
            mpz_set_ui(divisor, h->seen + h->count);
            shift = 0;
        } else if (h->count > 0) {
            halves(a, b, &w, p, h, 0, h->count, k);
        }
        if (!equals(&state[k], a, h->r0[k], b, divisor,
                    h->count > 0 ? shift : 0))
            fail_msg("%s momentum=%a: running %s is wrong after %zu batches",
                     p->contract.op, momentum, k ? "var" : "mean", h->count);
    }
    mpz_clears(a, b, divisor, w.keep, w.take, NULL);
}

static void set_buffers(rational state[2], history *h, double mean, double var,
                        uint64_t seen)
{
    h->r0[0] = mean;
    h->r0[1] = var;
    h->seen = seen;
    h->count = 0;
    rational_set_double(&state[0], mean);
    rational_set_double(&state[1], var);
}

/* `resets` of 1000 calls reset, 200 are eval, the others train. */
static void run(const pool *p, double momentum, size_t steps, unsigned resets,
                slow_random *random)
{
    rational state[2];
    history h = {.pick = malloc(steps)};
    assert_non_null(h.pick);
    rational_init(&state[0]);
    rational_init(&state[1]);
    set_buffers(state, &h, slow_real(random), fabs(slow_real(random)),
                slow_below(random, 5));
    for (size_t step = 0; step < steps; step++) {
        uint64_t call = slow_below(random, 1000);
        if (call < resets) {
            check_history(state, p, &h, momentum);
            set_buffers(state, &h, 0, 1, 0);
        } else if (call < 800 || resets == 0) {
            size_t pick = slow_below(random, POOL);
            for (int k = 0; k < 2; k++)
                running_step(&state[k], &p->batch[pick].value[k], &p->contract,
                             momentum, h.seen + h.count);
            h.pick[h.count++] = (unsigned char)pick;
        } /* else eval: nothing moves */
    }
    check_history(state, p, &h, momentum);
    rational_clear(&state[0]);
    rational_clear(&state[1]);
    free(h.pick);
}

static void sequences(void **state)
{
    static const char *const ops[] = {"batch_norm", "instance_norm"};
    static const char *const kinds[] = {"new", "old", "cumulative"};
    static pool p;
    slow_random random = {81};
    size_t total = 0, steps = 10000;
    (void)state;
    for (size_t k = 0; k < 12 * slow_effort(); k++) {
        pool_init(&p, ops[k % 2], kinds[k / 2 % 3], k / 6 % 2, &random);
        const double momenta[] = {0.1, 0.01, 1, 0, fabs(slow_real(&random))};
        for (size_t i = 0; i < (k / 2 % 3 == 2 ? 1 : 5); i++) {
            run(&p, momenta[i], steps, 15, &random);
            total += steps;
        }
        pool_clear(&p);
    }
    pool_init(&p, "batch_norm", "new", true, &random);
    run(&p, 0.1, steps, 0, &random); /* never reset: half a million bits */
    pool_clear(&p);
    printf("  %zu calls and %zu without a reset, all exact\n", total, steps);
}

/* Rounded to nearest even in the format, by MPFR with its own subnormals. */
static double round_q(ng_dtype dtype, const mpq_t q)
{
    const ng_format *f = ng_format_of(dtype);
    mpfr_exp_t emin = mpfr_get_emin(), emax = mpfr_get_emax();
    mpfr_t v;
    mpfr_init2(v, f->p);
    int ternary = mpfr_set_q(v, q, MPFR_RNDN);
    mpfr_set_emin(f->emin - f->p + 2);
    mpfr_set_emax(f->emax + 1);
    ternary = mpfr_check_range(v, ternary, MPFR_RNDN);
    mpfr_subnormalize(v, ternary, MPFR_RNDN);
    double rounded = mpfr_get_d(v, MPFR_RNDN);
    mpfr_set_emin(emin);
    mpfr_set_emax(emax);
    mpfr_clear(v);
    return rounded;
}

/* One training call, small enough for literal loops. */
typedef struct call {
    ng_contract contract;
    ng_case test;
    ng_problem problem;
    ptrdiff_t stride[3];
    size_t start;
    unsigned char x[8 * 512], mean[8 * 8], var[8 * 8];
} call;

enum { C_MAX = 4 };

/* Adds 1/parts of the statistic of one set: examples [first, last). */
static void add_statistic(const call *c, mpq_t value, size_t first, size_t last,
                          size_t channel, bool var, bool unbiased,
                          unsigned long parts)
{
    mpq_t sum, squares, x;
    unsigned long n = 0;
    mpq_inits(sum, squares, x, NULL);
    for (size_t i = first; i < last; i++) {
        for (size_t s = 0; s < c->test.spatial; s++) {
            size_t at = c->start + i * (size_t)c->stride[0] +
                        channel * (size_t)c->stride[1] +
                        s * (size_t)c->stride[2];
            mpq_set_d(x, ng_dtype_get(c->test.dtype, c->x, at));
            mpq_add(sum, sum, x);
            mpq_mul(x, x, x);
            mpq_add(squares, squares, x);
            n++;
        }
    }
    mpq_set_ui(x, n, 1);
    mpq_div(sum, sum, x); /* the mean */
    if (var) {            /* (sum x^2 - n mean^2)/k */
        mpq_mul(sum, sum, sum);
        mpq_mul(sum, sum, x);
        mpq_sub(sum, squares, sum);
        mpq_set_ui(x, unbiased ? n - 1 : n, 1);
        mpq_div(sum, sum, x);
    }
    mpq_set_ui(x, parts, 1);
    mpq_div(sum, sum, x);
    mpq_add(value, value, sum);
    mpq_clears(sum, squares, x, NULL);
}

/* What the buffer must hold after the call. */
static double expected(const call *c, size_t channel, bool var, bool unbiased)
{
    ng_dtype dtype = ng_contract_stats(&c->contract);
    double old = ng_dtype_get(dtype, var ? c->var : c->mean, channel);
    mpq_t value, state, weight;
    mpq_inits(value, state, weight, NULL);
    if (strcmp(c->test.op, "batch_norm") == 0) {
        add_statistic(c, value, 0, c->test.N, channel, var, unbiased, 1);
    } else {
        for (size_t i = 0; i < c->test.N; i++)
            add_statistic(c, value, i, i + 1, channel, var, unbiased,
                          c->test.N);
    }
    mpq_set_d(state, old);
    if (c->contract.momentum == ng_momentum_cumulative) {
        mpq_set_ui(weight, c->test.batches, 1);
        mpq_mul(state, state, weight);
        mpq_add(state, state, value);
        mpq_set_ui(weight, c->test.batches + 1, 1);
        mpq_div(state, state, weight);
    } else { /* old + w (value - old), w the weight of the new */
        mpq_set_d(weight, c->test.momentum);
        if (c->contract.momentum == ng_momentum_old) {
            mpq_neg(weight, weight);
            mpz_add(mpq_numref(weight), mpq_numref(weight), mpq_denref(weight));
        }
        mpq_sub(value, value, state);
        mpq_mul(value, value, weight);
        mpq_add(state, state, value);
    }
    double rounded = round_q(dtype, state);
    mpq_clears(value, state, weight, NULL);
    return rounded;
}

static void call_shape(call *c, const char *op, const char *fields, size_t N,
                       size_t C, size_t spatial)
{
    char text[512];
    snprintf(text, sizeof text, "op=%s running=update %s", op, fields);
    ng_error error;
    if (ng_contract_parse(&c->contract, text, &error) != ng_status_ok)
        fail_msg("%s", error.text);
    ng_case_init(&c->test, op, ng_contract_storage(&c->contract));
    c->test.N = N;
    c->test.C = C;
    c->test.spatial = spatial;
    c->test.step = 2;
    c->test.gap = 3;
    c->test.start = 5;
    ng_op_find(op)->complete(&c->test);
    ng_case_strides(&c->test, &c->contract, c->stride);
    c->start = c->contract.layout == ng_layout_strided ? c->test.start : 0;
    c->problem = (ng_problem){.contract = &c->contract,
                              .view = ng_case_view(&c->test, &c->contract),
                              .eps = 0x1p-17,
                              .x = c->x,
                              .running_mean = c->mean,
                              .running_var = c->var};
    assert_true(ng_view_extent(&c->problem.view) <= 512);
}

/* Small integers where ties are wanted, else any scale from subnormals up. */
static void call_fill(call *c, slow_random *random, bool ties)
{
    ng_dtype stats = ng_contract_stats(&c->contract);
    int scale = slow_below(random, 4) ? 0 : slow_int(random, -140, 66);
    if (c->test.dtype == ng_f16 || stats == ng_f16)
        scale = slow_below(random, 4) ? 0 : slow_int(random, -14, 14);
    int most = ng_format_of(stats)->emax - 1;
    int squared = 2 * scale < most ? 2 * scale : most;
    for (size_t i = 0; i < 512; i++)
        ng_dtype_set(c->test.dtype, c->x, i,
                     ties ? slow_int(random, -64, 64)
                          : ldexp(slow_real(random), scale));
    for (size_t i = 0; i < C_MAX; i++) {
        ng_dtype_set(stats, c->mean, i,
                     ties ? slow_int(random, -512, 512)
                          : ldexp(slow_real(random), scale));
        ng_dtype_set(stats, c->var, i,
                     ties ? slow_int(random, 0, 512)
                          : fabs(ldexp(slow_real(random), squared)));
    }
    static const double momenta[] = {0.1, 0.01, 1, 0, 0.5, 0.5};
    size_t k = slow_below(random, 7);
    c->test.momentum = c->problem.momentum = ties    ? 0.5
                                             : k < 6 ? momenta[k]
                                                     : fabs(slow_real(random));
    c->test.batches = c->problem.batches = slow_below(random, ties ? 2 : 1000);
}

static ng_exact *exact_of(ng_arena *arena, const call *c)
{
    ng_error error;
    ng_exact *exact = ng_exact_compute(arena, &c->problem, &error);
    if (exact == NULL)
        fail_msg("%s", error.text);
    return exact;
}

/* The same number by reference_value(), which rounds it at 1000 bits first. */
static double by_value(const call *c, size_t channel, ng_role role)
{
    mpfr_t value;
    mpq_t q;
    mpfr_init2(value, 1000);
    mpq_init(q);
    assert_true(reference_value(&c->problem, role, channel, 0, value));
    mpfr_get_q(q, value);
    double rounded = round_q(ng_contract_stats(&c->contract), q);
    mpfr_clear(value);
    mpq_clear(q);
    return rounded;
}

static void expect(const ng_exact *exact, const call *c, size_t channel,
                   bool var, double rounded)
{
    ng_point point;
    ng_role role = var ? ng_tensor_running_var : ng_tensor_running_mean;
    ng_exact_at(exact, role, channel, 0, &point);
    if (point.kind != ng_kind_value || point.rounded != rounded ||
        point.level == ng_level_undecided ||
        by_value(c, channel, role) != rounded) {
        char text[NG_CONTRACT_TEXT_MAX];
        ng_contract_print(&c->contract, text, sizeof text);
        fail_msg("'%s' N=%zu C=%zu spatial=%zu momentum=%a batches=%llu: "
                 "running %s[%zu] %a (kind %d), expected %a",
                 text, c->test.N, c->test.C, c->test.spatial, c->test.momentum,
                 (unsigned long long)c->test.batches, var ? "var" : "mean",
                 channel, point.rounded, point.kind, rounded);
    }
}

static void rounded_once(void **state)
{
    static const char *const ops[] = {"batch_norm", "instance_norm"};
    static const char *const dtypes[] = {"f16", "bf16", "f32", "f64"};
    static const char *const kinds[] = {"new", "old", "cumulative"};
    static const char *const layouts[] = {"contiguous", "channels_last",
                                          "strided"};
    static call c;
    slow_random random = {82};
    size_t exactly = 0;
    (void)state;
    for (size_t k = 0; k < 1500 * slow_effort(); k++) {
        char fields[256];
        bool unbiased = slow_below(&random, 2);
        snprintf(fields, sizeof fields,
                 "dtype=%s stats=%s momentum=%s running_var=%s layout=%s",
                 dtypes[slow_below(&random, 4)], dtypes[slow_below(&random, 4)],
                 kinds[slow_below(&random, 3)],
                 unbiased ? "unbiased" : "biased",
                 layouts[slow_below(&random, 3)]);
        call_shape(&c, ops[k % 2], fields, 1 + slow_below(&random, 4),
                   1 + slow_below(&random, C_MAX), 2 + slow_below(&random, 6));
        call_fill(&c, &random, slow_below(&random, 3) == 0);
        ng_arena arena = {0};
        ng_exact *exact = exact_of(&arena, &c);
        for (size_t channel = 0; channel < c.test.C; channel++) {
            expect(exact, &c, channel, false,
                   expected(&c, channel, false, unbiased));
            expect(exact, &c, channel, true,
                   expected(&c, channel, true, unbiased));
        }
        exactly += ng_exact_levels(exact)[ng_level_exact] > 0;
        ng_arena_release(&arena);
    }
    assert_true(exactly > 100 * slow_effort());
}

/* One value per channel: its unbiased variance is 0/0 unless the contract says
 * that the biased one, 0, stands in, or that the buffer is left alone. */
static void one_value(void **state)
{
    static const char *const ops[] = {"batch_norm", "instance_norm"};
    static const struct {
        const char *fields;
        bool defined, moves;
    } rules[] = {
        {"running_var=unbiased one_value=refuse", false, true},
        {"running_var=unbiased one_value=biased", true, true},
        {"running_var=unbiased one_value=skip", true, false},
        {"running_var=biased one_value=refuse", true, true},
        {"running_var=biased one_value=biased", true, true},
        {"running_var=biased one_value=skip", true, false},
    };
    static call c;
    slow_random random = {83};
    (void)state;
    for (size_t k = 0; k < 12; k++) {
        char fields[256];
        bool instance = k % 2;
        snprintf(fields, sizeof fields, "dtype=f32 %s", rules[k / 2].fields);
        call_shape(&c, ops[k % 2], fields, instance ? 3 : 1, 2, 1);
        call_fill(&c, &random, false);
        ng_arena arena = {0};
        ng_exact *exact = exact_of(&arena, &c);
        for (size_t channel = 0; channel < 2; channel++) {
            ng_point point;
            expect(exact, &c, channel, false,
                   expected(&c, channel, false, false));
            ng_exact_at(exact, ng_tensor_running_var, channel, 0, &point);
            if (!rules[k / 2].defined)
                assert_int_equal(point.kind, ng_kind_undefined);
            else
                expect(exact, &c, channel, true,
                       rules[k / 2].moves
                           ? expected(&c, channel, true, false)
                           : ng_dtype_get(ng_f32, c.var, channel));
        }
        ng_arena_release(&arena);
    }
}

/* Without rows there is no statistic; eval and backward passes do not have the
 * buffers among their outputs, nor do calls without buffers. */
static void calls_without_a_step(void **state)
{
    static const char *const passes[] = {"inference", "inference_backward",
                                         "backward"};
    static call c;
    slow_random random = {84};
    ng_arena arena = {0};
    ng_point point;
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        call_shape(&c, k ? "instance_norm" : "batch_norm", "dtype=f32",
                   k ? 2 : 0, 3, k ? 0 : 4);
        call_fill(&c, &random, false);
        ng_exact *exact = exact_of(&arena, &c);
        for (size_t channel = 0; channel < 3; channel++) {
            ng_exact_at(exact, ng_tensor_running_mean, channel, 0, &point);
            assert_int_equal(point.kind, ng_kind_undefined);
            ng_exact_at(exact, ng_tensor_running_var, channel, 0, &point);
            assert_int_equal(point.kind, ng_kind_undefined);
        }
    }
    for (size_t k = 0; k < 4; k++) {
        char fields[64] = "dtype=f32";
        if (k < 3)
            snprintf(fields, sizeof fields, "dtype=f32 pass=%s", passes[k]);
        call_shape(&c, "batch_norm", fields, 2, 3, 4);
        call_fill(&c, &random, false);
        c.problem.dy = c.x;
        if (k >= 2)
            c.problem.running_mean = c.problem.running_var = NULL;
        ng_exact *exact = exact_of(&arena, &c);
        assert_false(ng_exact_has(exact, ng_tensor_running_mean));
        assert_false(ng_exact_has(exact, ng_tensor_running_var));
    }
    ng_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequences),
        cmocka_unit_test(rounded_once),
        cmocka_unit_test(one_value),
        cmocka_unit_test(calls_without_a_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
