/* One call: its contract and sizes, the reference's outputs against what they
 * are by construction, and a sample of that against the slow family. */
#include "ties.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const op_names[] = {"layer_norm", "rms_norm",
                                       "l2_norm",    "batch_norm",
                                       "group_norm", "instance_norm"};

shape tie_shape_of(family_op op)
{
    return op == FAMILY_RMS  ? SHAPE_RMS
           : op == FAMILY_L2 ? SHAPE_L2
                             : SHAPE_CENTRED;
}

/* Sizes with sets of n elements. */
void tie_size_call(slow_random *random, call *t, size_t n, size_t rows)
{
    ng_case *test = &t->test;
    ng_case_init(test, op_names[t->op], t->storage);
    snprintf(test->pass, sizeof test->pass, "%s", t->contract.pass);
    if (t->op <= FAMILY_L2) {
        test->rows = rows;
        test->n = n;
    } else {
        size_t inner = 1 + slow_below(random, n);
        while (n % inner != 0)
            inner--;
        test->N = t->op == FAMILY_BATCH ? n / inner : rows;
        test->spatial = t->op == FAMILY_INSTANCE ? n : inner;
        test->num_groups = 1 + slow_below(random, 2);
        test->C = t->op == FAMILY_GROUP ? test->num_groups * (n / inner)
                                        : 1 + slow_below(random, 2);
        ng_op_find(op_names[t->op])->complete(test);
    }
    t->view = ng_case_view(test, &t->contract);
    if (ng_view_extent(&t->view) > LIMIT)
        fail_msg("LIMIT is too small");
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        for (size_t i = 0; i < LIMIT; i++)
            t->want[role][i].known = false;
    }
}

void tie_contract(call *t, family_op op, const char *pass, const char *more)
{
    char text[NG_CONTRACT_TEXT_MAX];
    ng_error error;
    snprintf(text, sizeof text, "op=%s pass=%s %s", op_names[op], pass, more);
    if (ng_contract_parse(&t->contract, text, &error) != ng_status_ok)
        fail_msg("%s: %s", text, error.text);
    t->op = op;
    t->storage = ng_contract_storage(&t->contract);
    t->param = ng_contract_param(&t->contract);
    t->stats = ng_contract_stats(&t->contract);
}

/* Sets that share gammas share their pattern, and have the same number. */
size_t tie_group_of(const call *t, size_t set)
{
    switch (t->op) {
    case FAMILY_BATCH: return set;
    case FAMILY_GROUP: return set % t->test.num_groups;
    case FAMILY_INSTANCE: return set % t->test.C;
    default: return 0;
    }
}

size_t tie_groups_of(const call *t)
{
    return t->op == FAMILY_GROUP ? t->test.num_groups
           : t->op == FAMILY_BATCH || t->op == FAMILY_INSTANCE ? t->test.C
                                                               : 1;
}

static void family_of(const call *t, const ng_tensor *slots, family_input *in)
{
    const ng_contract *c = &t->contract;
    bool rows = t->op <= FAMILY_L2;
    ptrdiff_t stride[3];
    ng_case_strides(&t->test, c, stride);
    *in = (family_input){
        .op = t->op,
        .pass = strcmp(c->pass, "forward") == 0     ? FAMILY_FORWARD
                : strcmp(c->pass, "inference") == 0 ? FAMILY_INFERENCE
                : strcmp(c->pass, "backward") == 0  ? FAMILY_BACKWARD
                                                    : FAMILY_INFERENCE_BACKWARD,
        .N = rows ? t->test.rows : t->test.N,
        .C = rows ? t->test.n : t->test.C,
        .S = rows ? 1 : t->test.spatial,
        .groups = t->test.num_groups,
        .step = {(size_t)stride[0], (size_t)stride[1], (size_t)stride[2]},
        .centred = c->centred == ng_centred_yes,
        .divisor = t->op == FAMILY_L2 ? FAMILY_ONE : FAMILY_N,
        .place = c->eps_place == ng_eps_place_inside     ? FAMILY_INSIDE
                 : c->eps_place == ng_eps_place_outside  ? FAMILY_OUTSIDE
                 : c->eps_place == ng_eps_place_max_var  ? FAMILY_MAX_VAR
                 : c->eps_place == ng_eps_place_max_norm ? FAMILY_MAX_NORM
                                                         : FAMILY_NO_EPS,
        .eps = t->test.eps,
        .rule = c->momentum == ng_momentum_old ? FAMILY_OLD : FAMILY_NEW,
        .momentum = t->test.momentum,
        .unbiased = c->running_var == ng_running_var_unbiased,
        .storage = slow_format_of(t->storage),
    };
#define GIVEN(role) (slots[role].use != ng_unused ? t->value[role] : NULL)
    in->x = GIVEN(ng_tensor_x);
    in->dy = GIVEN(ng_tensor_dy);
    in->dh = GIVEN(ng_tensor_dh);
    in->gamma = GIVEN(ng_tensor_gamma);
    in->beta = GIVEN(ng_tensor_beta);
    in->running_mean = GIVEN(ng_tensor_running_mean);
    in->running_var = GIVEN(ng_tensor_running_var);
#undef GIVEN
}

