/* Verdict names, words and weights, all from verdict.def. */
#include <normgate/verdict.h>

#include <stddef.h>
#include <string.h>

static const struct {
    const char *name, *text;
    bool wrong;
} rows[] = {
#define NG_VERDICT(name, wrong, text) {#name, text, wrong},
#include <normgate/verdict.def>
#undef NG_VERDICT
};

const char *ng_verdict_name(ng_verdict verdict)
{
    return verdict < NG_VERDICT_COUNT ? rows[verdict].name : "?";
}

const char *ng_verdict_text(ng_verdict verdict)
{
    return verdict < NG_VERDICT_COUNT ? rows[verdict].text : "?";
}

bool ng_verdict_wrong(ng_verdict verdict)
{
    return verdict >= NG_VERDICT_COUNT || rows[verdict].wrong;
}

bool ng_verdict_parse(const char *name, ng_verdict *verdict)
{
    for (size_t i = 0; i < NG_VERDICT_COUNT; i++) {
        if (strcmp(name, rows[i].name) == 0) {
            *verdict = (ng_verdict)i;
            return true;
        }
    }
    return false;
}
