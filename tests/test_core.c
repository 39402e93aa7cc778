/* Proves the vocabulary that every folder shares: memory of the arena, words of
 * status and verdict, names and extents of the tensor roles. */
#include "slow_reference.h"

#include <normgate/arena.h>
#include <normgate/status.h>
#include <normgate/tensor.h>
#include <normgate/verdict.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Arena. */

static void arena_memory(void **state)
{
    (void)state;
    enum { PIECES = 200 };
    ng_arena arena = {0};
    slow_random random = {1};
    for (int round = 0; round < 3; round++) {
        unsigned char *piece[PIECES];
        size_t size[PIECES];
        for (int k = 0; k < PIECES; k++) {
            size[k] = slow_below(&random, k % 20 == 0 ? 300000 : 300);
            piece[k] = ng_arena_alloc(&arena, size[k], 1);
            assert_non_null(piece[k]);
            assert_int_equal((uintptr_t)piece[k] % 64, 0);
            for (size_t i = 0; i < size[k]; i++)
                assert_int_equal(piece[k][i], 0);
            memset(piece[k], k, size[k]); /* shows if pieces overlap */
        }
        for (int k = 0; k < PIECES; k++)
            for (size_t i = 0; i < size[k]; i++)
                assert_int_equal(piece[k][i], k);
        ng_arena_release(&arena);
    }
    ng_arena_release(&arena); /* of nothing */
}

static void arena_limits(void **state)
{
    (void)state;
    ng_arena arena = {0};
    assert_non_null(ng_arena_alloc(&arena, 0, 8));
    assert_non_null(ng_arena_alloc(&arena, 8, 0));
    assert_null(ng_arena_alloc(&arena, SIZE_MAX, 2));
    assert_null(ng_arena_alloc(&arena, 2, SIZE_MAX));
    assert_null(ng_arena_alloc(&arena, SIZE_MAX / 8 + 2, 8));
    assert_null(ng_arena_alloc(&arena, SIZE_MAX, 1));
    assert_null(ng_arena_alloc(&arena, SIZE_MAX - 63, 1));
    double *doubles = ng_arena_alloc(&arena, 1000, sizeof *doubles);
    for (int i = 0; i < 1000; i++)
        assert_true(doubles[i] == 0);
    ng_arena_release(&arena);
}

