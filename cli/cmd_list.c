/* list: what there is. */
#include "command.h"
#include "print.h"

#include <normgate/contract.h>
#include <normgate/families.h>
#include <normgate/op.h>
#include <normgate/property.h>
#include <normgate/subject.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

static void print_row(const char *name, const char *text)
{
    ng_print_line(stdout, "%-22s %s", name, text);
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
        ng_print_line(stdout, "%-22s wrong on purpose: %s [%s]", full, claim,
                      killed_by);
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
    char name[64];
    for (size_t i = 0; ng_generators[i] != NULL; i++) {
        const ng_generator *g = ng_generators[i];
        print_row(g->name, g->claim);
        if (!isnan(g->arg_low))
            ng_print_line(stdout, "%-22s :number, %g to %g [%g]", "",
                          g->arg_low, g->arg_high, g->arg_default);
    }
    puts("");
    for (const ng_affine_family *f = ng_affine_families; f->name != NULL; f++) {
        snprintf(name, sizeof name, "affine=%.40s", f->name);
        print_row(name, f->claim);
    }
    puts("");
    for (const ng_dy_family *f = ng_dy_families; f->name != NULL; f++) {
        snprintf(name, sizeof name, "dy=%.40s", f->name);
        print_row(name, f->claim);
    }
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
    ng_print_line(stdout, "%-16s %s", field, meaning);
    ng_print_line(stdout, "%-16s   %s", "", values);
}

enum { WIDTH = 100, OP_COLUMN = 16, MEANING_COLUMN = 40 };

/* Prints words from `column`, to which earlier text has already come, and
 * folds them there. */
static void print_folded(size_t column, const char *words)
{
    size_t at = column;
    while (*words != '\0') {
        size_t length = strcspn(words, " ");
        if (at > column && at + 1 + length > WIDTH) {
            puts("");
            ng_print(stdout, "%*s", (int)column, "");
            at = column;
        } else if (at > column) {
            ng_print(stdout, " ");
            at++;
        }
        ng_print(stdout, "%.*s", (int)length, words);
        at += length;
        words += length;
        words += strspn(words, " ");
    }
    puts("");
}

/* One field=value of a contract, to be printed with its meaning. */
typedef struct field_value {
    const char *text;
    size_t key; /* characters of text before the = */
} field_value;

static void value_row(const char *field, const char *values,
                      const char *meaning, void *user)
{
    const field_value *wanted = user;
    (void)values;
    if (strlen(field) != wanted->key ||
        strncmp(field, wanted->text, wanted->key) != 0)
        return;
    ng_print(stdout, "%*s%-*s", OP_COLUMN, "", MEANING_COLUMN - OP_COLUMN,
             wanted->text);
    print_folded(MEANING_COLUMN, meaning);
}

/* The fields in which the preset's contract differs from the op's defaults, or
 * those that its document says about them. */
static void print_values(const ng_preset *preset)
{
    char text[NG_CONTRACT_TEXT_MAX];
    ng_contract contract;
    size_t printed = 0;
    snprintf(text, sizeof text, "op=%s preset=%s", preset->op, preset->name);
    if (ng_contract_parse(&contract, text, NULL) != ng_status_ok)
        return;
    ng_contract_print(&contract, text, sizeof text);
    for (char *word = strtok(text, " "); word != NULL;
         word = strtok(NULL, " ")) {
        field_value value = {word, strcspn(word, "=")};
        if (strncmp(word, "op=", 3) == 0 || strncmp(word, "dtype=", 6) == 0)
            continue;
        ng_contract_fields(value_row, &value);
        printed++;
    }
    if (printed == 0) {
        snprintf(text, sizeof text, "the defaults: %s", preset->fields);
        ng_print(stdout, "%*s", OP_COLUMN, "");
        print_folded(OP_COLUMN, text);
    }
}

static void print_note(const char *note)
{
    char text[256];
    snprintf(text, sizeof text, "note: %s", note);
    ng_print(stdout, "%*s", OP_COLUMN, "");
    print_folded(OP_COLUMN, text);
}

static void presets(void)
{
    const char *name = "";
    puts("A preset sets the fields in which a library differs from the "
         "defaults, op by op, as its\npublic document states them; an op that "
         "is not listed is not defined.");
    for (const ng_preset *row = ng_presets; row->name != NULL; row++) {
        if (strcmp(row->name, name) != 0) {
            puts("");
            ng_print_line(stdout, "preset=%s", row->name);
        }
        name = row->name;
        ng_print(stdout, "  %-*s", OP_COLUMN - 2, row->op);
        print_folded(OP_COLUMN, row->document);
        print_values(row);
        if (row->note[0] != '\0')
            print_note(row->note);
    }
}

static void contracts(void)
{
    puts("A contract is text: op=NAME and fields, the first value being the "
         "default.\n");
    ng_contract_fields(field_row, NULL);
    puts("");
    presets();
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
    if (!ng_options_take(&count, words, NULL, 0))
        return ng_exit_usage;
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
