/* Contract: fields, presets and text form, all expanded from contract.def. */
#include <normgate/contract.h>
#include <normgate/op.h>

#include "text.h"

#include <stdio.h>
#include <string.h>

typedef struct field_row {
    const char *name, *meaning;
    size_t offset;
    bool number;
    double initial;
} field_row;

static const field_row fields[] = {
#define NG_FIELD(name, meaning)                                                \
    {#name, meaning, offsetof(ng_contract, name), false, 0},
#define NG_VALUE(field, value)
#define NG_NUMBER(name, initial, meaning)                                      \
    {#name, meaning, offsetof(ng_contract, name), true, initial},
#include <normgate/contract.def>
#undef NG_FIELD
#undef NG_VALUE
#undef NG_NUMBER
};
enum { FIELD_COUNT = sizeof fields / sizeof fields[0] };

static const struct {
    const char *field, *name;
} values[] = {
#define NG_FIELD(name, meaning)
#define NG_VALUE(field, value) {#field, #value},
#define NG_NUMBER(name, initial, meaning)
#include <normgate/contract.def>
#undef NG_FIELD
#undef NG_VALUE
#undef NG_NUMBER
};

const ng_preset ng_presets[] = {
#define NG_PRESET(name, op, fields, document, note)                            \
    {#name, #op, fields, document, note},
#include "presets.def"
#undef NG_PRESET
    {NULL, NULL, NULL, NULL, NULL},
};

static unsigned char *choice_at(ng_contract *contract, const field_row *row)
{
    return (unsigned char *)contract + row->offset;
}

static double *number_at(ng_contract *contract, const field_row *row)
{
    return (double *)(void *)((unsigned char *)contract + row->offset);
}

static const field_row *field_find(const char *name)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (strcmp(name, fields[i].name) == 0)
            return &fields[i];
    }
    return NULL;
}

/* The first value listed for the field: its default. */
static unsigned char first_value(const field_row *row)
{
    unsigned char v = 0;
    while (strcmp(values[v].field, row->name) != 0)
        v++;
    return v;
}

static void list_values(const field_row *row, char *text, size_t size)
{
    text[0] = '\0';
    if (row->number) {
        char real[64];
        ng_text_from_real(real, sizeof real, row->initial);
        ng_text_append(text, size, "a number [%s]", real);
        return;
    }
    for (size_t v = 0; v < NG_CONTRACT_VALUE_COUNT; v++) {
        if (strcmp(values[v].field, row->name) == 0)
            ng_text_append(text, size, "%s%s", text[0] != '\0' ? ", " : "",
                           values[v].name);
    }
}

bool ng_contract_set(ng_contract *contract, const char *field,
                     const char *value)
{
    const field_row *row = field_find(field);
    if (row == NULL)
        return false;
    double number;
    if (row->number) {
        if (!ng_text_real(value, &number) || number < 0)
            return false;
        *number_at(contract, row) = number;
        return true;
    }
    for (size_t v = 0; v < NG_CONTRACT_VALUE_COUNT; v++) {
        if (strcmp(values[v].field, field) == 0 &&
            strcmp(values[v].name, value) == 0) {
            *choice_at(contract, row) = (unsigned char)v;
            return true;
        }
    }
    return false;
}

static ng_status apply(ng_contract *contract, const char *text,
                       ng_error *error);

/* What the preset says of the op, where it does; `ops` gets the ops that it
 * defines. */
static const ng_preset *preset_find(const char *name, const char *op, char *ops,
                                    size_t size)
{
    const ng_preset *found = NULL;
    ops[0] = '\0';
    for (const ng_preset *row = ng_presets; row->name != NULL; row++) {
        if (strcmp(name, row->name) != 0)
            continue;
        if (strcmp(op, row->op) == 0)
            found = row;
        ng_text_append(ops, size, "%s%s", ops[0] != '\0' ? ", " : "", row->op);
    }
    return found;
}

static ng_status apply_preset(ng_contract *contract, const char *name,
                              ng_error *error)
{
    char ops[128];
    const ng_preset *row = preset_find(name, contract->op, ops, sizeof ops);
    if (ops[0] == '\0')
        return ng_fail(error, ng_status_bad_input,
                       "unknown preset '%.60s'; `normgate list contracts` "
                       "shows the known ones",
                       name);
    if (row == NULL)
        return ng_fail(error, ng_status_bad_input,
                       "preset=%s does not define %s; it defines %s", name,
                       contract->op, ops);
    snprintf(contract->preset, sizeof contract->preset, "%s", row->name);
    return apply(contract, row->fields, error);
}

static ng_status apply_pass(ng_contract *contract, const char *name,
                            ng_error *error)
{
    const ng_pass_info *pass = ng_pass_find(name);
    if (pass == NULL)
        return ng_fail(error, ng_status_bad_input,
                       "pass=%.40s is not known; expected forward, inference, "
                       "backward or inference_backward",
                       name);
    if (!pass->training && !ng_op_find(contract->op)->running)
        return ng_fail(error, ng_status_bad_input,
                       "%s has no running statistics, so no pass=%s",
                       contract->op, pass->name);
    snprintf(contract->pass, sizeof contract->pass, "%s", pass->name);
    return ng_status_ok;
}

static ng_status apply_field(ng_contract *contract, const ng_field *field,
                             ng_error *error)
{
    if (strcmp(field->key, "op") == 0)
        return ng_status_ok; /* read first, by ng_contract_parse */
    if (strcmp(field->key, "preset") == 0)
        return apply_preset(contract, field->value, error);
    if (strcmp(field->key, "pass") == 0)
        return apply_pass(contract, field->value, error);
    if (ng_contract_set(contract, field->key, field->value))
        return ng_status_ok;
    const field_row *row = field_find(field->key);
    if (row == NULL)
        return ng_fail(error, ng_status_bad_input,
                       "a contract has no field '%s'; `normgate list "
                       "contracts` shows them",
                       field->key);
    char expected[256];
    list_values(row, expected, sizeof expected);
    return ng_fail(error, ng_status_bad_input,
                   "%s=%.40s is not usable; expected %s", field->key,
                   field->value, expected);
}

static ng_status apply(ng_contract *contract, const char *text, ng_error *error)
{
    ng_field field;
    bool bad = false;
    while (ng_field_next(&text, &field, &bad)) {
        ng_status status = apply_field(contract, &field, error);
        if (status != ng_status_ok)
            return status;
    }
    if (bad)
        return ng_fail(error, ng_status_bad_input,
                       "'%s' is no field of a contract; expected key=value",
                       field.key);
    return ng_status_ok;
}

ng_status ng_contract_init(ng_contract *contract, const char *op,
                           ng_error *error)
{
    const ng_op *row = ng_op_find(op);
    if (row == NULL)
        return ng_fail(error, ng_status_bad_input,
                       "unknown op '%.60s'; `normgate list ops` shows the "
                       "known ones",
                       op);
    memset(contract, 0, sizeof *contract);
    snprintf(contract->op, sizeof contract->op, "%s", op);
    snprintf(contract->pass, sizeof contract->pass, "forward");
    snprintf(contract->preset, sizeof contract->preset, "pytorch");
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (fields[i].number)
            *number_at(contract, &fields[i]) = fields[i].initial;
        else
            *choice_at(contract, &fields[i]) = first_value(&fields[i]);
    }
    return apply(contract, row->defaults, error);
}

