/* Source: Philox 4x32-10 from Random123, or bytes. */
#include <normgate/source.h>

#include <Random123/philox.h>
#include <math.h>
#include <string.h>

void ng_source_from_seed(ng_source *source, uint64_t seed)
{
    memset(source, 0, sizeof *source);
    source->seed = seed;
}

void ng_source_from_bytes(ng_source *source, const uint8_t *bytes, size_t count)
{
    static const uint8_t none;
    memset(source, 0, sizeof *source);
    source->bytes = bytes != NULL ? bytes : &none;
    source->count = bytes != NULL ? count : 0;
}

static uint32_t from_bytes(ng_source *source)
{
    uint32_t value = 0;
    for (unsigned k = 0; k < 4 && source->position < source->count; k++)
        value |= (uint32_t)source->bytes[source->position++] << (8 * k);
    return value;
}

uint32_t ng_source_u32(ng_source *source)
{
    if (source->bytes != NULL)
        return from_bytes(source);
    if (source->left == 0) {
        philox4x32_ctr_t counter = {
            {(uint32_t)source->block, (uint32_t)(source->block >> 32), 0, 0}};
        philox4x32_key_t key = {
            {(uint32_t)source->seed, (uint32_t)(source->seed >> 32)}};
        philox4x32_ctr_t words = philox4x32(counter, key);
        memcpy(source->word, words.v, sizeof source->word);
        source->block++;
        source->left = 4;
    }
    return source->word[4 - source->left--];
}

uint64_t ng_source_u64(ng_source *source)
{
    uint64_t low = ng_source_u32(source);
    return low | (uint64_t)ng_source_u32(source) << 32;
}

uint64_t ng_source_below(ng_source *source, uint64_t limit)
{
    /* The high word of a 64 x 64 bit product; its bias is below limit/2^64,
     * far under what any test here could see. */
    return (uint64_t)(((unsigned __int128)ng_source_u64(source) * limit) >> 64);
}

double ng_source_unit(ng_source *source)
{
    return (double)(ng_source_u64(source) >> 11) * 0x1p-53;
}

double ng_source_normal(ng_source *source)
{
    double radius = sqrt(-2 * log1p(-ng_source_unit(source)));
    double angle = 6.283185307179586 * ng_source_unit(source);
    return radius * cos(angle);
}
