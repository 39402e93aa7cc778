/* Case: the canonical line, printed and parsed. */
#include <normgate/case.h>
#include <normgate/op.h>

#include "text.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

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
    test->rows = 1;
    test->n = 1;
    test->eps = 0x1.4f8b588e368f1p-17; /* 1e-5, the usual default */
    copy_name(test->gen, "normal");
    test->gen_arg = NAN;
    copy_name(test->affine, "random");
    test->byte_count = SIZE_MAX;
}

void ng_case_print(const ng_case *test, char *text, size_t size)
{
    char real[64];
    ng_text_from_real(real, sizeof real, test->eps);
    snprintf(text, size, "%s/%s/%s rows=%zu n=%zu eps=%s gen=%s", test->op,
             test->pass, ng_format_of(test->dtype)->name, test->rows, test->n,
             real, test->gen);
    if (!isnan(test->gen_arg)) {
        ng_text_from_real(real, sizeof real, test->gen_arg);
        ng_text_append(text, size, ":%s", real);
    }
    ng_text_append(text, size, " affine=%s", test->affine);
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
    if (strcmp(pass, "forward") != 0)
        return ng_fail(error, ng_status_bad_input,
                       "unknown pass '%.60s'; expected forward", pass);
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
enum field { ROWS, N, EPS, GEN, AFFINE, SEED, BYTES, FIELDS };
static const struct {
    const char *key, *expected;
} fields[FIELDS] = {
    {"rows", "a count of rows up to 2^24"},
    {"n", "a count of elements up to 2^24"},
    {"eps", "a finite number, zero or more"},
    {"gen", "a generator, or generator:number"},
    {"affine", "a parameter family: `normgate list generators`"},
    {"seed", "an unsigned 64-bit number"},
    {"bytes", "up to 4096 bytes in lower-case hex, or -"},
};

static bool parse_value(ng_case *test, enum field field, char *value)
{
    switch (field) {
    case ROWS: return parse_size(&test->rows, value);
    case N: return parse_size(&test->n, value);
    case EPS: return ng_text_real(value, &test->eps) && test->eps >= 0;
    case GEN: return parse_generator(test, value);
    case AFFINE:
        if (!is_name(value))
            return false;
        copy_name(test->affine, value);
        return true;
    case SEED: return ng_text_count(value, &test->seed);
    case BYTES: return parse_bytes(test, value);
    default: return false;
    }
}

static ng_status parse_field(ng_case *test, ng_field *field, unsigned *seen,
                             ng_error *error)
{
    for (unsigned f = 0; f < FIELDS; f++) {
        if (strcmp(field->key, fields[f].key) != 0)
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
    return ng_fail(error, ng_status_bad_input,
                   "a case has no field '%s'; it has rows, n, eps, gen, "
                   "affine, and seed or bytes",
                   field->key);
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
    if (test->n != 0 && test->rows > NG_CASE_ELEMENTS_MAX / test->n)
        return ng_fail(error, ng_status_bad_input,
                       "rows=%zu n=%zu are more than 2^24 elements", test->rows,
                       test->n);
    return ng_status_ok;
}

void ng_case_source(const ng_case *test, ng_source *source)
{
    if (test->byte_count == SIZE_MAX)
        ng_source_from_seed(source, test->seed);
    else
        ng_source_from_bytes(source, test->bytes, test->byte_count);
}
