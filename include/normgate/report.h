/* Report: what a run's records say, for a person, a browser, a CI system and
 * an exit code. Nothing is measured or judged again; records alone are read. */
#ifndef NORMGATE_REPORT_H
#define NORMGATE_REPORT_H

#include <normgate/record.h>

/* One run in numbers. A kernel with a `seeded_bug` is wrong on purpose: its
 * failures are wanted, and count nowhere but in the lines that name it.
 *
 * A correct kernel passes when no check of it is wrong and at least one was
 * judged. One of which nothing is left but waived failures neither passes nor
 * is idle: its owner knows. A seeded bug is caught when a check of its named
 * property is wrong; one that only other properties see is not caught. */
typedef struct ng_tally {
    uint64_t subjects;
    uint64_t kernels; /* not seeded */
    uint64_t kernels_passing;
    uint64_t kernels_failing;
    uint64_t kernels_idle;   /* nothing of them was judged */
    uint64_t kernels_waived; /* failures of them are waived, none is not */
    uint64_t seeded;
    uint64_t caught;
    uint64_t caught_elsewhere; /* only by a property that is not the named */
    uint64_t scored; /* seeded bugs of the same op, pass and dtype, tried to see
                        what a pass is worth (records of kind "score") */
    uint64_t scored_caught;
    uint64_t cases;          /* judged, of all kernels */
    uint64_t cases_wrong;    /* of kernels that are not seeded */
    uint64_t cases_seeded;   /* judged, of seeded kernels */
    uint64_t cases_left_out; /* SKIP and UNSUPPORTED */
    uint64_t cases_waived, kernels_with_waived; /* these cases are of those */
    uint64_t elements; /* outputs compared with the exact value */
    uint64_t proved_table, proved_double_word, proved_binary128, proved_mpfr,
        proved_exact;
    uint64_t undecided;
    uint64_t waivers, waivers_used, waivers_unused, waivers_expired;
    uint64_t baselines; /* runs that were compared with one */
    uint64_t baseline_worse, baseline_accepted, baseline_better, baseline_new,
        baseline_gone, baseline_unchanged; /* entries */
    double worst_ratio;            /* of kernels not seeded; NAN without any */
    const ng_record *worst;        /* where; NULL likewise */
    const ng_record *first_wrong;  /* of kernels not seeded, or NULL */
    const ng_record *first_worse;  /* than the baseline, or NULL */
    const ng_record *first_unused; /* waiver, or NULL */
} ng_tally;

ng_status ng_tally_records(ng_tally *tally, const ng_record *records,
                           size_t count, ng_error *error);

typedef enum ng_outcome {
    ng_outcome_pass,       /* all hold, every seeded bug is caught */
    ng_outcome_fail,       /* a kernel failed, a seeded bug survived, or
                              accuracy is worse than the baseline */
    ng_outcome_nothing,    /* nothing was judged of a kernel, or of all */
    ng_outcome_incomplete, /* nothing wrong so far; the run did not end */
} ng_outcome;

ng_outcome ng_tally_outcome(const ng_tally *tally, bool complete);

/* A self-contained page. */
ng_status ng_report_html(const ng_record *records, size_t count, bool complete,
                         const char *path, ng_error *error);

/* JUnit XML: a suite per kernel, a test case per property and op/pass/dtype;
 * of a seeded bug one test case: that its named property fails. */
ng_status ng_report_junit(const ng_record *records, size_t count, bool complete,
                          const char *path, ng_error *error);

/* Markdown for the summary of a CI job or a note on a merge request; less than
 * 900 KiB whatever the records say. */
ng_status ng_report_markdown(const ng_record *records, size_t count,
                             bool complete, const char *path, ng_error *error);

/* Workflow commands of GitHub Actions: the ten worst findings as `::error`,
 * each with its kernel's source file and line where the kernel names them. */
ng_status ng_report_annotations(const ng_record *records, size_t count,
                                bool complete, const char *path,
                                ng_error *error);

/* At most fifteen lines for a terminal. `html` is where the page was written,
 * or NULL. */
ng_status ng_report_summary(const ng_record *records, size_t count,
                            bool complete, const char *html, FILE *file,
                            bool colour, ng_error *error);

/* Marks the records of an earlier run: reports show what changed since, and
 * judge nothing by them. Kinds that only live in memory. */
void ng_report_mark_before(ng_record *records, size_t count);

/* Of records with those of an earlier run: at most eight lines for a terminal
 * that say what changed. */
ng_status ng_report_changes(const ng_record *records, size_t count, FILE *file,
                            bool colour, ng_error *error);

/* Of several subjects: at most eight lines for a terminal that say how often
 * each is the most accurate. Of one: nothing. */
ng_status ng_report_side_by_side(const ng_record *records, size_t count,
                                 FILE *file, ng_error *error);

/* Writes all or nothing: into a new file beside `path`, then renamed. What is
 * no regular file (a pipe, /dev/stdout) is written directly; "-" is standard
 * output. */
ng_status ng_report_write_file(const char *path, const char *data, size_t size,
                               ng_error *error);

#endif
