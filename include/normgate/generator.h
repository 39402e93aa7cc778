/* Generator: an input family. It fills x from the stream of choices; an
 * all-zero stream gives its simplest member. */
#ifndef NORMGATE_GENERATOR_H
#define NORMGATE_GENERATOR_H

#include <normgate/arena.h>
#include <normgate/case.h>
#include <normgate/contract.h>
#include <normgate/reference.h>
#include <normgate/view.h>

typedef struct ng_generator {
    const char *name;
    const char *claim;        /* what its members have in common */
    double arg_low, arg_high; /* range of the argument; NAN: takes none */
    double arg_default;
    /* Fills x of `dtype` for every set of the view. */
    void (*fill)(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x);
    /* NULL, or gives the running statistics that belong to these values; what
     * it leaves is drawn. */
    void (*running)(const ng_case *test, double *mean, double *var);
} ng_generator;

extern const ng_generator *const ng_generators[]; /* NULL at the end */
const ng_generator *ng_generator_find(const char *name);

/* The inputs of a case for a contract, in `tensor` and as a problem of the
 * reference; outputs have their slots, without data. Fails on an unknown op,
 * generator or family, naming the known ones. */
ng_status ng_case_tensors(const ng_case *test, const ng_contract *contract,
                          ng_arena *arena, ng_problem *problem,
                          ng_tensor tensor[NG_TENSOR_COUNT], ng_error *error);

/* Points the problem's inputs to the tensors' data. */
void ng_problem_attach(ng_problem *problem, const ng_tensor *tensor);

/* A case drawn from a stream of choices (a seed, or a fuzzer's bytes): first
 * its shape, eps and families, then, from what is left, its tensors. */
void ng_case_draw(ng_case *test, const ng_contract *contract,
                  const uint8_t *bytes, size_t count);

#endif
