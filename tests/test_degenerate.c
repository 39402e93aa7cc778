/* Proves the decision table against IEEE 754 itself: the textbook formulas are
 * evaluated in f64 in every order that kernels use, on inputs with one NaN, one
 * Inf, no elements, one element, no spread. What any of them returns the table
 * must allow (else a right kernel fails); where all of them return NaN it must
 * not allow a number (else a wrong kernel passes). */
#include "slow_reference.h" /* random numbers and effort only */

#include <normgate/arena.h>
#include <normgate/op.h>
#include <normgate/reference.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

enum { MEMORY = 64 };

/* One call; data[role] are the inputs. */
typedef struct scene {
    ng_contract contract;
    ng_case test;
    ng_tensor slot[NG_TENSOR_COUNT];
    ng_view view;
    double data[NG_TENSOR_COUNT][MEMORY];
    char note[64]; /* what was done to it */
    bool rounding; /* 0/0 but for roundings: NaN here need not be NaN there */
} scene;

typedef struct outputs {
    double value[NG_TENSOR_COUNT][MEMORY];
} outputs;

/* An order of evaluation. */
typedef struct order {
    int statistics; /* two passes, one pass, Welford (scaled, not centred) */
    int form;       /* of the last formula */
} order;
enum { STATISTICS = 3, FORMS = 4, SHOWN = 20 };

/* What a kernel knows of a set. */
typedef struct set_facts {
    size_t set, n;
    double k, squares, mean, var, sigma, s, rstd;
    bool flat, given; /* s does not move with x; sigma = s */
} set_facts;

static double input(const scene *c, ng_role role, size_t at, double absent)
{
    return c->slot[role].use == ng_unused ? absent : c->data[role][at];
}

static double x_of(const scene *c, size_t set, size_t i)
{
    size_t at = ng_view_index(&c->view, set, i);
    return c->data[ng_tensor_x][at] + input(c, ng_tensor_residual, at, 0);
}

static double gamma_of(const scene *c, size_t set, size_t i)
{
    bool plus = c->contract.affine == ng_affine_one_plus_gamma;
    double gamma = input(c, ng_tensor_gamma, ng_view_param(&c->view, set, i),
                         plus ? 0 : 1);
    return plus ? 1 + gamma : gamma;
}

static double two_passes(const scene *c, set_facts *f, bool centred)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < f->n; i++)
        sum += x_of(c, f->set, i);
    f->mean = sum / (double)f->n;
    for (size_t i = 0; i < f->n; i++) {
        double d = x_of(c, f->set, i) - (centred ? f->mean : 0);
        squares += d * d;
    }
    return squares;
}

static double one_pass(const scene *c, set_facts *f, bool centred)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < f->n; i++) {
        double x = x_of(c, f->set, i);
        sum += x;
        squares += x * x;
    }
    f->mean = sum / (double)f->n;
    if (centred)
        squares -= sum * f->mean;
    return squares < 0 ? 0 : squares;
}

static double welford(const scene *c, set_facts *f)
{
    double squares = 0;
    f->mean = 0;
    for (size_t i = 0; i < f->n; i++) {
        double x = x_of(c, f->set, i), d = x - f->mean;
        f->mean += d / (double)(i + 1);
        squares += d * (x - f->mean);
    }
    return squares;
}

/* As LAPACK's nrm2 was: no overflow, and Inf/Inf is NaN. */
static double scaled(const scene *c, set_facts *f)
{
    double most = 0, sum = 0;
    f->mean = 0;
    for (size_t i = 0; i < f->n; i++) {
        double x = x_of(c, f->set, i);
        f->mean += x / (double)f->n; /* for the running mean alone */
        if (!(fabs(x) <= most))
            most = fabs(x);
    }
    for (size_t i = 0; i < f->n && most != 0; i++) {
        double t = x_of(c, f->set, i) / most;
        sum += t * t;
    }
    return most * most * sum;
}

static double greater(double a, double b)
{
    return a < b ? b : a; /* keeps a NaN in a */
}

static void place_eps(const scene *c, set_facts *f)
{
    double eps = c->test.eps;
    f->sigma = f->s = sqrt(f->var);
    switch (c->contract.eps_place) {
    case ng_eps_place_inside: f->sigma = f->s = sqrt(f->var + eps); break;
    case ng_eps_place_outside: f->s = f->sigma + eps; break;
    case ng_eps_place_max_var:
        f->flat = f->var < eps;
        f->sigma = f->s = sqrt(greater(f->var, eps));
        break;
    case ng_eps_place_max_norm:
        f->flat = f->sigma < eps;
        f->sigma = f->s = greater(f->sigma, eps);
        break;
    default: break;
    }
    f->rstd = 1 / f->s;
}

