/* The kill score: which of the zoo's seeded bugs this gate would have caught,
 * had the kernel had them. It says what a green verdict is worth. */
#ifndef NORMGATE_SCORE_H
#define NORMGATE_SCORE_H

#include "gate.h"

/* Kernels of one op, pass and dtype; globs, NULL: all. */
typedef struct ng_score_class {
    const char *op, *pass, *dtype;
} ng_score_class;

/* Tries every seeded bug of the classes with the options' properties, profile
 * and seed, each until its first failing case, and puts one record of kind
 * "score" for each: FAIL is what is wished for. */
ng_status ng_score_run(const ng_score_class *classes, size_t count,
                       const ng_gate_options *options, unsigned jobs,
                       ng_sink *sink, ng_error *error);

#endif
