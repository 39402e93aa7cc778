/* UTF-8 as in Unicode 15, table 3-7: the shortest form only. */
#include <normgate/utf8.h>

#include <stdbool.h>

uint32_t ng_utf8_next(const char **text)
{
    const unsigned char *s = (const unsigned char *)*text;
    uint32_t character = s[0], least = 0;
    size_t more = 0;
    if (character == 0)
        return 0;
    if (character >= 0xF0 && character < 0xF8) {
        character &= 0x07, more = 3, least = 0x10000;
    } else if (character >= 0xE0 && character < 0xF0) {
        character &= 0x0F, more = 2, least = 0x800;
    } else if (character >= 0xC0 && character < 0xE0) {
        character &= 0x1F, more = 1, least = 0x80;
    } else if (character >= 0x80) {
        character = NG_UTF8_REPLACEMENT;
    }
    for (size_t i = 1; i <= more; i++) {
        if ((s[i] & 0xC0) != 0x80) {
            *text += 1;
            return NG_UTF8_REPLACEMENT;
        }
        character = character << 6 | (s[i] & 0x3Fu);
    }
    if (character < least || character > 0x10FFFF ||
        (character >= 0xD800 && character < 0xE000)) {
        *text += 1;
        return NG_UTF8_REPLACEMENT;
    }
    *text += 1 + more;
    return character;
}

size_t ng_utf8_put(char bytes[NG_UTF8_MAX], uint32_t character)
{
    if (character < 0x80) {
        bytes[0] = (char)character;
        return 1;
    }
    size_t more = character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    for (size_t i = more; i > 0; i--, character >>= 6)
        bytes[i] = (char)(0x80 | (character & 0x3F));
    bytes[0] = (char)((0xFF00u >> (more + 1) & 0xFF) | character);
    return more + 1;
}

static bool reorders(uint32_t c)
{
    return c == 0x061C || c == 0x200E || c == 0x200F ||
           (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

uint32_t ng_utf8_harmless(uint32_t c)
{
    if (c == '\t' || c == '\n' || c == '\r' || c == 0x2028 || c == 0x2029)
        return ' ';
    if (c < 0x20)
        return 0x2400 + c;
    if (c == 0x7F)
        return 0x2421;
    if ((c >= 0x80 && c < 0xA0) || (c & 0xFFFE) == 0xFFFE || reorders(c))
        return NG_UTF8_REPLACEMENT;
    return c;
}
