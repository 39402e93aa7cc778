/* One problem, computed by the exact reference and by the slow one, and compared
 * in every output, condition and level; with families of inputs for it. */
#ifndef NORMGATE_TESTS_REFERENCE_TRIAL_H
#define NORMGATE_TESTS_REFERENCE_TRIAL_H

#include "slow_reference.h"

#include <normgate/reference.h>

typedef struct trial {
    slow_input in;
    ng_contract contract;
    ng_view view;
    double *x, *gamma, *beta;           /* decoded from the raw arrays */
    void *raw_x, *raw_gamma, *raw_beta; /* NULL: absent */
    const bool *skip;                   /* sets that are judged elsewhere */
} trial;

/* What has been compared since the last trial_report(). */
typedef struct tally {
    size_t elements, ties, undefined, infinite, subnormal, failures;
    size_t level[NG_LEVEL_COUNT];
} tally;

extern tally trial_total;

void trial_set(ng_contract *contract, const char *field, const char *value);
void trial_contract(ng_contract *contract, const char *op, const char *dtype);

void trial_alloc(trial *t, bool gamma, bool beta);
/* After x, gamma, beta are filled: rounds them to their formats. */
void trial_encode(trial *t);
void trial_free(trial *t);

/* The whole comparison; failures are shown, and counted. */
void trial_check(trial *t, double eps);
void trial_complain(const trial *t, double eps, const char *what, size_t set,
                    size_t i, double exact, double got);
void trial_expect_kind(const trial *t, double eps, const ng_exact *exact,
                       ng_role role, size_t set, size_t i, ng_kind kind,
                       double rounded);

/* Prints the tally, clears it, and asserts that nothing failed. */
void trial_report(void);

/* Input families. */
enum {
    NORMAL,
    OFFSET,
    WIDE,
    INTEGERS,
    CONSTANT,
    NEAR_CONSTANT,
    OUTLIER,
    SUBNORMAL,
    NEAR_OVERFLOW,
    MIXED,
    CANCELLED,
    FAMILIES
};
extern const char *const trial_dtypes[4];
void trial_fill(slow_random *random, int family, ng_dtype dtype, double *x,
                size_t count);
void trial_fill_params(slow_random *random, ng_dtype dtype, double *p,
                       size_t count);
double trial_random_eps(slow_random *random, const ng_contract *contract);

/* `rows` random rows of n elements of the family, compared. */
void trial_rows(slow_random *random, const ng_contract *contract, int family,
                size_t rows, size_t n);

/* One row given in full, compared. */
void trial_row(const char *op, const char *dtype, double eps, size_t n,
               const double *x, const double *gamma, const double *beta);

#endif
