/* Records as lines of JSON. The field table is record.def, expanded; nothing
 * here names the fields a second time but the three that rule reading. */
#include <normgate/record.h>
#include <normgate/utf8.h>

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1 << 20 };

typedef enum field_type { field_text, field_real, field_count } field_type;

typedef struct field {
    const char *name;
    field_type type;
    size_t offset;
} field;

static const field fields[] = {
#define NG_TEXT(name, meaning) {#name, field_text, offsetof(ng_record, name)},
#define NG_REAL(name, meaning) {#name, field_real, offsetof(ng_record, name)},
#define NG_COUNT(name, meaning) {#name, field_count, offsetof(ng_record, name)},
#include <normgate/record.def>
#undef NG_TEXT
#undef NG_REAL
#undef NG_COUNT
};
enum { FIELD_COUNT = sizeof fields / sizeof fields[0] };

static const char **text_of(ng_record *record, const field *f)
{
    return (const char **)((char *)record + f->offset);
}

static double *real_of(ng_record *record, const field *f)
{
    return (double *)((char *)record + f->offset);
}

static uint64_t *count_of(ng_record *record, const field *f)
{
    return (uint64_t *)((char *)record + f->offset);
}

void ng_record_init(ng_record *record, const char *kind)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (fields[i].type == field_text)
            *text_of(record, &fields[i]) = "";
        else if (fields[i].type == field_real)
            *real_of(record, &fields[i]) = NAN;
        else
            *count_of(record, &fields[i]) = 0;
    }
    record->kind = kind;
    record->schema = NG_RECORD_SCHEMA;
}

static uint64_t add_to_hash(uint64_t hash, const char *text)
{
    const unsigned char *byte = (const unsigned char *)text;
    do { /* the NUL too: "ab", "c" is not "a", "bc" */
        hash = (hash ^ *byte) * UINT64_C(0x100000001b3);
    } while (*byte++ != '\0');
    return hash;
}

void ng_record_id(const ng_record *record, char id[NG_RECORD_ID_SIZE])
{
    const char *const names[] = {record->kernel,   record->op,
                                 record->pass,     record->dtype,
                                 record->property, record->test};
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        hash = add_to_hash(hash, names[i]);
    snprintf(id, NG_RECORD_ID_SIZE, "%016" PRIx64, hash);
}

/* Invalid bytes become U+FFFD; JSON has no other way to carry them. */
static json_t *json_from_text(const char *text)
{
    json_t *value = json_string(text);
    char *valid = value ? NULL : malloc(3 * strlen(text) + 1);
    if (!valid)
        return value;
    size_t size = 0;
    for (uint32_t c; (c = ng_utf8_next(&text)) != 0;)
        size += ng_utf8_put(valid + size, c);
    value = json_stringn(valid, size);
    free(valid);
    return value;
}

static json_t *json_from_real(double value)
{
    if (isinf(value))
        return json_string(value > 0 ? "inf" : "-inf");
    return isnan(value) ? json_string("nan") : json_real(value);
}

/* JSON integers end at 2^63 - 1 here and at 2^53 in many readers' doubles; only
 * the first is a loss of ours, and larger counts go as decimal text. */
static json_t *json_from_count(uint64_t value)
{
    if (value <= INT64_MAX)
        return json_integer((json_int_t)value);
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return json_string(text);
}

/* A kernel that returned NaN is a finding, not an absent number. */
static bool got_nan(const ng_record *record, const field *f)
{
    return f->offset == offsetof(ng_record, got) && isnan(record->got) &&
           record->worst_tensor[0] && strcmp(record->kind, "check") == 0;
}

static json_t *json_from_record(const ng_record *record)
{
    json_t *object = json_object();
    ng_record copy = *record;
    bool good = object != NULL;
    for (size_t i = 0; good && i < FIELD_COUNT; i++) {
        const field *f = &fields[i];
        json_t *value = NULL;
        if (f->type == field_text && (*text_of(&copy, f))[0])
            value = json_from_text(*text_of(&copy, f));
        else if (f->type == field_real &&
                 (!isnan(*real_of(&copy, f)) || got_nan(record, f)))
            value = json_from_real(*real_of(&copy, f));
        else if (f->type == field_count && *count_of(&copy, f) > 0)
            value = json_from_count(*count_of(&copy, f));
        else
            continue;
        good = json_object_set_new(object, f->name, value) == 0;
    }
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

ng_status ng_record_write(const ng_record *record, FILE *file, ng_error *error)
{
    json_t *object = json_from_record(record);
    char *line = object ? json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII |
                                                 JSON_REAL_PRECISION(17))
                        : NULL;
    json_decref(object);
    if (!line)
        return ng_fail(error, ng_status_no_memory,
                       "a record could not be written: out of memory");
    bool good = fputs(line, file) >= 0 && fputc('\n', file) != EOF;
    free(line);
    if (!good)
        return ng_fail(error, ng_status_bad_input,
                       "a record could not be written: %s; free some space or "
                       "name another file",
                       strerror(errno));
    return ng_status_ok;
}

