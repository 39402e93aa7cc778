/* Properties: the table. */
#include <normgate/property.h>

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
