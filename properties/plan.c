/* Plan: rows crossed with the sizes of the profile. */
#include "plan.h"

#include <math.h>
#include <stdio.h>

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
    test->rows = used[i % count]->rows;
    test->n = used[i % count]->n;
    test->eps = row->eps;
    snprintf(test->gen, sizeof test->gen, "%s", row->gen);
    test->gen_arg = row->arg;
    snprintf(test->affine, sizeof test->affine, "%s", row->affine);
    test->seed = trial->seed * 1000003 + i;
    return true;
}

bool ng_applies_always(const ng_contract *contract)
{
    (void)contract;
    return true;
}
