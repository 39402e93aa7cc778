/* Layout, poison and canaries. */
#include "layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CANARY = 0xc9 };

static size_t page(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t round_up(size_t size, size_t unit)
{
    return (size + unit - 1) / unit * unit;
}

size_t layout_capacity(void)
{
    size_t largest = NG_CASE_ELEMENTS_MAX * sizeof(double);
    return NG_TENSOR_COUNT * (largest + 4 * page());
}

bool layout_make(layout *where, const ng_request *request, size_t alignment,
                 bool guards_protected)
{
    size_t unit = page(), next = 0;
    size_t reach = guards_protected ? 0 : unit;
    memset(where, 0, sizeof *where);
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const ng_tensor *tensor = &request->tensor[role];
        span *s = &where->tensor[role];
        if (tensor->data == NULL)
            continue;
        if (tensor->count > NG_CASE_ELEMENTS_MAX)
            return false;
        s->present = true;
        s->written = tensor->use == ng_output || tensor->use == ng_update;
        s->start = ng_role_extent(role) == ng_per_element
                       ? request->start * ng_format_of(tensor->dtype)->size
                       : 0;
        s->bytes = tensor->count * ng_format_of(tensor->dtype)->size;
        s->body = next + unit;
        s->body_end = s->body + round_up(s->bytes + 1, unit);
        s->data = request->manner.guard_before
                      ? s->body
                      : (s->body_end - s->bytes) / alignment * alignment;
        s->canary = s->body - reach;
        s->canary_end = s->body_end + reach;
        next = s->body_end + unit;
    }
    where->end = next;
    return next <= layout_capacity();
}

/* A quiet NaN whose payload no operation produces. */
static uint64_t poison_of(ng_dtype dtype)
{
    switch (ng_format_of(dtype)->size) {
    case 2: return dtype == ng_bf16 ? 0x7fda : 0x7eda;
    case 4: return 0x7fda5eed;
    default: return 0x7ffda5eeda5eed01;
    }
}

static void poison(unsigned char *data, const ng_tensor *tensor)
{
    uint64_t pattern = poison_of(tensor->dtype); /* little-endian prefix */
    size_t size = ng_format_of(tensor->dtype)->size;
    for (size_t i = 0; i < tensor->count; i++)
        memcpy(data + i * size, &pattern, size);
}

void layout_fill(unsigned char *memory, const layout *where,
                 const ng_request *request)
{
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const span *s = &where->tensor[role];
        if (!s->present)
            continue;
        memset(memory + s->canary, CANARY, s->data - s->canary);
        memset(memory + s->data + s->bytes, CANARY,
               s->canary_end - s->data - s->bytes);
        if (request->tensor[role].use == ng_output)
            poison(memory + s->data, &request->tensor[role]);
        else
            memcpy(memory + s->data, request->tensor[role].data, s->bytes);
    }
}

static void breach(ng_reply *reply, unsigned kind, const char *words)
{
    reply->breaches |= kind;
    if (reply->message[0] == '\0')
        snprintf(reply->message, sizeof reply->message, "%s", words);
}

/* An offset outside the tensor: "wrote 3 elements past the end of y". */
static void describe_outside(const span *s, ng_role role, ng_dtype dtype,
                             const char *verb, size_t offset, char *words,
                             size_t size)
{
    size_t element = ng_format_of(dtype)->size;
    bool before = offset < s->data;
    size_t distance = before ? s->data - offset + element - 1
                             : offset - s->data - s->bytes + element;
    char count[40] = "one element";
    if (distance / element != 1)
        snprintf(count, sizeof count, "%zu elements", distance / element);
    snprintf(words, size, "%s %s %s %s", verb, count,
             before ? "before the start of" : "past the end of",
             ng_role_name(role));
}

static void check_canaries(const unsigned char *memory, const span *s,
                           ng_dtype dtype, ng_role role, ng_reply *reply)
{
    size_t changed[2], count = 0;
    for (size_t i = s->data; i > s->canary && count == 0; i--) {
        if (memory[i - 1] != CANARY)
            changed[count++] = i - 1;
    }
    for (size_t i = s->data + s->bytes; i < s->canary_end; i++) {
        if (memory[i] != CANARY) {
            changed[count++] = i;
            break;
        }
    }
    for (size_t i = 0; i < count; i++) {
        char words[128];
        describe_outside(s, role, dtype, "wrote", changed[i], words,
                         sizeof words);
        breach(reply, ng_breach_outside, words);
    }
}

