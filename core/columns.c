/* Columns of numbers as text. */
#include <normgate/columns.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* Of a name at the text's beginning; 0: there is none that may be read. */
static size_t name_length(const char *text)
{
    size_t length = 0;
    while (is_name(text[length]))
        length++;
    return length < NG_COLUMN_NAME_MAX ? length : 0;
}

/* Six digits are more than a chart shows; counts are exact. */
static int print_value(char *text, size_t size, double value)
{
    if (isnan(value)) /* printf has two signs for it */
        return snprintf(text, size, "nan");
    bool whole = fabs(value) <= 0x1p53 && value == floor(value);
    return snprintf(text, size, "%.*g", whole ? 16 : 6, value);
}

bool ng_columns_add(char *text, size_t size, const char *name,
                    const double *values, size_t count)
{
    size_t begin = strlen(text), used = begin, length = name_length(name);
    if (length == 0 || name[length] != '\0')
        return false;
    used += (size_t)snprintf(text + used, size - used,
                             "%s%s=", begin > 0 ? "; " : "", name);
    for (size_t i = 0; i < count && used < size; i++) {
        if (i > 0)
            text[used++] = ' '; /* where the NUL was */
        if (used < size)
            used += (size_t)print_value(text + used, size - used, values[i]);
    }
    if (used < size)
        return true;
    text[begin] = '\0';
    return false;
}

/* strtod() reads much more than the decimal numbers that are written, and makes
 * an infinity of those that are too large. */
static const char *read_value(const char *at, double *value)
{
    size_t length = strcspn(at, " ;");
    char word[40], *end;
    if (length == 0 || length >= sizeof word)
        return NULL;
    memcpy(word, at, length);
    word[length] = '\0';
    bool named = strcmp(word, "nan") == 0 || strcmp(word, "inf") == 0 ||
                 strcmp(word, "-inf") == 0;
    if (!named && word[strspn(word, "0123456789+-.eE")] != '\0')
        return NULL;
    *value = strtod(word, &end);
    return *end == '\0' && (named || isfinite(*value)) ? at + length : NULL;
}

typedef struct reader {
    ng_arena *arena;
    ng_column *column;
    double *values;
    size_t columns, used;
} reader;

/* One column; NULL: the text is none. `at` moves past "; ". */
static const char *read_column(reader *r, const char *at)
{
    size_t length = name_length(at);
    if (length == 0 || at[length] != '=')
        return NULL;
    ng_column *column = &r->column[r->columns++];
    *column = (ng_column){
        ng_arena_text(r->arena, "%.*s", (int)length, at),
        r->values + r->used,
        0,
    };
    if (column->name == NULL)
        return NULL;
    at += length + 1;
    while (*at != '\0' && *at != ';') {
        at = read_value(at, &r->values[r->used]);
        if (at == NULL)
            return NULL;
        r->used++;
        column->count++;
        if (*at == ' ' && at[1] != ' ' && at[1] != ';' && at[1] != '\0')
            at++;
        else if (*at == ' ')
            return NULL;
    }
    if (*at == '\0')
        return at;
    return at[1] == ' ' && at[2] != '\0' ? at + 2 : NULL;
}

ng_status ng_columns_read(ng_columns *columns, ng_arena *arena,
                          const char *text, ng_error *error)
{
    size_t separators = 0, words = 1;
    for (const char *c = text; *c != '\0'; c++) {
        separators += *c == ';';
        words += *c == ' ';
    }
    reader r = {.arena = arena};
    *columns = (ng_columns){NULL, 0};
    if (text[0] == '\0')
        return ng_status_ok;
    r.column = ng_arena_alloc(arena, separators + 1, sizeof *r.column);
    r.values = ng_arena_alloc(arena, words, sizeof *r.values);
    if (r.column == NULL || r.values == NULL)
        return ng_fail(error, ng_status_no_memory, "out of memory");
    for (const char *at = text; *at != '\0';) {
        at = read_column(&r, at);
        if (at == NULL)
            return ng_fail(error, ng_status_bad_input,
                           "\"%.60s\" are no columns: expected NAME=NUMBERS, "
                           "apart by \"; \"",
                           text);
    }
    *columns = (ng_columns){r.column, r.columns};
    return ng_status_ok;
}

ng_column ng_columns_find(const ng_columns *columns, const char *name)
{
    for (size_t i = 0; i < columns->count; i++) {
        if (strcmp(columns->column[i].name, name) == 0)
            return columns->column[i];
    }
    return (ng_column){name, NULL, 0};
}

double ng_columns_first(const ng_columns *columns, const char *name)
{
    ng_column column = ng_columns_find(columns, name);
    return column.count > 0 ? column.values[0] : NAN;
}
