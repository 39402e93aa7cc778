/* Reference: the exact result of a normalization for the given binary inputs.
 *
 * Every output of a reduction set is (p + q r)/(u + v r) with r = sqrt(A), A
 * rational, the rest dyadic, all exact. Its correct rounding is proved by an
 * enclosure (binary128, then MPFR at rising precision), or by an exact
 * comparison with the midpoint of two neighbours (GMP), which always decides.
 * dgamma over many sets is a sum of such numbers: enclosures, and the exact
 * comparison where their roots are rational multiples of few. Level counts say
 * how. */
#ifndef NORMGATE_REFERENCE_H
#define NORMGATE_REFERENCE_H

#include <normgate/arena.h>
#include <normgate/contract.h>
#include <normgate/status.h>
#include <normgate/tensor.h>
#include <normgate/view.h>

/* What is to be computed: the pass that the contract names. The dtypes of the
 * tensors follow from the contract (ng_contract_dtype), their presence from
 * ng_case_slots(); x and all of its shape lie as the view says. */
typedef struct ng_problem {
    const ng_contract *contract;
    ng_view view;
    double eps;           /* as the kernel gets it */
    double momentum;      /* of the running statistics */
    uint64_t batches;     /* seen before: momentum=cumulative */
    const void *x;        /* backward of a fused residual: the sum h */
    const void *residual; /* NULL: nothing is added to x */
    const void *gamma;    /* NULL: x_hat is not scaled */
    const void *beta;     /* NULL: 0 */
    const void *dy;       /* gradient passes */
    const void *dh;       /* NULL: 0 */
    const void *mean;     /* backward_stats=saved; NULL where not centred */
    const void *rstd;     /* backward_stats=saved */
    const void *running_mean, *running_var; /* NULL: none are kept */
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
    ng_level_table,       /* non-finite input: by the decision table */
    ng_level_double_word, /* enclosure in double-word arithmetic */
    ng_level_binary128,   /* enclosure in binary128 */
    ng_level_mpfr,        /* enclosure in MPFR */
    ng_level_exact,       /* comparison in integers: a tie, or nearly one */
    ng_level_undecided,   /* none of these; never counted as right */
    NG_LEVEL_COUNT
} ng_level;

typedef struct ng_point {
    ng_kind kind;
    ng_level level;
    double rounded;   /* correctly rounded into the tensor's dtype */
    double high, low; /* exact = (high + low) * 2^exponent, relative error */
    int exponent;     /* below 2^-100; high = 0 only if exact is 0 */
} ng_point;

/* What the errors of a set hang on, each with a relative error below 2^-40 and
 * all in units of x, so that nothing overflows where x does not. In the
 * inference passes, and where statistics are given, mean and scale are those;
 * n counts the elements all the same. g = gamma*dy. */
typedef struct ng_conditions {
    double n;                /* elements */
    double mean;             /* 0 when not centred */
    double mean_abs;         /* mean |x| */
    double deviation;        /* square root of the variance as the contract
                                divides it; of the mean square if not centred */
    double root_mean_square; /* of x itself, centred or not */
    double scale;            /* 1/rstd, with eps placed as the contract says */
    double limit;           /* max(var, limit) where eps is so placed; else 0 */
    double first;           /* x of element 0: the shift of shifted sums */
    double divisor;         /* of the sums of squares and of g x_hat */
    double g_abs;           /* mean |g|, with 1 + |gamma| for |1 + gamma|;
                                backward passes only, like these: */
    double gx_abs;          /* sum |g x_hat| / divisor */
    double g_mean, gx_mean; /* |mean g|, |sum g x_hat| / divisor */
    bool flat;              /* the scale does not depend on x */
    bool finite;            /* no NaN or Inf among x or the statistics */
    bool gradient_finite;   /* nor, where sums of g count, among g */
} ng_conditions;

typedef struct ng_exact ng_exact;

/* The exact value of every output of the pass. NULL: memory, or a contract
 * that the reference does not define (error says which field). Memory belongs
 * to the arena. Under round_residual=yes, y is that of h correctly rounded. */
ng_exact *ng_exact_compute(ng_arena *arena, const ng_problem *problem,
                           ng_error *error);

/* Element `i` of `set` of a per-element role; element `set` of the others,
 * which ignore `i`: the set, parameter or channel. The mean is that of x also
 * where the norm does not subtract it. */
void ng_exact_at(const ng_exact *exact, ng_role role, size_t set, size_t i,
                 ng_point *point);

/* Whether the pass has this output. */
bool ng_exact_has(const ng_exact *exact, ng_role role);

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
