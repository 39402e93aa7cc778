/* A hash table with open addressing over texts packed into chunks. */
#include <normgate/intern.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 15, FIRST_SLOTS = 1 << 10 };

struct ng_intern_slot {
    uint64_t hash;
    const char *text; /* NULL: free */
};

static uint64_t hash_of(const char *text, size_t *length)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    const unsigned char *byte = (const unsigned char *)text;
    for (; *byte != '\0'; byte++)
        hash = (hash ^ *byte) * UINT64_C(0x100000001b3);
    *length = (size_t)(byte - (const unsigned char *)text);
    return hash ^ hash >> 29;
}

/* The slot of the text, or the free one where it would stand. */
static struct ng_intern_slot *find(const ng_intern *pool, uint64_t hash,
                                   const char *text)
{
    size_t mask = pool->slot_count - 1;
    size_t i = (size_t)hash & mask;
    while (
        pool->slots[i].text != NULL &&
        (pool->slots[i].hash != hash || strcmp(pool->slots[i].text, text) != 0))
        i = (i + 1) & mask;
    return &pool->slots[i];
}

/* Three quarters full at most. */
static bool grow(ng_intern *pool)
{
    if (pool->count + 1 <= pool->slot_count / 4 * 3)
        return true;
    ng_intern larger = *pool;
    larger.slot_count = pool->slot_count ? 2 * pool->slot_count : FIRST_SLOTS;
    larger.slots = calloc(larger.slot_count, sizeof *larger.slots);
    if (larger.slots == NULL)
        return false;
    for (size_t i = 0; i < pool->slot_count; i++) {
        const struct ng_intern_slot *slot = &pool->slots[i];
        if (slot->text != NULL)
            *find(&larger, slot->hash, slot->text) = *slot;
    }
    free(pool->slots);
    *pool = larger;
    return true;
}

static char *copy(ng_intern *pool, const char *text, size_t size)
{
    if (size > CHUNK / 4) { /* no chunk is begun, and left, for its sake */
        char *own = ng_arena_alloc(pool->arena, size, 1);
        return own != NULL ? memcpy(own, text, size) : NULL;
    }
    if (size > pool->room) {
        pool->chunk = ng_arena_alloc(pool->arena, CHUNK, 1);
        pool->room = pool->chunk != NULL ? CHUNK : 0;
    }
    if (pool->chunk == NULL)
        return NULL;
    char *kept = memcpy(pool->chunk, text, size);
    pool->chunk += size;
    pool->room -= size;
    return kept;
}

const char *ng_intern_text(ng_intern *pool, const char *text)
{
    size_t length;
    if (text[0] == '\0')
        return "";
    uint64_t hash = hash_of(text, &length);
    if (!grow(pool))
        return NULL;
    struct ng_intern_slot *slot = find(pool, hash, text);
    if (slot->text == NULL) {
        slot->text = copy(pool, text, length + 1);
        slot->hash = hash;
        pool->count += slot->text != NULL;
    }
    return slot->text;
}

void ng_intern_free(ng_intern *pool)
{
    free(pool->slots);
    *pool = (ng_intern){0};
}
