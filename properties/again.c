/* Calls that repeat others. */
#include "again.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool is_written(const ng_tensor *tensor)
{
    return tensor->data != NULL &&
           (tensor->use == ng_output || tensor->use == ng_update);
}

ng_difference ng_again_differs(const ng_call_state *a, const ng_call_state *b)
{
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        if (!is_written(&a->tensor[role]) || !is_written(&b->tensor[role]))
            continue;
        size_t i = ng_trial_differs(&a->tensor[role], &b->tensor[role]);
        if (i != SIZE_MAX)
            return (ng_difference){role, i};
    }
    return (ng_difference){NG_TENSOR_COUNT, 0};
}

size_t ng_again_outputs(const ng_call_state *call, ng_role role)
{
    const ng_view *view = &call->problem.view;
    return ng_role_extent(role) == ng_per_element
               ? ng_view_sets(view) * ng_view_n(view)
               : call->tensor[role].count;
}

/* Of one tensor, those whose bits differ. */
static size_t count_of(const ng_call_state *a, const ng_call_state *b,
                       ng_role role)
{
    const ng_tensor *left = &a->tensor[role], *right = &b->tensor[role];
    const ng_view *view = &a->problem.view;
    bool element = ng_role_extent(role) == ng_per_element;
    size_t n = ng_view_n(view), differing = 0;
    if (ng_trial_differs(left, right) == SIZE_MAX)
        return 0;
    for (size_t k = 0; k < ng_again_outputs(a, role); k++) {
        size_t i = element ? ng_view_index(view, k / n, k % n) : k;
        differing += ng_dtype_bits(left->dtype, left->data, i) !=
                     ng_dtype_bits(right->dtype, right->data, i);
    }
    return differing;
}

size_t ng_again_count(const ng_call_state *a, const ng_call_state *b,
                      ng_finding *finding)
{
    size_t differing = 0;
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        if (!is_written(&a->tensor[role]) || !is_written(&b->tensor[role]))
            continue;
        finding->compared += ng_again_outputs(a, role);
        differing += count_of(a, b, role);
    }
    finding->differing += differing;
    return differing;
}

void ng_again_columns(ng_finding *finding)
{
    const double calls = (double)finding->calls;
    const double compared = (double)finding->compared;
    const double differing = (double)finding->differing;
    if (finding->compared == 0)
        return;
    ng_finding_column(finding, "calls", &calls, 1);
    ng_finding_column(finding, "compared", &compared, 1);
    ng_finding_column(finding, "differing", &differing, 1);
}

bool ng_again_right(ng_trial *trial, const ng_call_state *call,
                    const char *words, ng_finding *finding)
{
    size_t before = finding->wrong, elements = finding->elements;
    if (!ng_trial_judge(trial, call, finding))
        return false;
    size_t wrong = finding->wrong - before;
    if (wrong > 0)
        ng_finding_fail(finding, NG_FAIL,
                        "%s: %zu of %zu outputs are wrong, the worst in %s",
                        words, wrong, finding->elements - elements,
                        ng_role_name(finding->worst_role));
    return finding->verdict == NG_PASS;
}

bool ng_again_judge(ng_trial *trial, const ng_call_state *first,
                    const ng_call_state *again, const char *words,
                    ng_finding *finding)
{
    /* Gaps between strides are looked at too, and judged with the rest. */
    bool equal = ng_again_differs(first, again).role == NG_TENSOR_COUNT;
    ng_again_count(first, again, finding);
    return equal || ng_again_right(trial, again, words, finding);
}

void ng_again_fail_bits(ng_finding *finding, const ng_tensor *first, size_t i,
                        const ng_tensor *again, size_t j, ng_role role,
                        const char *words)
{
    finding->wrong++;
    finding->ratio = INFINITY;
    finding->worst_role = role;
    finding->worst_set = 0;
    finding->worst_element = j;
    finding->rounded = ng_dtype_get(first->dtype, first->data, i);
    finding->got = ng_dtype_get(again->dtype, again->data, j);
    ng_finding_fail(finding, NG_FAIL, "%s", words);
}
