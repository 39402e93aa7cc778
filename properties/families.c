/* Families: gamma and beta, dy, running statistics. Each is there for a way in
 * which a kernel can be wrong and show nothing with ordinary parameters. */
#include <normgate/families.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

/* gamma is never near zero in `random`, so that a wrong x_hat shows in every
 * element. */
static void unit(ng_source *source, size_t k, double *gamma, double *beta)
{
    (void)source;
    (void)k;
    *gamma = 1;
    *beta = 0;
}

static void scale_only(ng_source *source, size_t k, double *gamma, double *beta)
{
    double size = 0.5 + 1.5 * ng_source_unit(source);
    (void)k;
    *gamma = ng_source_below(source, 2) != 0 ? -size : size;
    *beta = 0;
}

static void random_pair(ng_source *source, size_t k, double *gamma,
                        double *beta)
{
    scale_only(source, k, gamma, beta);
    *beta = ng_source_normal(source);
}

static void spread(ng_source *source, size_t k, double *gamma, double *beta)
{
    double sign = ng_source_below(source, 2) != 0 ? -1 : 1;
    (void)k;
    *gamma = sign * ldexp(1 + ng_source_unit(source),
                          (int)ng_source_below(source, 17) - 8);
    if (ng_source_below(source, 8) == 7)
        *gamma = 0;
    *beta =
        ng_source_normal(source) * ldexp(1, (int)ng_source_below(source, 9));
}

/* No two neighbours alike: a parameter read at another index shows. */
static void ramp(ng_source *source, size_t k, double *gamma, double *beta)
{
    (void)source;
    *gamma = 1 + (double)(k % 61) / 4;
    *beta = (double)(k % 67) / 8;
}

/* What weights stored as gamma - 1 look like, and the other way round. */
static void near_one(ng_source *source, size_t k, double *gamma, double *beta)
{
    (void)k;
    *gamma = 1 + ng_source_normal(source) / 32;
    *beta = ng_source_normal(source) / 32;
}

static void large(ng_source *source, size_t k, double *gamma, double *beta)
{
    double sign = ng_source_below(source, 2) != 0 ? -1 : 1;
    (void)k;
    *gamma = sign * (1024 + 1024 * ng_source_unit(source));
    *beta = 4096 * ng_source_normal(source);
}

/* Subnormal in f16, in bf16 and f32, or in f64, a third each: what is not of
 * the dtype is 0 there, or ordinary. */
static void tiny(ng_source *source, size_t k, double *gamma, double *beta)
{
    static const int least[] = {-24, -149, -1074};
    static const unsigned span[] = {10, 23, 52};
    size_t which = (size_t)ng_source_below(source, 3);
    double sign = ng_source_below(source, 2) != 0 ? -1 : 1;
    (void)k;
    *gamma = sign *
             ldexp(1, least[which] + (int)ng_source_below(source, span[which]));
    *beta = 0;
}

static void zero(ng_source *source, size_t k, double *gamma, double *beta)
{
    (void)k;
    *gamma = 0;
    *beta = ng_source_normal(source);
}

static void poisoned(ng_source *source, size_t k, double *gamma, double *beta)
{
    random_pair(source, k, gamma, beta);
    switch (ng_source_below(source, 16)) {
    case 12: *beta = NAN; break;
    case 13: *gamma = NAN; break;
    case 14: *gamma = INFINITY; break;
    case 15: *beta = -INFINITY; break;
    default: break;
    }
}

const ng_affine_family ng_affine_families[] = {
    {"unit", "gamma = 1, beta = 0", unit},
    {"scale_only", "|gamma| in [0.5, 2) with signs, beta = 0", scale_only},
    {"random", "the same, beta normal", random_pair},
    {"spread", "gamma over 17 binades with zeros and signs", spread},
    {"ramp", "rising with the index, gamma by 1/4, beta by 1/8", ramp},
    {"near_one", "gamma within percents of 1, beta of 0", near_one},
    {"large", "|gamma| in [1024, 2048), beta in thousands", large},
    {"tiny", "subnormal gamma, beta 0", tiny},
    {"zero", "gamma 0, beta normal", zero},
    {"poisoned", "random, with NaN and Inf here and there", poisoned},
    {NULL, NULL, NULL},
};

static double dy_normal(ng_source *source, const ng_dy_place *place)
{
    (void)place;
    return ng_source_normal(source);
}

static double dy_ones(ng_source *source, const ng_dy_place *place)
{
    (void)source;
    (void)place;
    return 1;
}

static double dy_zero(ng_source *source, const ng_dy_place *place)
{
    (void)source;
    (void)place;
    return 0;
}

static double dy_spike(ng_source *source, const ng_dy_place *place)
{
    return place->set == 0 && place->i == 0 ? 1 + ng_source_unit(source) : 0;
}

