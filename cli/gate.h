/* Gate: every kernel of a subject through every property, one record each. */
#ifndef NORMGATE_GATE_H
#define NORMGATE_GATE_H

#include <normgate/property.h>
#include <normgate/record.h>

typedef struct ng_gate_options {
    const char *op, *pass, *dtype, *kernel, *property; /* globs; NULL: all */
    ng_profile profile;
    uint64_t seed;
    bool offline; /* only what can be tried on a folder of files (offline.h) */
    ng_subject_options subject;
    struct ng_progress *progress; /* to be told what is under way; or NULL */
} ng_gate_options;

/* Where the records go; a status other than ok ends the run. */
typedef struct ng_sink {
    ng_status (*put)(struct ng_sink *sink, const ng_record *record,
                     ng_error *error);
} ng_sink;

/* Every property on one kernel. `seeded`: the subject's seeded bugs are meant
 * to be caught, and their records say by which property. */
ng_status ng_gate_kernel(ng_subject *subject, size_t k, bool seeded,
                         const ng_gate_options *options, ng_sink *sink,
                         ng_error *error);

/* Every kernel of a subject. */
ng_status ng_gate_opened(ng_subject *subject, bool seeded,
                         const ng_gate_options *options, ng_sink *sink,
                         ng_error *error);

/* The pieces of it: whether the options name the kernel; its trial, whose arena
 * the caller releases; whether a property is tried on it. */
bool ng_gate_wants(const ng_gate_options *options,
                   const ng_kernel_info *kernel);
ng_trial ng_gate_trial(ng_subject *subject, size_t k,
                       const ng_gate_options *options);
bool ng_gate_applies(const ng_gate_options *options, const ng_trial *trial,
                     const ng_property *property);

/* Whether a property has a name that the glob matches; NULL matches all. */
bool ng_gate_knows(const char *property);

/* What a record says of the trial's kernel. */
void ng_gate_name(const ng_trial *trial, ng_record *record);

/* One check, with its finding as a record. Texts live in `arena`. */
void ng_gate_check(ng_trial *trial, const ng_property *property,
                   const ng_case *test, ng_arena *arena, ng_record *record);

/* The command that repeats a check. */
const char *ng_gate_replay(ng_arena *arena, const ng_record *record);

/* The words of --profile and --seed, each NULL where not given. */
ng_status ng_gate_read(const char *profile, const char *seed,
                       ng_gate_options *options, ng_error *error);
/* The word of --jobs. */
ng_status ng_jobs_parse(const char *text, unsigned *jobs, ng_error *error);

const char *ng_profile_name(ng_profile profile);
double ng_seconds(void); /* monotonic */

#endif
