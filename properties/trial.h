/* Trial: the one way a property calls a subject and judges what came back. */
#ifndef NORMGATE_TRIAL_H
#define NORMGATE_TRIAL_H

#include <normgate/generator.h>
#include <normgate/property.h>

/* A call: the inputs, the outputs, what the subject said. */
typedef struct ng_call_state {
    size_t kernel;       /* of the subject: the trial's, or a partner */
    const ng_case *test; /* of the last call; NULL: there was none */
    ng_problem problem;
    ng_tensor tensor[NG_TENSOR_COUNT];
    ng_reply reply;
} ng_call_state;

/* Fills the inputs of `call` from the case and allocates its outputs. False:
 * the case cannot be made; the finding says why. */
bool ng_trial_prepare(ng_trial *trial, const ng_case *test, ng_call_state *call,
                      ng_finding *finding);

/* The kernel of the same subject that computes another pass of the same norm:
 * op, dtypes, eps, affine and layout agree. SIZE_MAX: there is none. */
size_t ng_trial_partner(const ng_trial *trial, const char *pass);

/* ng_trial_prepare() for a call of another kernel of the subject; the case is
 * of its pass. */
bool ng_trial_prepare_partner(ng_trial *trial, size_t kernel,
                              const ng_case *test, ng_call_state *call,
                              ng_finding *finding);

/* A call with the same shape, all of whose inputs are copies that may be
 * changed freely, and outputs of its own. */
bool ng_trial_copy(ng_trial *trial, const ng_call_state *from,
                   ng_call_state *to, ng_finding *finding);

/* The request that calls it, in the ordinary manner; running statistics are
 * as before any call. */
void ng_trial_request(const ng_case *test, ng_call_state *call,
                      ng_request *request);

/* Calls the kernel, and counts it. False: it did not answer; the finding has
 * the verdict. */
bool ng_trial_call(ng_trial *trial, const ng_case *test, ng_call_state *call,
                   ng_finding *finding);
bool ng_trial_call_as(ng_trial *trial, const ng_case *test, ng_call_state *call,
                      const ng_manner *manner, ng_finding *finding);

/* Judges every output against the exact value and merges into the finding:
 * ratio, worst element, counts, verdict. False: a failure of the harness. */
bool ng_trial_judge(ng_trial *trial, const ng_call_state *call,
                    ng_finding *finding);

/* prepare, call, judge. */
bool ng_trial_run(ng_trial *trial, const ng_case *test, ng_call_state *call,
                  ng_finding *finding);

/* ng_trial_case() without a diagnosis. False: there was no answer to judge. */
bool ng_trial_measure(ng_trial *trial, const ng_case *test,
                      void (*row)(const ng_judged *judged, void *user),
                      void *user, ng_finding *finding);

/* Keeps the numbers of an output that a property judged by a rule of its own:
 * ratio, worst element, counts. The verdict is the caller's to set. */
void ng_finding_merge(ng_finding *finding, const ng_judged *judged);

/* First element at which two outputs differ in their bits, or SIZE_MAX. */
size_t ng_trial_differs(const ng_tensor *a, const ng_tensor *b);

/* Two calls whose exact outputs are equal up to a sign: fails when an output
 * of y (or dx) differs by more than the two bounds together. Bits that differ
 * within the bounds are counted in the return value. */
size_t ng_trial_agree(ng_trial *trial, const ng_call_state *a,
                      const ng_call_state *b, double sign, const char *claim,
                      ng_finding *finding);

void ng_finding_fail(ng_finding *finding, ng_verdict verdict,
                     const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds a column of numbers, named in docs/records.md, for the report. */
void ng_finding_column(ng_finding *finding, const char *name,
                       const double *values, size_t count);

/* Sets the note. */
void ng_finding_note(ng_finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Words for the cause of a FAIL, if an output of the call is wrong: what the
 * kernel does instead. It may be called a few times more. */
void ng_diagnose(ng_trial *trial, const ng_call_state *call,
                 ng_finding *finding);

/* Adds what the kernel does instead to the words that the finding has. False:
 * the call is right, or its cause unknown. */
bool ng_diagnose_add(ng_trial *trial, const ng_call_state *call,
                     ng_finding *finding);

/* For a FAIL whose words do not say what the kernel does instead: asks it once
 * more, with the case alone. */
void ng_diagnose_case(ng_trial *trial, const ng_case *test,
                      ng_finding *finding);

#endif
