/* The norm with defects, forward: x to y and the statistics, as the formula
 * reads, with each defect of diagnose_defects.def at its spot. */
#include "diagnose.h"

#include <math.h>
#include <string.h>

enum { MOST_LANES = 64 };

double ng_damage_value(const ng_damage *damage, ng_defect defect)
{
    for (size_t k = 0; k < 2; k++) {
        if (damage->defect[k] == defect)
            return damage->value[k];
    }
    return -1;
}

bool ng_damage_has(const ng_damage *damage, ng_defect defect)
{
    return damage->defect[0] == defect || damage->defect[1] == defect;
}

static bool has(const ng_evaluation *e, ng_defect defect)
{
    return ng_damage_has(e->damage, defect);
}

static double value_of(const ng_evaluation *e, ng_defect defect)
{
    return ng_damage_value(e->damage, defect);
}

ng_wide ng_evaluate_round(double dtype, ng_wide value)
{
    return (ng_wide)ng_dtype_round((ng_dtype)dtype, (double)value);
}

static ng_wide rounded(const ng_evaluation *e, ng_defect defect, ng_wide value)
{
    double dtype = value_of(e, defect);
    return dtype < 0 ? value : ng_evaluate_round(dtype, value);
}

/* n without the elements beyond the last multiple of K, where so damaged. */
static size_t cut(const ng_evaluation *e, ng_defect defect, size_t n)
{
    double length = value_of(e, defect);
    return length < 0 ? n : n - n % (size_t)length;
}

ng_wide ng_evaluate_read(const ng_problem *problem, const void *array,
                         ng_role role, size_t at, ng_wide absent)
{
    if (array == NULL)
        return absent;
    return (ng_wide)ng_dtype_get(ng_contract_dtype(problem->contract, role),
                                 array, at);
}

bool ng_evaluation_make(ng_evaluation *e, ng_arena *arena,
                        const ng_problem *problem, const ng_case *test)
{
    const ng_view *view = &problem->view;
    *e = (ng_evaluation){.problem = problem,
                         .test = test,
                         .sets = ng_view_sets(view),
                         .n = ng_view_n(view),
                         .params = ng_view_params(view),
                         .extent = ng_view_extent(view)};
    size_t sets = e->sets;
    const ng_op *op = ng_op_find(problem->contract->op);
    e->groups = op->groups;
    e->by_channel =
        op->shape == ng_shape_channels && strcmp(op->name, "batch_norm") != 0;
    e->x = ng_arena_alloc(arena, sets * e->n, sizeof *e->x);
    e->g = ng_arena_alloc(arena, e->n, sizeof *e->g);
    e->mean = ng_arena_alloc(arena, 4 * sets, sizeof *e->mean);
    e->fixed = ng_arena_alloc(arena, sets, sizeof *e->fixed);
    if (e->x == NULL || e->g == NULL || e->mean == NULL || e->fixed == NULL)
        return false;
    e->var = e->mean + sets;
    e->rstd = e->var + sets;
    e->size = e->rstd + sets;
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        size_t by_extent[] = {[ng_per_element] = e->extent,
                              [ng_per_set] = sets,
                              [ng_per_param] = e->params,
                              [ng_per_channel] = e->params};
        e->count[role] = by_extent[ng_role_extent(role)];
        e->out[role] = ng_arena_alloc(arena, e->count[role], sizeof *e->x);
        if (e->out[role] == NULL)
            return false;
    }
    return true;
}

/* --- which elements ---------------------------------------------------------- */

