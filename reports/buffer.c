/* Growing text; hostile characters are made harmless where they enter. */
#include "buffer.h"

#include <normgate/utf8.h>

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ng_buffer_free(ng_buffer *buffer)
{
    free(buffer->data);
    *buffer = (ng_buffer){0};
}

/* Room for `more` bytes and a NUL. */
static bool reserve(ng_buffer *buffer, size_t more)
{
    if (buffer->failed)
        return false;
    if (more < buffer->capacity - buffer->size)
        return true;
    size_t capacity = 2 * (buffer->size + more) + 4096;
    char *data = realloc(buffer->data, capacity);
    buffer->failed = data == NULL;
    if (buffer->failed)
        return false;
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

static void add_bytes(ng_buffer *buffer, const char *bytes, size_t size)
{
    if (!reserve(buffer, size))
        return;
    memcpy(buffer->data + buffer->size, bytes, size);
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
}

void ng_buffer_add(ng_buffer *buffer, const char *text)
{
    add_bytes(buffer, text, strlen(text));
}

void ng_buffer_cut(ng_buffer *buffer, size_t size)
{
    if (buffer->failed || size >= buffer->size)
        return;
    buffer->size = size;
    buffer->data[size] = '\0';
}

void ng_buffer_format(ng_buffer *buffer, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size >= 0 && reserve(buffer, (size_t)size))
        buffer->size += (size_t)vsnprintf(buffer->data + buffer->size,
                                          (size_t)size + 1, format, again);
    va_end(again);
}

static void add_printable(ng_buffer *buffer, uint32_t c)
{
    char bytes[NG_UTF8_MAX];
    add_bytes(buffer, bytes, ng_utf8_put(bytes, c));
}

static void add_markup(ng_buffer *buffer, uint32_t c)
{
    switch (c) {
    case '&': ng_buffer_add(buffer, "&amp;"); break;
    case '<': ng_buffer_add(buffer, "&lt;"); break;
    case '>': ng_buffer_add(buffer, "&gt;"); break;
    case '"': ng_buffer_add(buffer, "&quot;"); break;
    case '\'': ng_buffer_add(buffer, "&#39;"); break;
    default: add_printable(buffer, c);
    }
}

typedef enum form { form_plain, form_markup, form_name, form_text } form;

/* The limit is one of characters; of form_text, of bytes as they are written,
 * since a quote takes six. */
static void add_text(ng_buffer *buffer, const char *text, form kind,
                     size_t limit)
{
    uint32_t c;
    size_t begin = buffer->size, used = 0;
    while (used < limit && (c = ng_utf8_next(&text)) != 0) {
        if (kind == form_plain)
            add_printable(buffer, ng_utf8_harmless(c));
        else
            add_markup(buffer, ng_utf8_harmless(c));
        if (kind == form_name && *text &&
            (c == '_' || c == ':' || c == '/' || c == '='))
            ng_buffer_add(buffer, "<wbr>");
        used = kind == form_text ? buffer->size - begin : used + 1;
    }
    if (*text)
        ng_buffer_add(buffer, "… (cut)");
}

void ng_buffer_plain(ng_buffer *buffer, const char *text, size_t limit)
{
    add_text(buffer, text, form_plain, limit);
}

void ng_buffer_markup(ng_buffer *buffer, const char *text)
{
    add_text(buffer, text, form_text, NG_TEXT_MAX);
}

void ng_buffer_excerpt(ng_buffer *buffer, const char *text, size_t limit)
{
    add_text(buffer, text, form_markup, limit);
}

void ng_buffer_name(ng_buffer *buffer, const char *text)
{
    add_text(buffer, text, form_name, NG_NAME_SHOWN_MAX);
}

static bool is_letter(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           (c >= 'a' && c <= 'z');
}

/* What a site makes a link, a reference or a picture of when a word follows:
 * they read the text after Markdown, when a character reference has become the
 * character. */
static bool begins_reference(uint32_t c)
{
    return c < 0x80 && strchr("@#!~%$&^:*", (int)c) != NULL;
}

