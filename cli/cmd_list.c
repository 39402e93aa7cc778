/* list: what there is. */
#include "command.h"

#include <normgate/contract.h>
#include <normgate/generator.h>
#include <normgate/op.h>
#include <normgate/property.h>
#include <normgate/subject.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

static void print_row(const char *name, const char *text)
{
    printf("%-22s %s\n", name, text);
}

static void builtin_row(const char *name, const char *claim,
                        const char *killed_by, void *user)
{
    char full[96];
    (void)user;
    snprintf(full, sizeof full, "builtin:%.80s", name);
    if (killed_by == NULL)
        print_row(full, claim);
    else
        printf("%-22s wrong on purpose: %s [%s]\n", full, claim, killed_by);
}

static void subjects(void)
{
    ng_builtin_match("*", builtin_row, NULL);
}

static void properties(void)
{
    for (size_t i = 0; ng_properties[i] != NULL; i++)
        print_row(ng_properties[i]->name, ng_properties[i]->claim);
}

static void generators(void)
{
    for (size_t i = 0; ng_generators[i] != NULL; i++) {
        const ng_generator *g = ng_generators[i];
        print_row(g->name, g->claim);
        if (!isnan(g->arg_low))
            printf("%-22s :number, %g to %g [%g]\n", "", g->arg_low,
                   g->arg_high, g->arg_default);
    }
    puts("\naffine=unit            gamma = 1, beta = 0\n"
         "affine=scale_only      |gamma| in [0.5, 2) with signs, beta = 0\n"
         "affine=random          the same, beta normal\n"
         "affine=spread          gamma over 17 binades with zeros and signs\n"
         "affine=poisoned        random, with NaN and Inf here and there");
}

static void ops(void)
{
    for (size_t i = 0; ng_ops[i] != NULL; i++)
        print_row(ng_ops[i]->name, ng_ops[i]->formula);
}

static void field_row(const char *field, const char *values,
                      const char *meaning, void *user)
{
    (void)user;
    printf("%-16s %s\n%-16s   %s\n", field, meaning, "", values);
}

static void preset_row(const char *preset, const char *fields,
                       const char *document, void *user)
{
    (void)user;
    printf("preset=%-9s %s\n%-16s   %s\n", preset,
           fields[0] != '\0' ? fields : "(the defaults)", "", document);
}

static void contracts(void)
{
    puts("A contract is text: op=NAME and fields, the first value being the "
         "default.\n");
    ng_contract_fields(field_row, NULL);
    puts("");
    ng_contract_presets(preset_row, NULL);
}

static const struct {
    const char *name;
    void (*print)(void);
} lists[] = {
    {"subjects", subjects},     {"properties", properties},
    {"generators", generators}, {"ops", ops},
    {"contracts", contracts},
};

static int list(int count, char **words)
{
    for (size_t i = 0; count == 2 && i < sizeof lists / sizeof lists[0]; i++) {
        if (strcmp(words[1], lists[i].name) == 0) {
            lists[i].print();
            return ng_exit_holds;
        }
    }
    fputs("normgate list: expected subjects, properties, generators, ops or "
          "contracts\n",
          stderr);
    return ng_exit_usage;
}

const ng_command ng_command_list = {
    .name = "list",
    .usage = "list subjects|properties|generators|ops|contracts",
    .help = "what there is",
    .run = list,
};
