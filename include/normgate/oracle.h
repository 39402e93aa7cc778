/* Oracle: the exact result of a normalization, for programs: a contract as
 * text and arrays in, correctly rounded arrays out. What <normgate/reference.h>
 * proves (its first comment says how), with sizes and shapes filled in.
 *
 *     ng_arena arena = {0};
 *     ng_oracle_call call;
 *     ng_oracle oracle;
 *     ng_error error;
 *     ng_oracle_call_init(&call, "op=rms_norm dtype=f32");
 *     call.input[ng_tensor_x] = (ng_npy){
 *         .dtype = ng_f32, .rank = 2, .shape = {3, 4}, .data = x};
 *     call.input[ng_tensor_gamma] = (ng_npy){
 *         .dtype = ng_f32, .rank = 1, .shape = {4}, .data = gamma};
 *     if (ng_oracle_compute(&oracle, &arena, &call, &error) != ng_status_ok)
 *         fputs(error.text, stderr);
 *     const ng_oracle_output *y = ng_oracle_find(&oracle, ng_tensor_y);
 *     ... y->rounded.data, y->high, y->low ...
 *     ng_arena_release(&arena);
 *
 * Shapes. Row ops (layer_norm, rms_norm, l2_norm): x is (rows..., normalized
 * axes...); gamma, beta and their gradients have the normalized axes, mean,
 * rstd and var the rows. Channel ops (batch_norm, group_norm, instance_norm):
 * x is (N, C, spatial...), under layout=channels_last (N, spatial..., C);
 * gamma, beta, their gradients and running statistics are (C,); mean, rstd and
 * var are (C,), (N, num_groups) or (N, C). All else has the shape of x. Dtypes
 * are those of the contract: dtype=, param= (gamma, beta), stats=. */
#ifndef NORMGATE_ORACLE_H
#define NORMGATE_ORACLE_H

#include <normgate/arena.h>
#include <normgate/npy.h>
#include <normgate/reference.h>
#include <normgate/status.h>
#include <normgate/tensor.h>

typedef struct ng_oracle_call {
    const char *contract; /* text: "op=layer_norm dtype=f32 pass=backward" */
    size_t axes;          /* row ops: trailing axes that are normalized; 0: 1 */
    size_t num_groups;    /* group_norm; else 0 */
    double eps;           /* as a kernel gets it, before eps_dtype= */
    double momentum;      /* of running statistics that are updated; NAN: 0.1
                             under momentum=new */
    uint64_t batches;     /* seen before: momentum=cumulative; else 0 */
    /* By role, in C order; `data` NULL: not given, `count` is not read. */
    ng_npy input[NG_TENSOR_COUNT];
} ng_oracle_call;

/* One output: the exact value of each element, in three forms.
 *
 *   rounded   exact rounded to nearest even in the contract's dtype
 *   high, low exact = (high + low) * 2^exponent, relative error below 2^-100
 *   kind      ng_kind_value: exact is the number above. Else a NaN or Inf was
 *             met (the decision table of reference/table.c): what a right
 *             kernel may return; rounded, high and low then are NaN, but under
 *             ng_kind_infinite the signed infinity, under ng_kind_zero_nan the
 *             real value. */
typedef struct ng_oracle_output {
    ng_role role;
    ng_npy rounded;
    double *high, *low;            /* as many as `rounded` */
    int *exponent;                 /* NULL: 0 everywhere; it is another only
                                      where a double would lose the value */
    ng_kind *kind;                 /* NULL: ng_kind_value everywhere */
    size_t levels[NG_LEVEL_COUNT]; /* elements proved at each level; those
                                      undecided are NaN */
} ng_oracle_output;

typedef struct ng_oracle {
    size_t count; /* outputs of the pass, in the order of tensors.def */
    ng_oracle_output output[NG_TENSOR_COUNT];
} ng_oracle;

/* No inputs, eps 1e-5, the rest absent. The text is kept by pointer. */
void ng_oracle_call_init(ng_oracle_call *call, const char *contract);

/* Every output that the contract's pass has; their memory is the arena's.
 * bad_input: no contract; an input missing, surplus, or of another shape or
 * dtype than the contract and x make it; a call that the contract forbids. The
 * error names it and what was expected. */
ng_status ng_oracle_compute(ng_oracle *oracle, ng_arena *arena,
                            const ng_oracle_call *call, ng_error *error);

/* NULL: the pass has no such output. */
const ng_oracle_output *ng_oracle_find(const ng_oracle *oracle, ng_role role);

/* Elements that no level decided, of all outputs: 0, or normgate's fault. */
size_t ng_oracle_undecided(const ng_oracle *oracle);

/* "table", "binary128", "mpfr", "exact", "undecided". */
const char *ng_level_name(ng_level level);

#endif