static void lay_out(ng_evaluation *e)
{
    const ng_view *view = &e->problem->view;
    const ng_case *test = e->test;
    e->read = e->write = *view;
    if (has(e, ng_defect_interleaved)) {
        ptrdiff_t groups = (ptrdiff_t)view->set[1].count;
        ng_axis *channel = &e->write.element[0];
        e->write.set[1].stride = channel->stride;
        e->write.set[1].param = channel->param;
        channel->stride *= groups;
        channel->param *= groups;
        e->read = e->write;
    }
    if (test == NULL)
        return;
    const ng_op *op = ng_op_find(test->op);
    bool rows = op->shape == ng_shape_rows;
    ptrdiff_t stride[3], C = (ptrdiff_t)test->C, S = (ptrdiff_t)test->spatial;
    ng_case_strides(test, e->problem->contract, stride);
    bool strided = e->problem->contract->layout == ng_layout_strided;
    if (has(e, strided ? ng_defect_step : ng_defect_channels_first)) {
        stride[0] = rows ? (ptrdiff_t)test->n : C * S;
        stride[1] = rows ? 1 : S;
        stride[2] = rows ? 0 : 1;
    } else if (has(e, ng_defect_channels_last) && !rows) {
        stride[0] = C * S;
        stride[1] = 1;
        stride[2] = C;
    } else if (strided && has(e, ng_defect_gap)) {
        if (rows) {
            stride[0] = (ptrdiff_t)test->n * stride[1];
        } else {
            stride[1] = S * stride[2];
            stride[0] = C * stride[1];
        }
    } else {
        return;
    }
    e->read = op->partition(test, stride);
    e->read.start = view->start;
    e->write = e->read;
}

static size_t read_index(const ng_evaluation *e, size_t set, size_t i)
{
    double length = value_of(e, ng_defect_row_padded);
    size_t at = ng_view_index(&e->read, set, i);
    if (length > 0) {
        size_t k = (size_t)length;
        at = (set * ((e->n + k - 1) / k * k) + i) % (e->sets * e->n);
    }
    return at % e->extent;
}

size_t ng_evaluate_param(const ng_evaluation *e, size_t set, size_t i,
                         bool gamma)
{
    size_t k = ng_view_param(&e->write, set, i);
    const ng_axis *inner = &e->problem->view.element[1];
    size_t place = inner->param != 0 ? i : i / inner->count;
    const struct {
        ng_defect defect;
        size_t index;
    } wrong[] = {
        {ng_defect_gamma_by_row, set},
        {ng_defect_gamma_by_group,
         e->groups ? set % e->problem->view.set[1].count : k},
        {ng_defect_gamma_by_place, e->groups ? place : k},
        {ng_defect_gamma_next, k + 1},
        {ng_defect_gamma_group_first, ng_view_param(&e->write, set, 0)},
    };
    for (size_t w = 0; w < sizeof wrong / sizeof wrong[0]; w++) {
        double both = value_of(e, wrong[w].defect);
        if (both > 0 || (both == 0 && gamma))
            k = wrong[w].index;
    }
    return k % e->params;
}

/* --- statistics -------------------------------------------------------------- */

static bool adds_residual(const ng_evaluation *e)
{
    return e->problem->residual != NULL && !has(e, ng_defect_residual_after) &&
           !has(e, ng_defect_no_residual) && !has(e, ng_defect_no_residual_h);
}

static void load(ng_evaluation *e)
{
    const ng_problem *p = e->problem;
    bool sum = adds_residual(e);
    bool rounds = has(e, ng_defect_h_rounded) ||
                  e->damage->contract.round_residual == ng_round_residual_yes;
    rounds = rounds && !has(e, ng_defect_h_not_rounded);
    ng_dtype storage = ng_contract_storage(p->contract);
    bool flushes = e->damage->contract.subnormals == ng_subnormals_flushed;
    for (size_t set = 0; set < e->sets; set++) {
        for (size_t i = 0; i < e->n; i++) {
            size_t at = read_index(e, set, i);
            ng_wide x = ng_evaluate_read(p, p->x, ng_tensor_x, at, 0);
            if (sum)
                x +=
                    ng_evaluate_read(p, p->residual, ng_tensor_residual, at, 0);
            if (sum && rounds)
                x = ng_evaluate_round(storage, x);
            if (flushes && fabsl(x) < ng_dtype_min(storage))
                x = 0;
            e->x[set * e->n + i] = rounded(e, ng_defect_x_rounded, x);
        }
    }
}

/* The sets that are reduced together with `set`. */
typedef struct pool {
    size_t first, step, last;
} pool;

static pool pool_of(const ng_evaluation *e, size_t set)
{
    const ng_view *view = &e->problem->view;
    if (!has(e, ng_defect_whole_batch))
        return (pool){set, 1, set};
    size_t period = e->by_channel ? view->set[1].count : 1;
    return (pool){set % period, period, e->sets - 1};
}

