/* Drawing the problems. */
#include "family_trial.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void give_up(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(2);
}

static void must(bool condition)
{
    if (!condition)
        give_up("family_trial", "out of memory, or overlapping elements");
}

const char *const family_op_names[] = {"layer_norm", "rms_norm",
                                       "l2_norm",    "batch_norm",
                                       "group_norm", "instance_norm"};
const char *const family_pass_names[] = {"forward", "inference", "backward",
                                         "inference_backward"};
const char *const family_place_names[] = {"inside", "outside", "max_var",
                                          "max_norm", "none"};
const char *const family_divisor_names[] = {"n", "n_minus_1", "one"};
const char *const family_rule_names[] = {"new", "old", "cumulative"};
const char *const family_one_value_names[] = {"refuse", "biased", "skip"};

static bool chance(slow_random *random, uint64_t one_in)
{
    return slow_below(random, one_in) == 0;
}

static bool is_row_op(family_op op)
{
    return op <= FAMILY_L2;
}

static bool is_gradient(family_pass pass)
{
    return pass == FAMILY_BACKWARD || pass == FAMILY_INFERENCE_BACKWARD;
}

/* Sizes: some of one value, of two, of one channel, of groups of one; a few
 * longer ones. */
static void draw_shape(slow_random *random, family_trial *t)
{
    family_input *in = &t->in;
    in->groups = 1;
    if (is_row_op(in->op)) {
        in->N = 1 + slow_below(random, 4);
        in->C = 1 + slow_below(random, chance(random, 3) ? 2 : 10);
        if (chance(random, 100))
            in->C = 20 + slow_below(random, 45);
        in->S = 1;
    } else {
        in->N = 1 + slow_below(random, 3);
        in->C = 1 + slow_below(random, 6);
        in->S = 1 + slow_below(random, chance(random, 3) ? 2 : 6);
        if (chance(random, 100))
            in->S = 15 + slow_below(random, 15);
    }
    if (in->op == FAMILY_GROUP) {
        do {
            in->groups = 1 + slow_below(random, in->C);
        } while (in->C % in->groups != 0);
    }
    ng_case_init(&t->test, family_op_names[in->op], ng_f32);
    snprintf(t->test.pass, sizeof t->test.pass, "%s",
             family_pass_names[in->pass]);
    if (is_row_op(in->op)) {
        t->test.rows = in->N;
        t->test.n = in->C;
    } else {
        t->test.N = in->N;
        t->test.C = in->C;
        t->test.spatial = in->S;
        t->test.num_groups = in->groups;
        ng_op_find(family_op_names[in->op])->complete(&t->test);
    }
}

/* Where an element lies, as include/normgate/impl.h and case.h say it. */
static const char *draw_layout(slow_random *random, family_trial *t)
{
    family_input *in = &t->in;
    size_t kind = slow_below(random, 3), step = 1, gap = 0;
    const char *layout = "contiguous";
    in->start = 0;
    if (kind == 1) {
        layout = "strided";
        t->test.step = step = 1 + slow_below(random, 3);
        t->test.gap = gap = slow_below(random, 5);
        t->test.start = in->start = slow_below(random, 4);
    }
    in->step[2] = is_row_op(in->op) ? 0 : step;
    in->step[1] = is_row_op(in->op) ? step : in->S * step + gap;
    in->step[0] = in->C * in->step[1] + gap;
    if (kind == 2 && !is_row_op(in->op)) {
        layout = "channels_last";
        in->step[1] = 1;
        in->step[2] = in->C;
        in->step[0] = in->S * in->C;
    }
    return layout;
}