static void check_input(const unsigned char *memory, const span *s,
                        const ng_tensor *tensor, ng_role role, ng_reply *reply)
{
    char words[128];
    const unsigned char *was = tensor->data;
    if (memcmp(memory + s->data, was, s->bytes) == 0)
        return;
    size_t i = 0;
    while (memory[s->data + i] == was[i])
        i++;
    snprintf(words, sizeof words, "changed its input %s, at element %zu",
             ng_role_name(role), i / ng_format_of(tensor->dtype)->size);
    breach(reply, ng_breach_input, words);
}

/* Which elements of a tensor's memory lie between strides; NULL: none (or no
 * memory to say so). */
static bool *gaps_of(const ng_request *request, ng_role role)
{
    const ng_case *test = request->test;
    size_t sizes[3] = {test->rows, test->n, 1};
    size_t count = request->tensor[role].count;
    if (ng_role_extent(role) != ng_per_element || count == test->rows * test->n)
        return NULL;
    if (test->C > 0) {
        sizes[0] = test->N;
        sizes[1] = test->C;
        sizes[2] = test->spatial;
    }
    bool *gap = malloc(count + 1);
    if (gap == NULL)
        return NULL;
    memset(gap, true, count + 1);
    for (size_t a = 0; a < sizes[0]; a++) {
        for (size_t b = 0; b < sizes[1]; b++) {
            for (size_t c = 0; c < sizes[2]; c++) {
                size_t at = request->start + a * (size_t)request->stride[0] +
                            b * (size_t)request->stride[1] +
                            c * (size_t)request->stride[2];
                if (at < count)
                    gap[at] = false;
            }
        }
    }
    return gap;
}

bool ng_subject_unwritten(const ng_tensor *tensor, size_t i)
{
    return ng_dtype_bits(tensor->dtype, tensor->data, i) ==
           poison_of(tensor->dtype);
}

static void check_written(const unsigned char *memory, const span *s,
                          const ng_request *request, ng_role role,
                          ng_reply *reply)
{
    char words[128];
    const ng_tensor *tensor = &request->tensor[role];
    uint64_t pattern = poison_of(tensor->dtype);
    size_t left = 0, first = 0, stray = 0, stray_at = 0;
    bool *gap = gaps_of(request, role);
    for (size_t i = 0; i < tensor->count; i++) {
        bool same =
            ng_dtype_bits(tensor->dtype, memory + s->data, i) == pattern;
        bool between = gap != NULL && gap[i];
        if (same && !between && left++ == 0)
            first = i;
        if (!same && between && stray++ == 0)
            stray_at = i;
    }
    free(gap);
    if (stray > 0) {
        snprintf(words, sizeof words,
                 "wrote %zu elements between the strides of %s, the first is "
                 "%zu",
                 stray, ng_role_name(role), stray_at);
        breach(reply, ng_breach_outside, words);
    }
    if (left > 0) {
        snprintf(words, sizeof words,
                 "%zu of %zu elements of %s were never written, the first is "
                 "%zu",
                 left, tensor->count, ng_role_name(role), first);
        breach(reply, ng_breach_unwritten, words);
    }
}

void layout_collect(const unsigned char *memory, const layout *where,
                    const ng_request *request, ng_reply *reply)
{
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const span *s = &where->tensor[role];
        const ng_tensor *tensor = &request->tensor[role];
        if (!s->present)
            continue;
        check_canaries(memory, s, tensor->dtype, role, reply);
        if (!s->written) {
            check_input(memory, s, tensor, role, reply);
            continue;
        }
        if (tensor->use == ng_output)
            check_written(memory, s, request, role, reply);
        memcpy(tensor->data, memory + s->data, s->bytes);
    }
}

void layout_describe(const layout *where, const ng_request *request,
                     const char *verb, size_t offset, char *words, size_t size)
{
    size_t unit = page();
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const span *s = &where->tensor[role];
        const char *name = ng_role_name(role);
        if (!s->present || offset + unit < s->body ||
            offset >= s->body_end + unit)
            continue;
        ng_dtype dtype = request->tensor[role].dtype;
        if (offset < s->data || offset >= s->data + s->bytes)
            describe_outside(s, role, dtype, verb, offset, words, size);
        else
            snprintf(words, size, "%s %s, element %zu",
                     s->written ? "failed inside" : "wrote to its input", name,
                     (offset - s->data) / ng_format_of(dtype)->size);
        return;
    }
    snprintf(words, size, "%s outside every tensor", verb);
}
