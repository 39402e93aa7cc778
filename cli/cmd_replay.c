/* replay: one case, every number on the screen. */
#include "command.h"
#include "gate.h"
#include "print.h"

#include <errno.h>
#include <math.h>
#include <normgate/generator.h>
#include <stdio.h>
#include <string.h>

enum { MOST_ROWS = 200 }; /* shown; wrong ones first beyond that */

typedef struct table {
    size_t shown, hidden;
} table;

static const char *kind_text(const ng_point *point)
{
    switch (point->kind) {
    case ng_kind_nan: return "NaN";
    case ng_kind_infinite: return "Inf or NaN";
    case ng_kind_nonfinite: return "NaN or Inf";
    case ng_kind_zero_nan: return "0*Inf: value or NaN";
    case ng_kind_undefined: return "0/0: anything";
    default: return NULL;
    }
}

static void show_row(const ng_judged *j, void *user)
{
    table *t = user;
    bool wrong = j->judged && !(j->ratio <= 1);
    if (t->shown >= MOST_ROWS && !(wrong && t->shown < 2 * MOST_ROWS)) {
        t->hidden++;
        return;
    }
    if (t->shown++ == 0)
        ng_print_line(stdout, "%-12s %-22s %-22s %-22s %11s %11s %9s", "output",
                      "x", "got", "rounded exact", "error ulp", "bound",
                      "ratio");
    char name[32], x[32] = "";
    if (ng_role_extent(j->role) == ng_per_element)
        snprintf(name, sizeof name, "%s[%zu,%zu]", ng_role_name(j->role),
                 j->set, j->i);
    else
        snprintf(name, sizeof name, "%s[%zu]", ng_role_name(j->role), j->set);
    if (!isnan(j->x))
        snprintf(x, sizeof x, "%a", j->x);
    const char *kind = kind_text(&j->point);
    ng_print(stdout, "%-12s %-22s %-22a ", name, x, j->got);
    if (kind != NULL)
        ng_print(stdout, "%-22s %11s %11s %9s", kind, "", "",
                 wrong ? "wrong" : "ok");
    else if (!j->judged)
        ng_print(stdout, "%-22a %11s %11s %9s", j->point.rounded, "", "",
                 "not judged");
    else
        ng_print(stdout, "%-22a %11.4g %11.3g %9.3g", j->point.rounded,
                 j->error_ulp, j->bound, j->ratio);
    puts(wrong ? "  <-- wrong" : "");
}

/* The numbers that the record and the page show: of a property's own call, or
 * past the end of the table, or no single output at all but a moment of them. */
static void show_worst(const ng_finding *finding)
{
    if (finding->elements == 0 || isnan(finding->ratio))
        return;
    printf("worst: %s[%zu][%zu] got %a exact %a ratio %.4g\n",
           ng_role_name(finding->worst_role), finding->worst_set,
           finding->worst_element, finding->got, finding->exact,
           finding->ratio);
}

/* The case from the words: a line, or a file whose first line is one. */
static ng_status read_case(ng_case *test, const char *word, ng_error *error)
{
    if (strchr(word, ' ') != NULL)
        return ng_case_parse(test, word, error);
    FILE *file = fopen(word, "r");
    if (file == NULL) {
        ng_status status = ng_case_parse(test, word, error);
        if (status == ng_status_ok)
            return status;
        return ng_fail(error, ng_status_bad_input,
                       "%.200s is neither a case line nor a readable file "
                       "(%s)",
                       word, strerror(errno));
    }
    static char line[NG_CASE_TEXT_MAX + 2];
    bool any = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    line[strcspn(line, "\n")] = '\0';
    return any ? ng_case_parse(test, line, error)
               : ng_fail(error, ng_status_bad_input, "%.200s is empty", word);
}

