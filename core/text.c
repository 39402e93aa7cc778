/* Fields and numbers of the text forms. All input is hostile: every length is
 * bounded and a number must fill its field. */
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool ng_field_next(const char **text, ng_field *field, bool *bad)
{
    const char *start = *text + strspn(*text, " \t\r\n");
    size_t length = strcspn(start, " \t\r\n");
    *text = start + length;
    *bad = false;
    if (length == 0)
        return false;
    const char *equals = memchr(start, '=', length);
    size_t key = equals == NULL ? length : (size_t)(equals - start);
    size_t value = equals == NULL ? 0 : length - key - 1;
    if (key == 0 || value == 0 || key >= sizeof field->key ||
        value >= sizeof field->value) {
        size_t shown =
            length < sizeof field->key - 1 ? length : sizeof field->key - 1;
        memcpy(field->key, start, shown);
        field->key[shown] = '\0';
        *bad = true;
        return false;
    }
    memcpy(field->key, start, key);
    field->key[key] = '\0';
    memcpy(field->value, equals + 1, value);
    field->value[value] = '\0';
    return true;
}

bool ng_text_real(const char *text, double *value)
{
    if (text[0] == '\0' || isspace((unsigned char)text[0]))
        return false;
    char *end;
    *value = strtod(text, &end);
    return *end == '\0' && isfinite(*value);
}

bool ng_text_count(const char *text, uint64_t *value)
{
    if (!isdigit((unsigned char)text[0]))
        return false;
    char *end;
    errno = 0;
    unsigned long long count = strtoull(text, &end, 10);
    *value = count;
    return errno == 0 && *end == '\0';
}

void ng_text_append(char *text, size_t size, const char *format, ...)
{
    size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, size - used, format, arguments);
    va_end(arguments);
}

void ng_text_from_real(char *text, size_t size, double value)
{
    snprintf(text, size, "%g", value);
    if (strtod(text, NULL) != value ||
        signbit(strtod(text, NULL)) != signbit(value))
        snprintf(text, size, "%a", value);
}
