/* Files: the form of a folder of calls. */
#include "files.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

files *files_new(void)
{
    files *f = calloc(1, sizeof *f);
    if (f != NULL)
        f->folder = f->calls = -1;
    return f;
}

void files_free(files *f)
{
    if (f == NULL)
        return;
    if (f->manifest != NULL)
        fclose(f->manifest);
    if (f->calls >= 0)
        close(f->calls);
    if (f->folder >= 0)
        close(f->folder);
    free(f->entries);
    free(f);
}

/* FNV-1a, 128 bits: public, short, and wide enough for a million calls. */
__extension__ typedef unsigned __int128 wide;

static const wide fnv_basis =
    ((wide)0x6c62272e07bb0142 << 64) | 0x62b821756295c58d;
static const wide fnv_prime = ((wide)1 << 88) | 0x13b;

static void hash(wide *state, const void *bytes, size_t count)
{
    const unsigned char *from = bytes;
    for (size_t i = 0; i < count; i++)
        *state = (*state ^ from[i]) * fnv_prime;
}

static void hash_text(wide *state, const char *text)
{
    hash(state, text, strlen(text) + 1);
}

bool files_is_written(const ng_tensor *tensor)
{
    return tensor->use == ng_output || tensor->use == ng_update;
}

files_key files_key_of(const ng_request *request)
{
    const ng_case *test = request->test;
    const uint64_t counts[] = {
        test->rows,
        test->n,
        test->N,
        test->C,
        test->spatial,
        test->num_groups,
        (uint64_t)request->stride[0],
        (uint64_t)request->stride[1],
        (uint64_t)request->stride[2],
        request->start,
    };
    /* Without running statistics the momentum means nothing, and a case of
     * rows does not even keep it. */
    const ng_tensor *running = &request->tensor[ng_tensor_running_mean];
    bool moves = running->data != NULL && running->use == ng_update;
    const double numbers[] = {test->eps, moves ? test->momentum : 0};
    const uint64_t batches = moves ? test->batches : 0;
    wide state = fnv_basis;
    hash_text(&state, test->op);
    hash_text(&state, test->pass);
    hash(&state, counts, sizeof counts);
    hash(&state, numbers, sizeof numbers);
    hash(&state, &batches, sizeof batches);
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const ng_tensor *tensor = &request->tensor[role];
        size_t size = ng_format_of(tensor->dtype)->size;
        const uint64_t slot[] = {tensor->use, tensor->count, size};
        if (tensor->data == NULL)
            continue;
        hash_text(&state, ng_role_name(role));
        hash(&state, slot, sizeof slot);
        if (tensor->use != ng_output)
            hash(&state, tensor->data, tensor->count * size);
    }
    return (files_key){(uint64_t)(state >> 64), (uint64_t)state};
}

int files_key_order(const void *a, const void *b)
{
    const files_key *left = a, *right = b;
    if (left->high != right->high)
        return left->high < right->high ? -1 : 1;
    return (left->low > right->low) - (left->low < right->low);
}

void files_id(char id[FILES_ID_MAX], unsigned number)
{
    snprintf(id, FILES_ID_MAX, "%06u", number % 1000000);
}

void files_name(char name[FILES_NAME_MAX], ng_role role, bool output)
{
    bool updated = output && (role == ng_tensor_running_mean ||
                              role == ng_tensor_running_var);
    snprintf(name, FILES_NAME_MAX, "%s%s.npy", updated ? "new_" : "",
             ng_role_name(role));
}

/* Sizes that do not make up the array's count, should a property make such a
 * call, are not believed. */
size_t files_shape(const ng_subject *subject, const ng_request *request,
                   ng_role role, size_t shape[3])
{
    const ng_case *test = request->test;
    size_t count = request->tensor[role].count;
    unsigned char order = subject->kernels[request->kernel].contract.layout;
    bool rows = test->C == 0, last = order == ng_layout_channels_last;
    size_t sizes[3] = {rows ? test->rows : test->N,
                       rows   ? test->n
                       : last ? test->spatial
                              : test->C,
                       rows   ? 1
                       : last ? test->C
                              : test->spatial};
    shape[0] = count;
    if (ng_role_extent(role) != ng_per_element || order == ng_layout_strided ||
        sizes[0] * sizes[1] * sizes[2] != count)
        return 1;
    memcpy(shape, sizes, sizeof sizes);
    return rows ? 2 : 3;
}

void files_shape_text(char text[FILES_SHAPE_MAX], ng_dtype dtype,
                      const size_t *shape, size_t axes)
{
    int used =
        snprintf(text, FILES_SHAPE_MAX, "%s [", ng_format_of(dtype)->name);
    for (size_t i = 0; i < axes && used < FILES_SHAPE_MAX; i++)
        used += snprintf(text + used, FILES_SHAPE_MAX - (size_t)used, "%s%zu",
                         i > 0 ? ", " : "", shape[i]);
    if (used < FILES_SHAPE_MAX)
        snprintf(text + used, FILES_SHAPE_MAX - (size_t)used, "]");
}

const ng_offline *ng_subject_offline(const ng_subject *subject)
{
    return subject->files != NULL ? &subject->files->about : NULL;
}
