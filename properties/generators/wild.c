/* Wild: the values of a row of wild.def, whose number is the argument. */
#include "wild.h"
#include "fill.h"

#include <math.h>
#include <string.h>

#define BIT(dtype) (1u << (dtype))
#define ALL (BIT(ng_f16) | BIT(ng_bf16) | BIT(ng_f32) | BIT(ng_f64))
#define HALF (BIT(ng_f16) | BIT(ng_bf16))
#define F16 BIT(ng_f16)
#define LONG_RANGE (ALL & ~F16) /* of exponents: 8 bits and more */
#define ROWS(r, m)                                                             \
    {                                                                          \
        .rows = (r), .n = (m)                                                  \
    }
#define IMAGES(batch, channels, positions, groups)                             \
    {                                                                          \
        .N = (batch), .C = (channels), .spatial = (positions),                 \
        .num_groups = (groups)                                                 \
    }
#define DRAWN NAN, NAN
#define STATS(m, v) m, v
#define COUNT(...) (sizeof(double[]){__VA_ARGS__} / sizeof(double))
#define LIST(...)                                                              \
    {                                                                          \
        .kind = ng_wild_list, .count = COUNT(__VA_ARGS__), .value = {          \
            __VA_ARGS__                                                        \
        }                                                                      \
    }
#define FORMULA(name, x, y)                                                    \
    {                                                                          \
        .kind = ng_wild_##name, .a = (x), .b = (y)                             \
    }
#define NORMAL(mean, sigma) FORMULA(normal, mean, sigma)
#define UNIFORM(low, high) FORMULA(uniform, low, high)
#define RAMP(first, step) FORMULA(ramp, first, step)
#define EQUAL(mean, sigma) FORMULA(equal, mean, sigma)
#define SIGNED(mean, sigma) FORMULA(signed, mean, sigma)
#define STEPS(length, height) FORMULA(steps, length, height)
#define LAST(others, end) FORMULA(last, others, end)

const ng_wild_row ng_wild_rows[] = {
#define NG_WILD(number, thread, where, dtypes, from, shape, eps, affine, dy,   \
                stats, ...)                                                    \
    {number, thread,  #where, dtypes, from,       shape,                       \
     eps,    #affine, #dy,    stats,  __VA_ARGS__},
#include "wild.def"
#undef NG_WILD
    {.number = 0},
};
enum { LAST_NUMBER = sizeof ng_wild_rows / sizeof ng_wild_rows[0] - 1 };

const ng_wild_row *ng_wild_find(double number)
{
    size_t k = number >= 1 ? (size_t)fmin(number, LAST_NUMBER) : 1;
    return &ng_wild_rows[k - 1];
}

static double value(const ng_place *place, ng_source *source)
{
    const ng_wild_row *row = ng_wild_find(place->arg);
    const ng_wild_values *v = &row->values;
    ng_source one;
    double level;
    switch (v->kind) {
    case ng_wild_list: return v->value[place->i % v->count];
    case ng_wild_normal: return v->a + v->b * ng_source_normal(source);
    case ng_wild_uniform: return v->a + (v->b - v->a) * ng_source_unit(source);
    case ng_wild_ramp: return v->a + v->b * (double)place->i;
    case ng_wild_equal:
        ng_source_from_seed(&one, place->test->seed + place->set);
        return v->a + v->b * ng_source_normal(&one);
    case ng_wild_signed:
        level = place->set % 2 != 0 ? -v->a : v->a;
        return level + v->b * ng_source_normal(source);
    case ng_wild_steps:
        level = v->b * (double)(place->i / (size_t)v->a);
        return level + ng_source_normal(source);
    case ng_wild_last: return place->i == place->n - 1 ? v->b : v->a;
    }
    return 0;
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, 1, value);
}

static void running(const ng_case *test, double *mean, double *var)
{
    const ng_wild_row *row = ng_wild_find(test->gen_arg);
    if (!isnan(row->mean)) {
        *mean = row->mean;
        *var = row->var;
    }
}

const ng_generator ng_generator_wild = {
    .name = "wild",
    .claim = "an input on which a kernel in the field has failed",
    .arg_low = 1,
    .arg_high = LAST_NUMBER,
    .arg_default = 1,
    .fill = fill,
    .running = running,
};