static void arena_text(void **state)
{
    (void)state;
    ng_arena arena = {0};
    char wide[5000];
    memset(wide, 'w', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    char *empty = ng_arena_text(&arena, "%s", "");
    char *text = ng_arena_text(&arena, "%d of %s", 42, "x");
    char *longer = ng_arena_text(&arena, "<%s>", wide);
    assert_string_equal(empty, "");
    assert_string_equal(text, "42 of x");
    assert_int_equal(strlen(longer), sizeof wide + 1);
    assert_true(longer[0] == '<' && longer[sizeof wide] == '>');
    ng_arena_release(&arena);
}

/* Status and verdict. */

static void status_words(void **state)
{
    (void)state;
    static const ng_status all[] = {
#define NG_STATUS(name, message) ng_status_##name,
#include <normgate/status.def>
#undef NG_STATUS
    };
    assert_int_equal(ng_status_ok, 0);
    assert_string_equal(ng_status_text(ng_status_ok), "ok");
    for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) {
        assert_non_null(ng_status_text(all[k]));
        assert_true(strlen(ng_status_text(all[k])) > 0);
        for (size_t j = 0; j < k; j++)
            assert_string_not_equal(ng_status_text(all[j]),
                                    ng_status_text(all[k]));
    }
    assert_non_null(ng_status_text((ng_status)999));
    assert_non_null(ng_status_text((ng_status)-1));

    ng_error error;
    assert_int_equal(ng_fail(&error, ng_status_bad_input, "%s=%d", "n", 3),
                     ng_status_bad_input);
    assert_string_equal(error.text, "n=3");
    assert_int_equal(ng_fail(NULL, ng_status_fault, "%d", 3), ng_status_fault);
    char wide[2000];
    memset(wide, 'w', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    ng_fail(&error, ng_status_bad_input, "%s", wide);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
}

static void verdict_words(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        ng_verdict verdict;
        bool wrong;
    } rows[] = {
        {"PASS", NG_PASS, false},      {"FAIL", NG_FAIL, true},
        {"CRASH", NG_CRASH, true},     {"HANG", NG_HANG, true},
        {"REFUSED", NG_REFUSED, true}, {"UNSUPPORTED", NG_UNSUPPORTED, false},
        {"SKIP", NG_SKIP, false},      {"WAIVED", NG_WAIVED, false},
        {"ERROR", NG_ERROR, true},
    };
    assert_int_equal(sizeof rows / sizeof rows[0], NG_VERDICT_COUNT);
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        ng_verdict parsed = NG_VERDICT_COUNT;
        assert_string_equal(ng_verdict_name(rows[k].verdict), rows[k].name);
        assert_true(strlen(ng_verdict_text(rows[k].verdict)) > 0);
        assert_int_equal(ng_verdict_wrong(rows[k].verdict), rows[k].wrong);
        assert_true(ng_verdict_parse(rows[k].name, &parsed));
        assert_int_equal(parsed, rows[k].verdict);
    }
    ng_verdict parsed = NG_PASS;
    assert_false(ng_verdict_parse("pass", &parsed));
    assert_false(ng_verdict_parse("", &parsed));
    assert_false(ng_verdict_parse("PASSED", &parsed));
    assert_true(ng_verdict_wrong(NG_VERDICT_COUNT)); /* no verdict: no pass */
}
/* Every role by its name of the field, with the index that it has. */
static void tensor_roles(void **state)
{
    (void)state;
    static const struct {
        ng_role role;
        const char *name;
        ng_extent extent;
    } rows[] = {
        {ng_tensor_x, "x", ng_per_element},
        {ng_tensor_residual, "residual", ng_per_element},
        {ng_tensor_dy, "dy", ng_per_element},
        {ng_tensor_dh, "dh", ng_per_element},
        {ng_tensor_gamma, "gamma", ng_per_param},
        {ng_tensor_beta, "beta", ng_per_param},
        {ng_tensor_y, "y", ng_per_element},
        {ng_tensor_h, "h", ng_per_element},
        {ng_tensor_mean, "mean", ng_per_set},
        {ng_tensor_rstd, "rstd", ng_per_set},
        {ng_tensor_var, "var", ng_per_set},
        {ng_tensor_running_mean, "running_mean", ng_per_channel},
        {ng_tensor_running_var, "running_var", ng_per_channel},
        {ng_tensor_dx, "dx", ng_per_element},
        {ng_tensor_dresidual, "dresidual", ng_per_element},
        {ng_tensor_dgamma, "dgamma", ng_per_param},
        {ng_tensor_dbeta, "dbeta", ng_per_param},
    };
    assert_int_equal(sizeof rows / sizeof rows[0], NG_TENSOR_COUNT);
    ng_role parsed;
    for (size_t k = 0; k < NG_TENSOR_COUNT; k++) {
        assert_string_equal(ng_role_name(rows[k].role), rows[k].name);
        assert_true(strlen(ng_role_meaning(rows[k].role)) > 0);
        assert_int_equal(ng_role_extent(rows[k].role), rows[k].extent);
        assert_true(ng_role_parse(rows[k].name, &parsed));
        assert_int_equal(parsed, rows[k].role);
    }
    assert_false(ng_role_parse("X", &parsed));
    assert_false(ng_role_parse("", &parsed));
    assert_false(ng_role_parse("dgam", &parsed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_memory),  cmocka_unit_test(arena_limits),
        cmocka_unit_test(arena_text),    cmocka_unit_test(status_words),
        cmocka_unit_test(verdict_words), cmocka_unit_test(tensor_roles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
