/* Plan: rows crossed with the sizes of the profile. */
#include "plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void ng_plan_strides(const ng_trial *trial, size_t i, ng_case *test)
{
    static const size_t steps[] = {1, 2, 5};
    if (trial->contract->layout != ng_layout_strided)
        return;
    test->step = steps[i % 3];
    test->gap = i % 4;
    bool channels = trial->op->shape == ng_shape_channels;
    size_t gaps = channels ? test->N * (test->C + 1) : test->rows;
    if (i % 8 == 7 && gaps <= 64) /* longer than most rows */
        test->gap = 4099;
    if (i % 16 == 15 && gaps <= 8) /* than 16 bits count */
        test->gap = 65537;
    if (i % 64 == 31 && gaps <= 4)
        test->gap = 1048583;
    /* In steps that keep the promised alignment. */
    size_t size = ng_format_of(test->dtype)->size;
    size_t unit = (size_t)trial->contract->alignment / size;
    test->start = i % 3 * (unit > 1 ? unit : 1);
}

void ng_plan_shape(const ng_trial *trial, size_t i, size_t rows, size_t n,
                   ng_case *test)
{
    snprintf(test->pass, sizeof test->pass, "%s", trial->contract->pass);
    ng_case_reshape(test, rows, n);
    ng_plan_strides(trial, i, test);
    static const double momenta[] = {0.1, 0.01, 0.5, 1, 0};
    test->momentum = momenta[i % 5];
    /* Round the counts that 16, 31 and 32 bits, f32 and f64 hold. */
    static const uint64_t batches[] = {
        0,
        1,
        2,
        3,
        8,
        1000,
        65537,
        ((uint64_t)1 << 24) + 1,
        (uint64_t)1 << 31,
        ((uint64_t)1 << 32) + 1,
        (uint64_t)1 << 53,
    };
    test->batches = batches[i % (sizeof batches / sizeof batches[0])];
}

/* Families of dy beside `normal`, which half of the cases have. */
static const char *const gradients[] = {"wide",  "integers", "spike", "ones",
                                        "zero",  "x_hat",    "last",  "mixed",
                                        "cycle", "signs",    "x"};
enum { GRADIENTS = sizeof gradients / sizeof gradients[0] };

void ng_plan_gradient(size_t i, ng_case *test)
{
    if (ng_pass_find(test->pass)->gradient && i % 2 != 0)
        snprintf(test->dy, sizeof test->dy, "%s", gradients[i / 2 % GRADIENTS]);
}

bool ng_plan_cross(const ng_trial *trial, size_t i, const ng_plan_row *rows,
                   size_t row_count, const ng_plan_size *sizes,
                   size_t size_count, ng_case *test)
{
    const ng_plan_size *used[64];
    size_t count = 0;
    for (size_t s = 0; s < size_count && count < 64; s++) {
        if (sizes[s].from <= trial->profile)
            used[count++] = &sizes[s];
    }
    if (count == 0 || i / count >= row_count)
        return false;
    const ng_plan_row *row = &rows[i / count];
    ng_case_init(test, trial->op->name, ng_contract_storage(trial->contract));
    ng_plan_shape(trial, i, used[i % count]->rows, used[i % count]->n, test);
    test->eps = row->eps;
    snprintf(test->gen, sizeof test->gen, "%s", row->gen);
    test->gen_arg = row->arg;
    snprintf(test->affine, sizeof test->affine, "%s", row->affine);
    test->seed = trial->seed * 1000003 + i;
    ng_plan_gradient(i, test);
    return true;
}

bool ng_applies_forward(const ng_contract *contract)
{
    return strcmp(contract->pass, "forward") == 0 &&
           contract->residual == ng_residual_none;
}

bool ng_applies_always(const ng_contract *contract)
{
    (void)contract;
    return true;
}
