/* Prints problems of the whole family and their exact results for
 * family_crosscheck.py, which computes them again. One problem:
 *
 *   case OP PASS KEY VALUE ...
 *   in ROLE DTYPE HEX ...          elements in memory order, gaps are nan
 *   out ROLE DTYPE KIND HEX ...    likewise; kind is value, undefined, gap
 *   end
 */
#include "family_trial.h"

#include <stdio.h>

static void print_head(const family_trial *t)
{
    const family_input *in = &t->in;
    printf("case %s %s N %zu C %zu S %zu groups %zu start %zu step_n %zu "
           "step_c %zu step_s %zu centred %d divisor %s place %s eps %a "
           "one_plus %d saved %d fused %d round_residual %d momentum %a rule "
           "%s batches %llu unbiased %d one_value %s\n",
           family_op_names[in->op], family_pass_names[in->pass], in->N, in->C,
           in->S, in->groups, in->start, in->step[0], in->step[1], in->step[2],
           in->centred, family_divisor_names[in->divisor],
           family_place_names[in->place], in->eps, in->one_plus, in->saved,
           t->contract.residual == ng_residual_sum, in->round_residual,
           in->momentum, family_rule_names[in->rule],
           (unsigned long long)in->batches, in->unbiased,
           family_one_value_names[in->one_value]);
}

static void print_point(const ng_exact *exact, ng_role role, size_t set,
                        size_t i)
{
    ng_point point;
    ng_exact_at(exact, role, set, i, &point);
    bool proved = point.level != ng_level_undecided;
    printf(" %s %a",
           point.kind == ng_kind_undefined ? "undefined"
           : point.kind != ng_kind_value   ? "table"
           : proved                        ? "value"
                                           : "undecided",
           point.rounded);
}

static void print_elements(const family_trial *t, const ng_exact *exact,
                           ng_role role)
{
    size_t n = ng_view_n(&t->view), sets = ng_view_sets(&t->view);
    for (size_t at = 0; at < ng_view_extent(&t->view); at++) {
        bool found = false;
        for (size_t k = 0; k < n * sets && !found; k++) {
            found = ng_view_index(&t->view, k / n, k % n) == at;
            if (found)
                print_point(exact, role, k / n, k % n);
        }
        if (!found)
            printf(" gap nan");
    }
}

static void print_case(const family_trial *t, const ng_exact *exact)
{
    ng_tensor slots[NG_TENSOR_COUNT];
    ng_case_slots(&t->test, &t->contract, slots);
    print_head(t);
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const char *dtype = ng_format_of(slots[role].dtype)->name;
        if (t->all[role].values != NULL) {
            printf("in %s %s", ng_role_name(role), dtype);
            for (size_t i = 0; i < slots[role].count; i++)
                printf(" %a", t->all[role].values[i]);
            printf("\n");
        }
        if (!ng_exact_has(exact, role))
            continue;
        printf("out %s %s", ng_role_name(role), dtype);
        if (ng_role_extent(role) == ng_per_element)
            print_elements(t, exact, role);
        else
            for (size_t i = 0; i < slots[role].count; i++)
                print_point(exact, role, i, 0);
        printf("\n");
    }
    printf("end\n");
}

int main(void)
{
    slow_random random = {78};
    for (size_t k = 0; k < 250 * slow_effort(); k++) {
        family_trial t;
        ng_arena arena = {0};
        ng_error error;
        family_trial_draw(&random, &t);
        ng_exact *exact = ng_exact_compute(&arena, &t.problem, &error);
        if (exact == NULL) {
            fprintf(stderr, "%s\n", error.text);
            return 2;
        }
        print_case(&t, exact);
        ng_arena_release(&arena);
        family_trial_free(&t);
    }
    return 0;
}
