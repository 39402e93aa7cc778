/* What the parts of the reference share: the object that they fill. */
#ifndef NORMGATE_EXACT_H
#define NORMGATE_EXACT_H

#include "set.h"

struct ng_exact {
    ng_problem problem; /* its x is h under round_residual=yes */
    ng_contract contract;
    size_t sets, n, params, channels;
    ng_point *point[NG_TENSOR_COUNT]; /* NULL: the pass has no such output */
    ng_conditions *conditions;        /* [sets] */
    size_t levels[NG_LEVEL_COUNT];
};

/* Roles that a pass computes. */
bool exact_computes(const ng_problem *p, ng_role role);

/* The element's outputs, by the decision table or by a proved rounding. */
void exact_y(const set_state *s, ng_point *point, const element *e);
void exact_h(const set_state *s, ng_point *point, const element *e);
void exact_dx(const set_state *s, ng_point *point, const element *e);
void exact_statistics(const set_state *s, ng_point *mean, ng_point *rstd,
                      ng_point *var); /* any may be NULL */

/* dgamma and dbeta, from all sets. */
void exact_parameters(ng_exact *exact, const set_state *states);
/* One of them at the precision of `value`; false: the table has it, or there
 * is no memory. */
bool parameter_value(const ng_exact *exact, const set_state *states,
                     size_t param, bool gamma, mpfr_t value);

/* Running statistics after the call. */
void exact_running(ng_exact *exact, const set_state *states);
bool running_value(const ng_exact *exact, const set_state *states,
                   size_t channel, bool var, mpfr_t value); /* likewise */

/* The decision table: true when it decides, and then fills the point. */
bool table_y(const set_state *s, ng_point *point, const element *e);
bool table_h(const set_state *s, ng_point *point, const element *e);
bool table_dx(const set_state *s, ng_point *point, const element *e);

/* What one element adds to its dgamma or dbeta, worst first wins. */
typedef enum term_kind {
    term_value,
    term_nonfinite, /* Inf or NaN */
    term_undefined, /* anything */
    term_nan,
} term_kind;
term_kind table_dgamma(const set_state *s, const element *e);
term_kind table_dbeta(const element *e);
ng_point table_point(term_kind kind);

/* Rounds a surd into a point, freeing nothing. */
ng_dtype exact_dtype(const set_state *s, ng_role role);

#endif
