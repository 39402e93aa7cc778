/* Oracle: a call's arrays are checked against the contract and the shape of x,
 * then the exact values are laid out as arrays of the natural shape. */
#include <normgate/op.h>
#include <normgate/oracle.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SHAPE_TEXT_MAX = 128 };

/* What the parts of a computation share. */
typedef struct state {
    const ng_oracle_call *call;
    const ng_op *op;
    ng_contract contract;
    ng_case sizes;
    ng_view view;
    ng_tensor slots[NG_TENSOR_COUNT];
    ng_error *error;
} state;

const char *ng_level_name(ng_level level)
{
    static const char *const names[NG_LEVEL_COUNT] = {
        [ng_level_table] = "table",
        [ng_level_double_word] = "double_word",
        [ng_level_binary128] = "binary128",
        [ng_level_mpfr] = "mpfr",
        [ng_level_exact] = "exact",
        [ng_level_undecided] = "undecided",
    };
    return level < NG_LEVEL_COUNT ? names[level] : "?";
}

void ng_oracle_call_init(ng_oracle_call *call, const char *contract)
{
    memset(call, 0, sizeof *call);
    call->contract = contract;
    call->eps = 1e-5;
    call->momentum = NAN;
}

static size_t product(const size_t *shape, size_t count)
{
    size_t all = 1;
    for (size_t axis = 0; axis < count; axis++)
        all *= shape[axis];
    return all;
}

/* The product of x's whole shape and, because an empty axis hides nothing, of
 * every part of it is bounded here. */
static ng_status read_shape(state *s, const ng_npy *x)
{
    size_t count, least = s->op->shape == ng_shape_rows ? 1 : 2;
    if (x->data == NULL)
        return ng_fail(s->error, ng_status_bad_input,
                       "x is missing: every pass takes it");
    if (!ng_npy_count(x->rank, x->shape, &count))
        return ng_fail(s->error, ng_status_bad_input,
                       "x has more than %d axes or 2^24 elements; give a part "
                       "of it",
                       NG_NPY_RANK_MAX);
    if (x->rank < least)
        return ng_fail(s->error, ng_status_bad_input,
                       "x has %zu axes; %s takes %s", x->rank, s->op->name,
                       least == 1 ? "at least the normalized one"
                                  : "(N, C) or (N, C, spatial...)");
    return ng_status_ok;
}

static ng_status read_rows(state *s, const ng_npy *x)
{
    size_t axes = s->call->axes != 0 ? s->call->axes : 1;
    if (axes > x->rank)
        return ng_fail(s->error, ng_status_bad_input,
                       "axes=%zu, but x has %zu; give the number of trailing "
                       "axes that are normalized",
                       axes, x->rank);
    s->sizes.rows = product(x->shape, x->rank - axes);
    s->sizes.n = product(x->shape + x->rank - axes, axes);
    return ng_status_ok;
}

static ng_status read_channels(state *s, const ng_npy *x)
{
    bool last = s->contract.layout == ng_layout_channels_last;
    size_t groups = s->call->num_groups;
    if (s->call->axes != 0)
        return ng_fail(s->error, ng_status_bad_input,
                       "axes=%zu is surplus: %s normalizes by channels; leave "
                       "it out",
                       s->call->axes, s->op->name);
    s->sizes.N = x->shape[0];
    s->sizes.C = x->shape[last ? x->rank - 1 : 1];
    s->sizes.spatial = product(x->shape + (last ? 1 : 2), x->rank - 2);
    s->sizes.num_groups = groups;
    if (s->op->groups && (groups == 0 || s->sizes.C % groups != 0))
        return ng_fail(s->error, ng_status_bad_input,
                       "num_groups=%zu does not divide the %zu channels of x "
                       "into groups of equal size",
                       groups, s->sizes.C);
    s->op->complete(&s->sizes);
    return ng_status_ok;
}

static bool updates(const state *s)
{
    return s->slots[ng_tensor_running_mean].use == ng_update;
}

