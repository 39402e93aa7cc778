/* Diagnosis: the norm with one or two defects planted, so that a kernel's
 * outputs can be told from what each known mistake would give. */
#ifndef NORMGATE_DIAGNOSE_H
#define NORMGATE_DIAGNOSE_H

#include "judge.h"

#include <float.h>

typedef long double ng_wide;

typedef enum ng_defect {
    ng_defect_none,
#define NG_DEFECT(id, values, words) ng_defect_##id,
#include "diagnose_defects.def"
#undef NG_DEFECT
    NG_DEFECT_COUNT
} ng_defect;

/* What is wrong: the contract and eps that the kernel seems to follow, and
 * defects with the value (a length, a dtype) that each takes. */
typedef struct ng_damage {
    ng_contract contract;
    double eps;
    ng_defect defect[2];
    double value[2];
} ng_damage;

/* A literal evaluation of the pass in long double, whose errors are far below
 * those of any dtype. Outputs are indexed as in memory. */
typedef struct ng_evaluation {
    const ng_problem *problem;
    const ng_case *test; /* NULL: defects of the layout are left out */
    const ng_damage *damage;
    ng_view read, write;
    size_t sets, n, params, extent;
    ng_wide *x, *g; /* [sets*n], [n] */
    ng_wide *mean, *var, *rstd;
    ng_wide *size;           /* mean |x|, where statistics were formed from x */
    bool groups, by_channel; /* of the op; the whole batch is per channel */
    bool *fixed;             /* [sets]: rstd does not depend on x */
    ng_wide *out[NG_TENSOR_COUNT];
    size_t count[NG_TENSOR_COUNT];
} ng_evaluation;

/* False: no memory. */
bool ng_evaluation_make(ng_evaluation *e, ng_arena *arena,
                        const ng_problem *problem, const ng_case *test);
void ng_evaluate(ng_evaluation *e, const ng_damage *damage);

/* What no damage has written. */
#define NG_UNWRITTEN (-LDBL_MAX)

/* One cause: a neighbouring contract or a defect. */
enum { NG_CAUSE_WORDS = 120 };
typedef struct ng_cause {
    size_t neighbour; /* 0: a defect */
    ng_defect defect;
    double value;
    char words[NG_CAUSE_WORDS];
} ng_cause;

/* Every cause, at most NG_CAUSES of them, in the order in which they are named;
 * how many there are. */
size_t ng_causes(ng_cause *causes);

/* Adds the cause to the damage; n elements in a set. False: it changes nothing
 * here. */
bool ng_cause_apply(const ng_cause *cause, size_t n, ng_damage *damage);

/* One output of a call, as it was judged under the declared contract. */
typedef struct ng_outcome {
    ng_role role;
    size_t set, i, index; /* index into memory */
    double got, exact, bound;
    double error;      /* |got - exact| */
    bool value, wrong; /* value: the exact result is a real number */
} ng_outcome;

/* All judged outputs of a call; those that were never written are left out. */
typedef struct ng_sample {
    const ng_call_state *call;
    const ng_standard *standard;
    ng_outcome *outcome;
    size_t count, wrong;
    ng_evaluation evaluation;
} ng_sample;

bool ng_sample_make(ng_sample *sample, ng_arena *arena,
                    const ng_call_state *call);

/* Outputs that the damage does not explain; counting stops beyond `most`. */
size_t ng_sample_misses(ng_sample *sample, const ng_damage *damage,
                        size_t most);

/* What no defect explains, by its pattern. */
void ng_describe(const ng_sample *sample, ng_finding *finding);

/* Parts of ng_evaluate(). */
double ng_damage_value(const ng_damage *damage, ng_defect defect);
bool ng_damage_has(const ng_damage *damage, ng_defect defect);
ng_wide ng_evaluate_read(const ng_problem *problem, const void *array,
                         ng_role role, size_t at, ng_wide absent);
size_t ng_evaluate_param(const ng_evaluation *e, size_t set, size_t i,
                         bool gamma);
ng_wide ng_evaluate_gamma(const ng_evaluation *e, size_t set, size_t i);
ng_wide ng_evaluate_round(double dtype, ng_wide value);
void ng_evaluate_backward(ng_evaluation *e);

#endif
