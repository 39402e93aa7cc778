/* Panels: what the sections per kernel show is what the records say, computed
 * again here. */
#include "report_records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "page_text.h"

/* --- gradients ---------------------------------------------------------------- */

/* 4e-7 is the larger residual, 1.2e-7 / 2e-7 the larger share of its bound. */
static void gradients_show_the_check_nearest_its_bound(void **unused)
{
    ng_record records[] = {
        measured("good", "adjoint", "PASS",
                 "residual=4e-07; bound=4e-06; cosine=1"),
        measured("good", "adjoint", "PASS",
                 "residual=1.2e-07; bound=2e-07; cosine=0.998877"),
        measured("good", "finite_difference", "PASS",
                 "residual=1e-05; bound=1e-04; step=0.0078125"),
        measured("poor", "gradient", "PASS", "residual=1e-07; bound=1e-06"),
        measured("poor", "gradient", "FAIL", "residual=9e-06; bound=1e-06"),
        measured("lost", "gradient", "FAIL", "residual=nan; bound=1e-06"),
        measured("lost", "gradient", "FAIL", "residual=8e-06; bound=1e-06"),
        measured("beside", "adjoint", "FAIL", "residual=3e-07; bound=1e-06"),
    };
    (void)unused;
    records[4].cause = "the numbers say it";
    records[7].cause = "dgamma is wrong";
    char *text = section(records, 8, "gradients");
    has(text, "<b>1.2e-7</b> of 2e-7<small>cosine 0.998877, worst of 2<");
    has(text, "<b>1e-5</b> of 0.0001<small>step 0.00781, 1 check<");
    has(text, "<b>9e-6</b> of 1e-6<small>worst of 2<");
    has(text, "<b>nan</b> of 1e-6");
    has(text, "<b>3e-7</b> of 1e-6<small>1 check</small><small>dgamma is "
              "wrong</small>");
    lacks(text, "the numbers say it");
    lacks(text, "4e-7");
    before(text, "<b>poor</b>", "<b>good</b>");
    before(text, "<b>lost</b>", "<b>good</b>");
    free(text);
}

static void gradients_draw_the_spectrum(void **unused)
{
    ng_record records[] = {
        measured("even", "jacobian", "PASS",
                 "singular=2.5 2.5 0.125 3e-08; least=2.4 2.4 0.1 0; "
                 "most=2.6 2.6 0.2 1e-06"),
        measured("odd", "jacobian", "FAIL",
                 "singular=7.5 1; least=7 0; most=8 0.5"),
    };
    (void)unused;
    records[0].note = "Jacobian of 4 elements: rank 3";
    char *text = section(records, 2, "gradients");
    has(text, "4 values from <b>2.5</b> to <b>3e-8</b><small>4 of 4 where");
    has(text, "2 values from <b>7.5</b> to <b>1</b><small>1 of 2 where");
    assert_int_equal(occurrences(text, "<figure"), 1);
    before(text, "odd, builtin:s", "<p class=\"note\"></p>");
    free(text);
    /* Another op has a spectrum of its own. */
    records[0].op = "rms_norm";
    text = section(records, 2, "gradients");
    assert_int_equal(occurrences(text, "<figure"), 2);
    before(text, "odd, builtin:s", "even, builtin:s");
    before(text, "even, builtin:s", "rank 3");
    free(text);
}

/* --- running averages --------------------------------------------------------- */

static void running_averages_show_the_distance(void **unused)
{
    ng_record records[] = {
        measured("steady", "running", "PASS",
                 "step=1 2 3; mean=0.5 0.75 0.875; "
                 "closed_mean=0.5 0.75 0.875; bound_mean=1e-06 2e-06 4e-06; "
                 "error_mean=3e-07 8e-07 9e-07; var=1 2 3.25; "
                 "closed_var=1 2 3.5; bound_var=1 1 0.5; "
                 "error_var=0 0 -0.25"),
        measured("steady", "running", "PASS", "step=1; mean=9; closed_mean=9"),
        measured("drifts", "running", "FAIL",
                 "step=1 2; mean=1 7.5; closed_mean=1 2; bound_mean=1 1; "
                 "error_mean=0 5.5"),
    };
    (void)unused;
    records[0].ratio = 0.4;
    records[1].ratio = 0.45;
    records[2].ratio = 5.5;
    records[0].note = "3 steps were taken";
    records[2].cause = "the momentum is not the declared one";
    char *text = section(records, 3, "running");
    /* 3e-7/1e-6 = 0.3, 8e-7/2e-6 = 0.4, 9e-7/4e-6 = 0.225; 0.25/0.5 */
    has(text, "0.875<small>closed form 0.875</small><small>off by 0.4 of the "
              "bound at step 2<");
    has(text, "3.25<small>closed form 3.5</small><small>off by 0.5 of the "
              "bound at step 3<");
    has(text, "7.5<small>closed form 2</small><small>off by 5.5 of the bound "
              "at step 2<");
    has(text, "<b>0.45</b>"); /* of all cases */
    has(text, "<b>5.5</b>");
    has(text, "3 steps were taken");
    has(text, "the momentum is not the declared one");
    before(text, "<b>drifts</b>", "<b>steady</b>");
    has(text, "Running mean: drifts, builtin:s");
    lacks(text, "Running mean: steady"); /* it holds, and another fails */
    free(text);
    text = section(records, 2, "running");
    has(text, "Running mean: steady, builtin:s");
    free(text);
}