static int replay_kernel(ng_subject *subject, size_t k, const ng_case *test,
                         const ng_property *property)
{
    const ng_kernel_info *kernel = ng_subject_kernel(subject, k);
    ng_trial trial = {
        .subject = subject,
        .kernel = k,
        .contract = &kernel->contract,
        .op = ng_op_find(kernel->contract.op),
        .profile = ng_gate,
        .seed = test->seed,
    };
    char contract[NG_CONTRACT_TEXT_MAX], line[NG_CASE_TEXT_MAX];
    ng_error error;
    ng_problem problem;
    ng_tensor tensors[NG_TENSOR_COUNT];
    ng_status status = ng_case_tensors(test, trial.contract, &trial.arena,
                                       &problem, tensors, &error);
    ng_arena_release(&trial.arena);
    if (status != ng_status_ok)
        return ng_exit_error(status, &error);
    ng_contract_print(&kernel->contract, contract, sizeof contract);
    ng_case_print(test, line, sizeof line);
    ng_print_line(stdout, "%s %s", ng_subject_spec(subject), kernel->name);
    ng_print_line(stdout, "%s", contract);
    ng_print_line(stdout, "%s", line);
    ng_finding finding;
    table t = {0};
    ng_finding_init(&finding);
    ng_trial_case(&trial, test, show_row, &t, &finding);
    if (t.hidden > 0)
        ng_print_line(stdout, "... and %zu more outputs", t.hidden);
    /* The table shows the plain call; the verdict is the property's. */
    if (strcmp(property->name, "accuracy") != 0) {
        ng_arena_release(&trial.arena);
        ng_finding_init(&finding);
        ng_property_check(property, &trial, test, &finding);
    }
    ng_print(stdout, "%s: %s", property->name,
             ng_verdict_name(finding.verdict));
    if (finding.elements > 0)
        ng_print(stdout, ", ratio %.4g, %zu of %zu outside the bound",
                 finding.ratio, finding.wrong, finding.elements);
    ng_print_line(stdout, "%s%s", finding.cause[0] != '\0' ? ": " : "",
                  finding.cause);
    ng_arena_release(&trial.arena);
    show_worst(&finding);
    return ng_verdict_wrong(finding.verdict) ? ng_exit_wrong : ng_exit_holds;
}

static int replay_subject(const char *spec, const char *name,
                          const ng_case *test, const ng_property *property,
                          const ng_subject_options *options)
{
    ng_error error;
    ng_subject *subject;
    ng_status status = ng_subject_open(&subject, spec, options, &error);
    if (status != ng_status_ok)
        return ng_exit_error(status, &error);
    int code = ng_exit_nothing;
    for (size_t k = 0; k < ng_subject_kernel_count(subject); k++) {
        const ng_kernel_info *kernel = ng_subject_kernel(subject, k);
        if (!ng_glob_match(name, kernel->name) ||
            strcmp(kernel->contract.op, test->op) != 0 ||
            strcmp(kernel->contract.pass, test->pass) != 0 ||
            ng_contract_storage(&kernel->contract) != test->dtype)
            continue;
        int one = replay_kernel(subject, k, test, property);
        code = code == ng_exit_wrong ? code : one;
        if (one != ng_exit_holds && one != ng_exit_wrong)
            break; /* the case is unusable, as it will be for all */
    }
    ng_subject_close(subject);
    if (code == ng_exit_nothing)
        ng_print_line(
            stderr, "normgate replay: %s has no kernel for this case%s%s", spec,
            name != NULL ? " named " : "", name != NULL ? name : "");
    return code;
}

static int replay(int count, char **words)
{
    const char *kernel = NULL, *name = "accuracy";
    const ng_option options[] = {
        {"kernel", &kernel, NULL},
        {"property", &name, NULL},
    };
    static ng_case test;
    ng_error error;
    if (!ng_options_take(&count, words, options, 2))
        return ng_exit_usage;
    if (count != 2 && count != 3) {
        fputs("normgate replay: give a case line in quotes (or a file with "
              "one) and a subject\n",
              stderr);
        return ng_exit_usage;
    }
    const ng_property *property = ng_property_find(name);
    if (property == NULL) {
        ng_fail(&error, ng_status_bad_input,
                "no property '%.60s'; `normgate list properties` shows them",
                name);
        return ng_exit_error(ng_status_bad_input, &error);
    }
    ng_status status = read_case(&test, words[1], &error);
    if (status != ng_status_ok)
        return ng_exit_error(status, &error);
    const ng_subject_options defaults = {0};
    return replay_subject(count == 3 ? words[2] : "builtin:two_pass", kernel,
                          &test, property, &defaults);
}

const ng_command ng_command_replay = {
    .name = "replay",
    .usage = "replay CASE|FILE [SUBJECT]",
    .help = "one case, every number on the screen",
    .run = replay,
};
