/* Gate: every kernel of a subject through every property, one record each. */
#ifndef NORMGATE_GATE_H
#define NORMGATE_GATE_H

#include <normgate/property.h>
#include <normgate/record.h>

typedef struct ng_gate_options {
    const char *op, *pass, *dtype, *kernel, *property; /* globs; NULL: all */
    ng_profile profile;
    uint64_t seed;
    ng_subject_options subject;
} ng_gate_options;

/* Where the records go; a status other than ok ends the run. */
typedef struct ng_sink {
    ng_status (*put)(struct ng_sink *sink, const ng_record *record,
                     ng_error *error);
} ng_sink;

/* `planted`: the subject's seeded bugs are meant to be caught, and their
 * records say by which property. */
ng_status ng_gate_subject(const char *spec, bool planted,
                          const ng_gate_options *options, ng_sink *sink,
                          ng_error *error);

/* The same for a subject that is open already. */
ng_status ng_gate_opened(ng_subject *subject, bool planted,
                         const ng_gate_options *options, ng_sink *sink,
                         ng_error *error);

/* One check, with its finding as a record. Texts live in `arena`. */
void ng_gate_check(ng_trial *trial, const ng_property *property,
                   const ng_case *test, ng_arena *arena, ng_record *record);

bool ng_profile_parse(const char *name, ng_profile *profile);
const char *ng_profile_name(ng_profile profile);
double ng_seconds(void); /* monotonic */

#endif
