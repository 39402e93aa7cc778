/* Geometry of each op. Strides are those of the call, so that one description
 * serves every layout. */
#include "geometry.h"

static void lay_out(struct geometry *shape, enum op op, const ng_call *call)
{
    const struct loop once = {1, 0, 0};
    const ptrdiff_t *stride = call->stride;
    size_t groups = call->num_groups > 0 ? call->num_groups : 1;
    size_t width = call->C / groups;
    struct loop rows = {call->rows, stride[0], 0}, n = {call->n, stride[1], 1};
    struct loop examples = {call->N, stride[0], 0};
    struct loop channels = {call->C, stride[1], 1};
    struct loop spatial = {call->spatial, stride[2], 0};
    switch (op) {
    case batch_norm:
        *shape = (struct geometry){.set = {once, channels},
                                   .element = {examples, spatial}};
        break;
    case group_norm:
        channels.count = width;
        *shape = (struct geometry){
            .set = {examples, {groups, (ptrdiff_t)width * stride[1], width}},
            .element = {channels, spatial}};
        break;
    case instance_norm:
        *shape = (struct geometry){.set = {examples, channels},
                                   .element = {once, spatial}};
        break;
    default:
        *shape = (struct geometry){.set = {once, rows}, .element = {once, n}};
    }
}

struct geometry geometry_of(enum op op, const ng_call *call)
{
    struct geometry shape;
    lay_out(&shape, op, call);
    const struct loop *element = shape.element;
    shape.sets = shape.set[0].count * shape.set[1].count;
    shape.n = element[0].count * element[1].count;
    shape.params = element[1].gamma != 0 ? call->n : call->C;
    shape.cell = element[1].gamma != 0   ? 1
                 : element[0].gamma != 0 ? element[1].count
                                         : shape.n;
    return shape;
}

size_t geometry_index(const struct geometry *shape, size_t set, size_t i)
{
    const struct loop *s = shape->set, *e = shape->element;
    return (size_t)((ptrdiff_t)(set / s[1].count) * s[0].x +
                    (ptrdiff_t)(set % s[1].count) * s[1].x +
                    (ptrdiff_t)(i / e[1].count) * e[0].x +
                    (ptrdiff_t)(i % e[1].count) * e[1].x);
}

size_t geometry_param(const struct geometry *shape, size_t set)
{
    return set % shape->set[1].count * shape->set[1].gamma;
}