static set_facts facts_of(const scene *c, order o, size_t set)
{
    const ng_pass_info *pass = ng_pass_find(c->contract.pass);
    bool centred = c->contract.centred == ng_centred_yes;
    set_facts f = {.set = set, .n = ng_view_n(&c->view)};
    f.k = c->contract.divisor == ng_divisor_one ? 1
          : c->contract.divisor == ng_divisor_n ? (double)f.n
                                                : (double)f.n - 1;
    if (!pass->training) {
        size_t channel = ng_view_param(&c->view, set, 0);
        f.mean = c->data[ng_tensor_running_mean][channel];
        f.var = c->data[ng_tensor_running_var][channel];
        place_eps(c, &f);
        f.flat = f.given = true;
    } else if (pass->gradient &&
               c->contract.backward_stats == ng_backward_stats_saved) {
        f.mean = input(c, ng_tensor_mean, set, 0);
        f.rstd = c->data[ng_tensor_rstd][set];
        f.given = true;
    } else {
        f.squares = o.statistics == 0   ? two_passes(c, &f, centred)
                    : o.statistics == 1 ? one_pass(c, &f, centred)
                    : centred           ? welford(c, &f)
                                        : scaled(c, &f);
        f.var = f.squares / f.k;
        place_eps(c, &f);
    }
    return f;
}

static void forward(const scene *c, order o, const set_facts *f, outputs *out)
{
    bool centred = c->contract.centred == ng_centred_yes ||
                   !ng_pass_find(c->contract.pass)->training;
    double mean = centred ? f->mean : 0;
    for (size_t i = 0; i < f->n; i++) {
        size_t at = f->set * f->n + i;
        double x = x_of(c, f->set, i), g = gamma_of(c, f->set, i);
        double beta =
            input(c, ng_tensor_beta, ng_view_param(&c->view, f->set, i), 0);
        double y;
        if (o.form == 0)
            y = (x - mean) * f->rstd * g + beta;
        else if (o.form == 1)
            y = x * (g * f->rstd) + (beta - mean * (g * f->rstd));
        else if (o.form == 2)
            y = g * ((x - mean) / f->s) + beta;
        else
            y = (x - mean) * (g * f->rstd) + beta;
        out->value[ng_tensor_y][at] = y;
        out->value[ng_tensor_h][at] = x;
    }
    out->value[ng_tensor_mean][f->set] = f->mean;
    out->value[ng_tensor_rstd][f->set] = f->rstd;
    out->value[ng_tensor_var][f->set] = f->var;
}

/* Sums over the set. */
typedef struct gradient_sums {
    double g, gd, gx, gx_hat;
} gradient_sums;

static double dx_of(const scene *c, order o, const set_facts *f,
                    const gradient_sums *sums, double x, double g)
{
    bool centred = c->contract.centred == ng_centred_yes;
    double n = (double)f->n, mean = centred ? f->mean : 0;
    double total = centred ? sums->g : 0, d = x - mean;
    bool outside = c->contract.eps_place == ng_eps_place_outside && !f->given;
    double cube =
        outside ? 1 / (f->sigma * f->s * f->s) : f->rstd * f->rstd * f->rstd;
    if (f->flat) /* by a branch; the last order masks instead */
        return o.form < 3 ? (g - total / n) * f->rstd
                          : (g - total / n) * f->rstd - 0 * (d * sums->gd);
    if (o.form == 1) { /* a g + b x + c */
        double b = -(sums->gx - mean * total) * cube / f->k;
        return f->rstd * g + b * x + (-b * mean - total * f->rstd / n);
    }
    if (o.form == 2) { /* through dvar and dmean */
        double dvar = -0.5 * sums->gd * cube, dmean = -total * f->rstd;
        return g * f->rstd + dvar * 2 * d / f->k + dmean / n;
    }
    if (o.form == 3 && !outside && f->k == n)
        return f->rstd / n * (n * g - total - d * f->rstd * sums->gx_hat);
    if (outside)
        return (g - total / n) * f->rstd - d * sums->gd * cube / f->k;
    return f->rstd * (g - total / n - d * f->rstd * (sums->gx_hat / f->k));
}

static void add_parameters(const scene *c, order o, const set_facts *f,
                           outputs *out)
{
    bool centred = c->contract.centred == ng_centred_yes ||
                   !ng_pass_find(c->contract.pass)->training;
    double mean = centred ? f->mean : 0, dyx[MEMORY] = {0},
           dy_sum[MEMORY] = {0};
    bool met[MEMORY] = {false};
    for (size_t i = 0; i < f->n; i++) {
        size_t p = ng_view_param(&c->view, f->set, i);
        double dy = c->data[ng_tensor_dy][ng_view_index(&c->view, f->set, i)];
        double x = x_of(c, f->set, i);
        out->value[ng_tensor_dbeta][p] += dy;
        if (o.form == 0)
            out->value[ng_tensor_dgamma][p] += dy * ((x - mean) * f->rstd);
        else if (o.form == 2)
            out->value[ng_tensor_dgamma][p] += dy * (x - mean) * f->rstd;
        dyx[p] += dy * (o.form == 3 ? x - mean : x);
        dy_sum[p] += dy;
        met[p] = true;
    }
    for (size_t p = 0; p < MEMORY; p++) {
        if (met[p] && o.form == 1)
            out->value[ng_tensor_dgamma][p] +=
                (dyx[p] - dy_sum[p] * mean) * f->rstd;
        else if (met[p] && o.form == 3)
            out->value[ng_tensor_dgamma][p] += dyx[p] * f->rstd;
    }
}

