/* Source: the one stream of choices. It comes from a counter-based generator
 * (Philox 4x32-10; Salmon, Moraes, Dror, Shaw, SC'11) or from given bytes. A
 * stream that returns only zeros describes the simplest case, so a seed, a
 * fuzzer's bytes and a shrunk failure are the same thing. */
#ifndef NORMGATE_SOURCE_H
#define NORMGATE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ng_source {
    uint64_t seed, block; /* Philox key and counter */
    uint32_t word[4];
    unsigned left;        /* unread words of the current block */
    const uint8_t *bytes; /* NULL: seeded */
    size_t count, position;
} ng_source;

void ng_source_from_seed(ng_source *source, uint64_t seed);

/* Reads little-endian from `bytes`, which must outlive the source; after the
 * last byte every draw is zero. */
void ng_source_from_bytes(ng_source *source, const uint8_t *bytes,
                          size_t count);

uint32_t ng_source_u32(ng_source *source);
uint64_t ng_source_u64(ng_source *source);
uint64_t ng_source_below(ng_source *source, uint64_t limit); /* 0..limit-1 */
double ng_source_unit(ng_source *source);                    /* [0, 1) */

/* Standard normal (Box and Muller 1958); zero bits give 0. */
double ng_source_normal(ng_source *source);

#endif
