/* A small reader of tags: a stack of open names, and nothing forgiven. */
#include "markup.h"

#include <normgate/utf8.h>

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { DEPTH = 64 };

typedef struct tag {
    const char *name;
    size_t size;
} tag;

static bool legal(const char *text)
{
    for (const char *at = text; *at;) {
        const char *before = at;
        uint32_t c = ng_utf8_next(&at);
        if ((c < ' ' && c != '\n') || (c >= 0x7F && c < 0xA0) ||
            (c & 0xFFFE) == 0xFFFE ||
            (c == NG_UTF8_REPLACEMENT && at - before == 1))
            return false;
    }
    return true;
}

static bool is_reference(const char *at)
{
    static const char *const known[] = {"&amp;", "&lt;",   "&gt;",
                                        "&#39;", "&quot;", "&nbsp;"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strncmp(at, known[i], strlen(known[i])) == 0)
            return true;
    return false;
}

/* Past the attributes to `>` or `/>`; NULL on a fault. */
static const char *attributes(const char *at)
{
    while (*at == ' ') {
        at++;
        while (islower((unsigned char)*at) || *at == '-' ||
               isupper((unsigned char)*at))
            at++;
        if (at[0] != '=' || at[1] != '"')
            return NULL;
        for (at += 2; *at != '"'; at++)
            if (!*at || *at == '<' || (*at == '&' && !is_reference(at)))
                return NULL;
        at++;
    }
    return at;
}

static bool is_void(const tag *t)
{
    return (t->size == 4 && strncmp(t->name, "meta", 4) == 0) ||
           (t->size == 4 && strncmp(t->name, "link", 4) == 0) ||
           (t->size == 3 && strncmp(t->name, "wbr", 3) == 0);
}

static size_t name_size(const char *at)
{
    return strspn(at, "abcdefghijklmnopqrstuvwxyz123456");
}

const char *markup_fault(const char *text)
{
    tag open[DEPTH];
    size_t depth = 0;
    const char *at = text;
    if (!legal(text))
        return "an illegal character";
    if (strncmp(at, "<!DOCTYPE html>", 15) == 0 ||
        strncmp(at, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>", 38) == 0)
        at = strchr(at, '>') + 1;
    while (*at) {
        if (*at == '&' && !is_reference(at))
            return at;
        if (*at++ != '<')
            continue;
        bool closing = *at == '/';
        tag t = {at + closing, name_size(at + closing)};
        if (t.size == 0)
            return at;
        at = t.name + t.size;
        if (closing) {
            if (*at != '>' || depth == 0 || open[depth - 1].size != t.size ||
                strncmp(open[depth - 1].name, t.name, t.size) != 0)
                return t.name;
            depth--;
            continue;
        }
        at = attributes(at);
        if (!at || (*at != '>' && strncmp(at, "/>", 2) != 0))
            return t.name;
        if (*at == '>' && !is_void(&t)) {
            if (depth == DEPTH)
                return t.name;
            open[depth++] = t;
            /* A script is no markup up to its end. */
            if (t.size == 6 && strncmp(t.name, "script", 6) == 0 &&
                (at = strstr(at, "</script>")) == NULL)
                return t.name;
        }
    }
    return depth > 0 ? open[depth - 1].name : NULL;
}