/* The construction against the slow family. */
static void sample(const call *t, const ng_tensor *slots, tally *total)
{
    family_input in;
    family_output slow;
    family_of(t, slots, &in);
    family_compute(&slow, &in);
    const family_value *values[NG_TENSOR_COUNT] = {
        [ng_tensor_y] = slow.y,
        [ng_tensor_dx] = slow.dx,
        [ng_tensor_dgamma] = slow.dgamma,
        [ng_tensor_dbeta] = slow.dbeta,
        [ng_tensor_mean] = slow.mean,
        [ng_tensor_var] = slow.var,
        [ng_tensor_running_mean] = slow.running_mean,
        [ng_tensor_running_var] = slow.running_var,
    };
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        ng_dtype dtype = ng_contract_dtype(&t->contract, role);
        for (size_t i = 0; i < LIMIT && values[role] != NULL; i++) {
            class of_ours;
            slow_rounding how;
            const wanted *want = &t->want[role][i];
            if (!want->known)
                continue;
            double ours = tie_round(want, dtype, &of_ours);
            double theirs = family_round(&slow, &values[role][i],
                                         slow_format_of(dtype), &how);
            total->sampled++;
            if (values[role][i].undefined || ours != theirs ||
                (of_ours == CLASS_TIE) != (how == SLOW_TIE))
                fail_msg("the construction of %s is wrong: %a, slow family %a",
                         ng_role_name(role), ours, theirs);
        }
    }
    family_clear(&slow);
}

static void show_call(const call *t, const ng_tensor *slots)
{
    char text[NG_CONTRACT_TEXT_MAX];
    ng_contract_print(&t->contract, text, sizeof text);
    printf("  %s eps=%a momentum=%a rows=%zu n=%zu N=%zu C=%zu spatial=%zu\n",
           text, t->test.eps, t->test.momentum, t->test.rows, t->test.n,
           t->test.N, t->test.C, t->test.spatial);
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        if (slots[role].use != ng_input && slots[role].use != ng_update)
            continue;
        printf("  %s", ng_role_name(role));
        for (size_t i = 0; i < slots[role].count; i++)
            printf(" %a", t->value[role][i]);
        printf("\n");
    }
}

static bool judge_point(const call *t, ng_role role, const ng_point *point,
                        const wanted *want, tally *total)
{
    class how;
    ng_dtype dtype = ng_contract_dtype(&t->contract, role);
    double rounded = tie_round(want, dtype, &how);
    total->outputs++;
    total->of_role[role]++;
    total->forward += role == ng_tensor_y;
    total->ties += how == CLASS_TIE;
    total->near += how == CLASS_NEAR;
    total->exact += how == CLASS_EXACT;
    total->plain += how == CLASS_PLAIN;
    total->zero += want->m == 0;
    total->infinite += isinf(rounded) != 0;
    total->subnormal += rounded != 0 && fabs(rounded) < ng_dtype_min(dtype);
    if ((unsigned)point->level < NG_LEVEL_COUNT)
        total->level[point->level]++;
    return point->kind == ng_kind_value && point->rounded == rounded &&
           (unsigned)point->level < ng_level_undecided &&
           /* a tie cannot be enclosed: only compared; but past the largest
            * finite value both neighbours are infinite */
           (how != CLASS_TIE || point->level == ng_level_exact ||
            isinf(rounded));
}

void tie_judge(call *t, tally *total)
{
    static unsigned char raw[NG_TENSOR_COUNT][8 * LIMIT];
    ng_arena arena = {0};
    ng_error error;
    ng_tensor slots[NG_TENSOR_COUNT];
    void *at[NG_TENSOR_COUNT] = {NULL};
    ng_case_slots(&t->test, &t->contract, slots);
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        for (size_t i = 0; i < LIMIT; i++)
            t->want[role][i].known &=
                tie_settled(&t->want[role][i], slots[role].dtype);
        if (slots[role].use != ng_input && slots[role].use != ng_update)
            continue;
        at[role] = raw[role];
        for (size_t i = 0; i < slots[role].count; i++) {
            if (!tie_fits(slots[role].dtype, t->value[role][i]))
                fail_msg("%s %a does not fit %s", ng_role_name(role),
                         t->value[role][i],
                         ng_format_of(slots[role].dtype)->name);
            ng_dtype_set(slots[role].dtype, raw[role], i, t->value[role][i]);
        }
    }
    ng_problem problem = {
        .contract = &t->contract,
        .view = t->view,
        .eps = t->test.eps,
        .momentum = t->test.momentum,
        .x = at[ng_tensor_x],
        .gamma = at[ng_tensor_gamma],
        .beta = at[ng_tensor_beta],
        .dy = at[ng_tensor_dy],
        .dh = at[ng_tensor_dh],
        .running_mean = at[ng_tensor_running_mean],
        .running_var = at[ng_tensor_running_var],
    };
    ng_exact *exact = ng_exact_compute(&arena, &problem, &error);
    if (exact == NULL)
        fail_msg("%s", error.text);
    size_t n = ng_view_n(&t->view), sets = ng_view_sets(&t->view);
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        bool element = ng_role_extent(role) == ng_per_element;
        size_t count = element ? n * sets : slots[role].count;
        for (size_t i = 0; i < count; i++) {
            size_t place = element ? ng_view_index(&t->view, i / n, i % n) : i;
            const wanted *want = &t->want[role][place];
            ng_point point;
            if (!want->known)
                continue;
            if (element)
                ng_exact_at(exact, role, i / n, i % n, &point);
            else
                ng_exact_at(exact, role, i, 0, &point);
            if (judge_point(t, role, &point, want, total) ||
                total->failures++ >= 3)
                continue;
            class how;
            double due =
                tie_round(want, ng_contract_dtype(&t->contract, role), &how);
            printf("FAILURE %s[%zu]: kind %d level %d %a, due %a (class %d)\n",
                   ng_role_name(role), place, point.kind, point.level,
                   point.rounded, due, how);
            show_call(t, slots);
        }
    }
    if (total->calls++ % SAMPLE == 0)
        sample(t, slots, total);
    ng_arena_release(&arena);
}
