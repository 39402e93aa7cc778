/* Permutation: a norm does not know the order of the elements of a set, nor
 * that of the sets. x, gamma, beta, dy and running statistics are permuted
 * together, axis by axis; every output must come out permuted likewise. */
#include "again.h"
#include "judge.h"
#include "plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const ng_plan_row rows[] = {
    {"normal", NAN, NG_EPS, "random"},  {"offset", 10, NG_EPS, "random"},
    {"wide", 8, NG_EPS, "spread"},      {"integers", 7, 1, "random"},
    {"outlier", 100, NG_EPS, "random"},
};

static const ng_plan_size sizes[] = {
    {4, 6, ng_smoke}, {6, 8, ng_gate},   {3, 33, ng_gate},
    {4, 64, ng_gate}, {2, 257, ng_gate}, {2, 1024, ng_deep},
};

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    return ng_plan_cross(trial, i, rows, sizeof rows / sizeof rows[0], sizes,
                         sizeof sizes / sizeof sizes[0], test);
}

enum { SET_AXES = 0, ELEMENT_AXES = 2, AXES = 4 };

/* Along each axis of the view, where a step comes from. */
typedef struct permutation {
    const ng_view *view;
    size_t *from[AXES];
} permutation;

static const char *const orders[] = {"reversed", "rotated by one", "shuffled"};

static void permute_axis(size_t *from, size_t count, size_t order,
                         ng_source *source)
{
    for (size_t k = 0; k < count; k++)
        from[k] = order == 0 ? count - 1 - k : order == 1 ? (k + 1) % count : k;
    for (size_t k = count; order == 2 && k > 1; k--) {
        size_t other = (size_t)ng_source_below(source, k);
        size_t kept = from[k - 1];
        from[k - 1] = from[other];
        from[other] = kept;
    }
}

static const ng_axis *axis_of(const ng_view *view, int a)
{
    return a < ELEMENT_AXES ? &view->set[a] : &view->element[a - ELEMENT_AXES];
}

/* The axes from `first` on change, two of them; the others stay. */
static bool make(permutation *p, ng_trial *trial, const ng_case *test,
                 const ng_view *view, int first)
{
    ng_source source;
    ng_source_from_seed(&source, test->seed + (uint64_t)first);
    p->view = view;
    for (int a = 0; a < AXES; a++) {
        size_t count = axis_of(view, a)->count;
        p->from[a] = ng_arena_alloc(&trial->arena, count, sizeof(size_t));
        if (p->from[a] == NULL)
            return false;
        bool moves = a == first || a == first + 1;
        permute_axis(p->from[a], count, moves ? test->seed % 3 : 3, &source);
    }
    return true;
}

static size_t set_from(const permutation *p, size_t set)
{
    size_t inner = p->view->set[1].count;
    return p->from[0][set / inner] * inner + p->from[1][set % inner];
}

static size_t element_from(const permutation *p, size_t i)
{
    size_t inner = p->view->element[1].count;
    return p->from[2][i / inner] * inner + p->from[3][i % inner];
}

static void move(ng_tensor *to, size_t at, const ng_tensor *from, size_t origin)
{
    size_t size = ng_format_of(to->dtype)->size;
    memcpy((unsigned char *)to->data + at * size,
           (const unsigned char *)from->data + origin * size, size);
}

/* Inputs of `to`, which are copies, as those of `from` permuted. What is per
 * set or per channel goes with element 0 of its sets. */
static void permute_inputs(const permutation *p, const ng_call_state *from,
                           ng_call_state *to)
{
    const ng_view *view = p->view;
    size_t sets = ng_view_sets(view), n = ng_view_n(view);
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        ng_tensor *tensor = &to->tensor[role];
        if (tensor->use != ng_input || tensor->data == NULL)
            continue;
        ng_extent extent = ng_role_extent(role);
        bool each = extent == ng_per_element || extent == ng_per_param;
        for (size_t set = 0; set < sets; set++) {
            size_t source = set_from(p, set);
            for (size_t i = 0; i < (each ? n : 1); i++) {
                size_t j = element_from(p, i);
                if (extent == ng_per_element)
                    move(tensor, ng_view_index(view, set, i),
                         &from->tensor[role], ng_view_index(view, source, j));
                else if (extent == ng_per_set)
                    move(tensor, set, &from->tensor[role], source);
                else
                    move(tensor, ng_view_param(view, set, i),
                         &from->tensor[role], ng_view_param(view, source, j));
            }
        }
    }
}

