/* The tally from a grid that is there already. */
#ifndef NORMGATE_REPORTS_TALLY_H
#define NORMGATE_REPORTS_TALLY_H

#include "grid.h"

#include <normgate/report.h>

void ng_tally_grid(ng_tally *tally, const ng_grid *properties,
                   const ng_record *records, size_t count);

/* "PASS", "FAIL", "NOT CHECKED", "INCOMPLETE" */
const char *ng_outcome_word(ng_outcome outcome);

#endif
