/* Properties: the table. */
#include "trial.h"

#include <string.h>

#define NG_PROPERTY(name) extern const ng_property ng_property_##name;
#include "properties.def"
#undef NG_PROPERTY

const ng_property *const ng_properties[] = {
#define NG_PROPERTY(name) &ng_property_##name,
#include "properties.def"
#undef NG_PROPERTY
    NULL,
};

const ng_property *ng_property_find(const char *name)
{
    for (size_t i = 0; ng_properties[i] != NULL; i++) {
        if (strcmp(ng_properties[i]->name, name) == 0)
            return ng_properties[i];
    }
    return NULL;
}

/* The contract of the call has causes of its own. */
void ng_property_check(const ng_property *property, ng_trial *trial,
                       const ng_case *test, ng_finding *finding)
{
    property->check(trial, test, finding);
    if (finding->verdict == NG_FAIL &&
        strcmp(property->name, "call_contract") != 0)
        ng_diagnose_case(trial, test, finding);
}
