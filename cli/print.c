/* Text to terminals. */
#include "print.h"

#include <normgate/utf8.h>

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put_harmless(FILE *file, const char *text)
{
    char bytes[NG_UTF8_MAX];
    for (uint32_t c; (c = ng_utf8_next(&text)) != 0;)
        fwrite(bytes, 1, ng_utf8_put(bytes, ng_utf8_harmless(c)), file);
}

static void print(FILE *file, const char *format, va_list arguments)
{
    char text[1024], *longer = NULL;
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(text, sizeof text, format, arguments);
    if (length >= (int)sizeof text)
        longer = malloc((size_t)length + 1);
    if (longer != NULL) /* else as much of it as there is room for */
        vsnprintf(longer, (size_t)length + 1, format, again);
    va_end(again);
    if (length >= 0)
        put_harmless(file, longer != NULL ? longer : text);
    free(longer);
}

void ng_print(FILE *file, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print(file, format, arguments);
    va_end(arguments);
}

void ng_print_line(FILE *file, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print(file, format, arguments);
    va_end(arguments);
    putc('\n', file);
}

bool ng_print_moves(FILE *file)
{
    const char *terminal = getenv("TERM");
    return isatty(fileno(file)) && terminal != NULL && terminal[0] != '\0' &&
           strcmp(terminal, "dumb") != 0;
}

bool ng_print_colours(FILE *file)
{
    const char *refused = getenv("NO_COLOR");
    return ng_print_moves(file) && (refused == NULL || refused[0] == '\0');
}
