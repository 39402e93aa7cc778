/* explain: a property in words. */
#include "command.h"

#include <normgate/property.h>
#include <stdio.h>

static int explain(int count, char **words)
{
    if (count != 2) {
        fputs("normgate explain: give one property; `normgate list properties` "
              "shows them\n",
              stderr);
        return ng_exit_usage;
    }
    const ng_property *property = ng_property_find(words[1]);
    if (property == NULL) {
        fprintf(stderr,
                "normgate explain: no property '%.60s'; `normgate list "
                "properties` shows them\n",
                words[1]);
        return ng_exit_usage;
    }
    printf("%s\n\nclaim:   %s\nwhy:     %s\nsource:  %s\nin the wild: %s\n",
           property->name, property->claim, property->why, property->source,
           property->wild);
    return ng_exit_holds;
}

const ng_command ng_command_explain = {
    .name = "explain",
    .usage = "explain PROPERTY",
    .help = "what a property claims, why it matters, what it caught",
    .run = explain,
};