static void backward(const scene *c, order o, const set_facts *f, outputs *out)
{
    bool training = ng_pass_find(c->contract.pass)->training;
    double mean = c->contract.centred == ng_centred_yes ? f->mean : 0;
    gradient_sums sums = {0, 0, 0, 0};
    for (size_t i = 0; i < f->n; i++) {
        size_t at = ng_view_index(&c->view, f->set, i);
        double g = gamma_of(c, f->set, i) * c->data[ng_tensor_dy][at];
        double x = x_of(c, f->set, i);
        sums.g += g;
        sums.gx += g * x;
        sums.gd += g * (x - mean);
        sums.gx_hat += g * ((x - mean) * f->rstd);
    }
    for (size_t i = 0; i < f->n; i++) {
        size_t at = ng_view_index(&c->view, f->set, i);
        double dy = c->data[ng_tensor_dy][at], gamma = gamma_of(c, f->set, i);
        double x = x_of(c, f->set, i), dx;
        if (!training) /* three orders of two products */
            dx = o.form == 0   ? dy * gamma * f->rstd
                 : o.form == 1 ? dy * (gamma * f->rstd)
                               : gamma * (dy / f->s);
        else
            dx = dx_of(c, o, f, &sums, x, gamma * dy);
        out->value[ng_tensor_dx][f->set * f->n + i] =
            dx + input(c, ng_tensor_dh, at, 0);
    }
    add_parameters(c, o, f, out);
}

/* The average of the sets' statistics, and a step in one of two forms. */
static void run_statistics(const scene *c, order o, outputs *out)
{
    size_t sets = ng_view_sets(&c->view), n = ng_view_n(&c->view);
    double m = c->test.momentum;
    bool plain = c->contract.running_var == ng_running_var_biased ||
                 (n == 1 && c->contract.one_value == ng_one_value_biased);
    bool skip = n == 1 && c->contract.one_value == ng_one_value_skip;
    double b = (double)c->test.batches;
    if (c->contract.momentum == ng_momentum_old)
        m = 1 - m;
    for (size_t channel = 0; channel < c->test.C; channel++) {
        double mean = 0, var = 0, count = 0;
        for (size_t set = 0; set < sets; set++) {
            if (n == 0 || ng_view_param(&c->view, set, 0) != channel)
                continue;
            set_facts f = facts_of(c, o, set);
            mean += f.mean;
            var += f.squares / ((double)n - !plain);
            count++;
        }
        for (int k = 0; k < 2; k++) {
            ng_role role = k ? ng_tensor_running_var : ng_tensor_running_mean;
            double old = c->data[role][channel];
            double value = (k ? var : mean) / count, *to;
            to = &out->value[role][channel];
            if (c->contract.momentum == ng_momentum_cumulative)
                *to = o.form % 2 ? (b * old + value) / (b + 1)
                                 : old + (value - old) / (b + 1);
            else
                *to = o.form % 2 ? (1 - m) * old + m * value
                                 : old + m * (value - old);
            if (k && skip)
                *to = old;
        }
    }
}

static void evaluate(const scene *c, order o, outputs *out)
{
    memset(out, 0, sizeof *out);
    for (size_t set = 0; set < ng_view_sets(&c->view); set++) {
        set_facts f = ng_view_n(&c->view) == 0 &&
                              !ng_pass_find(c->contract.pass)->training
                          ? (set_facts){.set = set}
                          : facts_of(c, o, set);
        if (ng_pass_find(c->contract.pass)->gradient)
            backward(c, o, &f, out);
        else
            forward(c, o, &f, out);
    }
    if (c->slot[ng_tensor_running_mean].use == ng_update)
        run_statistics(c, o, out);
}

static void problem_of(const scene *c, ng_problem *p)
{
    const void *at[NG_TENSOR_COUNT] = {NULL};
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        if (c->slot[role].use == ng_input || c->slot[role].use == ng_update)
            at[role] = c->data[role];
    }
    *p = (ng_problem){.contract = &c->contract,
                      .view = c->view,
                      .eps = c->test.eps,
                      .momentum = c->test.momentum,
                      .batches = c->test.batches,
                      .x = at[ng_tensor_x],
                      .residual = at[ng_tensor_residual],
                      .gamma = at[ng_tensor_gamma],
                      .beta = at[ng_tensor_beta],
                      .dy = at[ng_tensor_dy],
                      .dh = at[ng_tensor_dh],
                      .mean = at[ng_tensor_mean],
                      .rstd = at[ng_tensor_rstd],
                      .running_mean = at[ng_tensor_running_mean],
                      .running_var = at[ng_tensor_running_var]};
}

static ng_exact *exact_of(ng_arena *arena, const scene *c)
{
    ng_error error;
    ng_problem problem;
    problem_of(c, &problem);
    ng_exact *exact = ng_exact_compute(arena, &problem, &error);
    if (exact == NULL)
        fail_msg("%s", error.text);
    return exact;
}

static bool near(double got, double exact)
{
    return fabs(got - exact) <= 1e-6 * (1 + fabs(exact));
}

/* What ng_kind promises. */
static bool allows(const ng_point *point, double got)
{
    switch (point->kind) {
    case ng_kind_value: return near(got, point->rounded);
    case ng_kind_nan: return isnan(got);
    case ng_kind_infinite: return isnan(got) || got == point->rounded;
    case ng_kind_nonfinite: return !isfinite(got);
    case ng_kind_zero_nan: return isnan(got) || near(got, point->rounded);
    default: return true;
    }
}

typedef struct findings {
    size_t scenes, points, alarms, misses, shown;
    size_t kinds[ng_kind_undefined + 1];
    char last[256];
} findings;

static findings found;