/* --- distributions ------------------------------------------------------------ */

#define AFTER "after=-2 1.5 -6 0.125 9; after_bins=1 0 3 4"

static void distributions_of_normal_inputs(void **unused)
{
    ng_record records[] = {
        measured("one", "accuracy", "PASS",
                 "before=0.5 1 -3 0.25 4; before_bins=2 8 4 2; " AFTER),
        measured("one", "accuracy", "PASS",
                 "before=7 7 7 7 7; before_bins=99 0 0 0; " AFTER),
        measured("one", "accuracy", "PASS",
                 "before=8 8 8 8 8; before_bins=1 1 1 1; " AFTER),
        measured("two", "accuracy", "PASS",
                 "before=0.5 1 -3 0.25 4; before_bins=2 8 4 2; " AFTER),
        measured("bad", "accuracy", "FAIL",
                 "before=6 6 6 6 6; before_bins=1 1; " AFTER),
    };
    const double bins[] = {2, 8, 4, 2};
    char path[200] = "M0 32";
    (void)unused;
    records[1].family = "outlier"; /* more elements, but not normal */
    records[4].family = "constant";
    char *text = section(records, 5, "distribution");
    /* the tallest of 4 bars on 120 units is 32 high */
    for (size_t i = 0; i < 4; i++)
        snprintf(path + strlen(path), 40, "V%gh%d", 32 - 32 * bins[i] / 8,
                 120 / 4);
    has(text, "<path d=\"%sV32z\"/>", path);
    has(text, "<td class=\"number\">0.5</td><td class=\"number\">1</td>"
              "<td class=\"number\">-3</td><td class=\"number\">0.25</td>"
              "<td class=\"number\">4</td>");
    has(text, "<td class=\"number\">-2</td><td class=\"number\">1.5</td>"
              "<td class=\"number\">-6</td><td class=\"number\">0.12</td>"
              "<td class=\"number\">9</td>");
    lacks(text, ">7</td>");
    lacks(text, ">8</td>");
    before(text, "<b>bad</b>", "<b>one</b>");
    before(text, "constant", "fails");
    lacks(text, "<b>two</b>"); /* as one, and named beside it */
    has(text, "and 1 more");
    has(text, "two");
    free(text);
}

/* --- determinism -------------------------------------------------------------- */

static void determinism_counts_calls(void **unused)
{
    ng_record records[] = {
        measured("a", "repeat", "PASS", "calls=5; differing=0; compared=40"),
        measured("a", "repeat", "PASS", "calls=7; differing=0; compared=40"),
        measured("b", "repeat", "PASS", "calls=30; differing=0; compared=1"),
        measured("broken", "repeat", "FAIL",
                 "calls=4; differing=3; compared=4096"),
        measured("broken", "repeat", "PASS",
                 "calls=4; differing=0; compared=4096"),
        measured("free", "repeat", "PASS",
                 "calls=2; differing=3; compared=4096"),
        measured("silent", "repeat", "PASS",
                 "calls=2; differing=0; compared=6"),
        measured("old", "threads", "PASS", ""),
        measured("free too", "repeat", "PASS",
                 "calls=2; differing=3; compared=4096"),
        measured("counted", "threads", "PASS",
                 "counts=4; calls=9; differing=0; compared=40"),
        measured("uncounted", "threads", "PASS",
                 "calls=8; differing=0; compared=40"),
    };
    (void)unused;
    for (size_t i = 0; i < 9; i++)
        records[i].contract = "op=layer_norm deterministic=yes "
                              "batch_invariant=yes thread_invariant=no";
    records[5].contract = records[8].contract =
        "deterministic=no batch_invariant=no";
    records[6].contract = "op=layer_norm xdeterministic=yes deterministicx=yes";
    records[3].cause = "two equal calls differ in their bits, though the "
                       "contract promises deterministic=yes";
    records[9].contract = records[10].contract = "thread_invariant=yes";
    char *text = section(records, 11, "determinism");
    has(text, "promised, held in 9 calls");
    lacks(text, "promised, held in 8 calls");
    has(text, "held in 8 calls<small>at once; thread counts");
    has(text, "promised, held in 42 calls"); /* 5 + 7 + 30 */
    has(text, "promised, broken: 3 of 8,192 outputs differed");
    has(text, "two equal calls differ in their bits");
    has(text, "not promised: 6 of 8,192 outputs differed");
    has(text, "not promised, yet held in 2 calls");
    has(text, "deterministic: not declared, so no promise");
    has(text, "thread_invariant: no<");
    has(text, "not promised, yet held in 1 case<"); /* not counted */
    has(text, "not measured");
    before(text, "<b>broken</b>", "<b>a</b>");
    assert_int_equal(occurrences(text, "and 1 more"), 2);
    free(text);
}

