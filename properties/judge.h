/* Judge: one call's outputs against the exact values. */
#ifndef NORMGATE_JUDGE_H
#define NORMGATE_JUDGE_H

#include "bounds.h"
#include "trial.h"

void ng_judge_set(ng_set_bound *bound, const ng_problem *problem,
                  const ng_exact *exact, size_t set);
void ng_judge_output(ng_judged *judged, const ng_problem *problem,
                     const ng_exact *exact, const ng_set_bound *bound,
                     const ng_tensor *tensor, ng_role role, size_t set,
                     size_t i);

#endif
