/* The file of a baseline: JSON, one entry a line, so that a diff of two shows
 * what moved and nothing else. */
#include "json_file.h"

#include <normgate/baseline.h>

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const ng_json_limits limits = {
    NG_BASELINE_BYTES_MAX,
    "repair it, or make it anew with --update-baseline",
};

static const struct {
    const char *name;
    size_t offset;
} texts[] = {
#define FIELD(name)                                                            \
    {                                                                          \
#name, offsetof(ng_baseline_entry, name)                               \
    }
    FIELD(kernel), FIELD(op), FIELD(pass), FIELD(dtype), FIELD(property),
};

static const struct {
    const char *name;
    size_t offset;
} reals[] = {
    FIELD(measured.error_ulp),
    FIELD(measured.p99_ulp),
    FIELD(measured.ratio),
#undef FIELD
};
enum {
    TEXTS = sizeof texts / sizeof texts[0],
    REALS = sizeof reals / sizeof reals[0],
};

static const char *real_name(size_t i)
{
    return strchr(reals[i].name, '.') + 1;
}

/* Which entry of which file is read; 0: its head. */
typedef struct place {
    const char *path;
    size_t entry;
    ng_arena *arena;
} place;

static ng_status refuse(const place *p, const char *field, const char *expected,
                        ng_error *error)
{
    char shown[NG_JSON_SHOWN], where[40] = "";
    if (p->entry > 0)
        snprintf(where, sizeof where, "entry %zu, ", p->entry);
    return ng_fail(error, ng_status_bad_input,
                   "%.300s: %sfield \"%s\": expected %s; %s", p->path, where,
                   ng_json_shown(shown, field), expected, limits.mend);
}

static bool read_real(double *real, const json_t *value)
{
    const char *text = json_string_value(value);
    *real = text != NULL && strcmp(text, "inf") == 0 ? INFINITY
            : json_is_number(value)                  ? json_number_value(value)
                                                     : NAN;
    *real += 0; /* -0 is 0, which a written file says */
    return *real >= 0;
}

static bool read_count(uint64_t *count, const json_t *value)
{
    const char *text = json_string_value(value);
    char *end;
    if (text == NULL) {
        *count = (uint64_t)json_integer_value(value);
        return json_is_integer(value) && json_integer_value(value) >= 0;
    }
    errno = 0;
    *count = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

static const char *keep(const place *p, const json_t *value)
{
    return json_is_string(value) &&
                   json_string_length(value) <= NG_BASELINE_TEXT_MAX
               ? ng_json_keep(p->arena, value)
               : NULL;
}

static ng_status read_text(const place *p, ng_baseline_entry *entry, size_t i,
                           const json_t *object, ng_error *error)
{
    const json_t *value = json_object_get(object, texts[i].name);
    const char *text = keep(p, value);
    *(const char **)((char *)entry + texts[i].offset) = text;
    return text != NULL
               ? ng_status_ok
               : refuse(p, texts[i].name, "a text of up to 256 bytes", error);
}

static bool is_field(const char *name)
{
    bool known = strcmp(name, "cases") == 0;
    for (size_t i = 0; i < TEXTS; i++)
        known = known || strcmp(name, texts[i].name) == 0;
    for (size_t i = 0; i < REALS; i++)
        known = known || strcmp(name, real_name(i)) == 0;
    return known;
}

static ng_status read_entry(const place *p, ng_baseline_entry *entry,
                            json_t *object, ng_error *error)
{
    const char *name;
    json_t *value;
    ng_status status = ng_status_ok;
    if (!json_is_object(object))
        return refuse(p, "entries", "an object", error);
    json_object_foreach(object, name, value)
    {
        if (!is_field(name))
            return refuse(p, name, "no such field", error);
    }
    for (size_t i = 0; status == ng_status_ok && i < TEXTS; i++)
        status = read_text(p, entry, i, object, error);
    for (size_t i = 0; status == ng_status_ok && i < REALS; i++) {
        double *real = (double *)((char *)entry + reals[i].offset);
        value = json_object_get(object, real_name(i));
        if (value == NULL && strcmp(real_name(i), "p99_ulp") == 0)
            *real = NAN;
        else if (!read_real(real, value))
            status = refuse(p, real_name(i), "a number, 0 or more, or \"inf\"",
                            error);
    }
    value = json_object_get(object, "cases");
    if (status == ng_status_ok && !read_count(&entry->measured.cases, value))
        status = refuse(p, "cases", "a whole number", error);
    return status;
}

static int compare(const void *left, const void *right)
{
    return ng_baseline_order(left, right);
}

static ng_status read_entries(place *p, ng_baseline *baseline,
                              const json_t *list, ng_error *error)
{
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count > NG_BASELINE_MAX)
        return refuse(p, "entries", "a list of up to 200,000", error);
    ng_baseline_entry *entry = ng_arena_alloc(p->arena, count, sizeof *entry);
    if (entry == NULL)
        return ng_fail(error, ng_status_no_memory, "out of memory");
    for (size_t i = 0; i < count; i++) {
        p->entry = i + 1;
        ng_status status =
            read_entry(p, &entry[i], json_array_get(list, i), error);
        if (status != ng_status_ok)
            return status;
    }
    qsort(entry, count, sizeof *entry, compare);
    for (size_t i = 1; i < count; i++) {
        char shown[NG_JSON_SHOWN];
        if (ng_baseline_order(&entry[i - 1], &entry[i]) == 0)
            return ng_fail(error, ng_status_bad_input,
                           "%.300s: kernel %s has two entries of one "
                           "property; %s",
                           p->path, ng_json_shown(shown, entry[i].kernel),
                           limits.mend);
    }
    baseline->entry = entry;
    baseline->count = count;
    return ng_status_ok;
}

