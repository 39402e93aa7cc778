/* Waivers: their file, and what they are about. */
#include "json_file.h"

#include <normgate/verdict.h>
#include <normgate/waivers.h>

#include <fnmatch.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#define SCHEMA "normgate-waivers/1"

static const ng_json_limits limits = {
    NG_WAIVERS_BYTES_MAX,
    "expected {\"waivers\": [{\"kernel\": ..., \"property\": ..., \"reason\": "
    "...}]}",
};

/* Which entry of which file is read. */
typedef struct place {
    const char *path;
    size_t entry; /* from 1 */
    ng_arena *arena;
} place;

bool ng_date_valid(const char *text)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    static const char form[] = "dddd-dd-dd";
    int part[3] = {0}, at = 0;
    for (size_t i = 0; i < sizeof form; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (form[i] == 'd' ? !digit : text[i] != form[i])
            return false;
        if (digit)
            part[at] = 10 * part[at] + (text[i] - '0');
        else
            at++;
    }
    int year = part[0], month = part[1], day = part[2];
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return year >= 1 && month >= 1 && month <= 12 && day >= 1 &&
           day <= days[month - 1] && !(month == 2 && day == 29 && !leap);
}

/* A `[` without its `]` matches itself alone, which nobody means. */
static bool valid_glob(const char *glob)
{
    for (; *glob != '\0'; glob++) {
        if ((unsigned char)*glob < ' ' || *glob == 127)
            return false;
        if (*glob == '\\') {
            if (*++glob == '\0')
                return false;
            continue;
        }
        if (*glob != '[')
            continue;
        const char *from = glob + 1;
        from += *from == '!' || *from == '^';
        glob = *from != '\0' ? strchr(from + 1, ']') : NULL;
        if (glob == NULL)
            return false;
    }
    return true;
}

static bool wrong_verdict(const char *name)
{
    ng_verdict verdict;
    return ng_verdict_parse(name, &verdict) && ng_verdict_wrong(verdict);
}

static bool valid_id(const char *id)
{
    return strlen(id) == NG_RECORD_ID_SIZE - 1 &&
           strspn(id, "0123456789abcdef") == NG_RECORD_ID_SIZE - 1;
}

static bool any_text(const char *text)
{
    return text[strspn(text, " \t\r\n")] != '\0';
}

static const struct {
    const char *name;
    size_t offset, most;
    bool required;
    bool (*valid)(const char *text);
    const char *expected;
} texts[] = {
#define FIELD(name, most, required, valid, expected)                           \
    {                                                                          \
#name, offsetof(ng_waiver, name), most, required, valid, expected      \
    }
    FIELD(kernel, NG_WAIVER_GLOB_MAX, true, valid_glob, "a glob"),
    FIELD(property, NG_WAIVER_GLOB_MAX, true, valid_glob, "a glob"),
    FIELD(op, NG_WAIVER_GLOB_MAX, false, valid_glob, "a glob"),
    FIELD(pass, NG_WAIVER_GLOB_MAX, false, valid_glob, "a glob"),
    FIELD(dtype, NG_WAIVER_GLOB_MAX, false, valid_glob, "a glob"),
    FIELD(id, NG_RECORD_ID_SIZE, false, valid_id,
          "the id of a record, 16 hex digits"),
    FIELD(verdict, 16, false, wrong_verdict,
          "FAIL, CRASH, HANG, REFUSED or ERROR"),
    FIELD(reason, NG_WAIVER_REASON_MAX, true, any_text,
          "why it may fail, in words"),
    FIELD(expires, NG_DATE_SIZE, false, ng_date_valid,
          "a day, YYYY-MM-DD: the last on which it is waived"),
#undef FIELD
};
enum { TEXTS = sizeof texts / sizeof texts[0] };

static ng_status refuse(const place *p, const char *field, const char *reason,
                        ng_error *error)
{
    char shown[NG_JSON_SHOWN];
    return ng_fail(error, ng_status_bad_input,
                   "%.300s: waiver %zu, field \"%s\": %s", p->path, p->entry,
                   ng_json_shown(shown, field), reason);
}

static ng_status read_text(const place *p, size_t f, ng_waiver *waiver,
                           const json_t *value, ng_error *error)
{
    ng_error why;
    char shown[NG_JSON_SHOWN];
    const char *text = json_string_value(value);
    if (text == NULL) {
        ng_fail(&why, ng_status_bad_input, "no text; expected %s",
                texts[f].expected);
        return refuse(p, texts[f].name, why.text, error);
    }
    if (json_string_length(value) > texts[f].most) {
        ng_fail(&why, ng_status_bad_input, "longer than %zu bytes; expected %s",
                texts[f].most, texts[f].expected);
        return refuse(p, texts[f].name, why.text, error);
    }
    if (text[0] == '\0' || !texts[f].valid(text)) {
        ng_fail(&why, ng_status_bad_input, "\"%s\"; expected %s%s",
                ng_json_shown(shown, text), texts[f].expected,
                texts[f].valid == valid_glob && strpbrk(text, "[\\") != NULL
                    ? "; every [ has its ], or is written \\\\["
                    : "");
        return refuse(p, texts[f].name, why.text, error);
    }
    const char *kept = ng_json_keep(p->arena, value);
    if (kept == NULL)
        return ng_fail(error, ng_status_no_memory, "out of memory");
    *(const char **)((char *)waiver + texts[f].offset) = kept;
    return ng_status_ok;
}