static void report(const scene *c, const char *what, ng_role role, size_t set,
                   size_t i, const ng_point *point, order o, double got)
{
    static const char *const kinds[] = {"value",     "nan",      "infinite",
                                        "nonfinite", "zero_nan", "undefined"};
    char text[NG_CONTRACT_TEXT_MAX], line[1400];
    ng_contract_print(&c->contract, text, sizeof text);
    snprintf(line, sizeof line, "%s '%s' %s: %s", what, text, c->note,
             ng_role_name(role));
    bool again = strncmp(line, found.last, sizeof found.last - 1) == 0;
    snprintf(found.last, sizeof found.last, "%.255s", line);
    if (!again && found.shown++ < SHOWN)
        printf("%s[%zu][%zu] eps=%g is %s (%g); order %d.%d gives %g\n", line,
               set, i, c->test.eps, kinds[point->kind], point->rounded,
               o.statistics, o.form, got);
}

/* Which variance running_var=biased stores beside another divisor than n, no
 * contract says. */
static bool judged(const scene *c, const ng_exact *exact, ng_role role)
{
    return ng_exact_has(exact, role) && role != ng_tensor_dresidual &&
           (role != ng_tensor_mean || c->contract.centred == ng_centred_yes) &&
           (role != ng_tensor_running_var ||
            c->contract.running_var != ng_running_var_biased ||
            c->contract.divisor == ng_divisor_n);
}

static size_t count_of(const scene *c, ng_role role)
{
    switch (ng_role_extent(role)) {
    case ng_per_set: return ng_view_sets(&c->view);
    case ng_per_element: return ng_view_sets(&c->view) * ng_view_n(&c->view);
    default: return ng_view_params(&c->view);
    }
}

static void judge_point(const scene *c, const outputs *all, ng_role role,
                        size_t at, const ng_point *point)
{
    size_t n = ng_view_n(&c->view), nans = 0;
    bool element = ng_role_extent(role) == ng_per_element;
    size_t set = element && n > 0 ? at / n : at, i = element ? at % n : 0;
    found.points++;
    found.kinds[point->kind]++;
    for (int k = 0; k < STATISTICS * FORMS; k++) {
        double got = all[k].value[role][at];
        order o = {k / FORMS, k % FORMS};
        nans += isnan(got) != 0;
        if (!allows(point, got)) {
            found.alarms++;
            report(c, "ALARM", role, set, i, point, o, got);
            break;
        }
    }
    if (nans == STATISTICS * FORMS &&
        (point->kind == ng_kind_zero_nan ||
         (point->kind == ng_kind_undefined && !c->rounding))) {
        found.misses++;
        report(c, "MISS", role, set, i, point, (order){0, 0}, NAN);
    }
}

static void judge(const scene *c)
{
    static outputs all[STATISTICS * FORMS];
    ng_arena arena = {0};
    ng_exact *exact = exact_of(&arena, c);
    found.scenes++;
    for (int k = 0; k < STATISTICS * FORMS; k++)
        evaluate(c, (order){k / FORMS, k % FORMS}, &all[k]);
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        for (size_t at = 0; judged(c, exact, role) && at < count_of(c, role);
             at++) {
            size_t n = ng_view_n(&c->view);
            bool element = ng_role_extent(role) == ng_per_element;
            ng_point point;
            ng_exact_at(exact, role, element ? at / n : at,
                        element ? at % n : 0, &point);
            judge_point(c, all, role, at, &point);
        }
    }
    ng_arena_release(&arena);
}

static void settle(void)
{
    size_t alarms = found.alarms, misses = found.misses;
    printf("  %zu calls, %zu outputs: value %zu, NaN %zu, Inf %zu, NaN or Inf "
           "%zu, 0 or NaN %zu, anything %zu\n",
           found.scenes, found.points, found.kinds[ng_kind_value],
           found.kinds[ng_kind_nan], found.kinds[ng_kind_infinite],
           found.kinds[ng_kind_nonfinite], found.kinds[ng_kind_zero_nan],
           found.kinds[ng_kind_undefined]);
    memset(&found, 0, sizeof found);
    if (alarms + misses > 0)
        fail_msg("%zu false alarms, %zu misses", alarms, misses);
}

/* Sizes as a case has them: rows, n, or N, C, spatial, num_groups. */
typedef struct sizes {
    size_t rows, n, N, C, spatial, num_groups;
} sizes;

/* False: no kernel may declare these fields. */
static bool scene_make(scene *c, const char *op, const char *fields, sizes z,
                       double eps)
{
    char text[NG_CONTRACT_TEXT_MAX];
    const ng_op *row = ng_op_find(op);
    snprintf(text, sizeof text, "op=%s dtype=f64 %s", op, fields);
    if (ng_contract_parse(&c->contract, text, NULL) != ng_status_ok)
        return false;
    ng_case_init(&c->test, op, ng_f64);
    snprintf(c->test.pass, sizeof c->test.pass, "%s", c->contract.pass);
    c->test.rows = z.rows;
    c->test.n = z.n;
    c->test.N = z.N;
    c->test.C = z.C;
    c->test.spatial = z.spatial;
    c->test.num_groups = z.num_groups;
    c->test.eps = eps;
    c->test.batches = 3;
    if (row->shape == ng_shape_channels)
        row->complete(&c->test);
    c->view = ng_case_view(&c->test, &c->contract);
    ng_case_slots(&c->test, &c->contract, c->slot);
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++)
        assert_true(c->slot[role].count <= MEMORY);
    snprintf(c->note, sizeof c->note, "unchanged");
    c->rounding = ng_view_n(&c->view) == 1;
    return true;
}

