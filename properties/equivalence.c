/* Equivalence: index arithmetic of every op, and the table of equivalences. */
#include "equivalence.h"

#include <string.h>

bool ng_shape_is_rows(const char *op)
{
    return strcmp(op, "layer_norm") == 0 || strcmp(op, "rms_norm") == 0 ||
           strcmp(op, "l2_norm") == 0;
}

ng_spot ng_spot_find(const ng_shape *s, const size_t at[3])
{
    size_t C = s->size[1], S = s->size[2];
    ng_spot found = {.param = at[1], .dense = (at[0] * C + at[1]) * S + at[2]};
    if (ng_shape_is_rows(s->op)) {
        found.set = at[0];
        found.i = at[1];
    } else if (strcmp(s->op, "batch_norm") == 0) {
        found.set = at[1];
        found.i = at[0] * S + at[2];
    } else if (strcmp(s->op, "instance_norm") == 0) {
        found.set = at[0] * C + at[1];
        found.i = at[2];
    } else { /* group norm */
        size_t width = C / s->groups;
        found.set = at[0] * s->groups + at[1] / width;
        found.i = at[1] % width * S + at[2];
    }
    return found;
}

size_t ng_shape_sets(const ng_shape *s)
{
    if (ng_shape_is_rows(s->op))
        return s->size[0];
    if (strcmp(s->op, "batch_norm") == 0)
        return s->size[1];
    bool group = strcmp(s->op, "group_norm") == 0;
    return s->size[0] * (group ? s->groups : s->size[1]);
}

/* Where the case's tensors have the element: the text of impl.h and of the
 * case's gap, step and start, once more. */
size_t ng_spot_memory(const ng_case *test, const ng_contract *contract,
                      const ng_shape *own, const size_t at[3])
{
    size_t C = own->size[1], S = own->size[2];
    if (contract->layout == ng_layout_channels_last &&
        !ng_shape_is_rows(own->op))
        return (at[0] * S + at[2]) * C + at[1];
    if (contract->layout != ng_layout_strided)
        return (at[0] * C + at[1]) * S + at[2];
    if (ng_shape_is_rows(own->op))
        return test->start + at[0] * (C * test->step + test->gap) +
               at[1] * test->step;
    size_t channel = S * test->step + test->gap;
    return test->start + at[0] * (C * channel + test->gap) + at[1] * channel +
           at[2] * test->step;
}

ng_shape ng_shape_of(const ng_case *test)
{
    if (ng_shape_is_rows(test->op))
        return (ng_shape){test->op, {test->rows, test->n, 1}, 1};
    return (ng_shape){
        test->op, {test->N, test->C, test->spatial}, test->num_groups};
}

static void put(size_t to[3], size_t a, size_t b, size_t c)
{
    to[0] = a;
    to[1] = b;
    to[2] = c;
}

static bool one_group(const ng_shape *own)
{
    return own->groups == 1;
}

static bool every_group(const ng_shape *own)
{
    return own->groups == own->size[1];
}

static ng_shape group_to_layer(const ng_shape *own)
{
    return (ng_shape){
        "layer_norm", {own->size[0], own->size[1] * own->size[2], 1}, 1};
}

static void flatten(const ng_shape *own, const size_t at[3], size_t to[3])
{
    put(to, at[0], at[1] * own->size[2] + at[2], 0);
}

static ng_shape group_to_instance(const ng_shape *own)
{
    return (ng_shape){
        "instance_norm", {own->size[0], own->size[1], own->size[2]}, 1};
}

static void stay(const ng_shape *own, const size_t at[3], size_t to[3])
{
    (void)own;
    put(to, at[0], at[1], at[2]);
}

static ng_shape group_to_groups(const ng_shape *own)
{
    return (ng_shape){"group_norm",
                      {1, own->size[0] * own->size[1], own->size[2]},
                      own->size[0] * own->groups};
}

static void examples_to_channels(const ng_shape *own, const size_t at[3],
                                 size_t to[3])
{
    put(to, 0, at[0] * own->size[1] + at[1], at[2]);
}

static ng_shape instance_to_batch(const ng_shape *own)
{
    return (ng_shape){
        "batch_norm", {1, own->size[0] * own->size[1], own->size[2]}, 1};
}

static ng_shape instance_to_group(const ng_shape *own)
{
    return (ng_shape){
        "group_norm", {own->size[0], own->size[1], own->size[2]}, own->size[1]};
}

static ng_shape batch_to_instance(const ng_shape *own)
{
    return (ng_shape){
        "instance_norm", {1, own->size[1], own->size[0] * own->size[2]}, 1};
}

static void positions(const ng_shape *own, const size_t at[3], size_t to[3])
{
    put(to, 0, at[1], at[0] * own->size[2] + at[2]);
}

static ng_shape batch_to_layer(const ng_shape *own)
{
    return (ng_shape){
        "layer_norm", {own->size[1], own->size[0] * own->size[2], 1}, 1};
}

static void transpose(const ng_shape *own, const size_t at[3], size_t to[3])
{
    put(to, at[1], at[0] * own->size[2] + at[2], 0);
}

static ng_shape rows_to_group(const ng_shape *own)
{
    return (ng_shape){"group_norm", {own->size[0], own->size[1], 1}, 1};
}

static ng_shape rows_to_batch(const ng_shape *own)
{
    return (ng_shape){"batch_norm", {own->size[1], own->size[0], 1}, 1};
}

static void swap(const ng_shape *own, const size_t at[3], size_t to[3])
{
    (void)own;
    put(to, at[1], at[0], 0);
}

static ng_shape rows_to_instance(const ng_shape *own)
{
    return (ng_shape){"instance_norm", {own->size[0], 1, own->size[1]}, 1};
}

static void lengthen(const ng_shape *own, const size_t at[3], size_t to[3])
{
    (void)own;
    put(to, at[0], 0, at[1]);
}

const ng_equivalence ng_equivalences[] = {
    {"group norm of one group is layer norm over C and spatial", "group_norm",
     false, one_group, group_to_layer, flatten},
    {"group norm of C groups is instance norm", "group_norm", false,
     every_group, group_to_instance, stay},
    {"the groups of N examples are the groups of one", "group_norm", false,
     NULL, group_to_groups, examples_to_channels},
    {"instance norm of one example is batch norm", "instance_norm", false, NULL,
     instance_to_batch, examples_to_channels},
    {"instance norm is group norm of C groups", "instance_norm", false, NULL,
     instance_to_group, stay},
    {"batch norm is instance norm of one long example", "batch_norm", false,
     NULL, batch_to_instance, positions},
    {"batch norm is layer norm of the transpose", "batch_norm", true, NULL,
     batch_to_layer, transpose},
    {"the norm of a row is group norm of one group", "rows", false, NULL,
     rows_to_group, stay},
    {"the norm of a row is batch norm of the transpose", "rows", true, NULL,
     rows_to_batch, swap},
    {"the norm of a row is instance norm of one channel", "rows", true, NULL,
     rows_to_instance, lengthen},
    {NULL, NULL, false, NULL, NULL, NULL},
};

bool ng_equivalence_holds(const ng_equivalence *id, const ng_shape *own,
                          const ng_case *test)
{
    bool same = strcmp(id->own, "rows") == 0 ? ng_shape_is_rows(own->op)
                                             : strcmp(id->own, own->op) == 0;
    return same && (!id->unit || strcmp(test->affine, "unit") == 0) &&
           (id->applies == NULL || id->applies(own));
}
