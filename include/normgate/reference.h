/* Reference: the exact result of a normalization for the given binary inputs.
 *
 * Every output is beta + a/(sqrt(A) + B) with a, beta, B dyadic and A rational,
 * all exact. Its correct rounding is proved by an enclosure (binary128, then
 * MPFR at rising precision), or by an exact comparison with the midpoint of two
 * neighbours (GMP), which always decides. Level counts say how. */
#ifndef NORMGATE_REFERENCE_H
#define NORMGATE_REFERENCE_H

#include <normgate/arena.h>
#include <normgate/contract.h>
#include <normgate/status.h>
#include <normgate/tensor.h>
#include <normgate/view.h>

/* What is to be computed. Tensor dtypes follow from the contract. */
typedef struct ng_problem {
    const ng_contract *contract;
    ng_view view;
    double eps;        /* as the kernel gets it */
    const void *x;     /* indexed by the view */
    const void *gamma; /* NULL: x_hat is not scaled */
    const void *beta;  /* NULL: 0 */
} ng_problem;

/* The decision table: what a correct kernel may return at an element. */
typedef enum ng_kind {
    ng_kind_value,     /* a real number: judged by distance */
    ng_kind_nan,       /* NaN */
    ng_kind_infinite,  /* the signed infinity in `rounded`, or NaN */
    ng_kind_nonfinite, /* NaN or an infinity of either sign */
    ng_kind_zero_nan,  /* 0 * Inf was met: the real value or NaN */
    ng_kind_undefined, /* 0/0: eps = 0 and no spread; anything may come */
} ng_kind;

/* How the rounding was proved. */
typedef enum ng_level {
    ng_level_table,     /* non-finite input: by the decision table */
    ng_level_binary128, /* enclosure in binary128 */
    ng_level_mpfr,      /* enclosure in MPFR */
    ng_level_exact,     /* comparison in integers: a tie, or nearly one */
    ng_level_undecided, /* none of these; never counted as right */
    NG_LEVEL_COUNT
} ng_level;

typedef struct ng_point {
    ng_kind kind;
    ng_level level;
    double rounded;   /* correctly rounded into the tensor's dtype */
    double high, low; /* exact = (high + low) * 2^exponent, relative error */
    int exponent;     /* below 2^-100; high = 0 only if exact is 0 */
} ng_point;

/* What the errors of a set hang on, each with a relative error below 2^-50 and
 * all in units of x, so that nothing overflows where x does not. */
typedef struct ng_conditions {
    double n;                /* elements */
    double mean;             /* 0 when not centred */
    double mean_abs;         /* mean |x| */
    double deviation;        /* square root of the variance as the contract
                                divides it; of the mean square if not centred */
    double root_mean_square; /* of x itself, centred or not */
    double scale;            /* 1/rstd, with eps placed as the contract says */
    double first;            /* x of element 0: the shift of shifted sums */
    bool finite;             /* no NaN or Inf in x of the set */
} ng_conditions;

typedef struct ng_exact ng_exact;

/* The exact y, mean and rstd. NULL: memory, or a contract that the reference
 * does not define (error says which field). Memory belongs to the arena. */
ng_exact *ng_exact_forward(ng_arena *arena, const ng_problem *problem,
                           ng_error *error);

/* Element `i` of `set` of y (i < n), or of mean or rstd (i = 0). The mean is
 * that of x also where the norm does not subtract it. */
void ng_exact_at(const ng_exact *exact, ng_role role, size_t set, size_t i,
                 ng_point *point);

/* |got - exact|, absolute, as a double not below that of `high` and `low`
 * (which differ from exact by less than 2^-100 of it); NAN when either is not
 * finite. */
double ng_point_error(const ng_point *point, double got);

const ng_conditions *ng_exact_conditions(const ng_exact *exact, size_t set);

/* Versions of the libraries that the reference stands on. */
const char *ng_reference_libraries(void);

/* Outputs proved at each level. */
const size_t *ng_exact_levels(const ng_exact *exact);

#endif
