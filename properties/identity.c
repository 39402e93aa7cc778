/* Identity: transformed inputs and compared outputs, for the properties that
 * say that one call follows from another. */
#include "identity.h"
#include "judge.h"

#include <math.h>

static bool is_written(const ng_tensor *tensor)
{
    return tensor->data != NULL &&
           (tensor->use == ng_output || tensor->use == ng_update);
}

/* Whether an output may round to an infinity, which no factor scales. */
static bool may_overflow(const ng_judged *judged, ng_dtype dtype)
{
    double exact = fabs(ldexp(judged->point.high, judged->point.exponent));
    return !(exact + judged->bound < ng_dtype_max(dtype));
}

/* The elements of one output; adds those that differ beyond both bounds. */
static void compare(const ng_standard standards[2], const ng_tensor *a,
                    const ng_tensor *b, ng_role role, double factor,
                    size_t *wrong, size_t *all, ng_finding *finding)
{
    size_t sets = ng_role_sets(&standards[0], role);
    size_t count = ng_role_elements(&standards[0], role);
    for (size_t at = 0; at < sets * count; at++) {
        ng_judged left, right;
        ng_judge_output(&left, &standards[0], a, role, at / count, at % count);
        ng_judge_output(&right, &standards[1], b, role, at / count, at % count);
        if (!left.judged || !right.judged || left.point.kind != ng_kind_value ||
            right.point.kind != ng_kind_value ||
            may_overflow(&left, a->dtype) || may_overflow(&right, b->dtype))
            continue;
        double other = factor * right.got;
        left.bound += fabs(factor) * right.bound;
        left.error = fabs(left.got - other);
        left.ratio = left.got == other ? 0 : left.error / left.bound;
        if (isnan(left.ratio))
            left.ratio = INFINITY;
        left.error_ulp = 0; /* a difference, not an error */
        *wrong += !(left.ratio <= 1);
        ++*all;
        ng_finding_merge(finding, &left);
    }
}

void ng_identity_check(ng_trial *trial, const ng_call_state *a,
                       const ng_call_state *b, const ng_identity *identity,
                       const char *claim, ng_finding *finding)
{
    ng_error error;
    ng_standard standards[2];
    size_t wrong = 0, all = 0;
    if (!ng_standard_make(&standards[0], &trial->arena, &a->problem, &error) ||
        !ng_standard_make(&standards[1], &trial->arena, &b->problem, &error)) {
        ng_finding_fail(finding, NG_ERROR, "%.390s", error.text);
        return;
    }
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        if (identity->factor[role] != 0 && is_written(&a->tensor[role]) &&
            ng_exact_has(standards[0].exact, role))
            compare(standards, &a->tensor[role], &b->tensor[role], role,
                    identity->factor[role], &wrong, &all, finding);
    }
    if (wrong > 0 && finding->verdict == NG_PASS)
        ng_finding_fail(finding, NG_FAIL,
                        "%s: %zu of %zu outputs differ by more than both "
                        "bounds",
                        claim, wrong, all);
    if (finding->verdict == NG_PASS && ng_trial_judge(trial, b, finding) &&
        finding->verdict == NG_FAIL)
        ng_diagnose(trial, b, finding);
}

bool ng_identity_multiply(ng_call_state *call, ng_role role, double factor)
{
    const ng_tensor *tensor = &call->tensor[role];
    if (tensor->data == NULL || tensor->use != ng_input)
        return true;
    for (size_t i = 0; i < tensor->count; i++) {
        double x = ng_dtype_get(tensor->dtype, tensor->data, i);
        ng_dtype_set(tensor->dtype, tensor->data, i, factor * x);
        if (!isnan(x) &&
            ng_dtype_get(tensor->dtype, tensor->data, i) / factor != x)
            return false;
    }
    return true;
}

bool ng_identity_add(ng_call_state *call, ng_role role, double c)
{
    const ng_tensor *tensor = &call->tensor[role];
    if (tensor->data == NULL || tensor->use != ng_input)
        return true;
    for (size_t i = 0; i < tensor->count; i++) {
        double x = ng_dtype_get(tensor->dtype, tensor->data, i);
        ng_dtype_set(tensor->dtype, tensor->data, i, x + c);
        if (!isnan(x) && ng_dtype_get(tensor->dtype, tensor->data, i) - c != x)
            return false;
    }
    return true;
}
