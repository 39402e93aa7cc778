/* Proves that rounding is right where it is hardest, for every pass: outputs
 * that lie exactly on the midpoint of two neighbours, and others within 2^-40
 * of an ulp of one. A tie must be decided by exact comparison and go to the
 * even neighbour; nothing may stay undecided. NORMGATE_EFFORT=40 makes it 10
 * million outputs and more.
 *
 * What is right is known by construction, in integers of 128 bits: no MPFR, no
 * root. A sample of the calls goes through the slow family as well, which
 * checks the construction. The construction: ties.h. */
#include "ties.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef void build(slow_random *random, call *t, tally *total);

static void add_up(tally *to, const tally *from)
{
    to->outputs += from->outputs;
    to->ties += from->ties;
    to->near += from->near;
    to->forward += from->forward;
}

static tally all;

static void run(const char *name, build *one, uint64_t seed, size_t wanted_each)
{
    static call t;
    tally total = {0};
    slow_random random = {seed};
    while (total.outputs < wanted_each * slow_effort())
        one(&random, &t, &total);
    printf("  %s: %zu outputs in %zu calls: %zu ties (%.1f %%), %zu near ties "
           "(%.1f %%), %zu representable, %zu plain; %zu zeros, %zu "
           "subnormal, %zu infinite; sampled %zu; levels: double word %zu, "
           "binary128 %zu, mpfr "
           "%zu, exact %zu, undecided %zu\n",
           name, total.outputs, total.calls, total.ties,
           100.0 * (double)total.ties / (double)total.outputs, total.near,
           100.0 * (double)total.near / (double)total.outputs, total.exact,
           total.plain, total.zero, total.subnormal, total.infinite,
           total.sampled, total.level[ng_level_double_word],
           total.level[ng_level_binary128], total.level[ng_level_mpfr],
           total.level[ng_level_exact], total.level[ng_level_undecided]);
    add_up(&all, &total);
    assert_int_equal(total.failures, 0);
    assert_int_equal(total.level[ng_level_undecided], 0);
    assert_true(total.sampled > 0);
}

static void ties_of_y(void **state)
{
    (void)state;
    run("y", tie_of_y, 1, 100000);
}

static void ties_of_inference(void **state)
{
    (void)state;
    run("inference y, dx", tie_of_inference, 2, 50000);
}

static void ties_of_dx(void **state)
{
    (void)state;
    run("dx", tie_of_dx, 3, 100000);
}

static void ties_of_parameters(void **state)
{
    (void)state;
    run("dgamma, dbeta", tie_of_parameters, 4, 20000);
}

static void ties_of_statistics(void **state)
{
    (void)state;
    run("statistics", tie_of_statistics, 5, 10000);
}

static void all_together(void **state)
{
    (void)state;
    printf("  together %zu outputs, %zu of y, %zu ties, %zu near ties\n",
           all.outputs, all.forward, all.ties, all.near);
    assert_true((all.ties + all.near) * 2 >= all.outputs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ties_of_y),
        cmocka_unit_test(ties_of_inference),
        cmocka_unit_test(ties_of_dx),
        cmocka_unit_test(ties_of_parameters),
        cmocka_unit_test(ties_of_statistics),
        cmocka_unit_test(all_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