/* Fields that say nothing about this op, or contradict each other. */
static ng_status check_fields(const ng_contract *contract, ng_error *error)
{
    const ng_op *op = ng_op_find(contract->op);
    const char *words = NULL;
    if (contract->eps_place == ng_eps_place_max_norm &&
        (contract->centred == ng_centred_yes ||
         contract->divisor != ng_divisor_one))
        words = "eps_place=max_norm is for a norm: centred=no divisor=one";
    else if (contract->divisor == ng_divisor_one &&
             contract->centred == ng_centred_yes)
        words = "divisor=one is for a norm without centring: centred=no";
    else if (op->running && contract->centred == ng_centred_no)
        words = "centred=no is for norms without running statistics";
    else if (contract->running == ng_running_update && !op->running)
        words = "running=update is for batch_norm and instance_norm";
    else if (contract->residual == ng_residual_sum &&
             op->shape != ng_shape_rows)
        words = "residual=sum is for layer_norm, rms_norm and l2_norm";
    else if (contract->layout == ng_layout_channels_last &&
             op->shape != ng_shape_channels)
        words = "layout=channels_last is for batch_norm, group_norm and "
                "instance_norm";
    else if (contract->backward_stats == ng_backward_stats_saved &&
             contract->eps_place != ng_eps_place_inside &&
             contract->eps_place != ng_eps_place_none)
        words = "backward_stats=saved needs eps_place=inside or none: else "
                "rstd does not determine the gradient";
    if (words != NULL)
        return ng_fail(error, ng_status_bad_input, "%s", words);
    return ng_status_ok;
}

/* Numbers that later arithmetic relies on. */
static ng_status check_numbers(const ng_contract *contract, ng_error *error)
{
    double alignment = contract->alignment;
    if (!(alignment >= 1 && alignment <= 4096) ||
        ((unsigned)alignment & ((unsigned)alignment - 1)) != 0 ||
        alignment != (unsigned)alignment)
        return ng_fail(error, ng_status_bad_input,
                       "alignment=%g is not a power of two up to 4096 bytes",
                       alignment);
    if (contract->block > 1 << 24 ||
        contract->block != (double)(unsigned)contract->block)
        return ng_fail(error, ng_status_bad_input,
                       "block=%g is not a whole number up to 2^24",
                       contract->block);
    return ng_status_ok;
}