/* The numbers of the call, each only where the contract has a use for it. */
static ng_status read_numbers(state *s)
{
    const ng_oracle_call *call = s->call;
    const char *surplus = NULL;
    bool cumulative = s->contract.momentum == ng_momentum_cumulative;
    if (call->num_groups != 0 && !s->op->groups)
        surplus = "num_groups: only group_norm has groups";
    else if (!isnan(call->momentum) && (!updates(s) || cumulative))
        surplus = "momentum: the contract updates no running statistics with "
                  "one";
    else if (call->batches != 0 && !(updates(s) && cumulative))
        surplus = "batches: they count under momentum=cumulative alone";
    if (surplus != NULL)
        return ng_fail(s->error, ng_status_bad_input,
                       "a surplus %s; leave it out", surplus);
    if (isnan(call->momentum) && updates(s) &&
        s->contract.momentum == ng_momentum_old)
        return ng_fail(s->error, ng_status_bad_input,
                       "momentum is missing: under momentum=old it has no "
                       "default; give the weight of the old value, such as "
                       "0.9");
    s->sizes.eps = call->eps;
    s->sizes.momentum = isnan(call->momentum) ? 0.1 : call->momentum;
    s->sizes.batches = call->batches;
    return ng_status_ok;
}

/* Whether each example has sets of its own; told by unit strides, for those of
 * an empty x may all be 0. */
static bool sets_by_example(const state *s)
{
    static const ptrdiff_t unit[3] = {1, 1, 1};
    return s->op->partition(&s->sizes, unit).set[0].stride != 0;
}

/* The natural shape of a role, from that of x. */
static void shape_of(const state *s, ng_role role, ng_npy *to)
{
    const ng_npy *x = &s->call->input[ng_tensor_x];
    const ng_case *sizes = &s->sizes;
    bool rows = s->op->shape == ng_shape_rows;
    size_t axes = s->call->axes != 0 ? s->call->axes : 1;
    ng_extent extent = ng_role_extent(role);
    to->dtype = ng_contract_dtype(&s->contract, role);
    if (extent == ng_per_element) {
        to->rank = x->rank;
        memcpy(to->shape, x->shape, sizeof to->shape);
    } else if (rows) {
        bool set = extent == ng_per_set;
        to->rank = set ? x->rank - axes : axes;
        memcpy(to->shape, x->shape + (set ? 0 : x->rank - axes),
               to->rank * sizeof to->shape[0]);
    } else if (extent == ng_per_set && sets_by_example(s)) {
        to->rank = 2;
        to->shape[0] = sizes->N;
        to->shape[1] = s->op->groups ? sizes->num_groups : sizes->C;
    } else {
        to->rank = 1;
        to->shape[0] = sizes->C;
    }
    to->count = product(to->shape, to->rank);
}

static void list_inputs(const state *s, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (ng_role role = 0; role < NG_TENSOR_COUNT && used < size; role++) {
        ng_use use = s->slots[role].use;
        if (use == ng_input || use == ng_update)
            used += (size_t)snprintf(text + used, size - used, "%s%s",
                                     used > 0 ? ", " : "", ng_role_name(role));
    }
}

static ng_status surplus_or_missing(const state *s, ng_role role,
                                    const char *due)
{
    char taken[256];
    list_inputs(s, taken, sizeof taken);
    if (due == NULL)
        return ng_fail(s->error, ng_status_bad_input,
                       "%s is surplus: %s/%s takes %s by this contract; leave "
                       "it out, or name another contract",
                       ng_role_name(role), s->op->name, s->contract.pass,
                       taken);
    return ng_fail(s->error, ng_status_bad_input,
                   "%s is missing: %s/%s takes %s by this contract; give %s "
                   "of shape %s, or name another contract",
                   ng_role_name(role), s->op->name, s->contract.pass, taken,
                   ng_format_of(ng_contract_dtype(&s->contract, role))->name,
                   due);
}

