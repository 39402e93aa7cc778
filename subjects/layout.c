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

size_t layout_far_capacity(void)
{
    return (size_t)1 << 39;
}

/* Sizes of x along the axes of its strides. */
static void sizes_of(const ng_case *test, size_t sizes[3])
{
    bool channels = test->C > 0;
    sizes[0] = channels ? test->N : test->rows;
    sizes[1] = channels ? test->C : test->n;
    sizes[2] = channels ? test->spatial : 1;
}

/* More than 2^31 elements, and kept aligned. */
#define FAR_STRIDE (((ptrdiff_t)1 << 31) + 64)

/* The outermost axis that has more than one step: beneath it the tensor is in
 * one piece. */
static size_t far_axis(const ng_case *test)
{
    size_t sizes[3], axis = 0;
    sizes_of(test, sizes);
    while (axis < 2 && sizes[axis] <= 1)
        axis++;
    return axis;
}

static void make_strides(layout *where, const ng_request *request)
{
    size_t sizes[3], axis = far_axis(request->test);
    sizes_of(request->test, sizes);
    memcpy(where->stride, request->stride, sizeof where->stride);
    where->far = request->manner.far && sizes[0] * sizes[1] * sizes[2] > 0;
    where->pieces = where->far ? sizes[axis] : 1;
    if (where->far)
        where->stride[axis] = FAR_STRIDE;
}

/* Bytes of one piece of a tensor of x's shape, gaps included, in normgate's
 * array; and from one piece to the next there, and in the subject's memory. */
static size_t piece_bytes(const layout *where, const ng_request *request,
                          ng_role role, size_t *step, size_t *far_step)
{
    size_t size = ng_format_of(request->tensor[role].dtype)->size, sizes[3];
    size_t axis = far_axis(request->test), last = 0;
    sizes_of(request->test, sizes);
    for (size_t inner = axis + 1; inner < 3; inner++)
        last += (sizes[inner] - (sizes[inner] > 0)) *
                (size_t)request->stride[inner];
    *step = (size_t)request->stride[axis] * size;
    *far_step = (size_t)where->stride[axis] * size;
    return (last + 1) * size;
}

static bool is_far(const layout *where, ng_role role)
{
    return where->far && ng_role_extent(role) == ng_per_element;
}

static size_t span_bytes(const layout *where, const ng_request *request,
                         ng_role role)
{
    const ng_tensor *tensor = &request->tensor[role];
    size_t size = ng_format_of(tensor->dtype)->size, step, far_step;
    if (!is_far(where, role) || where->pieces == 0)
        return tensor->count * size;
    size_t piece = piece_bytes(where, request, role, &step, &far_step);
    return request->start * size + (where->pieces - 1) * far_step + piece;
}

/* The input in whose place an output of an in-place call lies, or the count of
 * roles. */
static ng_role place_of(const ng_request *request, ng_role role)
{
    ng_role input = role == ng_tensor_y    ? ng_tensor_x
                    : role == ng_tensor_dx ? ng_tensor_dy
                                           : NG_TENSOR_COUNT;
    bool shared = request->manner.in_place && input != NG_TENSOR_COUNT &&
                  request->tensor[input].data != NULL &&
                  request->tensor[input].count == request->tensor[role].count &&
                  request->tensor[input].dtype == request->tensor[role].dtype;
    return shared ? input : NG_TENSOR_COUNT;
}

bool layout_make(layout *where, const ng_request *request, size_t alignment,
                 bool guards_protected, size_t begin)
{
    size_t unit = page(), next = begin, number = 0;
    size_t reach = guards_protected ? 0 : unit;
    memset(where, 0, sizeof *where);
    make_strides(where, request);
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const ng_tensor *tensor = &request->tensor[role];
        span *s = &where->tensor[role];
        if (tensor->data == NULL)
            continue;
        if (tensor->count > NG_CASE_ELEMENTS_MAX)
            return false;
        ng_role place = place_of(request, role);
        if (place != NG_TENSOR_COUNT) { /* inputs stand before outputs */
            where->tensor[place].written = where->tensor[place].shared = true;
            *s = where->tensor[place];
            continue;
        }
        s->present = true;
        s->written = tensor->use == ng_output || tensor->use == ng_update;
        s->start = ng_role_extent(role) == ng_per_element
                       ? request->start * ng_format_of(tensor->dtype)->size
                       : 0;
        s->bytes = span_bytes(where, request, role);
        size_t shift = ++number * request->manner.skew;
        s->body = next + unit;
        s->body_end = s->body + round_up(s->bytes + shift + 1, unit);
        s->data =
            request->manner.guard_before
                ? s->body + shift
                : (s->body_end - s->bytes - shift) / alignment * alignment;
        s->canary = s->body - reach;
        s->canary_end = s->body_end + reach;
        next = s->body_end + unit;
    }
    where->begin = begin;
    where->end = next;
    return next <= (where->far ? layout_far_capacity() : layout_capacity());
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

/* Near the largest finite number: a maximum, a sum or a mean with it shows. */
static uint64_t huge_of(ng_dtype dtype)
{
    switch (ng_format_of(dtype)->size) {
    case 2: return dtype == ng_bf16 ? 0x7f5a : 0x7b5a;
    case 4: return 0x7f5a5eed;
    default: return 0x7fda5eeda5eed001;
    }
}