/* Element i of the set as the sums see it. */
static ng_wide element(const ng_evaluation *e, size_t set, size_t i)
{
    ng_wide x = e->x[set * e->n + i];
    if (has(e, ng_defect_of_x_alone) && adds_residual(e))
        x = ng_evaluate_read(e->problem, e->problem->x, ng_tensor_x,
                             read_index(e, set, i), 0);
    return x;
}

static ng_wide term(const ng_evaluation *e, ng_wide x, ng_wide centre,
                    bool square)
{
    x -= centre;
    if (has(e, ng_defect_nan_zero) && isnan(x))
        return 0;
    if (!square)
        return has(e, ng_defect_mean_of_abs) ? fabsl(x) : x;
    return rounded(e, ng_defect_overflow, x * x);
}

/* Elements by which the sums are divided, too: all, where none would be. */
static size_t counted(const ng_evaluation *e)
{
    size_t n = cut(e, ng_defect_tail_count, e->n);
    return n > 0 ? n : e->n;
}

/* The value is dtype + 16*lanes for `accumulated`. */
static ng_wide sum(const ng_evaluation *e, pool p, ng_wide centre, bool square)
{
    double how = value_of(e, ng_defect_accumulated);
    double held = value_of(e, ng_defect_overflow);
    size_t count = cut(e, ng_defect_tail, counted(e));
    size_t lanes = how < 0 ? 1 : (size_t)how / 16;
    ng_wide total[MOST_LANES] = {0};
    size_t place = 0;
    for (size_t set = p.first; set <= p.last; set += p.step) {
        for (size_t i = 0; i < count; i++, place++) {
            ng_wide *lane = &total[place % lanes];
            *lane += term(e, element(e, set, i), centre, square);
            if (how >= 0)
                *lane = ng_evaluate_round(fmod(how, 16), *lane);
            if (square && held == ng_f32)
                *lane = ng_evaluate_round(held, *lane);
        }
    }
    for (size_t lane = 1; lane < lanes; lane++) {
        total[0] += total[lane];
        total[0] = ng_evaluate_round(fmod(how, 16), total[0]);
    }
    return total[0];
}

static void moments(ng_evaluation *e, size_t set)
{
    const ng_contract *contract = &e->damage->contract;
    pool p = pool_of(e, set);
    e->size[set] = 0;
    for (size_t i = 0; i < e->n; i++)
        e->size[set] += fabsl(e->x[set * e->n + i]) / (ng_wide)e->n;
    if (set > p.first) { /* reduced already */
        e->mean[set] = e->mean[p.first];
        e->var[set] = e->var[p.first];
        return;
    }
    double pad = value_of(e, ng_defect_padded);
    double longer = value_of(e, ng_defect_padded_n);
    size_t n = counted(e);
    if (longer > 0)
        n = (n + (size_t)longer - 1) / (size_t)longer * (size_t)longer;
    n = (size_t)rounded(e, ng_defect_n_rounded, (ng_wide)n);
    ng_wide count = (ng_wide)(n * ((p.last - p.first) / p.step + 1));
    double wider = value_of(e, ng_defect_padded_mean);
    ng_wide mean = 0, more = 0;
    if (wider > 0)
        more =
            (ng_wide)((n + (size_t)wider - 1) / (size_t)wider * (size_t)wider -
                      n);
    if (contract->centred == ng_centred_yes)
        mean = rounded(e, ng_defect_mean_rounded,
                       sum(e, p, 0, false) / (count + more));
    ng_wide centre = has(e, ng_defect_square_of_x)   ? 0
                     : has(e, ng_defect_about_first) ? e->x[p.first * e->n]
                                                     : mean;
    ng_wide squares = sum(e, p, centre, true);
    if (pad > 0)
        squares +=
            (ng_wide)((size_t)pad - 1 - (n + (size_t)pad - 1) % (size_t)pad) *
            mean * mean;
    bool gradient = ng_pass_find(contract->pass)->gradient;
    if ((gradient && has(e, ng_defect_unbiased)) ||
        contract->divisor == ng_divisor_n_minus_1)
        count -= 1;
    e->mean[set] = mean;
    e->var[set] =
        contract->divisor == ng_divisor_one ? squares : squares / count;
}

