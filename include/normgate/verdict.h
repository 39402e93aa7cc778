/* Verdict: what one check found about a subject. */
#ifndef NORMGATE_VERDICT_H
#define NORMGATE_VERDICT_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ng_verdict {
#define NG_VERDICT(name, wrong, text) NG_##name,
#include <normgate/verdict.def>
#undef NG_VERDICT
    NG_VERDICT_COUNT
} ng_verdict;

const char *ng_verdict_name(ng_verdict verdict); /* "PASS" ... */
const char *ng_verdict_text(ng_verdict verdict);
bool ng_verdict_wrong(ng_verdict verdict);
bool ng_verdict_parse(const char *name, ng_verdict *verdict);

#ifdef __cplusplus
}
#endif
#endif
