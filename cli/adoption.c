/* Waivers and baselines on the command line. */
#include "adoption.h"
#include "outputs.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

size_t ng_adoption_options(ng_adoption *adoption, ng_option *options,
                           size_t count)
{
    options[count++] = (ng_option){"waivers", &adoption->waivers, NULL};
    options[count++] = (ng_option){"baseline", &adoption->baseline, NULL};
    options[count++] = (ng_option){"baseline-factor", &adoption->factor, NULL};
    options[count++] = (ng_option){"update-baseline", NULL, &adoption->update};
    return count;
}

int ng_adoption_words(const ng_adoption *adoption, char **words, int count)
{
    static char names[][20] = {"--waivers", "--baseline", "--baseline-factor",
                               "--update-baseline"};
    const char *const values[] = {adoption->waivers, adoption->baseline,
                                  adoption->factor};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        if (values[i] == NULL)
            continue;
        words[count++] = names[i];
        words[count++] = (char *)(uintptr_t)values[i];
    }
    if (adoption->update)
        words[count++] = names[3];
    return count;
}

static ng_status read_factor(const ng_adoption *a, double *factor,
                             ng_error *error)
{
    char *end;
    *factor = 0;
    if (a->factor == NULL)
        return ng_status_ok;
    *factor = strtod(a->factor, &end);
    if (end == a->factor || *end != '\0' || !(*factor >= 1 && *factor <= 1000))
        return ng_fail(error, ng_status_bad_input,
                       "--baseline-factor %.40s: expected a number from 1 to "
                       "1000",
                       a->factor);
    return ng_status_ok;
}

static ng_status check_words(const ng_adoption *a, const char *subject,
                             ng_error *error)
{
    if (a->baseline == NULL && (a->update || a->factor != NULL))
        return ng_fail(error, ng_status_bad_input, "%s needs --baseline FILE",
                       a->update ? "--update-baseline" : "--baseline-factor");
    /* Built-ins name their kernels alike. */
    if (a->baseline != NULL && ng_is_builtin_glob(subject))
        return ng_fail(error, ng_status_bad_input,
                       "--baseline is of one subject; %.80s names several",
                       subject);
    return ng_status_ok;
}

ng_status ng_adoption_open(ng_adoption *adoption, const char *subject,
                           const ng_gate_options *options, ng_sink **sink,
                           ng_error *error)
{
    double factor;
    ng_status status = check_words(adoption, subject, error);
    if (status == ng_status_ok)
        status = read_factor(adoption, &factor, error);
    if (status == ng_status_ok && adoption->update)
        status = ng_output_probe(adoption->baseline, error);
    if (status == ng_status_ok && adoption->baseline != NULL) {
        status = ng_watch_open(&adoption->watch, adoption->baseline,
                               adoption->update, factor, options, *sink, error);
        *sink = &adoption->watch.sink;
    }
    if (status == ng_status_ok && adoption->waivers != NULL) {
        status =
            ng_waive_open(&adoption->waive, adoption->waivers, *sink, error);
        *sink = &adoption->waive.sink;
    }
    return status;
}

ng_status ng_adoption_end(ng_adoption *adoption, ng_error *error)
{
    ng_status status = ng_status_ok;
    if (adoption->waivers != NULL)
        status = ng_waive_end(&adoption->waive, error);
    if (status == ng_status_ok && adoption->baseline != NULL)
        status = ng_watch_end(&adoption->watch, error);
    return status;
}

void ng_adoption_free(ng_adoption *adoption)
{
    ng_waive_free(&adoption->waive);
    ng_watch_free(&adoption->watch);
}
