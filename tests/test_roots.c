/* Proves that dgamma, a sum of surds over the rows, is decided where its roots
 * are many or its terms lie far apart. All expected values are derived by hand:
 * RMS norm without eps, rows of two elements, dgamma of element 0 is
 * sum dy x_hat with x_hat = x/sqrt((x_0^2 + x_1^2)/2). */
#include <normgate/reference.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { PAIRS = 200, ROWS = 2 * PAIRS + 2 };

static void expect(const char *text, size_t rows, const double (*x)[2],
                   const double (*dy)[2], double rounded, ng_level level)
{
    ng_contract contract;
    ng_error error;
    ng_arena arena = {0};
    ng_point point;
    assert_int_equal(ng_contract_parse(&contract, text, &error), ng_status_ok);
    ng_problem problem = {
        .contract = &contract, .view = ng_view_rows(rows, 2), .x = x, .dy = dy};
    ng_exact *exact = ng_exact_compute(&arena, &problem, &error);
    assert_non_null(exact);
    ng_exact_at(exact, ng_tensor_dgamma, 0, 0, &point);
    assert_int_equal(point.level, level);
    assert_true(point.rounded == rounded && !signbit(point.rounded));
    ng_arena_release(&arena);
}

/* Each pair of rows (1, k), (1, -k) has x_hat = sqrt(2/(1 + k^2)) twice, taken
 * once with dy = 1 and once with -1: 200 roots cancel. What stays, from rows
 * (1, 1) whose x_hat is 1, is 1 + 2^-24: halfway between two numbers of f32,
 * and 1 is the even one. */
static void many_roots_cancel(void **state)
{
    static double x[ROWS][2], dy[ROWS][2];
    (void)state;
    for (int k = 0; k < PAIRS; k++) {
        x[k][0] = x[PAIRS + k][0] = 1;
        x[k][1] = k + 1;
        x[PAIRS + k][1] = -(k + 1);
        dy[k][0] = 1;
        dy[PAIRS + k][0] = -1;
    }
    for (int k = 2 * PAIRS; k < ROWS; k++)
        x[k][0] = x[k][1] = 1;
    dy[ROWS - 2][0] = 1;
    dy[ROWS - 1][0] = 0x1p-24;
    expect("op=rms_norm pass=backward dtype=f64 param=f32 eps_place=none", ROWS,
           (const double(*)[2])x, (const double(*)[2])dy, 1, ng_level_exact);
}

/* The first row's term is positive and near 2^-3170. Beside 2^1000 - 2^1000 it
 * rounds to +0; beside 2^1000 + 2^947, half a unit in the last place above
 * 2^1000, it decides that the sum rounds up. */
static void far_apart(void **state)
{
    static const double x[][2] = {{0x1p-1074, 0x1p1023}, {1, 1}, {1, 1}};
    static const double cancel[][2] = {
        {0x1p-1074, 0}, {0x1p1000, 0}, {-0x1p1000, 0}};
    static const double above[][2] = {
        {0x1p-1074, 0}, {0x1p1000, 0}, {0x1p947, 0}};
    const char *text = "op=rms_norm pass=backward dtype=f64 eps_place=none";
    (void)state;
    expect(text, 3, x, cancel, 0, ng_level_mpfr);
    expect(text, 3, x, above, 0x1p1000 + 0x1p948, ng_level_mpfr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_roots_cancel),
        cmocka_unit_test(far_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