static ng_wide largest_square(const ng_evaluation *e, size_t set)
{
    ng_wide largest = 0;
    for (size_t i = 0; i < e->n; i++)
        largest = fmaxl(largest, fabsl(e->x[set * e->n + i]));
    return largest * largest;
}

static void root(ng_evaluation *e, size_t set)
{
    const ng_contract *contract = &e->damage->contract;
    ng_wide eps = (ng_wide)ng_contract_eps(contract, e->damage->eps);
    if (has(e, ng_defect_eps_scaled))
        eps *= largest_square(e, set);
    ng_wide var = e->var[set], low = value_of(e, ng_defect_floor), scale = 0;
    if (var < low)
        var = low;
    bool least = false;
    switch (contract->eps_place) {
    case ng_eps_place_outside: scale = sqrtl(var) + eps; break;
    case ng_eps_place_max_var:
        least = var <= eps;
        scale = sqrtl(least ? eps : var);
        break;
    case ng_eps_place_max_norm:
        least = sqrtl(var) <= eps;
        scale = least ? eps : sqrtl(var);
        break;
    case ng_eps_place_none: scale = sqrtl(var); break;
    default: scale = sqrtl(var + eps);
    }
    bool gradient = ng_pass_find(contract->pass)->gradient;
    if (gradient && has(e, ng_defect_eps_outside_dx))
        scale = sqrtl(var) + eps;
    if (has(e, ng_defect_var_not_root))
        scale *= scale;
    e->fixed[set] = least;
    e->rstd[set] = rounded(e, ng_defect_rstd_rounded, 1 / scale);
    if (contract->round_rstd == ng_round_rstd_yes)
        e->rstd[set] =
            ng_evaluate_round(ng_contract_storage(contract), e->rstd[set]);
}

/* Statistics that are inputs. */
static bool given(ng_evaluation *e, size_t set)
{
    const ng_problem *p = e->problem;
    const ng_pass_info *pass = ng_pass_find(p->contract->pass);
    e->size[set] = 0;
    if (pass->gradient && pass->training && p->rstd != NULL) {
        e->mean[set] = ng_evaluate_read(p, p->mean, ng_tensor_mean, set, 0);
        e->rstd[set] = ng_evaluate_read(p, p->rstd, ng_tensor_rstd, set, 0);
        e->fixed[set] = false;
        if (has(e, ng_defect_saved_as_var)) {
            e->var[set] = e->rstd[set];
            root(e, set);
        }
        e->var[set] = 1 / (e->rstd[set] * e->rstd[set]);
        return true;
    }
    if (pass->training || has(e, ng_defect_of_batch))
        return false;
    size_t channel = ng_view_param(&e->write, set, 0);
    e->mean[set] = ng_evaluate_read(p, p->running_mean, ng_tensor_running_mean,
                                    channel, 0);
    e->var[set] =
        ng_evaluate_read(p, p->running_var, ng_tensor_running_var, channel, 1);
    if (e->damage->contract.centred == ng_centred_no)
        e->mean[set] = 0;
    if (has(e, ng_defect_given_unbiased))
        e->var[set] *= (ng_wide)e->n / (ng_wide)(e->n - 1);
    if (has(e, ng_defect_of_batch_mean)) {
        ng_wide var = e->var[set];
        moments(e, set);
        e->var[set] = var;
    }
    root(e, set);
    e->fixed[set] = true;
    return true;
}

/* --- outputs ----------------------------------------------------------------- */

ng_wide ng_evaluate_gamma(const ng_evaluation *e, size_t set, size_t i)
{
    const ng_problem *p = e->problem;
    size_t k = ng_evaluate_param(e, set, i, true);
    unsigned affine = e->damage->contract.affine;
    bool plus = affine == ng_affine_one_plus_gamma;
    bool gradient = ng_pass_find(p->contract->pass)->gradient;
    if (affine == ng_affine_none || (!gradient && has(e, ng_defect_no_gamma)))
        return 1;
    ng_wide gamma =
        ng_evaluate_read(p, p->gamma, ng_tensor_gamma, k, plus ? 0 : 1);
    gamma += plus;
    return has(e, ng_defect_gamma_twice) ? gamma * gamma : gamma;
}

