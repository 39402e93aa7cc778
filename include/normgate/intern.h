/* Intern: each text once. Records repeat most of theirs, contracts, kernels,
 * subjects, by the hundred thousand. */
#ifndef NORMGATE_INTERN_H
#define NORMGATE_INTERN_H

#include <normgate/arena.h>

#include <stddef.h>

typedef struct ng_intern {
    ng_arena *arena; /* where the texts live */
    struct ng_intern_slot *slots;
    size_t slot_count, count; /* a power of two; those in use */
    char *chunk;              /* the rest of the newest one */
    size_t room;
} ng_intern;

/* A copy of the text in the arena, the same pointer for equal texts; NULL when
 * memory is out. */
const char *ng_intern_text(ng_intern *pool, const char *text);

/* Frees the table; the texts stay with the arena. */
void ng_intern_free(ng_intern *pool);

#endif