static double dy_last(ng_source *source, const ng_dy_place *place)
{
    return place->set == place->sets - 1 && place->i == place->n - 1
               ? 1 + ng_source_unit(source)
               : 0;
}

static double dy_wide(ng_source *source, const ng_dy_place *place)
{
    (void)place;
    return ldexp(ng_source_normal(source),
                 (int)ng_source_below(source, 17) - 8);
}

/* 2^12 and 2^-12 are ordinary numbers in every dtype. */
static double dy_mixed(ng_source *source, const ng_dy_place *place)
{
    return ldexp(ng_source_normal(source), place->i % 2 != 0 ? -12 : 12);
}

static double dy_integers(ng_source *source, const ng_dy_place *place)
{
    (void)place;
    return (double)ng_source_below(source, 15) - 7;
}

/* gamma*dy is |gamma| x_hat: the term x_hat*mean(gamma*dy*x_hat) of dx is then
 * as large as gamma*dy itself. */
static double dy_x_hat(ng_source *source, const ng_dy_place *place)
{
    (void)source;
    return place->gamma < 0 ? -place->x_hat : place->x_hat;
}

static double dy_signs(ng_source *source, const ng_dy_place *place)
{
    double x_hat = dy_x_hat(source, place);
    return x_hat < 0 ? -1 : 1;
}

static double dy_x(ng_source *source, const ng_dy_place *place)
{
    (void)source;
    return place->x;
}

static double dy_cycle(ng_source *source, const ng_dy_place *place)
{
    static const double values[] = {-0.3, -0.05, 0.2, 0.45};
    (void)source;
    return values[place->i % 4];
}

/* In the middle set alone, always in its middle. */
static double dy_poisoned(ng_source *source, const ng_dy_place *place)
{
    double normal = ng_source_normal(source);
    uint64_t draw = ng_source_below(source, 16);
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    if (place->set != place->sets / 2)
        return normal;
    return draw > 12 || place->i == place->n / 2 ? bad[draw % 3] : normal;
}

const ng_dy_family ng_dy_families[] = {
    {"normal", "standard normal values", dy_normal},
    {"ones", "1 everywhere", dy_ones},
    {"zero", "0 everywhere", dy_zero},
    {"spike", "the first element alone", dy_spike},
    {"last", "the last element alone", dy_last},
    {"wide", "normal values over 17 binades", dy_wide},
    {"mixed", "normal values times 2^12 and 2^-12 in turn", dy_mixed},
    {"integers", "-7 to 7", dy_integers},
    {"x_hat", "x_hat, with the sign of gamma", dy_x_hat},
    {"signs", "the sign of x_hat times that of gamma", dy_signs},
    {"x", "x itself", dy_x},
    {"cycle", "-0.3, -0.05, 0.2, 0.45 in turn", dy_cycle},
    {"poisoned", "normal, with NaN and Inf in the middle set", dy_poisoned},
    {NULL, NULL, NULL},
};

const ng_affine_family *ng_affine_family_find(const char *name)
{
    for (const ng_affine_family *f = ng_affine_families; f->name != NULL; f++) {
        if (strcmp(f->name, name) == 0)
            return f;
    }
    return NULL;
}

const ng_dy_family *ng_dy_family_find(const char *name)
{
    for (const ng_dy_family *f = ng_dy_families; f->name != NULL; f++) {
        if (strcmp(f->name, name) == 0)
            return f;
    }
    return NULL;
}

static void append(char *text, size_t size, const char *name, bool last)
{
    size_t used = strlen(text);
    const char *joint = used == 0 ? "" : last ? " or " : ", ";
    snprintf(text + used, size - used, "%s%s", joint, name);
}

void ng_affine_family_names(char *text, size_t size)
{
    text[0] = '\0';
    for (const ng_affine_family *f = ng_affine_families; f->name != NULL; f++)
        append(text, size, f->name, f[1].name == NULL);
}

void ng_dy_family_names(char *text, size_t size)
{
    text[0] = '\0';
    for (const ng_dy_family *f = ng_dy_families; f->name != NULL; f++)
        append(text, size, f->name, f[1].name == NULL);
}

/* A mean among the channel's values or far from them, a variance that is
 * ordinary, near eps, far below it, zero or large. Without eps no variance is
 * zero: there would be nothing to judge. */
void ng_draw_running(ng_source *source, double eps, double x, double *mean,
                     double *var)
{
    double size = 0.25 + 3.75 * ng_source_unit(source);
    const double factor[] = {1,
                             eps > 0 ? eps : 1,
                             eps > 0 ? 0 : 1,
                             100,
                             1e4,
                             eps > 0 ? eps / 1024 : 0x1p-10};
    double first = isfinite(x) ? x : 0;
    *mean = first + ng_source_normal(source);
    *var = size * factor[ng_source_below(source, 6)];
    if (ng_source_below(source, 4) == 3)
        *mean += 1000 * ng_source_normal(source);
}