static ng_wide beta_of(const ng_evaluation *e, size_t set, size_t i)
{
    const ng_problem *p = e->problem;
    if (e->damage->contract.affine != ng_affine_gamma_beta)
        return 0;
    ng_wide beta = ng_evaluate_read(p, p->beta, ng_tensor_beta,
                                    ng_evaluate_param(e, set, i, false), 0);
    return has(e, ng_defect_beta_twice)   ? 2 * beta
           : has(e, ng_defect_beta_minus) ? -beta
                                          : beta;
}

static ng_wide truncated(ng_dtype dtype, ng_wide y)
{
    ng_wide unit = (ng_wide)ng_dtype_ulp(dtype, (double)y);
    return isfinite(y) ? truncl(y / unit) * unit : y;
}

static ng_wide y_of(const ng_evaluation *e, size_t set, size_t i)
{
    const ng_contract *contract = &e->damage->contract;
    ng_dtype storage = ng_contract_storage(contract);
    ng_wide x_hat = (e->x[set * e->n + i] - e->mean[set]) * e->rstd[set];
    if (contract->round_xhat == ng_round_xhat_yes)
        x_hat = ng_evaluate_round(storage, x_hat);
    x_hat = rounded(e, ng_defect_x_hat_rounded, x_hat);
    ng_wide gamma = ng_evaluate_gamma(e, set, i), beta = beta_of(e, set, i);
    ng_wide y = rounded(e, ng_defect_product_rounded, gamma * x_hat) + beta;
    if (has(e, ng_defect_beta_first))
        y = gamma * (x_hat + beta);
    if (has(e, ng_defect_residual_after))
        y += ng_evaluate_read(e->problem, e->problem->residual,
                              ng_tensor_residual, read_index(e, set, i), 0);
    if (i >= cut(e, ng_defect_uncomputed, e->n))
        y = 0;
    return has(e, ng_defect_truncated) ? truncated(storage, y) : y;
}

static void write_rows(ng_evaluation *e, size_t set)
{
    for (size_t i = 0; i < e->n; i++) {
        size_t at = ng_view_index(&e->write, set, i) % e->extent;
        ng_wide y = y_of(e, set, i), h = e->x[set * e->n + i];
        if (has(e, ng_defect_no_residual))
            h += ng_evaluate_read(e->problem, e->problem->residual,
                                  ng_tensor_residual, at, 0);
        if (has(e, ng_defect_h_is_x))
            h = ng_evaluate_read(e->problem, e->problem->x, ng_tensor_x, at, 0);
        if (has(e, ng_defect_residual_after) || has(e, ng_defect_h_is_y))
            h = y;
        e->out[ng_tensor_y][at] = y;
        e->out[ng_tensor_h][at] = h;
    }
}

static void write_statistics(ng_evaluation *e, size_t set)
{
    const ng_contract *contract = &e->damage->contract;
    ng_wide mean = e->mean[set], var = e->var[set], rstd = e->rstd[set];
    ng_wide n = (ng_wide)e->n;
    bool over_n = contract->divisor != ng_divisor_n_minus_1;
    const struct {
        ng_defect defect;
        ng_role role;
        ng_wide value;
    } wrong[] = {
        {ng_defect_var_as_rstd, ng_tensor_rstd, var},
        {ng_defect_sigma_as_rstd, ng_tensor_rstd, 1 / rstd},
        {ng_defect_rstd_no_eps, ng_tensor_rstd, 1 / sqrtl(var)},
        {ng_defect_rstd_as_var, ng_tensor_var, rstd},
        {ng_defect_var_eps, ng_tensor_var, var + (ng_wide)e->damage->eps},
        {ng_defect_var_other, ng_tensor_var,
         over_n ? var * n / (n - 1) : var * (n - 1) / n},
        {ng_defect_mean_as_zero, ng_tensor_mean, 0},
        {ng_defect_mean_as_sum, ng_tensor_mean, mean * n},
        {ng_defect_mean_as_minus, ng_tensor_mean, -mean},
        {ng_defect_mean_as_scaled, ng_tensor_mean, mean * rstd},
    };
    e->out[ng_tensor_mean][set] = mean;
    e->out[ng_tensor_var][set] = var;
    e->out[ng_tensor_rstd][set] = rstd;
    for (size_t w = 0; w < sizeof wrong / sizeof wrong[0]; w++) {
        if (has(e, wrong[w].defect))
            e->out[wrong[w].role][set] = wrong[w].value;
    }
}