/* `zeros`: gamma, dy, beta, dh hold zeros, and x its own mean. */
static void scene_fill(scene *c, slow_random *random, bool zeros)
{
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        for (size_t i = 0; i < MEMORY; i++)
            c->data[role][i] = zeros && i % 2 == 0 ? 0 : slow_real(random);
    }
    for (size_t i = 0; i < MEMORY; i++) {
        static const double centred[] = {0, 1, -1, 0};
        if (zeros)
            c->data[ng_tensor_x][i] = centred[i % 4];
        c->data[ng_tensor_residual][i] *= !zeros;
        c->data[ng_tensor_running_var][i] =
            0.5 + fabs(c->data[ng_tensor_running_var][i]);
    }
    for (size_t set = 0; set < ng_view_sets(&c->view) && set < MEMORY; set++) {
        scene copy = *c; /* the statistics that forward would have saved */
        copy.contract.backward_stats = ng_backward_stats_recomputed;
        if (!ng_pass_find(c->contract.pass)->training)
            break;
        set_facts f = facts_of(&copy, (order){0, 0}, set);
        c->data[ng_tensor_mean][set] = f.mean;
        c->data[ng_tensor_rstd][set] = f.rstd;
    }
}

static const char *const ops[] = {"layer_norm", "rms_norm",   "l2_norm",
                                  "batch_norm", "group_norm", "instance_norm"};
enum { OPS = sizeof ops / sizeof ops[0] };
static const sizes usual = {2, 4, 2, 4, 2, 2};

typedef void visitor(scene *c, slow_random *random);

/* Every contract that a kernel may declare, as far as the table reads it. */
static void each_scene(visitor *visit, sizes z, double eps, bool max_alone)
{
    static const char *const passes[] = {"forward", "inference", "backward",
                                         "backward backward_stats=saved",
                                         "inference_backward"};
    static const char *const places[] = {"max_var", "max_norm", "inside",
                                         "outside", "none"};
    static const char *const rest[] = {"divisor=n", "divisor=n_minus_1",
                                       "divisor=one"};
    static const char *const more[] = {
        "affine=gamma_beta",
        "affine=one_plus_gamma residual=sum",
        "affine=gamma_beta residual=sum round_residual=yes",
        "affine=gamma running_var=biased momentum=old",
        "affine=none momentum=cumulative one_value=biased",
        "affine=gamma_beta one_value=skip"};
    static scene c;
    slow_random random = {91};
    for (size_t k = 0; k < OPS * 5 * 5 * 3 * 2 * 6; k++) {
        char fields[512];
        size_t place = k / (OPS * 5) % 5;
        snprintf(fields, sizeof fields, "pass=%s eps_place=%s %s centred=%s %s",
                 passes[k / OPS % 5], places[place], rest[k / (OPS * 25) % 3],
                 k / (OPS * 75) % 2 ? "yes" : "no", more[k / (OPS * 150)]);
        if ((!max_alone || place < 2) &&
            scene_make(&c, ops[k % OPS], fields, z, eps))
            visit(&c, &random);
    }
}

/* One poison in one input, in its first element or its last. */
static void poison(scene *c, slow_random *random)
{
    static const double poisons[] = {NAN, INFINITY, -INFINITY};
    for (int zeros = 0; zeros < 2; zeros++) {
        scene_fill(c, random, zeros);
        for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
            if (c->slot[role].use != ng_input && c->slot[role].use != ng_update)
                continue;
            for (size_t k = 0; k < 6; k++) {
                size_t at = k < 3 ? 0 : c->slot[role].count - 1;
                double old = c->data[role][at];
                c->data[role][at] = poisons[k % 3];
                snprintf(c->note, sizeof c->note, "%s=%g%s", ng_role_name(role),
                         poisons[k % 3], zeros ? " among zeros" : "");
                judge(c);
                c->data[role][at] = old;
            }
        }
    }
}

static void one_poison(void **state)
{
    (void)state;
    each_scene(poison, usual, 0x1p-17, false);
    for (int kind = 0; kind <= ng_kind_undefined; kind++)
        assert_true(found.kinds[kind] > 0);
    settle();
}

static void one_poison_under_large_eps(void **state)
{
    (void)state;
    each_scene(poison, usual, 64, true); /* max(., eps) is eps */
    settle();
}

static void plain(scene *c, slow_random *random)
{
    c->rounding = true;
    for (int zeros = 0; zeros < 2; zeros++) {
        scene_fill(c, random, zeros);
        judge(c);
    }
}

/* All x of a set alike, at 0 and beside it. */
static void constant(scene *c, slow_random *random)
{
    c->rounding = true;
    for (int k = 0; k < 2; k++) {
        scene_fill(c, random, false);
        for (size_t i = 0; i < MEMORY; i++) {
            c->data[ng_tensor_x][i] = k * 0.5;
            c->data[ng_tensor_residual][i] = 0;
        }
        snprintf(c->note, sizeof c->note, "all x are %g", k * 0.5);
        judge(c);
    }
}