/* What a call updates starts from permuted values too. */
static bool permute_state(const permutation *p, ng_trial *trial,
                          const ng_call_state *from, ng_call_state *to)
{
    const void **const states[] = {&to->problem.running_mean,
                                   &to->problem.running_var};
    const ng_role roles[] = {ng_tensor_running_mean, ng_tensor_running_var};
    for (size_t k = 0; k < 2; k++) {
        ng_tensor was = from->tensor[roles[k]], now = was;
        if (was.use != ng_update)
            continue;
        was.data = (void *)(k == 0 ? from->problem.running_mean
                                   : from->problem.running_var);
        now.data = ng_arena_alloc(&trial->arena, now.count,
                                  ng_format_of(now.dtype)->size);
        if (now.data == NULL)
            return false;
        for (size_t set = 0; set < ng_view_sets(p->view); set++)
            move(&now, ng_view_param(p->view, set, 0), &was,
                 ng_view_param(p->view, set_from(p, set), 0));
        *states[k] = now.data;
    }
    return true;
}

/* Where the output at (set, i) of the permuted call stands in the first. */
static void origin_of(const permutation *p, ng_role role, size_t set, size_t i,
                      size_t *from_set, size_t *from_i)
{
    const ng_view *view = p->view;
    ng_extent extent = ng_role_extent(role);
    *from_i = i;
    *from_set = set;
    if (extent == ng_per_element || extent == ng_per_set) {
        *from_set = set_from(p, set);
        *from_i = extent == ng_per_element ? element_from(p, i) : 0;
        return;
    }
    /* `set` numbers parameters or channels: any element that has it. */
    size_t n = extent == ng_per_channel ? 1 : ng_view_n(view);
    for (size_t s = 0; s < ng_view_sets(view); s++) {
        for (size_t e = 0; e < n; e++) {
            if (ng_view_param(view, s, e) != set)
                continue;
            *from_set = ng_view_param(view, set_from(p, s), element_from(p, e));
            return;
        }
    }
}

typedef struct comparison {
    ng_standard first, second;
    const ng_call_state *base, *moved;
    size_t wrong, bits;
    size_t outputs, own_bits; /* of these, what one set alone makes */
} comparison;

static bool same_exact(const ng_point *a, const ng_point *b)
{
    return a->kind == b->kind &&
           (a->kind != ng_kind_value || a->rounded == b->rounded);
}

/* False: the reference itself is not invariant, which is our own fault. */
static bool compare_role(comparison *c, const permutation *p, ng_role role,
                         ng_finding *finding)
{
    const ng_tensor *a = &c->base->tensor[role], *b = &c->moved->tensor[role];
    size_t sets = ng_role_sets(&c->second, role);
    size_t count = ng_role_elements(&c->second, role);
    ng_extent extent = ng_role_extent(role);
    bool own = extent == ng_per_element || extent == ng_per_set;
    for (size_t set = 0; set < sets; set++) {
        for (size_t i = 0; i < count; i++) {
            ng_judged was, now;
            size_t from_set, from_i;
            origin_of(p, role, set, i, &from_set, &from_i);
            ng_judge_output(&was, &c->first, a, role, from_set, from_i);
            ng_judge_output(&now, &c->second, b, role, set, i);
            if (!same_exact(&was.point, &now.point)) {
                ng_finding_fail(finding, NG_ERROR,
                                "normgate's own exact %s of a set depends on "
                                "the order of its elements: %.17g, then %.17g",
                                ng_role_name(role), was.point.rounded,
                                now.point.rounded);
                return false;
            }
            bool differs =
                was.got != now.got && !(isnan(was.got) && isnan(now.got));
            c->bits += differs;
            c->outputs += own;
            c->own_bits += own && differs;
            if (!now.judged)
                continue;
            c->wrong += !(now.ratio <= 1);
            ng_finding_merge(finding, &now);
        }
    }
    return true;
}

