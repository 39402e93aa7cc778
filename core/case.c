/* Case: the canonical line, printed and parsed. */
#include <normgate/case.h>
#include <normgate/contract.h>
#include <normgate/op.h>

#include "text.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const ng_pass_info ng_passes[] = {
#define NG_PASS(name, training, gradient, meaning)                             \
    {#name, meaning, training, gradient},
#include <normgate/passes.def>
#undef NG_PASS
    {NULL, NULL, false, false},
};

const ng_pass_info *ng_pass_find(const char *name)
{
    for (size_t i = 0; ng_passes[i].name != NULL; i++) {
        if (strcmp(ng_passes[i].name, name) == 0)
            return &ng_passes[i];
    }
    return NULL;
}

static bool is_name(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return length > 0 && text[length] == '\0' && length < NG_NAME_MAX;
}

static void copy_name(char *to, const char *from)
{
    snprintf(to, NG_NAME_MAX, "%s", from);
}

void ng_case_init(ng_case *test, const char *op, ng_dtype dtype)
{
    memset(test, 0, sizeof *test);
    copy_name(test->op, op);
    copy_name(test->pass, "forward");
    test->dtype = dtype;
    test->rows = test->n = test->step = 1;
    const ng_op *row = ng_op_find(op);
    if (row != NULL && row->shape == ng_shape_channels)
        test->N = test->C = test->spatial = test->num_groups = 1;
    test->eps = 0x1.4f8b588e368f1p-17; /* 1e-5, the usual default */
    test->momentum = 0.1;
    copy_name(test->gen, "normal");
    test->gen_arg = NAN;
    copy_name(test->affine, "random");
    copy_name(test->dy, "normal");
    test->byte_count = SIZE_MAX;
}

/* What the line of this op and pass says beside what every line does. */
static void print_sizes(const ng_case *test, char *text, size_t size)
{
    const ng_op *op = ng_op_find(test->op);
    if (op == NULL || op->shape == ng_shape_rows)
        ng_text_append(text, size, " rows=%zu n=%zu", test->rows, test->n);
    else
        ng_text_append(text, size, " N=%zu C=%zu spatial=%zu", test->N, test->C,
                       test->spatial);
    if (op != NULL && op->groups)
        ng_text_append(text, size, " num_groups=%zu", test->num_groups);
    if (test->gap != 0)
        ng_text_append(text, size, " gap=%zu", test->gap);
    if (test->step != 1)
        ng_text_append(text, size, " step=%zu", test->step);
    if (test->start != 0)
        ng_text_append(text, size, " start=%zu", test->start);
}

void ng_case_print(const ng_case *test, char *text, size_t size)
{
    char real[64];
    const ng_op *op = ng_op_find(test->op);
    const ng_pass_info *pass = ng_pass_find(test->pass);
    snprintf(text, size, "%s/%s/%s", test->op, test->pass,
             ng_format_of(test->dtype)->name);
    print_sizes(test, text, size);
    ng_text_from_real(real, sizeof real, test->eps);
    ng_text_append(text, size, " eps=%s", real);
    if (op != NULL && op->running) {
        ng_text_from_real(real, sizeof real, test->momentum);
        ng_text_append(text, size, " momentum=%s batches=%llu", real,
                       (unsigned long long)test->batches);
    }
    ng_text_append(text, size, " gen=%s", test->gen);
    if (!isnan(test->gen_arg)) {
        ng_text_from_real(real, sizeof real, test->gen_arg);
        ng_text_append(text, size, ":%s", real);
    }
    ng_text_append(text, size, " affine=%s", test->affine);
    if (pass != NULL && pass->gradient)
        ng_text_append(text, size, " dy=%s", test->dy);
    if (test->byte_count == SIZE_MAX) {
        ng_text_append(text, size, " seed=%llu",
                       (unsigned long long)test->seed);
        return;
    }
    size_t used = strlen(text);
    used += (size_t)snprintf(text + used, size - used, " bytes=%s",
                             test->byte_count == 0 ? "-" : "");
    for (size_t i = 0; i < test->byte_count && used + 2 < size; i++)
        used +=
            (size_t)snprintf(text + used, size - used, "%02x", test->bytes[i]);
}