static void nothing_or_one(void **state)
{
    static const sizes empty[] = {
        {0, 4, 0, 4, 2, 2}, /* no rows, no examples */
        {2, 0, 2, 4, 0, 2}, /* no elements, no positions */
        {0, 0, 2, 0, 2, 1}, /* no channels */
    };
    static const sizes one[] = {{2, 1, 1, 2, 1, 2}, {1, 1, 1, 1, 1, 1}};
    (void)state;
    for (size_t k = 0; k < 3; k++)
        each_scene(plain, empty[k], 0x1p-17, false);
    for (size_t k = 0; k < 2; k++) {
        each_scene(plain, one[k], 0x1p-17, false);
        each_scene(plain, one[k], 0, false);
    }
    each_scene(poison, one[0], 0x1p-17, false);
    settle();
}

static void no_spread(void **state)
{
    (void)state;
    each_scene(constant, usual, 0, false);
    each_scene(constant, usual, 0x1p-17, false);
    settle();
}

/* Running variances at and below -eps, and between it and 0. */
static void negative(scene *c, slow_random *random)
{
    c->rounding = true;
    for (int k = 0; k < 3; k++) {
        if (c->slot[ng_tensor_running_var].use != ng_input)
            return;
        scene_fill(c, random, false);
        for (size_t i = 0; i < MEMORY; i += 2)
            c->data[ng_tensor_running_var][i] = -0.25 * (k + 1);
        snprintf(c->note, sizeof c->note, "running_var=%g", -0.25 * (k + 1));
        judge(c);
    }
}

static void negative_variance(void **state)
{
    (void)state;
    each_scene(negative, usual, 0.5, false);
    settle();
}

/* Kinds by name, so that the orders above cannot excuse them all. */
static void expect(const scene *c, ng_role role, size_t set, ng_kind kind,
                   double rounded)
{
    ng_arena arena = {0};
    ng_point point;
    ng_exact *exact = exact_of(&arena, c);
    assert_true(ng_exact_has(exact, role));
    ng_exact_at(exact, role, set, 0, &point);
    if (point.kind != kind ||
        (kind == ng_kind_value && !isnan(rounded) && point.rounded != rounded))
        fail_msg("%s %s n=%zu eps=%g: %s[%zu] is of kind %d (%g), not %d (%g)",
                 c->contract.op, c->contract.pass, c->test.n, c->test.eps,
                 ng_role_name(role), set, point.kind, point.rounded, kind,
                 rounded);
    ng_arena_release(&arena);
}

static void rows_scene(scene *c, const char *op, const char *fields,
                       const double *x, size_t n, double eps)
{
    slow_random random = {93};
    sizes z = usual;
    z.rows = 1;
    z.n = n;
    assert_true(scene_make(c, op, fields, z, eps));
    scene_fill(c, &random, false);
    memcpy(c->data[ng_tensor_x], x, n * sizeof *x);
}

static void expect_row(const char *op, const char *fields, const double *x,
                       size_t n, double eps, ng_role role, ng_kind kind,
                       double rounded)
{
    static scene c;
    rows_scene(&c, op, fields, x, n, eps);
    expect(&c, role, 0, kind, rounded);
}

static void one_element_kinds(void **state)
{
    static const double one[] = {0.75};
    const ng_kind value = ng_kind_value, undefined = ng_kind_undefined;
    (void)state;
    expect_row("layer_norm", "affine=none", one, 1, 0.25, ng_tensor_y, value,
               0);
    expect_row("layer_norm", "", one, 1, 0.25, ng_tensor_rstd, value, 2);
    expect_row("layer_norm", "", one, 1, 0.25, ng_tensor_var, value, 0);
    expect_row("layer_norm", "", one, 1, 0, ng_tensor_y, undefined, 0);
    expect_row("layer_norm", "", one, 1, 0, ng_tensor_rstd, undefined, 0);
    expect_row("layer_norm", "", one, 1, 0, ng_tensor_mean, value, 0.75);
    expect_row("layer_norm", "divisor=n_minus_1", one, 1, 1, ng_tensor_y,
               undefined, 0);
    expect_row("layer_norm", "divisor=n_minus_1", one, 1, 1, ng_tensor_var,
               undefined, 0);
    expect_row("rms_norm", "affine=none eps_place=none", one, 1, 0, ng_tensor_y,
               value, 1);
    expect_row("l2_norm", "", one, 1, 0, ng_tensor_y, value, 1);
    expect_row("layer_norm", "pass=backward", one, 1, 0.25, ng_tensor_dx, value,
               0);
    expect_row("layer_norm", "pass=backward", one, 1, 0.25, ng_tensor_dgamma,
               value, 0);
    expect_row("layer_norm", "pass=backward", one, 1, 0, ng_tensor_dx,
               undefined, 0);
    expect_row("layer_norm", "pass=backward", one, 1, 0, ng_tensor_dgamma,
               undefined, 0);
    expect_row("layer_norm", "pass=backward", one, 1, 0, ng_tensor_dbeta, value,
               NAN);
    expect_row("layer_norm", "pass=backward divisor=n_minus_1", one, 1, 1,
               ng_tensor_dx, undefined, 0);
}