static ng_status read_head(const place *p, ng_baseline *baseline, json_t *file,
                           ng_error *error)
{
    static const char *const known[] = {"schema", "version", "profile",
                                        "seed",   "factor",  "entries"};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    const char *name,
        *schema = json_string_value(json_object_get(file, known[0]));
    json_t *value;
    if (schema == NULL || strcmp(schema, NG_BASELINE_SCHEMA) != 0)
        return refuse(p, "schema", "\"" NG_BASELINE_SCHEMA "\"", error);
    json_object_foreach(file, name, value)
    {
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            found = found || strcmp(name, known[i]) == 0;
        if (!found)
            return refuse(p, name, "no such field", error);
    }
    baseline->version = keep(p, json_object_get(file, "version"));
    baseline->profile = keep(p, json_object_get(file, "profile"));
    if (baseline->version == NULL)
        return refuse(p, "version", "a text of up to 256 bytes", error);
    if (baseline->profile == NULL || baseline->profile[0] == '\0' ||
        baseline->profile[strspn(baseline->profile, letters)] != '\0')
        return refuse(p, "profile", "smoke, gate or deep", error);
    if (!read_count(&baseline->seed, json_object_get(file, "seed")))
        return refuse(p, "seed", "a whole number", error);
    if (!read_real(&baseline->factor, json_object_get(file, "factor")) ||
        !(baseline->factor >= 1 && baseline->factor <= 1000))
        return refuse(p, "factor", "a number from 1 to 1000", error);
    return ng_status_ok;
}

ng_status ng_baseline_read(ng_baseline *baseline, ng_arena *arena,
                           const char *path, ng_error *error)
{
    place p = {.path = path, .arena = arena};
    json_t *file;
    *baseline = (ng_baseline){0};
    ng_status status = ng_json_load(&file, path, &limits, error);
    if (status == ng_status_ok)
        status = read_head(&p, baseline, file, error);
    if (status == ng_status_ok)
        status =
            read_entries(&p, baseline, json_object_get(file, "entries"), error);
    json_decref(file);
    return status;
}

static void write_text(FILE *file, const char *name, const char *text)
{
    json_t *value = json_string(text);
    char *quoted = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    fprintf(file, "\"%s\": %s", name, quoted != NULL ? quoted : "\"?\"");
    free(quoted);
    json_decref(value);
}

/* Text from 2^63 on, as in records. */
static void write_count(FILE *file, const char *name, uint64_t count)
{
    const char *quote = count > INT64_MAX ? "\"" : "";
    fprintf(file, "\"%s\": %s%" PRIu64 "%s", name, quote, count, quote);
}

static void write_entry(const ng_baseline_entry *entry, FILE *file)
{
    fputc('{', file);
    for (size_t i = 0; i < TEXTS; i++) {
        write_text(
            file, texts[i].name,
            *(const char *const *)((const char *)entry + texts[i].offset));
        fputs(", ", file);
    }
    for (size_t i = 0; i < REALS; i++) {
        double real = *(const double *)((const char *)entry + reals[i].offset);
        if (isinf(real))
            fprintf(file, "\"%s\": \"inf\", ", real_name(i));
        else if (!isnan(real))
            fprintf(file, "\"%s\": %.6g, ", real_name(i), real);
    }
    write_count(file, "cases", entry->measured.cases);
    fputc('}', file);
}

ng_status ng_baseline_write(const ng_baseline *baseline, FILE *file,
                            ng_error *error)
{
    fputs("{\"schema\": \"" NG_BASELINE_SCHEMA "\",\n ", file);
    write_text(file, "version", baseline->version);
    fputs(",\n ", file);
    write_text(file, "profile", baseline->profile);
    fputs(",\n ", file);
    write_count(file, "seed", baseline->seed);
    fprintf(file, ",\n \"factor\": %.6g,\n", baseline->factor);
    fputs(" \"entries\": [", file);
    for (size_t i = 0; i < baseline->count; i++) {
        fputs(i > 0 ? ",\n" : "\n", file);
        write_entry(&baseline->entry[i], file);
    }
    fputs("\n]}\n", file);
    if (!ferror(file))
        return ng_status_ok;
    return ng_fail(error, ng_status_no_memory, "no memory for the baseline");
}
