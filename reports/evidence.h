/* Evidence: what was measured about one declared field of a contract. */
#ifndef NORMGATE_REPORTS_EVIDENCE_H
#define NORMGATE_REPORTS_EVIDENCE_H

#include "panel.h"

/* The properties that would see the field broken, each with its cases and
 * numbers over all kernels of the group; "": what the kernel computes at all. */
void ng_evidence_write(ng_page *page, const ng_panel_item *items, size_t count,
                       const char *field);

/* "!" broken, "+" kept, "?" not measured. */
const char *ng_evidence_state(const ng_row *row, const char *field);

#endif