static void kinks_and_flats(void **state)
{
    static const double zeros[] = {0, 0}, same[] = {2, 2}, norm5[] = {3, 4};
    static const double unit[] = {1, -1};
    const ng_kind value = ng_kind_value, undefined = ng_kind_undefined;
    (void)state;
    expect_row("layer_norm", "eps_place=outside affine=none", same, 2, 0.5,
               ng_tensor_y, value, 0);
    expect_row("layer_norm", "eps_place=outside", same, 2, 0.5, ng_tensor_rstd,
               value, 2);
    expect_row("layer_norm", "pass=backward eps_place=outside", same, 2, 0.5,
               ng_tensor_dx, undefined, 0);
    expect_row("layer_norm", "pass=backward eps_place=outside", same, 2, 0.5,
               ng_tensor_dgamma, value, 0);
    expect_row("rms_norm", "pass=backward eps_place=outside", zeros, 2, 0.5,
               ng_tensor_dx, undefined, 0);
    expect_row("rms_norm", "eps_place=none", zeros, 2, 0, ng_tensor_y,
               undefined, 0);
    expect_row("rms_norm", "", zeros, 2, 0.25, ng_tensor_y, value, 0);
    expect_row("rms_norm", "", zeros, 2, 0.25, ng_tensor_rstd, value, 2);
    expect_row("l2_norm", "", zeros, 2, 0.25, ng_tensor_y, value, 0);
    expect_row("l2_norm", "pass=backward", zeros, 2, 0.25, ng_tensor_dx, value,
               NAN);
    expect_row("l2_norm", "eps_place=none", zeros, 2, 0.25, ng_tensor_y,
               undefined, 0);
    expect_row("l2_norm", "", norm5, 2, 5, ng_tensor_rstd, value, 0.2);
    expect_row("l2_norm", "pass=backward", norm5, 2, 5, ng_tensor_dx, undefined,
               0);
    expect_row("l2_norm", "pass=backward", norm5, 2, 4, ng_tensor_dx, value,
               NAN);
    expect_row("l2_norm", "pass=backward", norm5, 2, 6, ng_tensor_dx, value,
               NAN);
    expect_row("l2_norm", "pass=backward eps_place=max_var", norm5, 2, 25,
               ng_tensor_dx, undefined, 0);
    expect_row("layer_norm", "pass=backward eps_place=max_var", unit, 2, 1,
               ng_tensor_dx, undefined, 0);
    expect_row("layer_norm", "pass=backward eps_place=max_var", unit, 2, 0.5,
               ng_tensor_dx, value, NAN);
    expect_row("layer_norm", "pass=backward eps_place=max_var", unit, 2, 2,
               ng_tensor_dx, value, NAN);
    expect_row("layer_norm", "pass=backward eps_place=max_var", unit, 2, 1,
               ng_tensor_dgamma, value, NAN);
}

static void gamma_of_zero(void **state)
{
    static const double x[] = {1, 2, 4, 8};
    static scene c;
    (void)state;
    rows_scene(&c, "layer_norm", "", x, 4, 0.5);
    memset(c.data[ng_tensor_gamma], 0, sizeof c.data[0]);
    expect(&c, ng_tensor_y, 0, ng_kind_value, c.data[ng_tensor_beta][0]);
    rows_scene(&c, "layer_norm", "pass=backward", x, 4, 0.5);
    memset(c.data[ng_tensor_gamma], 0, sizeof c.data[0]);
    expect(&c, ng_tensor_dx, 0, ng_kind_value, 0);
    rows_scene(&c, "layer_norm", "affine=one_plus_gamma", x, 4, 0.5);
    for (size_t i = 0; i < 4; i++)
        c.data[ng_tensor_gamma][i] = -1; /* 1 + gamma = 0 */
    expect(&c, ng_tensor_y, 0, ng_kind_value, 0);
}

static void inference_kinds(void **state)
{
    static const struct {
        double var;
        ng_kind y, dx, dgamma;
    } rows[] = {
        {-1, ng_kind_nan, ng_kind_nan, ng_kind_nan},
        {-0.5, ng_kind_undefined, ng_kind_undefined, ng_kind_undefined},
        {-0.25, ng_kind_value, ng_kind_value, ng_kind_value},
        {0, ng_kind_value, ng_kind_value, ng_kind_value},
        {NAN, ng_kind_nan, ng_kind_nan, ng_kind_nan},
    };
    static scene c;
    slow_random random = {94};
    (void)state;
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        for (int way = 0; way < 2; way++) {
            assert_true(
                scene_make(&c, "batch_norm",
                           way ? "pass=inference_backward" : "pass=inference",
                           usual, 0.5));
            scene_fill(&c, &random, false);
            c.data[ng_tensor_running_var][1] = rows[k].var;
            expect(&c, way ? ng_tensor_dx : ng_tensor_y, 1,
                   way ? rows[k].dx : rows[k].y, NAN);
            expect(&c, way ? ng_tensor_dx : ng_tensor_y, 0, ng_kind_value,
                   NAN); /* the other channel */
            if (way)
                expect(&c, ng_tensor_dgamma, 1, rows[k].dgamma, NAN);
        }
    }
}

