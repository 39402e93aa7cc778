/* Sweep: the first element of each set runs through all bit patterns of a
 * 16-bit storage, NaN patterns among them; of wider storage, through every sign
 * and exponent with the mantissas next to a power of two and half way. */
#include "sweep.h"
#include "fill.h"

#include <string.h>

enum { MANTISSAS = 4 };

/* Bits of the exponent and of the mantissa that is stored. */
static int exponent_bits(const ng_format *format)
{
    return (int)format->size * 8 - format->p;
}

size_t sweep_patterns(ng_dtype dtype)
{
    const ng_format *format = ng_format_of(dtype);
    if (format->size == 2)
        return 65536;
    return (size_t)MANTISSAS << (exponent_bits(format) + 1);
}

static uint64_t pattern(const ng_format *format, uint64_t index)
{
    if (format->size == 2)
        return index & 0xffff;
    uint64_t top = (uint64_t)1 << (format->p - 1);
    const uint64_t mantissas[MANTISSAS] = {0, 1, top / 2, top - 1};
    return index / MANTISSAS * top + mantissas[index % MANTISSAS];
}

static uint64_t partner(const ng_format *format, unsigned kind, uint64_t first,
                        uint64_t paired)
{
    int width = (int)format->size * 8;
    uint64_t sign = (uint64_t)1 << (width - 1);
    uint64_t top = (uint64_t)1 << (format->p - 1);
    uint64_t infinite = sign - top, one = infinite / 2 / top * top;
    switch (kind) {
    case SWEEP_NEIGHBOUR: return (first & sign) | ((first + 1) & (sign - 1));
    case SWEEP_OPPOSITE: return first ^ sign;
    case SWEEP_ONE: return one;
    case SWEEP_ZERO: return 0;
    case SWEEP_LEAST: return 1;
    case SWEEP_LARGEST: return infinite - 1;
    case SWEEP_INFINITE: return infinite;
    case SWEEP_NAN: return infinite + 1; /* signalling */
    default: return paired;
    }
}

static void put(void *x, size_t index, size_t size, uint64_t bits)
{
    uint16_t narrow = (uint16_t)bits;
    uint32_t middle = (uint32_t)bits;
    const void *from = size == 2   ? (const void *)&narrow
                       : size == 4 ? (const void *)&middle
                                   : (const void *)&bits;
    memcpy((unsigned char *)x + index * size, from, size);
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_dtype dtype = ng_contract_storage(contract);
    const ng_format *format = ng_format_of(dtype);
    size_t sets = ng_view_sets(view), n = ng_view_n(view);
    size_t patterns = sweep_patterns(dtype); /* a power of two */
    size_t stride = sets > 0 && sets < patterns ? patterns / sets : 1;
    /* Fewer sets than patterns: every stride-th, from where the seed says. */
    uint64_t start = ng_source_below(source, stride);
    /* An odd factor pairs the patterns one to one. */
    uint64_t factor = 2 * ng_source_below(source, patterns / 2) + 1;
    uint64_t add = ng_source_below(source, patterns);
    unsigned kind = test->gen_arg > 0 ? (unsigned)test->gen_arg : SWEEP_SEEDED;
    for (size_t set = 0; set < sets; set++) {
        uint64_t index = start + set * stride;
        uint64_t first = pattern(format, index % patterns);
        for (size_t i = 0; i < n; i++) {
            uint64_t paired =
                pattern(format, (index * factor + add * i) % patterns);
            put(x, ng_view_index(view, set, i), format->size,
                i == 0 ? first : partner(format, kind, first, paired));
        }
    }
}

const ng_generator ng_generator_sweep = {
    .name = "sweep",
    .claim = "every bit pattern, one a set; the argument says what follows it",
    .arg_low = 0,
    .arg_high = SWEEP_LAST,
    .arg_default = SWEEP_SEEDED,
    .fill = fill,
};
