/* Op: the table of normalizations, and the geometry that they share. */
#include <normgate/op.h>

#include "ops/shapes.h"

#include <string.h>

#define NG_OP(name) extern const ng_op ng_op_##name;
#include "ops.def"
#undef NG_OP

const ng_op *const ng_ops[] = {
#define NG_OP(name) &ng_op_##name,
#include "ops.def"
#undef NG_OP
    NULL,
};

const ng_op *ng_op_find(const char *name)
{
    for (size_t i = 0; ng_ops[i] != NULL; i++) {
        if (strcmp(ng_ops[i]->name, name) == 0)
            return ng_ops[i];
    }
    return NULL;
}

ng_view shape_rows(const ng_case *test, const ptrdiff_t stride[3])
{
    return (ng_view){
        .set = {{1, 0, 0}, {test->rows, stride[0], 0}},
        .element = {{1, 0, 0}, {test->n, stride[1], 1}},
    };
}

size_t shape_divisor(size_t number, size_t most)
{
    size_t divisor = number < most ? number : most;
    while (divisor > 1 && number % divisor != 0)
        divisor--;
    return divisor;
}

void ng_case_strides(const ng_case *test, const ng_contract *contract,
                     ptrdiff_t stride[3])
{
    const ng_op *op = ng_op_find(test->op);
    bool strided = contract->layout == ng_layout_strided;
    ptrdiff_t step = strided ? (ptrdiff_t)test->step : 1;
    ptrdiff_t gap = strided ? (ptrdiff_t)test->gap : 0;
    if (op->shape == ng_shape_rows) {
        stride[1] = step;
        stride[0] = (ptrdiff_t)test->n * step + gap;
        stride[2] = 0;
    } else if (contract->layout == ng_layout_channels_last) {
        stride[1] = 1;
        stride[2] = (ptrdiff_t)test->C;
        stride[0] = (ptrdiff_t)(test->C * test->spatial);
    } else {
        stride[2] = step;
        stride[1] = (ptrdiff_t)test->spatial * step + gap;
        stride[0] = (ptrdiff_t)test->C * stride[1] + gap;
    }
}

ng_view ng_case_view(const ng_case *test, const ng_contract *contract)
{
    ptrdiff_t stride[3];
    ng_case_strides(test, contract, stride);
    ng_view view = ng_op_find(test->op)->partition(test, stride);
    view.start = contract->layout == ng_layout_strided ? test->start : 0;
    return view;
}

void ng_case_reshape(ng_case *test, size_t rows, size_t n)
{
    const ng_op *op = ng_op_find(test->op);
    test->rows = rows;
    test->n = n;
    if (op->shape == ng_shape_channels) {
        test->num_groups = 1;
        op->choose(test);
        op->complete(test);
    }
}

/* Which tensors a call has. */
static void set_uses(const ng_case *test, const ng_contract *contract,
                     ng_tensor *slots)
{
    const ng_op *op = ng_op_find(test->op);
    const ng_pass_info *pass = ng_pass_find(contract->pass);
    bool centred = contract->centred == ng_centred_yes;
    bool fused = contract->residual == ng_residual_sum;
    bool gamma = contract->affine != ng_affine_none;
    bool beta = contract->affine == ng_affine_gamma_beta;
    slots[ng_tensor_x].use = ng_input;
    if (gamma)
        slots[ng_tensor_gamma].use = ng_input;
    if (!pass->training)
        slots[ng_tensor_running_mean].use = slots[ng_tensor_running_var].use =
            ng_input;
    else if (!pass->gradient && op->running &&
             contract->running == ng_running_update)
        slots[ng_tensor_running_mean].use = slots[ng_tensor_running_var].use =
            ng_update;
    if (!pass->gradient) {
        slots[ng_tensor_y].use = ng_output;
        if (beta)
            slots[ng_tensor_beta].use = ng_input;
        if (fused) {
            slots[ng_tensor_residual].use = ng_input;
            slots[ng_tensor_h].use = ng_output;
        }
        if (contract->saved != ng_saved_none && pass->training) {
            bool var = contract->saved == ng_saved_mean_var;
            if (centred)
                slots[ng_tensor_mean].use = ng_output;
            slots[var ? ng_tensor_var : ng_tensor_rstd].use = ng_output;
        }
        return;
    }
    slots[ng_tensor_dy].use = ng_input;
    slots[ng_tensor_dx].use = ng_output;
    if (gamma)
        slots[ng_tensor_dgamma].use = ng_output;
    if (beta)
        slots[ng_tensor_dbeta].use = ng_output;
    if (fused) {
        slots[ng_tensor_dh].use = ng_input;
        slots[ng_tensor_dresidual].use = ng_output;
    }
    if (pass->training && contract->backward_stats == ng_backward_stats_saved) {
        if (centred)
            slots[ng_tensor_mean].use = ng_input;
        slots[ng_tensor_rstd].use = ng_input;
    }
}

void ng_case_slots(const ng_case *test, const ng_contract *contract,
                   ng_tensor slots[NG_TENSOR_COUNT])
{
    ng_view view = ng_case_view(test, contract);
    memset(slots, 0, NG_TENSOR_COUNT * sizeof slots[0]);
    set_uses(test, contract, slots);
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        slots[role].dtype = ng_contract_dtype(contract, role);
        switch (ng_role_extent(role)) {
        case ng_per_set: slots[role].count = ng_view_sets(&view); break;
        case ng_per_param: slots[role].count = ng_view_params(&view); break;
        case ng_per_channel: slots[role].count = test->C; break;
        default: slots[role].count = ng_view_extent(&view);
        }
    }
}

const char *ng_case_forbidden(const ng_case *test, const ng_contract *contract)
{
    const ng_op *op = ng_op_find(test->op);
    if (test->rows * test->n == 0 && contract->no_rows == ng_no_rows_refuse)
        return "an input without elements, and no_rows=refuse";
    if (op->running && test->n == 1 && ng_pass_find(contract->pass)->training &&
        contract->one_value == ng_one_value_refuse)
        return "one value per channel in training, and one_value=refuse";
    return NULL;
}