static bool written(const ng_tensor *tensor)
{
    return tensor->data != NULL &&
           (tensor->use == ng_output || tensor->use == ng_update);
}

/* Whether whole rows keep their bits wherever they stand. */
static bool promises_bits(const ng_trial *trial)
{
    const ng_contract *contract = trial->contract;
    return contract->batch_invariant == ng_batch_invariant_yes &&
           trial->op->shape == ng_shape_rows &&
           strcmp(contract->pass, "forward") == 0 &&
           contract->layout == ng_layout_contiguous;
}

static void compare(ng_trial *trial, const ng_case *test, comparison *c,
                    const permutation *p, bool rows_moved, ng_finding *finding)
{
    ng_error error;
    if (!ng_standard_make(&c->first, &trial->arena, &c->base->problem,
                          &error) ||
        !ng_standard_make(&c->second, &trial->arena, &c->moved->problem,
                          &error)) {
        ng_finding_fail(finding, NG_ERROR, "%.390s", error.text);
        return;
    }
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        if (written(&c->moved->tensor[role]) &&
            ng_exact_has(c->second.exact, role) &&
            !compare_role(c, p, role, finding))
            return;
    }
    const char *what = rows_moved ? "sets" : "elements of each set";
    const char *order = orders[test->seed % 3];
    if (rows_moved) {
        finding->compared += c->outputs;
        finding->differing += c->own_bits;
    }
    if (c->wrong > 0) {
        ng_diagnose(trial, c->moved, finding);
        if (finding->verdict == NG_PASS || finding->cause[0] == '\0')
            ng_finding_fail(finding, NG_FAIL,
                            "%zu outputs are wrong with the %s %s", c->wrong,
                            what, order);
    } else if (rows_moved && c->bits > 0 && promises_bits(trial)) {
        finding->wrong += c->bits;
        finding->ratio = INFINITY;
        ng_finding_fail(finding, NG_FAIL,
                        "%zu outputs differ in their bits with the rows %s, "
                        "though the contract promises batch_invariant=yes",
                        c->bits, order);
    }
}

static void try_orders(ng_trial *trial, const ng_case *test,
                       ng_finding *finding)
{
    ng_call_state base;
    if (!ng_trial_run(trial, test, &base, finding))
        return;
    for (int first = SET_AXES; first < AXES && finding->verdict == NG_PASS;
         first += ELEMENT_AXES) {
        ng_call_state moved;
        permutation p;
        if (!ng_trial_copy(trial, &base, &moved, finding))
            return;
        if (!make(&p, trial, test, &base.problem.view, first) ||
            !permute_state(&p, trial, &base, &moved)) {
            ng_finding_fail(finding, NG_ERROR, "no memory for a permutation");
            return;
        }
        permute_inputs(&p, &base, &moved);
        if (!ng_trial_call(trial, test, &moved, finding))
            return;
        comparison c = {.base = &base, .moved = &moved};
        compare(trial, test, &c, &p, first == SET_AXES, finding);
    }
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    try_orders(trial, test, finding);
    ng_again_columns(finding);
}

const ng_property ng_property_permutation = {
    .name = "permutation",
    .claim = "elements permuted with their gamma and beta, or whole sets and "
             "channels permuted, give the outputs permuted: within the bounds, "
             "and for rows in their bits where batch_invariant is promised",
    .why = "an index that wraps, a parameter read at the wrong place or a lane "
           "that is special shows when the same numbers stand elsewhere",
    .source = "exact identity: mean, variance and their gradients are "
              "symmetric in the elements of a set; bounds as for accuracy",
    .wild = "microsoft/DirectML#588: layer norm of a permuted input was off by "
            "up to 3.6",
    .applies = ng_applies_always,
    .plan = plan,
    .check = check,
};