/* Mean nothing inside a line; at its start they could begin a list. */
static bool is_tame(uint32_t c)
{
    return c < 0x80 && strchr(",.-/=;'", (int)c) != NULL;
}

void ng_buffer_markdown(ng_buffer *buffer, const char *text, size_t limit)
{
    static const char apart[] = "&#8203;"; /* the zero-width space */
    bool inside = false;                   /* "1." would begin a list */
    uint32_t c, last = ' ';
    for (; limit > 0 && (c = ng_utf8_next(&text)) != 0; limit--) {
        c = ng_utf8_harmless(c);
        if (c == ' ' && last == ' ')
            continue; /* two before the end of a line would break it */
        if ((begins_reference(last) && c != ' ') ||
            (c == '.' && (last == 'w' || last == 'W')))
            ng_buffer_add(buffer, apart);
        if (c >= 0x80 || c == ' ' || is_letter(c) || (inside && is_tame(c)))
            add_printable(buffer, c);
        else
            ng_buffer_format(buffer, "&#%u;", (unsigned)c);
        inside |= c > '9';
        last = c;
    }
    if (*text)
        ng_buffer_add(buffer, "… (cut)");
}

static size_t longest_run(const char *text, char c)
{
    size_t longest = 0;
    for (size_t run = 0; *text; text++) {
        run = *text == c ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

void ng_buffer_fenced(ng_buffer *buffer, const char *language, const char *text)
{
    size_t fence = longest_run(text, '`') + 1;
    if (fence < 3)
        fence = 3;
    if (fence > NG_TEXT_MAX + 1)
        fence = NG_TEXT_MAX + 1; /* no more of the text is shown */
    for (size_t i = 0; i < fence; i++)
        add_bytes(buffer, "`", 1);
    ng_buffer_format(buffer, "%s\n", language);
    ng_buffer_plain(buffer, text, NG_TEXT_MAX);
    ng_buffer_add(buffer, "\n");
    for (size_t i = 0; i < fence; i++)
        add_bytes(buffer, "`", 1);
    ng_buffer_add(buffer, "\n");
}

void ng_buffer_count(ng_buffer *buffer, uint64_t count)
{
    char digits[24];
    int size =
        snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            add_bytes(buffer, ",", 1);
        add_bytes(buffer, digits + i, 1);
    }
}

void ng_buffer_of(ng_buffer *buffer, uint64_t part, uint64_t whole)
{
    ng_buffer_count(buffer, part);
    ng_buffer_add(buffer, " of ");
    ng_buffer_count(buffer, whole);
}

/* Two digits where small, three above, and near 1 as many as tell the side. */
static int short_digits(double size)
{
    if (size > 0.995 && size < 1.005)
        return 6;
    return size < 0.95 ? 2 : 3;
}

void ng_buffer_short(ng_buffer *buffer, double value)
{
    char text[32];
    double size = fabs(value);
    if (size >= 999.5 && size < 99999.5)
        snprintf(text, sizeof text, "%.0f", value);
    else
        snprintf(text, sizeof text, "%.*g", short_digits(size), value);
    char *exponent = isfinite(value) ? strchr(text, 'e') : NULL;
    if (exponent) {
        int power = atoi(exponent + 1);
        snprintf(exponent, 8, "e%d", power);
    }
    ng_buffer_add(buffer, text);
}

ng_status ng_buffer_status(const ng_buffer *buffer, ng_error *error)
{
    if (buffer->failed)
        return ng_fail(error, ng_status_no_memory,
                       "the report could not be made: out of memory");
    return ng_status_ok;
}

ng_status ng_buffer_print(const ng_buffer *buffer, FILE *file, ng_error *error)
{
    ng_status status = ng_buffer_status(buffer, error);
    if (status == ng_status_ok &&
        (fwrite(buffer->data, 1, buffer->size, file) != buffer->size ||
         fflush(file) != 0))
        status =
            ng_fail(error, ng_status_bad_input,
                    "the report could not be printed: %s", strerror(errno));
    return status;
}
