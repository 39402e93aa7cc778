/* Arena: a list of blocks that grows and is freed as one. */
#include <normgate/arena.h>

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, BLOCK = 1 << 16 };

struct ng_arena_block {
    struct ng_arena_block *next;
    size_t used, size;
    unsigned char *data; /* aligned, behind this header */
};

static struct ng_arena_block *block_new(size_t size)
{
    struct ng_arena_block *block = malloc(sizeof *block + ALIGNMENT + size);
    if (block == NULL)
        return NULL;
    uintptr_t start = (uintptr_t)(block + 1);
    size_t pad = (size_t)(-start & (ALIGNMENT - 1));
    block->data = (unsigned char *)(block + 1) + pad;
    block->used = 0;
    block->size = size;
    return block;
}

void *ng_arena_alloc(ng_arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > (SIZE_MAX / 2 - BLOCK) / size)
        return NULL;
    size_t bytes = count * size + (count * size == 0);
    bytes = (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct ng_arena_block *block = arena->blocks;
    if (block == NULL || block->size - block->used < bytes) {
        block = block_new(bytes > BLOCK ? bytes : BLOCK);
        if (block == NULL)
            return NULL;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    void *start = block->data + block->used;
    block->used += bytes;
    return memset(start, 0, bytes);
}

char *ng_arena_text(ng_arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text =
        length < 0 ? NULL : ng_arena_alloc(arena, (size_t)length + 1, 1);
    if (text != NULL)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void ng_arena_release(ng_arena *arena)
{
    while (arena->blocks != NULL) {
        struct ng_arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
}
