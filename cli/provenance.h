/* Provenance: what a run was made with and on, as a record. */
#ifndef NORMGATE_PROVENANCE_H
#define NORMGATE_PROVENANCE_H

#include <normgate/record.h>

/* Texts live in the arena. */
void ng_provenance(ng_record *record, ng_arena *arena, int count, char **words);

#endif