static ng_status check_input(const state *s, ng_role role)
{
    const ng_npy *got = &s->call->input[role];
    ng_use use = s->slots[role].use;
    char due_shape[SHAPE_TEXT_MAX], shape[SHAPE_TEXT_MAX];
    ng_npy due = {0};
    if (use != ng_input && use != ng_update)
        return got->data == NULL ? ng_status_ok
                                 : surplus_or_missing(s, role, NULL);
    shape_of(s, role, &due);
    ng_npy_shape_text(due_shape, sizeof due_shape, due.rank, due.shape);
    if (got->data == NULL)
        return surplus_or_missing(s, role, due_shape);
    if (got->rank > NG_NPY_RANK_MAX)
        return ng_fail(s->error, ng_status_bad_input,
                       "%s has more than %d axes, expected shape %s",
                       ng_role_name(role), NG_NPY_RANK_MAX, due_shape);
    ng_npy_shape_text(shape, sizeof shape, got->rank, got->shape);
    if (got->rank != due.rank ||
        memcmp(got->shape, due.shape, due.rank * sizeof due.shape[0]) != 0)
        return ng_fail(s->error, ng_status_bad_input,
                       "%s has shape %s, expected %s", ng_role_name(role),
                       shape, due_shape);
    if (got->dtype != due.dtype)
        return ng_fail(s->error, ng_status_bad_input,
                       "%s is %s, expected %s; convert it, or say so in the "
                       "contract",
                       ng_role_name(role), ng_format_of(got->dtype)->name,
                       ng_format_of(due.dtype)->name);
    return ng_status_ok;
}

static ng_status read_call(state *s)
{
    const ng_npy *x = &s->call->input[ng_tensor_x];
    ng_status status =
        ng_contract_parse(&s->contract, s->call->contract, s->error);
    if (status != ng_status_ok)
        return status;
    s->op = ng_op_find(s->contract.op);
    ng_case_init(&s->sizes, s->contract.op, ng_contract_storage(&s->contract));
    snprintf(s->sizes.pass, sizeof s->sizes.pass, "%s", s->contract.pass);
    status = read_shape(s, x);
    if (status == ng_status_ok)
        status = s->op->shape == ng_shape_rows ? read_rows(s, x)
                                               : read_channels(s, x);
    if (status != ng_status_ok)
        return status;
    s->view = ng_case_view(&s->sizes, &s->contract);
    ng_case_slots(&s->sizes, &s->contract, s->slots);
    status = read_numbers(s);
    for (ng_role role = 0; role < NG_TENSOR_COUNT && status == ng_status_ok;
         role++)
        status = check_input(s, role);
    const char *forbidden = ng_case_forbidden(&s->sizes, &s->contract);
    if (status == ng_status_ok && forbidden != NULL)
        status = ng_fail(s->error, ng_status_bad_input,
                         "the contract forbids this call: %s", forbidden);
    return status;
}

static ng_problem problem_of(const state *s)
{
    const ng_npy *in = s->call->input;
    return (ng_problem){
        .contract = &s->contract,
        .view = s->view,
        .eps = s->sizes.eps,
        .momentum = s->sizes.momentum,
        .batches = s->sizes.batches,
        .x = in[ng_tensor_x].data,
        .residual = in[ng_tensor_residual].data,
        .gamma = in[ng_tensor_gamma].data,
        .beta = in[ng_tensor_beta].data,
        .dy = in[ng_tensor_dy].data,
        .dh = in[ng_tensor_dh].data,
        .mean = in[ng_tensor_mean].data,
        .rstd = in[ng_tensor_rstd].data,
        .running_mean = in[ng_tensor_running_mean].data,
        .running_var = in[ng_tensor_running_var].data,
    };
}

/* Without an exponent where the double words then still hold all digits. */
static void fold_exponent(ng_point *point)
{
    double high = ldexp(point->high, point->exponent);
    double low = ldexp(point->low, point->exponent);
    if (isinf(high) || ldexp(high, -point->exponent) != point->high ||
        ldexp(low, -point->exponent) != point->low)
        return;
    point->high = high;
    point->low = low;
    point->exponent = 0;
}

/* What is no number is NaN or the infinity in all forms. */
static void settle(ng_point *point)
{
    if (point->level == ng_level_undecided)
        point->rounded = point->high = point->low = NAN;
    else if (point->kind == ng_kind_value || point->kind == ng_kind_zero_nan)
        fold_exponent(point);
    else if (point->kind == ng_kind_infinite)
        *point = (ng_point){.kind = ng_kind_infinite,
                            .level = point->level,
                            .rounded = point->rounded,
                            .high = point->rounded};
    else
        *point = (ng_point){.kind = point->kind,
                            .level = point->level,
                            .rounded = NAN,
                            .high = NAN,
                            .low = NAN};
}

