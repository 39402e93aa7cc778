/* Sample: the judged outputs of one call, and how many of them a defect leaves
 * unexplained. An output is explained within the bound that the judge gives it,
 * enlarged as the damaged values of its set are larger than the right ones. */
#include "diagnose.h"

#include <math.h>

static size_t memory_index(const ng_problem *p, ng_role role, size_t set,
                           size_t i)
{
    return ng_role_extent(role) == ng_per_element
               ? ng_view_index(&p->view, set, i)
               : set;
}

static bool is_judged(const ng_sample *sample, ng_role role)
{
    const ng_tensor *tensor = &sample->call->tensor[role];
    return tensor->data != NULL &&
           (tensor->use == ng_output || tensor->use == ng_update) &&
           ng_exact_has(sample->standard->exact, role);
}

static void add_outcome(ng_sample *sample, ng_role role, size_t set, size_t i)
{
    const ng_call_state *call = sample->call;
    ng_judged judged;
    ng_judge_output(&judged, sample->standard, &call->tensor[role], role, set,
                    i);
    size_t index = memory_index(&call->problem, role, set, i);
    bool unwritten = (call->reply.breaches & ng_breach_unwritten) &&
                     ng_subject_unwritten(&call->tensor[role], index);
    bool value = judged.point.kind == ng_kind_value;
    if (!judged.judged || unwritten)
        return;
    sample->outcome[sample->count++] = (ng_outcome){
        .role = role,
        .set = set,
        .i = i,
        .index = index,
        .got = judged.got,
        .exact = value ? ldexp(judged.point.high, judged.point.exponent) : NAN,
        .bound = judged.bound,
        .error = judged.error,
        .value = value,
        .wrong = !(judged.ratio <= 1)};
    sample->wrong += !(judged.ratio <= 1);
}

bool ng_sample_make(ng_sample *sample, ng_arena *arena,
                    const ng_call_state *call)
{
    ng_standard *standard = ng_arena_alloc(arena, 1, sizeof *standard);
    size_t most = 0;
    *sample = (ng_sample){.call = call, .standard = standard};
    if (standard == NULL ||
        !ng_standard_make(standard, arena, &call->problem, NULL) ||
        !ng_evaluation_make(&sample->evaluation, arena, &call->problem,
                            call->test))
        return false;
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        if (is_judged(sample, role))
            most +=
                ng_role_sets(standard, role) * ng_role_elements(standard, role);
    }
    sample->outcome = ng_arena_alloc(arena, most, sizeof *sample->outcome);
    if (sample->outcome == NULL)
        return false;
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        if (!is_judged(sample, role))
            continue;
        for (size_t set = 0; set < ng_role_sets(standard, role); set++)
            for (size_t i = 0; i < ng_role_elements(standard, role); i++)
                add_outcome(sample, role, set, i);
    }
    return true;
}

/* What the outputs of a role, or of one set of it, allow together. */
typedef struct allowance {
    double growth;   /* of the damaged values over the exact, at least 1 */
    double relative; /* largest bound over largest exact value */
    double largest;  /* damaged value */
} allowance;

/* Sums over other elements than the declared ones err as those do: `relative`
 * goes with every value, but for rounding to storage, which is its own. */
static allowance allow(const ng_sample *sample, size_t from, size_t to)
{
    double exact = 0, damaged = 0, bound = 0;
    const ng_outcome *first = &sample->outcome[from];
    ng_dtype dtype = sample->call->tensor[first->role].dtype;
    for (size_t k = from; k < to; k++) {
        const ng_outcome *o = &sample->outcome[k];
        ng_wide value = sample->evaluation.out[o->role][o->index];
        if (!o->value || value == NG_UNWRITTEN || !isfinite(value))
            continue;
        exact = fmax(exact, fabs(o->exact));
        damaged = fmax(damaged, (double)fabsl(value));
        bound = fmax(bound, o->bound);
    }
    allowance a = {1, 0, damaged};
    if (exact > 0)
        a.growth = fmax(1, damaged / exact);
    if (exact > 0 && (ng_role_extent(first->role) != ng_per_element ||
                      ng_format_of(dtype)->p >= 24))
        a.relative = bound / exact;
    return a;
}

/* What forming statistics from x costs a value, where the declared contract
 * would not: the error of the mean and, relative, of the root. */
static double forming(const ng_sample *sample, const ng_outcome *o,
                      double largest)
{
    const ng_evaluation *e = &sample->evaluation;
    const ng_contract *contract = sample->call->problem.contract;
    double h = ng_accumulation_bound(contract, (double)e->n) +
               4 * ng_dtype_u(ng_contract_compute(contract));
    if (ng_role_extent(o->role) == ng_per_param ||
        ng_role_extent(o->role) == ng_per_channel)
        return 0;
    double size = (double)e->size[o->set];
    if (!(size > 0) || !isfinite(size))
        return 0;
    double error = h * largest * (1 + size * (double)e->rstd[o->set]);
    return isfinite(error) ? error : 0;
}

static double tolerance_of(const ng_sample *sample, const ng_outcome *o,
                           double value, const allowance *allowed)
{
    ng_dtype dtype = sample->call->tensor[o->role].dtype;
    double unit = ng_dtype_ulp(dtype, value);
    if (o->value)
        return fmax(o->bound * allowed->growth,
                    fabs(value) * allowed->relative) +
               fmax(0, unit - ng_dtype_ulp(dtype, o->exact)) / 2 +
               forming(sample, o, allowed->largest);
    /* No bound for what should not be finite: that of n roundings. */
    return unit +
           8 * (double)sample->evaluation.n *
               ng_dtype_u(ng_contract_compute(sample->call->problem.contract)) *
               fabs(value);
}

/* A wrong output is explained by a value that is much nearer than the exact
 * one, so that what changes nothing explains nothing. */
static bool explains(const ng_sample *sample, const ng_outcome *o,
                     const allowance *allowed)
{
    ng_dtype dtype = sample->call->tensor[o->role].dtype;
    ng_wide value = sample->evaluation.out[o->role][o->index];
    if (value == NG_UNWRITTEN)
        return isnan(o->got);
    if (isnan(value) || isnan(o->got))
        return !isfinite(o->got) && !isfinite(value);
    if (isinf(o->got))
        return signbit(o->got) == signbit((double)value) &&
               fabsl(value) >= ng_dtype_max(dtype);
    double error = (double)fabsl((ng_wide)o->got - value);
    double stored = ng_dtype_round(dtype, (double)value);
    if (o->value && o->wrong && !(fabs(o->got - stored) <= o->error / 2))
        return false;
    return error <= tolerance_of(sample, o, (double)value, allowed);
}

size_t ng_sample_misses(ng_sample *sample, const ng_damage *damage, size_t most)
{
    size_t misses = 0, next;
    ng_evaluate(&sample->evaluation, damage);
    for (size_t k = 0; k < sample->count && misses <= most; k = next) {
        const ng_outcome *first = &sample->outcome[k];
        bool element = ng_role_extent(first->role) == ng_per_element;
        for (next = k + 1; next < sample->count; next++) {
            const ng_outcome *o = &sample->outcome[next];
            if (o->role != first->role || (element && o->set != first->set))
                break;
        }
        allowance allowed = allow(sample, k, next);
        for (size_t i = k; i < next; i++)
            misses += !explains(sample, &sample->outcome[i], &allowed);
    }
    return misses;
}