/* A contract of the op and pass, and the same in the slow family's terms. */
static void draw_contract(slow_random *random, family_trial *t)
{
    static const char *const dtypes[] = {"f16", "bf16", "f32", "f64"};
    static const char *const formats[] = {"same", "f32", "f64", "bf16", "f16"};
    static const char *const affines[] = {"gamma_beta", "gamma_beta", "gamma",
                                          "none", "one_plus_gamma"};
    family_input *in = &t->in;
    char text[NG_CONTRACT_TEXT_MAX];
    ng_error error;
    bool norm = in->op == FAMILY_L2, batch = in->op == FAMILY_BATCH;
    bool has_running = !is_row_op(in->op) && in->op != FAMILY_GROUP;
    bool running =
        has_running && in->pass == FAMILY_FORWARD && !chance(random, 3);
    bool given =
        in->pass == FAMILY_INFERENCE || in->pass == FAMILY_INFERENCE_BACKWARD;
    in->centred = norm                   ? false
                  : in->op == FAMILY_RMS ? chance(random, 12)
                                         : has_running || !chance(random, 6);
    in->saved = in->pass == FAMILY_BACKWARD && chance(random, 4);
    in->divisor = norm                ? FAMILY_ONE
                  : chance(random, 6) ? FAMILY_N_MINUS_1
                                      : FAMILY_N;
    do {
        in->place = chance(random, 3) ? FAMILY_INSIDE
                                      : slow_below(random, FAMILY_PLACES);
    } while ((in->place == FAMILY_MAX_NORM && !norm) ||
             (in->saved && in->place != FAMILY_INSIDE &&
              in->place != FAMILY_NO_EPS));
    in->rule = slow_below(random, FAMILY_MOMENTA);
    in->one_value = slow_below(random, FAMILY_ONE_VALUES);
    in->unbiased = chance(random, 2) || in->divisor == FAMILY_N_MINUS_1;
    bool fused = is_row_op(in->op) && chance(random, 3);
    in->round_residual = fused && chance(random, 2);
    const char *affine = affines[slow_below(random, 5)];
    in->one_plus = affine[0] == 'o';
    snprintf(text, sizeof text,
             "op=%s pass=%s dtype=%s param=%s stats=%s centred=%s divisor=%s "
             "eps_place=%s eps_dtype=%s affine=%s momentum=%s running_var=%s "
             "one_value=%s layout=%s backward_stats=%s residual=%s "
             "round_residual=%s%s",
             family_op_names[in->op], family_pass_names[in->pass],
             dtypes[slow_below(random, 4)], formats[slow_below(random, 5)],
             formats[slow_below(random, 5)], in->centred ? "yes" : "no",
             family_divisor_names[in->divisor], family_place_names[in->place],
             dtypes[slow_below(random, 4)], affine, family_rule_names[in->rule],
             in->unbiased ? "unbiased" : "biased",
             family_one_value_names[in->one_value], draw_layout(random, t),
             in->saved ? "saved" : "recomputed", fused ? "sum" : "none",
             in->round_residual ? "yes" : "no",
             running           ? " running=update"
             : batch && !given ? " running=none"
                               : "");
    if (ng_contract_parse(&t->contract, text, &error) != ng_status_ok)
        give_up(text, error.text);
    t->test.dtype = ng_contract_storage(&t->contract);
    in->storage = slow_format_of(t->test.dtype);
}

/* One family of hard values; `i` counts within the array. */
static double draw_value(slow_random *random, ng_dtype dtype, int style,
                         double offset, size_t i)
{
    double v = slow_real(random);
    switch (style) {
    case 1: return offset + v;
    case 2: return slow_int(random, -6, 6);
    case 3: return v * ng_dtype_max(dtype);
    case 4: return v * ng_dtype_min(dtype);
    case 5: return offset;
    case 6: return i % 2 ? 1 : -1;
    case 7: return ldexp(v, slow_int(random, -14, 15));
    case 8: return i == 0 ? ng_dtype_max(dtype) * 0x1p-3 : v;
    case 9: return 0;
    case 10: return ldexp(slow_int(random, -2, 2), -3);
    default: return v;
    }
}

static int draw_style(slow_random *random, ng_dtype dtype)
{
    for (;;) {
        int style = slow_int(random, 0, 10);
        bool wide = style == 3 || style == 4 || style == 8;
        /* The oracle's precision grows with the range of the inputs. */
        if (!wide || dtype == ng_f16 ||
            chance(random, dtype == ng_f64 ? 60 : 3))
            return style;
    }
}

