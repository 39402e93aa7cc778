/* explain: a property in words. */
#include "command.h"
#include "print.h"

#include <normgate/property.h>
#include <stdio.h>

static int explain(int count, char **words)
{
    if (!ng_options_take(&count, words, NULL, 0))
        return ng_exit_usage;
    if (count != 2) {
        fputs("normgate explain: give one property; `normgate list properties` "
              "shows them\n",
              stderr);
        return ng_exit_usage;
    }
    const ng_property *property = ng_property_find(words[1]);
    if (property == NULL) {
        ng_print_line(stderr,
                      "normgate explain: no property '%.60s'; `normgate list "
                      "properties` shows them",
                      words[1]);
        return ng_exit_usage;
    }
    ng_print_line(stdout, "%s", property->name);
    puts("");
    ng_print_line(stdout, "claim:   %s", property->claim);
    ng_print_line(stdout, "why:     %s", property->why);
    ng_print_line(stdout, "source:  %s", property->source);
    ng_print_line(stdout, "in the wild: %s", property->wild);
    return ng_exit_holds;
}

const ng_command ng_command_explain = {
    .name = "explain",
    .usage = "explain PROPERTY",
    .help = "what a property claims, why it matters, what it caught",
    .run = explain,
};
