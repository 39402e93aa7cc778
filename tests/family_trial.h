/* Random problems of the whole family: every op, pass, dtype, layout and
 * contract choice, with hard inputs; for the tests that compare the exact
 * reference with another oracle. */
#ifndef NORMGATE_TESTS_FAMILY_TRIAL_H
#define NORMGATE_TESTS_FAMILY_TRIAL_H

#include "slow_family.h"

#include <normgate/op.h>
#include <normgate/reference.h>

/* An array of a call: what it holds in its format, and as doubles. */
typedef struct family_array {
    double *values;
    void *raw;
} family_array;

typedef struct family_trial {
    ng_contract contract;
    ng_case test;
    ng_view view;
    family_input in;
    ng_problem problem;
    family_array all[NG_TENSOR_COUNT];
    bool kink;      /* x and eps so that max(var, eps) has equal sides */
    size_t *number; /* from the place in memory to the element's number */
} family_trial;

extern const char *const family_op_names[];
extern const char *const family_pass_names[];
extern const char *const family_place_names[];
extern const char *const family_divisor_names[];
extern const char *const family_rule_names[];
extern const char *const family_one_value_names[];

void family_trial_draw(slow_random *random, family_trial *t);
void family_trial_free(family_trial *t);
void family_trial_show(const family_trial *t);

/* Whether the call has this output, as its contract says. */
bool family_trial_has(const family_trial *t, ng_role role);

#endif