static double draw_offset(slow_random *random, ng_dtype dtype)
{
    double offset = chance(random, 2)
                        ? 1e8
                        : ldexp(slow_real(random), slow_int(random, 0, 14));
    return fabs(offset) > ng_dtype_max(dtype) ? 1000 : offset;
}

/* Fills what the slots name; gaps keep NaN. */
static void draw_array(slow_random *random, family_trial *t, ng_role role,
                       const ng_tensor *slot)
{
    family_array *a = &t->all[role];
    const family_input *in = &t->in;
    int style =
        t->kink && role == ng_tensor_x ? 6 : draw_style(random, slot->dtype);
    double offset = draw_offset(random, slot->dtype);
    bool element = ng_role_extent(role) == ng_per_element;
    bool positive = role == ng_tensor_running_var || role == ng_tensor_rstd;
    size_t count = slot->count, used = element ? in->N * in->C * in->S : count;
    a->values = calloc(count + 1, sizeof *a->values);
    a->raw = calloc(count + 1, 8);
    must(a->values != NULL && a->raw != NULL);
    for (size_t i = 0; i < count; i++)
        ng_dtype_set(slot->dtype, a->raw, i, NAN);
    for (size_t i = 0; i < used; i++) {
        size_t n = i / (in->C * in->S), c = i / in->S % in->C, s = i % in->S;
        size_t at = element ? in->start + n * in->step[0] + c * in->step[1] +
                                  s * in->step[2]
                            : i;
        double v = draw_value(random, slot->dtype, style, offset, i);
        if (!(fabs(v) <= ng_dtype_max(slot->dtype)))
            v = 1;
        ng_dtype_set(slot->dtype, a->raw, at, positive ? fabs(v) : v);
        if (isinf(ng_dtype_get(slot->dtype, a->raw, at)))
            ng_dtype_set(slot->dtype, a->raw, at, 1);
    }
    for (size_t i = 0; i < count; i++)
        a->values[i] = ng_dtype_get(slot->dtype, a->raw, i);
}

static double draw_eps(slow_random *random)
{
    static const double some[] = {0, 1e-12, 1e-5, 1e-3, 0.25, 1, 3, 8};
    return chance(random, 2) ? some[slow_below(random, 8)]
                             : fabs(slow_real(random));
}

static void connect(family_trial *t)
{
    family_input *in = &t->in;
    const family_array *a = t->all;
    in->x = a[ng_tensor_x].values;
    in->residual = a[ng_tensor_residual].values;
    in->dy = a[ng_tensor_dy].values;
    in->dh = a[ng_tensor_dh].values;
    in->gamma = a[ng_tensor_gamma].values;
    in->beta = a[ng_tensor_beta].values;
    in->mean = a[ng_tensor_mean].values;
    in->rstd = a[ng_tensor_rstd].values;
    in->running_mean = a[ng_tensor_running_mean].values;
    in->running_var = a[ng_tensor_running_var].values;
    t->problem = (ng_problem){
        .contract = &t->contract,
        .view = t->view,
        .eps = t->test.eps,
        .momentum = in->momentum,
        .batches = in->batches,
        .x = a[ng_tensor_x].raw,
        .residual = a[ng_tensor_residual].raw,
        .gamma = a[ng_tensor_gamma].raw,
        .beta = a[ng_tensor_beta].raw,
        .dy = a[ng_tensor_dy].raw,
        .dh = a[ng_tensor_dh].raw,
        .mean = a[ng_tensor_mean].raw,
        .rstd = a[ng_tensor_rstd].raw,
        .running_mean = a[ng_tensor_running_mean].raw,
        .running_var = a[ng_tensor_running_var].raw,
    };
}