static ng_status read_field(const place *p, ng_waiver *waiver, const char *name,
                            const json_t *value, ng_error *error)
{
    if (strcmp(name, "max_ratio") == 0) {
        waiver->max_ratio = json_number_value(value);
        if (!json_is_number(value) || !(waiver->max_ratio >= 1))
            return refuse(p, name, "expected a number, 1 or more", error);
        return ng_status_ok;
    }
    for (size_t f = 0; f < TEXTS; f++) {
        if (strcmp(name, texts[f].name) == 0)
            return read_text(p, f, waiver, value, error);
    }
    return refuse(p, name,
                  "not known; expected kernel, property, reason, and at will "
                  "op, pass, dtype, id, verdict, expires, max_ratio",
                  error);
}

static ng_status read_entry(const place *p, ng_waiver *waiver, json_t *entry,
                            ng_error *error)
{
    const char *name;
    json_t *value;
    *waiver = (ng_waiver){
        .op = "*",
        .pass = "*",
        .dtype = "*",
        .id = "",
        .verdict = "FAIL",
        .expires = "",
        .max_ratio = INFINITY,
    };
    if (!json_is_object(entry))
        return ng_fail(error, ng_status_bad_input,
                       "%.300s: waiver %zu is no JSON object; expected "
                       "{\"kernel\": ..., \"property\": ..., \"reason\": ...}",
                       p->path, p->entry);
    json_object_foreach(entry, name, value)
    {
        ng_status status = read_field(p, waiver, name, value, error);
        if (status != ng_status_ok)
            return status;
    }
    for (size_t f = 0; f < TEXTS; f++) {
        if (texts[f].required && json_object_get(entry, texts[f].name) == NULL)
            return refuse(p, texts[f].name,
                          "missing; every waiver names a kernel, a property "
                          "and a reason",
                          error);
    }
    return ng_status_ok;
}

static ng_status check_head(const place *p, json_t *file, ng_error *error)
{
    char shown[NG_JSON_SHOWN];
    const char *name;
    json_t *value, *list = json_object_get(file, "waivers");
    json_object_foreach(file, name, value)
    {
        if (strcmp(name, "schema") == 0 && json_is_string(value) &&
            strcmp(json_string_value(value), SCHEMA) == 0)
            continue;
        if (value != list)
            return ng_fail(error, ng_status_bad_input,
                           "%.300s: field \"%s\" is not known here, or not "
                           "its value; expected \"waivers\" and at will "
                           "\"schema\": \"" SCHEMA "\"",
                           p->path, ng_json_shown(shown, name));
    }
    if (!json_is_array(list))
        return ng_fail(error, ng_status_bad_input,
                       "%.300s: no list \"waivers\"; %s", p->path, limits.mend);
    if (json_array_size(list) > NG_WAIVERS_MAX)
        return ng_fail(error, ng_status_bad_input,
                       "%.300s: %zu waivers, more than %d; waive with globs",
                       p->path, json_array_size(list), NG_WAIVERS_MAX);
    return ng_status_ok;
}

ng_status ng_waivers_read(ng_waivers *waivers, ng_arena *arena,
                          const char *path, ng_error *error)
{
    place p = {.path = path, .arena = arena};
    json_t *file;
    *waivers = (ng_waivers){0};
    ng_status status = ng_json_load(&file, path, &limits, error);
    if (status == ng_status_nothing_checked)
        return ng_status_bad_input;
    if (status == ng_status_ok)
        status = check_head(&p, file, error);
    json_t *list = json_object_get(file, "waivers");
    size_t count = json_array_size(list);
    ng_waiver *waiver = ng_arena_alloc(arena, count, sizeof *waiver);
    if (status == ng_status_ok && waiver == NULL)
        status = ng_fail(error, ng_status_no_memory, "out of memory");
    for (size_t i = 0; status == ng_status_ok && i < count; i++) {
        p.entry = i + 1;
        status = read_entry(&p, &waiver[i], json_array_get(list, i), error);
    }
    json_decref(file);
    if (status == ng_status_ok)
        *waivers = (ng_waivers){waiver, count};
    return status;
}

static bool match(const char *glob, const char *text)
{
    return fnmatch(glob, text, 0) == 0;
}

bool ng_waiver_names(const ng_waiver *waiver, const ng_record *check)
{
    return match(waiver->property, check->property) &&
           match(waiver->kernel, check->kernel) &&
           match(waiver->op, check->op) && match(waiver->pass, check->pass) &&
           match(waiver->dtype, check->dtype);
}

bool ng_waiver_picks(const ng_waiver *waiver, const ng_record *check)
{
    return waiver->id[0] == '\0' || strcmp(waiver->id, check->id) == 0;
}

bool ng_waiver_covers(const ng_waiver *waiver, const ng_record *check)
{
    return strcmp(waiver->verdict, check->verdict) == 0 &&
           (isinf(waiver->max_ratio) || check->ratio <= waiver->max_ratio);
}

bool ng_waiver_expired(const ng_waiver *waiver, const char *today)
{
    return waiver->expires[0] != '\0' && strcmp(waiver->expires, today) < 0;
}
