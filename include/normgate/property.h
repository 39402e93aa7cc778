/* Property: one claim about a kernel, with the cases that try it. */
#ifndef NORMGATE_PROPERTY_H
#define NORMGATE_PROPERTY_H

#include <normgate/arena.h>
#include <normgate/case.h>
#include <normgate/columns.h>
#include <normgate/contract.h>
#include <normgate/histogram.h>
#include <normgate/op.h>
#include <normgate/reference.h>
#include <normgate/subject.h>
#include <normgate/verdict.h>

typedef enum ng_profile { ng_smoke, ng_gate, ng_deep } ng_profile;

enum { NG_CAUSES = 400 }; /* that a diagnosis knows, at most */

/* Which causes explain the calls that a diagnosis makes of its own. */
typedef struct ng_probes {
    bool made;
    size_t kernel;  /* of the subject: those are its own */
    unsigned count; /* probes that the kernel answered */
    unsigned wrong; /* of these, with an output outside its bound */
    unsigned pairs; /* searches for two causes at once */
    size_t last;    /* cause that explained all of them and a case; or none */
    unsigned char fits[NG_CAUSES];    /* probes that the cause explains */
    unsigned short misses[NG_CAUSES]; /* outputs of those that it does not */
    char words[160];                  /* what the wrong ones look like */
} ng_probes;

/* One kernel being checked. */
typedef struct ng_trial {
    ng_subject *subject;
    size_t kernel;
    const ng_contract *contract;
    const ng_op *op;
    ng_profile profile;
    uint64_t seed;
    unsigned searches; /* for a cause in large cases of this property */
    ng_arena arena;    /* released before every check */
    ng_probes probes;  /* made by the first diagnosis */
} ng_trial;

/* What a check found; the numbers are of the worst element. */
typedef struct ng_finding {
    ng_verdict verdict;
    double ratio, error_ulp;
    size_t elements, wrong;
    size_t level[NG_LEVEL_COUNT];
    ng_role worst_role;
    size_t worst_set, worst_element;
    double x, got, exact, rounded, bound;
    char cause[400];
    char note[240]; /* what was measured, whatever the verdict; "": nothing */
    char columns[NG_COLUMNS_TEXT_MAX]; /* the same as numbers, to be drawn */
    ng_histogram histogram; /* errors of outputs with a real exact value */
    /* Calls made, and of their outputs those compared with a call that should
     * give the same bits, and those whose bits differ: again.h. */
    size_t calls, compared, differing;
} ng_finding;

typedef struct ng_property {
    const char *name;
    const char *claim;  /* what holds, in the field's words */
    const char *why;    /* what breaks when it does not */
    const char *source; /* where the claim or its bound comes from */
    const char *wild;   /* a real bug that it catches */
    bool process;       /* repeats calls or looks at memory: makes no sense of a
                           folder of files, which answers equal calls alike */
    bool (*applies)(const ng_contract *contract);
    /* The i-th case; false after the last. */
    bool (*plan)(const ng_trial *trial, size_t i, ng_case *test);
    void (*check)(ng_trial *trial, const ng_case *test, ng_finding *finding);
} ng_property;

/* One output of one call: its exact value, what came, how far that may be. */
typedef struct ng_judged {
    ng_role role;
    size_t set, i; /* the reduction set, and the element of it (y only) */
    double x;      /* NAN for statistics */
    ng_point point;
    double got, bound, error, ratio, error_ulp;
    bool judged; /* false: the contract promises nothing here */
} ng_judged;

/* One call of the case, judged as by the property `accuracy`; `row` is called
 * for every output, judged or not (NULL: for none). */
void ng_trial_case(ng_trial *trial, const ng_case *test,
                   void (*row)(const ng_judged *judged, void *user), void *user,
                   ng_finding *finding);

void ng_finding_init(ng_finding *finding);

/* The property's check, and for a FAIL the cause in words. */
void ng_property_check(const ng_property *property, ng_trial *trial,
                       const ng_case *test, ng_finding *finding);

extern const ng_property *const ng_properties[]; /* NULL at the end */
const ng_property *ng_property_find(const char *name);

#endif