static ng_status parse_head(ng_case *test, const char *head, ng_error *error)
{
    char copy[3 * NG_NAME_MAX];
    if (strlen(head) >= sizeof copy)
        return ng_fail(error, ng_status_bad_input,
                       "the case starts with an overlong word; expected "
                       "op/pass/dtype such as layer_norm/forward/f32");
    snprintf(copy, sizeof copy, "%s", head);
    char *pass = strchr(copy, '/');
    char *dtype = pass != NULL ? strchr(pass + 1, '/') : NULL;
    if (dtype == NULL)
        return ng_fail(error, ng_status_bad_input,
                       "'%.60s' does not start a case; expected op/pass/dtype "
                       "such as layer_norm/forward/f32",
                       head);
    *pass++ = '\0';
    *dtype++ = '\0';
    if (ng_op_find(copy) == NULL)
        return ng_fail(error, ng_status_bad_input,
                       "unknown op '%.60s'; `normgate list ops` shows the "
                       "known ones",
                       copy);
    if (ng_pass_find(pass) == NULL)
        return ng_fail(error, ng_status_bad_input,
                       "unknown pass '%.60s'; expected forward, inference, "
                       "backward or inference_backward",
                       pass);
    if (!ng_pass_find(pass)->training && !ng_op_find(copy)->running)
        return ng_fail(error, ng_status_bad_input,
                       "%s has no running statistics, so no pass %s", copy,
                       pass);
    ng_dtype format;
    if (!ng_dtype_parse(dtype, &format))
        return ng_fail(error, ng_status_bad_input,
                       "unknown dtype '%.60s'; expected f16, bf16, f32 or f64",
                       dtype);
    ng_case_init(test, copy, format);
    copy_name(test->pass, pass);
    return ng_status_ok;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_bytes(ng_case *test, const char *hex)
{
    test->byte_count = 0;
    if (strcmp(hex, "-") == 0)
        return true;
    size_t length = strlen(hex);
    if (length % 2 != 0 || length / 2 > NG_CASE_BYTES_MAX)
        return false;
    for (size_t i = 0; i < length; i += 2) {
        int high = hex_digit(hex[i]), low = hex_digit(hex[i + 1]);
        if (high < 0 || low < 0)
            return false;
        test->bytes[test->byte_count++] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool parse_generator(ng_case *test, char *value)
{
    char *colon = strchr(value, ':');
    test->gen_arg = NAN;
    if (colon != NULL) {
        *colon = '\0';
        if (!ng_text_real(colon + 1, &test->gen_arg))
            return false;
    }
    if (!is_name(value))
        return false;
    copy_name(test->gen, value);
    return true;
}

static bool parse_size(size_t *size, const char *value)
{
    uint64_t count;
    if (!ng_text_count(value, &count) || count > NG_CASE_ELEMENTS_MAX)
        return false;
    *size = (size_t)count;
    return true;
}

/* Fields of the line, each with what it must hold; order as printed. */
enum field {
    ROWS,
    LENGTH,
    BATCH,
    CHANNELS,
    SPATIAL,
    GROUPS,
    GAP,
    STEP,
    START,
    EPS,
    MOMENTUM,
    BATCHES,
    GEN,
    AFFINE,
    GRADIENT,
    SEED,
    BYTES,
    FIELDS
};
static const struct {
    const char *key, *expected;
} fields[FIELDS] = {
    {"rows", "a count of rows up to 2^24"},
    {"n", "a count of elements up to 2^24"},
    {"N", "a count of examples up to 2^24"},
    {"C", "a count of channels up to 2^24"},
    {"spatial", "a count of positions up to 2^24"},
    {"num_groups", "a count of groups up to 2^24"},
    {"gap", "a count of elements up to 2^24"},
    {"step", "a stride of 1 or more elements"},
    {"start", "a count of elements up to 2^24"},
    {"eps", "a finite number, zero or more"},
    {"momentum", "a finite number"},
    {"batches", "a count of batches"},
    {"gen", "a generator, or generator:number"},
    {"affine", "a parameter family: `normgate list generators`"},
    {"dy", "a family of gradients: `normgate list generators`"},
    {"seed", "an unsigned 64-bit number"},
    {"bytes", "up to 4096 bytes in lower-case hex, or -"},
};

/* Whether cases of this op and pass have the field. */
static bool has_field(const ng_case *test, enum field field)
{
    const ng_op *op = ng_op_find(test->op);
    bool rows = op->shape == ng_shape_rows;
    switch (field) {
    case ROWS:
    case LENGTH: return rows;
    case BATCH:
    case CHANNELS:
    case SPATIAL: return !rows;
    case GROUPS: return op->groups;
    case MOMENTUM:
    case BATCHES: return op->running;
    case GRADIENT: return ng_pass_find(test->pass)->gradient;
    default: return true;
    }
}

static bool parse_name(char *name, const char *value)
{
    if (!is_name(value))
        return false;
    copy_name(name, value);
    return true;
}

static bool parse_value(ng_case *test, enum field field, char *value)
{
    switch (field) {
    case ROWS: return parse_size(&test->rows, value);
    case LENGTH: return parse_size(&test->n, value);
    case BATCH: return parse_size(&test->N, value);
    case CHANNELS: return parse_size(&test->C, value);
    case SPATIAL: return parse_size(&test->spatial, value);
    case GROUPS: return parse_size(&test->num_groups, value);
    case GAP: return parse_size(&test->gap, value);
    case STEP: return parse_size(&test->step, value) && test->step > 0;
    case START: return parse_size(&test->start, value);
    case EPS: return ng_text_real(value, &test->eps) && test->eps >= 0;
    case MOMENTUM: return ng_text_real(value, &test->momentum);
    case BATCHES: return ng_text_count(value, &test->batches);
    case GEN: return parse_generator(test, value);
    case AFFINE: return parse_name(test->affine, value);
    case GRADIENT: return parse_name(test->dy, value);
    case SEED: return ng_text_count(value, &test->seed);
    case BYTES: return parse_bytes(test, value);
    default: return false;
    }
}

static ng_status parse_field(ng_case *test, ng_field *field, unsigned *seen,
                             ng_error *error)
{
    for (unsigned f = 0; f < FIELDS; f++) {
        if (strcmp(field->key, fields[f].key) != 0 ||
            !has_field(test, (enum field)f))
            continue;
        if (*seen & 1u << f)
            return ng_fail(error, ng_status_bad_input,
                           "the case gives %s twice; keep one", field->key);
        *seen |= 1u << f;
        char shown[48];
        snprintf(shown, sizeof shown, "%.47s", field->value);
        if (!parse_value(test, (enum field)f, field->value))
            return ng_fail(error, ng_status_bad_input,
                           "%s=%s is not usable; expected %s", field->key,
                           shown, fields[f].expected);
        return ng_status_ok;
    }
    char known[256] = "";
    for (unsigned f = 0; f < FIELDS; f++) {
        if (has_field(test, (enum field)f))
            ng_text_append(known, sizeof known, "%s%s",
                           known[0] != '\0' ? " " : "", fields[f].key);
    }
    return ng_fail(error, ng_status_bad_input,
                   "a case of %s/%s has no field '%s'; it has %s", test->op,
                   test->pass, field->key, known);
}

/* a * b, or more than any case may have. */
static size_t product(size_t a, size_t b)
{
    return b != 0 && a > 2 * NG_CASE_ELEMENTS_MAX / b ? 2 * NG_CASE_ELEMENTS_MAX
                                                      : a * b;
}

static double at_least_one(size_t size)
{
    return size > 0 ? (double)size : 1;
}

/* An index of x that no overflow makes small: a size of 0 makes no elements but
 * still strides. */
static bool strides_fit(const ng_case *test)
{
    double sizes = at_least_one(test->rows) * at_least_one(test->n);
    if (ng_op_find(test->op)->shape == ng_shape_channels)
        sizes = at_least_one(test->N) * at_least_one(test->C) *
                at_least_one(test->spatial);
    return sizes * (double)test->step < 0x1p60;
}

/* The sizes together; for channels, also rows and n. */
static ng_status check_sizes(ng_case *test, ng_error *error)
{
    const ng_op *op = ng_op_find(test->op);
    bool channels = op->shape == ng_shape_channels;
    char text[NG_CASE_TEXT_MAX] = "";
    if (channels && op->groups &&
        (test->num_groups == 0 || test->C % test->num_groups != 0))
        return ng_fail(error, ng_status_bad_input,
                       "C=%zu does not fall into num_groups=%zu groups of "
                       "equal size",
                       test->C, test->num_groups);
    size_t outer = channels ? product(test->N, test->C + 1) : test->rows;
    size_t elements = channels
                          ? product(product(test->N, test->C), test->spatial)
                          : product(test->rows, test->n);
    size_t extent =
        product(elements, test->step) + product(outer, test->gap) + test->start;
    print_sizes(test, text, sizeof text);
    bool few = elements <= NG_CASE_ELEMENTS_MAX &&
               extent <= NG_CASE_ELEMENTS_MAX && strides_fit(test);
    if (few && channels) { /* statistics are tensors too */
        op->complete(test);
        few = test->rows <= NG_CASE_ELEMENTS_MAX &&
              test->n <= NG_CASE_ELEMENTS_MAX;
    }
    if (!few)
        return ng_fail(error, ng_status_bad_input,
                       "%s are more than 2^24 elements", text + 1);
    return ng_status_ok;
}

ng_status ng_case_parse(ng_case *test, const char *text, ng_error *error)
{
    if (strlen(text) >= NG_CASE_TEXT_MAX)
        return ng_fail(error, ng_status_bad_input,
                       "the case line is longer than %d characters",
                       NG_CASE_TEXT_MAX - 1);
    text += strspn(text, " \t\r\n");
    size_t length = strcspn(text, " \t\r\n");
    char head[3 * NG_NAME_MAX];
    snprintf(head, sizeof head, "%.*s", (int)length, text);
    ng_status status = parse_head(test, head, error);
    text += length;
    ng_field field;
    unsigned seen = 0;
    bool bad = false;
    while (status == ng_status_ok && ng_field_next(&text, &field, &bad))
        status = parse_field(test, &field, &seen, error);
    if (status != ng_status_ok)
        return status;
    if (bad)
        return ng_fail(error, ng_status_bad_input,
                       "'%s' is no field of a case; expected key=value",
                       field.key);
    if ((seen & 1u << SEED) && (seen & 1u << BYTES))
        return ng_fail(error, ng_status_bad_input,
                       "the case gives both seed and bytes; keep one");
    return check_sizes(test, error);
}

void ng_case_source(const ng_case *test, ng_source *source)
{
    if (test->byte_count == SIZE_MAX)
        ng_source_from_seed(source, test->seed);
    else
        ng_source_from_bytes(source, test->bytes, test->byte_count);
}
