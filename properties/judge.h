/* Judge: one call's outputs against the exact values. */
#ifndef NORMGATE_JUDGE_H
#define NORMGATE_JUDGE_H

#include "bounds.h"
#include "trial.h"

/* The exact values of a call and how far each output may be from them. */
typedef struct ng_standard {
    const ng_problem *problem;
    const ng_exact *exact;
    ng_set_bound *set;            /* [sets] */
    ng_sum_bound *dgamma, *dbeta; /* [params]; NULL: no gradients */
} ng_standard;

/* False: memory, or a contract without reference (error says which). */
bool ng_standard_make(ng_standard *standard, ng_arena *arena,
                      const ng_problem *problem, ng_error *error);

/* Outputs of a role: how many first indices (sets, parameters, channels), and
 * how many elements each has. */
size_t ng_role_sets(const ng_standard *standard, ng_role role);
size_t ng_role_elements(const ng_standard *standard, ng_role role);

/* The output at (set, i); set counts parameters or channels where the role
 * does. */
void ng_judge_output(ng_judged *judged, const ng_standard *standard,
                     const ng_tensor *tensor, ng_role role, size_t set,
                     size_t i);

/* A batch's share in a running statistic, the average over the channel's sets:
 * what ng_bound_running() takes. */
typedef struct ng_running_share {
    double value, error, h;
    bool judged; /* false: the contract promises nothing for some set */
} ng_running_share;

void ng_running_share_of(ng_running_share *share, const ng_standard *standard,
                         ng_role role, size_t channel);

#endif