/* NULL pointers are there until an element needs the array. */
static bool store(ng_oracle_output *to, ng_arena *arena, size_t at,
                  ng_point point)
{
    size_t count = to->rounded.count;
    settle(&point);
    if (point.exponent != 0 && to->exponent == NULL &&
        !(to->exponent = ng_arena_alloc(arena, count, sizeof *to->exponent)))
        return false;
    if (point.kind != ng_kind_value && to->kind == NULL &&
        !(to->kind = ng_arena_alloc(arena, count, sizeof *to->kind)))
        return false;
    if (to->exponent != NULL)
        to->exponent[at] = point.exponent;
    if (to->kind != NULL)
        to->kind[at] = point.kind;
    ng_dtype_set(to->rounded.dtype, to->rounded.data, at, point.rounded);
    to->high[at] = point.high;
    to->low[at] = point.low;
    to->levels[point.level]++;
    return true;
}

static bool fill_output(const state *s, const ng_exact *exact,
                        ng_oracle_output *to, ng_arena *arena)
{
    bool element = ng_role_extent(to->role) == ng_per_element;
    size_t sets = element ? ng_view_sets(&s->view) : to->rounded.count;
    size_t n = element ? ng_view_n(&s->view) : 1;
    for (size_t set = 0; set < sets; set++) {
        for (size_t i = 0; i < n; i++) {
            ng_point point;
            ng_exact_at(exact, to->role, set, i, &point);
            size_t at = element ? ng_view_index(&s->view, set, i) : set;
            if (!store(to, arena, at, point))
                return false;
        }
    }
    return true;
}

static bool new_output(const state *s, ng_oracle_output *to, ng_role role,
                       ng_arena *arena)
{
    memset(to, 0, sizeof *to);
    to->role = role;
    shape_of(s, role, &to->rounded);
    size_t count = to->rounded.count;
    to->rounded.data =
        ng_arena_alloc(arena, count, ng_format_of(to->rounded.dtype)->size);
    to->high = ng_arena_alloc(arena, count, sizeof *to->high);
    to->low = ng_arena_alloc(arena, count, sizeof *to->low);
    return to->rounded.data != NULL && to->high != NULL && to->low != NULL;
}

static ng_status compute(ng_oracle *oracle, ng_arena *arena, const state *s,
                         ng_arena *scratch)
{
    ng_problem problem = problem_of(s);
    ng_exact *exact = ng_exact_compute(scratch, &problem, s->error);
    if (exact == NULL)
        return ng_status_bad_input;
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        ng_use use = s->slots[role].use;
        if (use != ng_output && use != ng_update)
            continue;
        ng_oracle_output *to = &oracle->output[oracle->count++];
        if (!new_output(s, to, role, arena) ||
            !fill_output(s, exact, to, arena))
            return ng_fail(s->error, ng_status_no_memory, "no memory for %s",
                           ng_role_name(role));
    }
    return ng_status_ok;
}

ng_status ng_oracle_compute(ng_oracle *oracle, ng_arena *arena,
                            const ng_oracle_call *call, ng_error *error)
{
    ng_arena scratch = {0};
    memset(oracle, 0, sizeof *oracle);
    state *s = ng_arena_alloc(&scratch, 1, sizeof *s);
    if (s == NULL)
        return ng_fail(error, ng_status_no_memory, "out of memory");
    s->call = call;
    s->error = error;
    ng_status status = read_call(s);
    if (status == ng_status_ok)
        status = compute(oracle, arena, s, &scratch);
    ng_arena_release(&scratch);
    return status;
}

const ng_oracle_output *ng_oracle_find(const ng_oracle *oracle, ng_role role)
{
    for (size_t i = 0; i < oracle->count; i++) {
        if (oracle->output[i].role == role)
            return &oracle->output[i];
    }
    return NULL;
}

size_t ng_oracle_undecided(const ng_oracle *oracle)
{
    size_t undecided = 0;
    for (size_t i = 0; i < oracle->count; i++)
        undecided += oracle->output[i].levels[ng_level_undecided];
    return undecided;
}
