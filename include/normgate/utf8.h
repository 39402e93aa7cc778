/* UTF-8: text of unknown origin, read one character at a time. */
#ifndef NORMGATE_UTF8_H
#define NORMGATE_UTF8_H

#include <stddef.h>
#include <stdint.h>

enum { NG_UTF8_REPLACEMENT = 0xFFFD, NG_UTF8_MAX = 4 };

/* The character at *text, and moves *text past it; 0 at the end, where *text
 * stays. A byte that begins no valid character (overlong forms, surrogates and
 * values above U+10FFFF are invalid) gives U+FFFD and is passed alone. */
uint32_t ng_utf8_next(const char **text);

/* Writes a valid character and returns its number of bytes. */
size_t ng_utf8_put(char bytes[NG_UTF8_MAX], uint32_t character);

/* The character to show in its place, on a terminal or a page: a blank for
 * white space, the picture (U+2400...) of a control character, U+FFFD for one
 * that XML 1.0 forbids or that reorders a line of text, else itself. */
uint32_t ng_utf8_harmless(uint32_t character);

#endif