/* `pattern`: its little-endian prefix. */
static void poison(unsigned char *data, ng_dtype dtype, size_t count,
                   uint64_t pattern)
{
    size_t size = ng_format_of(dtype)->size;
    for (size_t i = 0; i < count; i++)
        memcpy(data + i * size, &pattern, size);
}

/* What the tensor holds before the call, at `to`, from its byte `at` on. */
static void fill(unsigned char *to, const ng_request *request, ng_role role,
                 size_t at, size_t bytes)
{
    const ng_tensor *tensor = &request->tensor[role];
    if (tensor->use == ng_output)
        poison(to, tensor->dtype, bytes / ng_format_of(tensor->dtype)->size,
               request->manner.huge_before ? huge_of(tensor->dtype)
                                           : poison_of(tensor->dtype));
    else
        memcpy(to, (const unsigned char *)tensor->data + at, bytes);
}

static void fill_span(unsigned char *memory, const layout *where,
                      const ng_request *request, ng_role role)
{
    const span *s = &where->tensor[role];
    size_t step, far_step;
    if (!is_far(where, role)) {
        fill(memory + s->data, request, role, 0, s->bytes);
        return;
    }
    size_t bytes = piece_bytes(where, request, role, &step, &far_step);
    for (size_t k = 0; k < where->pieces; k++)
        fill(memory + s->data + s->start + k * far_step, request, role,
             s->start + k * step, bytes);
}

void layout_fill(unsigned char *memory, const layout *where,
                 const ng_request *request)
{
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const span *s = &where->tensor[role];
        /* In place: what the input holds. */
        if (!s->present || (s->shared && request->tensor[role].use != ng_input))
            continue;
        memset(memory + s->canary, CANARY, s->data - s->canary);
        memset(memory + s->data + s->bytes, CANARY,
               s->canary_end - s->data - s->bytes);
        fill_span(memory, where, request, role);
    }
}

/* The tensor after the call as normgate's own array has it: in the shared
 * memory itself, or gathered from its pieces into `copy`, to be freed. */
static const unsigned char *gather(const unsigned char *memory,
                                   const layout *where,
                                   const ng_request *request, ng_role role,
                                   unsigned char **copy)
{
    const span *s = &where->tensor[role];
    const ng_tensor *tensor = &request->tensor[role];
    size_t size = ng_format_of(tensor->dtype)->size, step, far_step;
    *copy = NULL;
    if (!is_far(where, role))
        return memory + s->data;
    size_t bytes = piece_bytes(where, request, role, &step, &far_step);
    *copy = malloc(tensor->count * size + 1);
    if (*copy == NULL)
        return NULL;
    /* What lies between the pieces is as it was before the call. */
    ng_role place = place_of(request, role);
    fill(*copy, request, place != NG_TENSOR_COUNT ? place : role, 0,
         tensor->count * size);
    for (size_t k = 0; k < where->pieces; k++)
        memcpy(*copy + s->start + k * step,
               memory + s->data + s->start + k * far_step, bytes);
    return *copy;
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

static void check_input(const unsigned char *after, const ng_request *request,
                        ng_role role, ng_reply *reply)
{
    char words[128];
    const ng_tensor *tensor = &request->tensor[role];
    const unsigned char *was = tensor->data;
    size_t bytes = tensor->count * ng_format_of(tensor->dtype)->size, i = 0;
    if (memcmp(after, was, bytes) == 0)
        return;
    while (after[i] == was[i])
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
    size_t sizes[3], count = request->tensor[role].count;
    if (ng_role_extent(role) != ng_per_element || count == test->rows * test->n)
        return NULL;
    sizes_of(test, sizes);
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

/* `after`: the tensor as it is now. */
static void check_written(const unsigned char *after, const ng_request *request,
                          ng_role role, ng_reply *reply)
{
    char words[128];
    const ng_tensor *tensor = &request->tensor[role];
    uint64_t pattern = poison_of(tensor->dtype);
    size_t left = 0, first = 0, stray = 0, stray_at = 0;
    /* Between the strides, what stood there before. */
    ng_role place = place_of(request, role);
    const void *input =
        place != NG_TENSOR_COUNT ? request->tensor[place].data : NULL;
    bool *gap = gaps_of(request, role), nan = true;
    if (request->manner.huge_before) {
        pattern = huge_of(tensor->dtype);
        nan = false;
    }
    for (size_t i = 0; i < tensor->count; i++) {
        bool between = gap != NULL && gap[i];
        uint64_t before =
            input != NULL ? ng_dtype_bits(tensor->dtype, input, i) : pattern;
        bool same = ng_dtype_bits(tensor->dtype, after, i) == before;
        if (same && !between && nan && input == NULL && left++ == 0)
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
        unsigned char *copy;
        if (!s->present)
            continue;
        check_canaries(memory, s, tensor->dtype, role, reply);
        if (tensor->use == ng_input && s->shared)
            continue;
        const unsigned char *after =
            gather(memory, where, request, role, &copy);
        if (after == NULL) {
            reply->verdict = NG_ERROR;
            snprintf(reply->message, sizeof reply->message, "out of memory");
            return;
        }
        if (!s->written) {
            check_input(after, request, role, reply);
        } else {
            if (tensor->use == ng_output)
                check_written(after, request, role, reply);
            memcpy(tensor->data, after,
                   tensor->count * ng_format_of(tensor->dtype)->size);
        }
        free(copy);
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
