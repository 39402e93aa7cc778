/* Adoption: what waivers and a baseline did to a run, in sentences that the
 * terminal and the page share: numbers and fixed words alone. */
#ifndef NORMGATE_REPORTS_ADOPTION_H
#define NORMGATE_REPORTS_ADOPTION_H

#include "buffer.h"

#include <normgate/report.h>

/* "47 failing cases of 1 kernel are waived"; nothing without any. */
void ng_adoption_waived(ng_buffer *out, const ng_tally *tally);

/* "2 used, 1 unused (remove it), 1 expired"; nothing without any. */
void ng_adoption_waivers(ng_buffer *out, const ng_tally *tally);

/* Whether a baseline was compared with. */
bool ng_adoption_compared(const ng_tally *tally);

/* "1 worse, 2 better, 19 as before"; nothing without one. */
void ng_adoption_baseline(ng_buffer *out, const ng_tally *tally);

/* HTML: the subject of a waiver or an entry, where there are several. */
void ng_adoption_subject(ng_buffer *out, const ng_tally *tally,
                         const ng_record *record);

/* Counts a record of kind "waiver" or "baseline"; others are none of it. */
void ng_adoption_count(ng_tally *tally, const ng_record *record);

#endif