/* --- contracts ---------------------------------------------------------------- */

static void contracts_stand_beside_what_was_measured(void **unused)
{
    ng_record records[] = {
        measured("a", "growth", "PASS",
                 "n=16 64; error_exponent=0.25; bound_exponent=0.75"),
        measured("b", "growth", "PASS",
                 "n=16 64; error_exponent=0.5; bound_exponent=0.875"),
        measured("a", "growth", "PASS",
                 "offset=1 10; error_exponent=0.0625; bound_exponent=1"),
        measured("a", "accuracy", "PASS", ""),
        measured("b", "accuracy", "PASS", ""),
        measured("a", "rounding", "PASS", "share=0.75; samples=48"),
        measured("b", "rounding", "PASS", "share=0.9375; samples=48"),
        measured("c", "repeat", "FAIL", "calls=4; differing=3; compared=40"),
        measured("d", "repeat", "FAIL", "calls=5; differing=0; compared=40"),
        measured("e", "threads", "PASS", "calls=6; differing=3; compared=40"),
        measured("f", "repeat", "CRASH", "calls=7; differing=0; compared=40"),
    };
    (void)unused;
    for (size_t i = 0; i < 11; i++) {
        records[i].contract = "op=layer_norm pass=forward dtype=f32 "
                              "summation=lanes variance=welford param=f32 "
                              "in_place=yes";
        records[i].ratio = 0.0625 * (double)(i + 1);
    }
    records[1].dtype = records[4].dtype = records[6].dtype = "f16";
    records[7].contract = "deterministic=yes batch_invariant=yes";
    records[7].cause = "bits differ, though the contract promises "
                       "batch_invariant=yes";
    records[5].note = "rounded once in 36 of 48";
    /* Wrong results of equal bits; other bits that nobody promised. */
    records[8].contract = "batch_invariant=yes";
    records[10].contract = "deterministic=yes";
    records[8].cause = "behaves as eps ignored";
    records[9].contract = "thread_invariant=yes";
    char *text = section(records, 11, "contract");
    has(text,
        "summation=<wbr>lanes</th><td><div><b>growth</b> held in 2 cases, "
        "0.12 of the bound; error grows as n to the power 0.25 to 0.5, "
        "its bound up to 0.88</div><div><b>accuracy</b> held in 2 cases, "
        "0.31 of the bound</div></td>");
    has(text,
        "variance=<wbr>welford</th><td><div><b>growth</b> held in 1 case, "
        "0.19 of the bound; error grows as |mean|/sigma to the power "
        "0.062");
    has(text, "75 to 93.8&nbsp;%% of outputs correctly rounded");
    has(text,
        "in_<wbr>place=<wbr>yes</th><td><span class=\"none\">not measured "
        "in this run</span>");
    has(text, "<b>rounding</b> rounded once in 36 of 48");
    has(text, "and others"); /* f32 and f16 share the table */
    has(text, "<b>repeat</b></a> 3 of 40 outputs differed in 4 calls, which "
              "breaks another promise</div>");
    has(text, "<b>repeat</b></a> failed in 1 of 1 case; 3 of 40 outputs "
              "differed in 4 calls</div>");
    has(text, "<b>repeat</b></a> 0 of 40 outputs differed in 5 calls; results "
              "wrong in 1 of 1 case</div>");
    has(text, "<b>threads</b> 3 of 40 outputs differed in 6 calls at once, of "
              "which this promises nothing</div>");
    has(text, "<b>repeat</b></a> failed in 1 of 1 case; 0 of 40 outputs "
              "differed in 7 calls</div>");
    assert_int_equal(occurrences(text, "<div class=\"fail\">✗"), 2);
    assert_int_equal(occurrences(text, "<a href=\"#f-"), 4);
    before(text, "<b>c</b>", "<b>a</b>");
    assert_int_equal(occurrences(text, "<table"), 5);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_show_the_check_nearest_its_bound),
        cmocka_unit_test(gradients_draw_the_spectrum),
        cmocka_unit_test(running_averages_show_the_distance),
        cmocka_unit_test(distributions_of_normal_inputs),
        cmocka_unit_test(determinism_counts_calls),
        cmocka_unit_test(contracts_stand_beside_what_was_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