/* One step of a running statistic towards `now`. */
static ng_wide blend(const ng_evaluation *e, ng_wide old, ng_wide now)
{
    const ng_problem *p = e->problem;
    ng_wide weight = p->momentum, seen = (ng_wide)p->batches;
    if (e->damage->contract.momentum == ng_momentum_cumulative) {
        weight = 1 / (seen + 1);
        if (has(e, ng_defect_running_batches))
            weight = 1 / fmaxl(seen, 1);
        if (has(e, ng_defect_running_batches_more))
            weight = 1 / (seen + 2);
    } else if (e->damage->contract.momentum == ng_momentum_old) {
        weight = 1 - weight;
    }
    if (has(e, ng_defect_running_replaced))
        weight = 1;
    return (1 - weight) * old + weight * now;
}

/* The batch's variance as the running one takes it. */
static ng_wide kept_variance(const ng_evaluation *e, ng_wide var)
{
    const ng_contract *contract = &e->damage->contract;
    ng_wide n = (ng_wide)e->n;
    if (has(e, ng_defect_running_sigma))
        var = sqrtl(var);
    if (has(e, ng_defect_running_over_batch) && e->test != NULL) {
        ng_wide N = (ng_wide)e->test->N;
        var *= N / (N - 1);
    } else if (contract->running_var == ng_running_var_unbiased && e->n > 1) {
        var *= n / (n - 1);
    }
    if (has(e, ng_defect_running_eps))
        var += (ng_wide)e->damage->eps;
    return var;
}

static void run_channel(ng_evaluation *e, size_t channel)
{
    const ng_problem *p = e->problem;
    ng_wide mean = 0, var = 0, count = 0;
    for (size_t set = 0; set < e->sets; set++) {
        if (ng_view_param(&e->write, set, 0) != channel)
            continue;
        if (has(e, ng_defect_running_last))
            mean = var = count = 0;
        if (has(e, ng_defect_running_first) && count > 0)
            continue;
        mean += e->mean[set];
        var += e->var[set];
        count++;
    }
    ng_wide old_mean = ng_evaluate_read(p, p->running_mean,
                                        ng_tensor_running_mean, channel, 0);
    ng_wide old_var =
        ng_evaluate_read(p, p->running_var, ng_tensor_running_var, channel, 0);
    if (has(e, ng_defect_running_sum))
        count = 1;
    bool twice = has(e, ng_defect_running_twice);
    bool never = has(e, ng_defect_running_never);
    var = kept_variance(e, var / count);
    ng_wide to_mean = blend(e, old_mean, mean / count);
    ng_wide to_var = blend(e, old_var, var);
    if (twice || has(e, ng_defect_running_twice_mean))
        to_mean = blend(e, to_mean, mean / count);
    if (twice || has(e, ng_defect_running_twice_var))
        to_var = blend(e, to_var, var);
    if (never || has(e, ng_defect_running_never_mean))
        to_mean = old_mean;
    if (never || has(e, ng_defect_running_never_var))
        to_var = old_var;
    e->out[ng_tensor_running_mean][channel] =
        rounded(e, ng_defect_running_rounded, to_mean);
    e->out[ng_tensor_running_var][channel] =
        rounded(e, ng_defect_running_rounded, to_var);
}

void ng_evaluate(ng_evaluation *e, const ng_damage *damage)
{
    const ng_problem *p = e->problem;
    e->damage = damage;
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        for (size_t i = 0; i < e->count[role]; i++)
            e->out[role][i] = NG_UNWRITTEN;
    }
    lay_out(e);
    load(e);
    for (size_t set = 0; set < e->sets; set++) {
        if (!given(e, set)) {
            moments(e, set);
            root(e, set);
        }
    }
    if (ng_pass_find(p->contract->pass)->gradient) {
        ng_evaluate_backward(e);
        return;
    }
    for (size_t set = 0; set < e->sets; set++) {
        write_rows(e, set);
        write_statistics(e, set);
    }
    for (size_t c = 0; p->running_mean != NULL && c < e->params; c++)
        run_channel(e, c);
}
