/* Scanning of `key=value` fields, for the text forms of case and contract. */
#ifndef NORMGATE_TEXT_H
#define NORMGATE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NG_VALUE_MAX = 2 * 4096 + 1 };

typedef struct ng_field {
    char key[40];
    char value[NG_VALUE_MAX];
} ng_field;

/* The next field from *text, past any blanks. False at the end, and on a field
 * that has no `=`, an empty side or an overlong one; then *bad is true and
 * field->key holds the start of the offending text. */
bool ng_field_next(const char **text, ng_field *field, bool *bad);

/* Whole-string numbers: decimal or hexadecimal, finite; digits only. */
bool ng_text_real(const char *text, double *value);
bool ng_text_count(const char *text, uint64_t *value);

/* Appends printf-style to a text of `size` bytes, never past it. */
void ng_text_append(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A real as people write it: %g where that reads back equal, else %a. */
void ng_text_from_real(char *text, size_t size, double value);

#endif
