/* Again: a call that repeats another one in another manner, moment or company,
 * and must be as right as that was. */
#ifndef NORMGATE_AGAIN_H
#define NORMGATE_AGAIN_H

#include "trial.h"

/* Outputs of one tensor: elements of sets, or what lies beside them; gaps
 * between strides are none. */
size_t ng_again_outputs(const ng_call_state *call, ng_role role);

/* A place at which two calls differ. */
typedef struct ng_difference {
    ng_role role; /* NG_TENSOR_COUNT: they do not */
    size_t i;
} ng_difference;

/* The first output that both calls have and that differs in its bits. */
ng_difference ng_again_differs(const ng_call_state *a, const ng_call_state *b);

/* Counts the outputs that both calls have, and those of them that differ in
 * their bits: the answer. */
size_t ng_again_count(const ng_call_state *a, const ng_call_state *b,
                      ng_finding *finding);

/* What was counted, as columns: `calls`, `compared`, `differing`. None where
 * nothing was compared. */
void ng_again_columns(ng_finding *finding);

/* `again` has the inputs of `first`, which was judged right: equal bits are as
 * right, others are judged. False: the finding says, after `words`, what is
 * wrong. */
bool ng_again_judge(ng_trial *trial, const ng_call_state *first,
                    const ng_call_state *again, const char *words,
                    ng_finding *finding);

/* Judges a call that nothing is known of, likewise. */
bool ng_again_right(ng_trial *trial, const ng_call_state *call,
                    const char *words, ng_finding *finding);

/* A broken promise of equal bits at `at`, between `first` and `again`. */
void ng_again_fail_bits(ng_finding *finding, const ng_tensor *first, size_t i,
                        const ng_tensor *again, size_t j, ng_role role,
                        const char *words);

#endif
