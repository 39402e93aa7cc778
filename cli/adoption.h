/* Adoption: how a library that fails today is gated all the same, by waivers
 * and by a baseline. check and judge share the options. */
#ifndef NORMGATE_ADOPTION_H
#define NORMGATE_ADOPTION_H

#include "baseline.h"
#include "command.h"
#include "waive.h"

enum { NG_ADOPTION_OPTIONS = 4 };

typedef struct ng_adoption {
    const char *waivers, *baseline, *factor; /* as given; NULL: not */
    bool update;
    ng_waive waive;
    ng_watch watch;
} ng_adoption;

/* Adds the options to a table with room for NG_ADOPTION_OPTIONS more; the new
 * count. */
size_t ng_adoption_options(ng_adoption *adoption, ng_option *options,
                           size_t count);

/* The words that give the same options again, NG_ADOPTION_OPTIONS * 2 at most;
 * the new count. */
int ng_adoption_words(const ng_adoption *adoption, char **words, int count);

/* Reads the files and puts their sinks before *sink. */
ng_status ng_adoption_open(ng_adoption *adoption, const char *subject,
                           const ng_gate_options *options, ng_sink **sink,
                           ng_error *error);

/* After the checks: what the waivers and the baseline have to tell, as records,
 * and the baseline's file where it is to be updated. */
ng_status ng_adoption_end(ng_adoption *adoption, ng_error *error);

void ng_adoption_free(ng_adoption *adoption);

#endif
