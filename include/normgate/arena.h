/* Arena: all memory of one trial, released at once. */
#ifndef NORMGATE_ARENA_H
#define NORMGATE_ARENA_H

#include <stddef.h>

typedef struct ng_arena {
    struct ng_arena_block *blocks;
} ng_arena;

/* `count` zeroed objects of `size` bytes, aligned to 64 bytes; NULL when the
 * product overflows or memory is out. Zero bytes still give a valid pointer. */
void *ng_arena_alloc(ng_arena *arena, size_t count, size_t size);

/* A copy of the printf-style text; NULL when memory is out. */
char *ng_arena_text(ng_arena *arena, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* Frees everything; the arena may be used again. */
void ng_arena_release(ng_arena *arena);

#endif