static bool real_from_json(double *real, const json_t *value)
{
    if (json_is_number(value)) {
        *real = json_number_value(value);
        return true;
    }
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    if (strcmp(text, "inf") == 0)
        *real = INFINITY;
    else if (strcmp(text, "-inf") == 0)
        *real = -INFINITY;
    else if (strcmp(text, "nan") == 0)
        *real = NAN;
    else
        return false;
    return true;
}

static bool count_from_json(uint64_t *count, const json_t *value)
{
    if (json_is_integer(value)) {
        *count = (uint64_t)json_integer_value(value);
        return json_integer_value(value) >= 0;
    }
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    *count = 0;
    for (const char *digit = text; *digit; digit++) {
        uint64_t d = (uint64_t)(unsigned char)*digit - '0';
        if (d > 9 || *count > (UINT64_MAX - d) / 10)
            return false;
        *count = *count * 10 + d;
    }
    return text[0] != '\0';
}

static ng_status wrong_type(ng_error *error, const field *f)
{
    static const char *const wanted[] = {
        [field_text] = "a text",
        [field_real] = "a number, \"inf\", \"-inf\" or \"nan\"",
        [field_count] = "a whole number from 0 to 2^64 - 1",
    };
    return ng_fail(error, ng_status_bad_input,
                   "field \"%s\" is not %s; repair or remove the line", f->name,
                   wanted[f->type]);
}

static ng_status check_schema(const json_t *object, ng_error *error)
{
    const char *schema = json_string_value(json_object_get(object, "schema"));
    size_t size = strlen(NG_RECORD_SCHEMA);
    if (!schema)
        return ng_fail(error, ng_status_bad_input,
                       "not a normgate record: field \"schema\" is not a text; "
                       "give a file written by normgate --json");
    if (strncmp(schema, NG_RECORD_SCHEMA, size) != 0 ||
        (schema[size] && schema[size] != '.'))
        return ng_fail(error, ng_status_bad_input,
                       "field \"schema\" is not \"" NG_RECORD_SCHEMA "\"; read "
                       "it with the normgate that wrote it, or run it again");
    return ng_status_ok;
}

/* All texts of a line share one allocation: lines come by the ten thousand. */
static ng_status record_from_json(ng_record *record, ng_arena *arena,
                                  const json_t *object, ng_error *error)
{
    size_t bytes = 0;
    for (size_t i = 0; i < FIELD_COUNT; i++)
        bytes +=
            json_string_length(json_object_get(object, fields[i].name)) + 1;
    char *text = ng_arena_alloc(arena, bytes, 1);
    if (!text)
        return ng_fail(error, ng_status_no_memory, "out of memory");
    ng_record_init(record, "");
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const field *f = &fields[i];
        const json_t *value = json_object_get(object, f->name);
        if (!value || json_is_null(value))
            continue;
        if (f->type == field_text && json_is_string(value)) {
            *text_of(record, f) = strcpy(text, json_string_value(value));
            text += json_string_length(value) + 1;
        } else if (f->type == field_text ||
                   (f->type == field_real &&
                    !real_from_json(real_of(record, f), value)) ||
                   (f->type == field_count &&
                    !count_from_json(count_of(record, f), value))) {
            return wrong_type(error, f);
        }
    }
    return ng_status_ok;
}

/* jansson quotes the input in its message; a terminal should not obey it. */
static ng_status not_json(const json_error_t *json, ng_error *error)
{
    char text[sizeof json->text];
    size_t i = 0;
    for (; json->text[i]; i++)
        text[i] =
            json->text[i] >= ' ' && json->text[i] < 127 ? json->text[i] : '?';
    text[i] = '\0';
    return ng_fail(error, ng_status_bad_input,
                   "not a JSON object, column %d: %s; give a file written by "
                   "normgate --json",
                   json->column, text);
}

ng_status ng_record_read(ng_record *record, ng_arena *arena, const char *line,
                         ng_error *error)
{
    ng_record_init(record, "");
    if (!memchr(line, '\0', LINE_MAX_BYTES + 1))
        return ng_fail(error, ng_status_bad_input,
                       "longer than %d bytes; records are shorter",
                       LINE_MAX_BYTES);
    json_error_t json;
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &json);
    if (!object)
        return not_json(&json, error);
    ng_status status = check_schema(object, error);
    if (status == ng_status_ok)
        status = record_from_json(record, arena, object, error);
    json_decref(object);
    return status;
}
