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
    return ng_again_differs(first, again).role == NG_TENSOR_COUNT ||
           ng_again_right(trial, again, words, finding);
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