ng_status ng_contract_parse(ng_contract *contract, const char *text,
                            ng_error *error)
{
    ng_field field;
    const char *rest = text;
    char op[NG_NAME_MAX] = "";
    bool bad = false;
    if (strlen(text) >= NG_CONTRACT_TEXT_MAX)
        return ng_fail(error, ng_status_bad_input,
                       "the contract is longer than %d characters",
                       NG_CONTRACT_TEXT_MAX - 1);
    while (ng_field_next(&rest, &field, &bad)) {
        if (strcmp(field.key, "op") == 0)
            snprintf(op, sizeof op, "%.*s", (int)sizeof op - 1, field.value);
    }
    if (op[0] == '\0')
        return ng_fail(error, ng_status_bad_input,
                       "the contract '%.60s' names no op; add op=layer_norm "
                       "or another of `normgate list ops`",
                       text);
    ng_status status = ng_contract_init(contract, op, error);
    if (status == ng_status_ok)
        status = apply(contract, text, error);
    if (status == ng_status_ok)
        status = check_fields(contract, error);
    return status == ng_status_ok ? check_numbers(contract, error) : status;
}

void ng_contract_print(const ng_contract *contract, char *text, size_t size)
{
    ng_contract initial;
    ng_contract copy = *contract;
    snprintf(text, size, "op=%s", contract->op);
    if (strcmp(contract->pass, "forward") != 0)
        ng_text_append(text, size, " pass=%s", contract->pass);
    if (ng_contract_init(&initial, contract->op, NULL) != ng_status_ok)
        return;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const field_row *row = &fields[i];
        if (row->number) {
            double number = *number_at(&copy, row);
            char real[64];
            ng_text_from_real(real, sizeof real, number);
            if (number != *number_at(&initial, row))
                ng_text_append(text, size, " %s=%s", row->name, real);
            continue;
        }
        unsigned char value = *choice_at(&copy, row);
        /* The dtype is always shown: a contract without it reads as unclear. */
        if (value != *choice_at(&initial, row) ||
            strcmp(row->name, "dtype") == 0)
            ng_text_append(text, size, " %s=%s", row->name, values[value].name);
    }
}

/* The dtype that a value such as ng_param_bf16 names. Asked for every element
 * of every tensor, so by a table rather than by the name. */
static void dtype_of(unsigned char value, ng_dtype *dtype)
{
#define DTYPES(field)                                                          \
    [ng_##field##_f16] = 1 + ng_f16, [ng_##field##_bf16] = 1 + ng_bf16,        \
    [ng_##field##_f32] = 1 + ng_f32, [ng_##field##_f64] = 1 + ng_f64
    static const unsigned char named[NG_CONTRACT_VALUE_COUNT] = {
        DTYPES(dtype),   DTYPES(param),     DTYPES(stats),
        DTYPES(compute), DTYPES(eps_dtype),
    };
#undef DTYPES
    if (named[value] != 0)
        *dtype = (ng_dtype)(named[value] - 1);
}

ng_dtype ng_contract_storage(const ng_contract *contract)
{
    ng_dtype dtype = ng_f32;
    dtype_of(contract->dtype, &dtype);
    return dtype;
}

ng_dtype ng_contract_param(const ng_contract *contract)
{
    ng_dtype dtype = ng_contract_storage(contract);
    dtype_of(contract->param, &dtype);
    return dtype;
}

ng_dtype ng_contract_compute(const ng_contract *contract)
{
    ng_dtype dtype = ng_contract_storage(contract);
    if (ng_format_of(dtype)->size == 2)
        dtype = ng_f32;
    dtype_of(contract->compute, &dtype);
    return dtype;
}

ng_dtype ng_contract_stats(const ng_contract *contract)
{
    ng_dtype dtype = ng_contract_compute(contract);
    dtype_of(contract->stats, &dtype);
    return dtype;
}

ng_dtype ng_contract_dtype(const ng_contract *contract, ng_role role)
{
    switch (ng_role_extent(role)) {
    case ng_per_param: return ng_contract_param(contract);
    case ng_per_set:
    case ng_per_channel: return ng_contract_stats(contract);
    default: return ng_contract_storage(contract);
    }
}

double ng_contract_eps(const ng_contract *contract, double eps)
{
    ng_dtype dtype = ng_f64;
    dtype_of(contract->eps_dtype, &dtype);
    return ng_dtype_round(dtype, eps);
}

void ng_contract_fields(void (*row)(const char *field, const char *values,
                                    const char *meaning, void *user),
                        void *user)
{
    char text[256];
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        list_values(&fields[i], text, sizeof text);
        row(fields[i].name, text, fields[i].meaning, user);
    }
}
