/* JSON files that people write. */
#include "json_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *ng_json_shown(char shown[NG_JSON_SHOWN], const char *text)
{
    size_t i = 0;
    for (; text[i] != '\0' && i < NG_JSON_SHOWN - 4; i++)
        shown[i] = text[i] >= ' ' && text[i] < 127 ? text[i] : '?';
    snprintf(shown + i, NG_JSON_SHOWN - i, "%s", text[i] != '\0' ? "..." : "");
    return shown;
}

const char *ng_json_keep(ng_arena *arena, const json_t *text)
{
    return ng_arena_text(arena, "%s", json_string_value(text));
}

/* One byte more than the limit tells that there is more. Its length is not
 * asked before: a pipe has none. */
static char *read_all(FILE *file, size_t limit, size_t *size)
{
    char *text = NULL;
    for (size_t room = 1 << 16;; room *= 2) {
        room = room < limit + 1 ? room : limit + 1;
        char *grown = realloc(text, room);
        if (grown == NULL) {
            free(text);
            return NULL;
        }
        text = grown;
        *size += fread(text + *size, 1, room - *size, file);
        if (*size < room || room > limit)
            return text;
    }
}

static ng_status slurp(char **text, size_t *size, const char *path,
                       const ng_json_limits *limits, ng_error *error)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return ng_fail(error,
                       errno == ENOENT ? ng_status_nothing_checked
                                       : ng_status_bad_input,
                       "%.300s: cannot be opened: %s; name a readable file",
                       path, strerror(errno));
    *text = read_all(file, limits->bytes, size);
    int reason = ferror(file) ? errno : 0;
    fclose(file);
    if (*text == NULL)
        return ng_fail(error, ng_status_no_memory, "%.300s: out of memory",
                       path);
    if (reason != 0)
        return ng_fail(error, ng_status_bad_input,
                       "%.300s: cannot be read: %s; name a readable file", path,
                       strerror(reason));
    if (*size > limits->bytes)
        return ng_fail(error, ng_status_bad_input,
                       "%.300s: longer than %zu bytes; split it, or say with "
                       "fewer entries what they share",
                       path, limits->bytes);
    return ng_status_ok;
}

ng_status ng_json_load(json_t **object, const char *path,
                       const ng_json_limits *limits, ng_error *error)
{
    json_error_t json;
    char shown[NG_JSON_SHOWN];
    size_t size = 0;
    char *text = NULL;
    *object = NULL;
    ng_status status = slurp(&text, &size, path, limits, error);
    if (status == ng_status_ok)
        *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, &json);
    free(text);
    if (status != ng_status_ok)
        return status;
    if (*object == NULL)
        return ng_fail(error, ng_status_bad_input,
                       "%.300s:%d:%d: no JSON: %s; %s", path, json.line,
                       json.column, ng_json_shown(shown, json.text),
                       limits->mend);
    if (!json_is_object(*object)) {
        json_decref(*object);
        *object = NULL;
        return ng_fail(error, ng_status_bad_input, "%.300s: no JSON object; %s",
                       path, limits->mend);
    }
    return ng_status_ok;
}