void family_trial_draw(slow_random *random, family_trial *t)
{
    ng_tensor slots[NG_TENSOR_COUNT];
    memset(t, 0, sizeof *t);
    t->in.op = slow_below(random, FAMILY_OPS);
    bool running = t->in.op == FAMILY_BATCH || t->in.op == FAMILY_INSTANCE;
    t->in.pass =
        running ? slow_below(random, FAMILY_PASSES) : 2 * slow_below(random, 2);
    draw_shape(random, t);
    draw_contract(random, t);
    t->view = ng_case_view(&t->test, &t->contract);
    t->test.eps = draw_eps(random);
    t->kink = chance(random, 4) &&
              (t->in.place == FAMILY_MAX_VAR || t->in.place == FAMILY_MAX_NORM);
    if (t->kink) /* x is +-1 */
        t->test.eps = t->in.place == FAMILY_MAX_NORM
                          ? floor(sqrt((double)ng_view_n(&t->view)))
                          : 1;
    t->in.eps =
        ng_dtype_round(t->contract.eps_dtype == ng_eps_dtype_f64    ? ng_f64
                       : t->contract.eps_dtype == ng_eps_dtype_f32  ? ng_f32
                       : t->contract.eps_dtype == ng_eps_dtype_bf16 ? ng_bf16
                                                                    : ng_f16,
                       t->test.eps);
    static const double momenta[] = {0, 1, 0.1, 0.9, 0.5, 0.25, 0.99};
    t->in.momentum = momenta[slow_below(random, 7)];
    t->in.batches =
        chance(random, 4) ? slow_u64(random) >> 1 : slow_below(random, 5);
    ng_case_slots(&t->test, &t->contract, slots);
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        if (slots[role].use == ng_input || slots[role].use == ng_update)
            draw_array(random, t, role, &slots[role]);
    }
    connect(t);
    size_t extent = slots[ng_tensor_x].count;
    t->number = calloc(extent + 1, sizeof *t->number);
    must(t->number != NULL);
    const family_input *in = &t->in;
    for (size_t i = 0; i < in->N * in->C * in->S; i++) {
        size_t n = i / (in->C * in->S), c = i / in->S % in->C, s = i % in->S;
        size_t at =
            in->start + n * in->step[0] + c * in->step[1] + s * in->step[2];
        must(at < extent && t->number[at] == 0);
        t->number[at] = i + 1;
    }
}

void family_trial_free(family_trial *t)
{
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        free(t->all[role].values);
        free(t->all[role].raw);
    }
    free(t->number);
}

void family_trial_show(const family_trial *t)
{
    char text[NG_CONTRACT_TEXT_MAX];
    ng_contract_print(&t->contract, text, sizeof text);
    printf("  %s\n  N=%zu C=%zu S=%zu groups=%zu eps=%a momentum=%a "
           "batches=%llu start=%zu steps=%zu %zu %zu\n",
           text, t->in.N, t->in.C, t->in.S, t->in.groups, t->test.eps,
           t->in.momentum, (unsigned long long)t->in.batches, t->in.start,
           t->in.step[0], t->in.step[1], t->in.step[2]);
    ng_tensor slots[NG_TENSOR_COUNT];
    ng_case_slots(&t->test, &t->contract, slots);
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        if (t->all[role].values == NULL)
            continue;
        printf("  %s", ng_role_name(role));
        for (size_t i = 0; i < slots[role].count; i++)
            printf(" %a", t->all[role].values[i]);
        printf("\n");
    }
}

bool family_trial_has(const family_trial *t, ng_role role)
{
    const ng_contract *c = &t->contract;
    bool backward = is_gradient(t->in.pass);
    bool fused = c->residual == ng_residual_sum;
    bool forward = t->in.pass == FAMILY_FORWARD;
    switch (role) {
    case ng_tensor_y: return !backward;
    case ng_tensor_h: return !backward && fused;
    case ng_tensor_mean:
    case ng_tensor_rstd:
    case ng_tensor_var: return forward;
    case ng_tensor_running_mean:
    case ng_tensor_running_var: return forward && t->in.running_mean != NULL;
    case ng_tensor_dx: return backward;
    case ng_tensor_dresidual: return backward && fused;
    case ng_tensor_dgamma: return backward && c->affine != ng_affine_none;
    case ng_tensor_dbeta: return backward && c->affine == ng_affine_gamma_beta;
    default: return false;
    }
}