/* Sums over no rows are 0, and the contract may refuse the call. */
static void empty_sums(void **state)
{
    static const sizes none = {0, 4, 0, 4, 2, 2};
    static scene c;
    slow_random random = {95};
    (void)state;
    for (size_t k = 0; k < OPS; k++) {
        assert_true(scene_make(&c, ops[k], "pass=backward affine=gamma_beta",
                               none, 0.5));
        scene_fill(&c, &random, false);
        for (size_t p = 0; p < 4; p++) {
            /* batch norm's sets are there, without elements: 0 * rstd of 0/0 */
            expect(&c, ng_tensor_dgamma, p,
                   c.test.rows > 0 ? ng_kind_zero_nan : ng_kind_value, 0);
            expect(&c, ng_tensor_dbeta, p, ng_kind_value, 0);
        }
        assert_null(ng_case_forbidden(&c.test, &c.contract));
        assert_true(ng_contract_set(&c.contract, "no_rows", "refuse"));
        assert_non_null(ng_case_forbidden(&c.test, &c.contract));
    }
}

static void channels_that_do_not_divide(void **state)
{
    ng_case test;
    ng_error error;
    (void)state;
    assert_int_equal(
        ng_case_parse(&test,
                      "group_norm/forward/f32 N=1 C=6 spatial=1 num_groups=4",
                      &error),
        ng_status_bad_input);
    assert_non_null(strstr(error.text, "num_groups=4"));
    assert_int_equal(
        ng_case_parse(&test,
                      "group_norm/forward/f32 N=1 C=6 spatial=1 num_groups=0",
                      &error),
        ng_status_bad_input);
    assert_int_equal(
        ng_case_parse(&test,
                      "group_norm/forward/f32 N=1 C=6 spatial=1 num_groups=3",
                      &error),
        ng_status_ok);
}

/* Rows 2^31 elements and more apart, in memory that is mapped but not there,
 * against the same rows side by side. */
static const size_t far_stride = ((size_t)1 << 31) + 7;
enum { FAR_ROWS = 3, FAR_N = 5 };

static float *far_map(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void far_compare(const ng_contract *contract, ng_role role,
                        ng_problem far, ng_problem dense)
{
    ng_arena arena = {0};
    ng_error error;
    ng_exact *a = ng_exact_compute(&arena, &far, &error);
    ng_exact *b = ng_exact_compute(&arena, &dense, &error);
    if (a == NULL || b == NULL)
        fail_msg("%s", error.text);
    for (size_t set = 0; set < ng_view_sets(&dense.view); set++) {
        for (size_t i = 0; i < ng_view_n(&dense.view); i++) {
            ng_point p, q;
            ng_exact_at(a, role, set, i, &p);
            ng_exact_at(b, role, set, i, &q);
            assert_int_equal(p.kind, ng_kind_value);
            assert_memory_equal(&p.high, &q.high, sizeof p.high);
            if (p.rounded != q.rounded || p.low != q.low)
                fail_msg("%s %s[%zu][%zu] differs far out", contract->op,
                         ng_role_name(role), set, i);
        }
    }
    ng_arena_release(&arena);
}

static void far_strides(void **state)
{
    size_t bytes = ((FAR_ROWS - 1) * far_stride + FAR_N) * sizeof(float);
    float *x = far_map(bytes), *dy = far_map(bytes);
    float dense_x[FAR_ROWS * FAR_N], dense_dy[FAR_ROWS * FAR_N];
    slow_random random = {96};
    (void)state;
    if (x == NULL || dy == NULL) {
        printf("  no address space\n");
        skip();
    }
    for (size_t i = 0; i < FAR_ROWS * FAR_N; i++) {
        size_t at = i / FAR_N * far_stride + i % FAR_N;
        x[at] = dense_x[i] = (float)slow_real(&random);
        dy[at] = dense_dy[i] = (float)slow_real(&random);
    }
    static const char *const contracts[] = {
        "op=layer_norm dtype=f32 layout=strided",
        "op=layer_norm dtype=f32 pass=backward layout=strided",
        "op=batch_norm dtype=f32 layout=strided",
        "op=batch_norm dtype=f32 pass=backward layout=strided",
    };
    for (size_t k = 0; k < 4; k++) {
        ng_contract contract;
        assert_int_equal(ng_contract_parse(&contract, contracts[k], NULL),
                         ng_status_ok);
        ng_problem dense = {.contract = &contract,
                            .view = ng_view_rows(FAR_ROWS, FAR_N),
                            .eps = 0x1p-17,
                            .x = dense_x,
                            .dy = dense_dy};
        if (k >= 2) /* [N][C]: the sets are the columns */
            dense.view = (ng_view){
                .set = {{1, 0, 0}, {FAR_N, 1, 1}},
                .element = {{FAR_ROWS, FAR_N, 0}, {1, 0, 0}},
            };
        ng_problem far = dense;
        far.x = x;
        far.dy = dy;
        if (k < 2)
            far.view.set[1].stride = (ptrdiff_t)far_stride;
        else
            far.view.element[0].stride = (ptrdiff_t)far_stride;
        far_compare(&contract, k % 2 ? ng_tensor_dx : ng_tensor_y, far, dense);
    }
    munmap(x, bytes);
    munmap(dy, bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_poison),
        cmocka_unit_test(one_poison_under_large_eps),
        cmocka_unit_test(nothing_or_one),
        cmocka_unit_test(no_spread),
        cmocka_unit_test(negative_variance),
        cmocka_unit_test(one_element_kinds),
        cmocka_unit_test(kinks_and_flats),
        cmocka_unit_test(gamma_of_zero),
        cmocka_unit_test(inference_kinds),
        cmocka_unit_test(empty_sums),
        cmocka_unit_test(channels_that_do_not_divide),
        cmocka_unit_test(far_strides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
