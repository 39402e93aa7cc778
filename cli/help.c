/* Help, folded to less than 80 columns. */
#include "help.h"
#include "print.h"

#include <string.h>

enum { WIDTH = 79, INDENT = 6, OPTION_COLUMN = 2 };

static const struct {
    const char *command, *name, *value, *meaning;
} known[] = {
#define NG_OPTION(command, name, value, meaning)                               \
    {command, name, value, meaning},
#include "options.def"
#undef NG_OPTION
};

/* NULL: the full help of the one command that is asked. */
static FILE *usage_of_all;

/* The command's own row, else the one for all; never past the table. */
static size_t row_of(const char *command, const char *name)
{
    size_t found = 0;
    bool any = false;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        bool own = strcmp(known[i].command, command) == 0;
        if (strcmp(known[i].name, name) != 0 ||
            (!own && (any || known[i].command[0] != '\0')))
            continue;
        found = i;
        any = true;
        if (own)
            break;
    }
    return any ? found : sizeof known / sizeof known[0];
}

static bool is_shown(const char *command, const ng_option *option)
{
    size_t row = row_of(command, option->name);
    return row == sizeof known / sizeof known[0] ||
           known[row].meaning[0] != '\0';
}

static const char *value_of(const char *command, const ng_option *option)
{
    size_t row = row_of(command, option->name);
    if (row < sizeof known / sizeof known[0])
        return known[row].value;
    return option->text != NULL ? "VALUE" : "";
}

static const char *meaning_of(const char *command, const ng_option *option)
{
    size_t row = row_of(command, option->name);
    return row < sizeof known / sizeof known[0] ? known[row].meaning
                                                : "(not described)";
}

/* Prints a word that is not parted, on a new line where the old is full. */
static void fold(FILE *file, size_t *at, size_t indent, const char *word)
{
    size_t length = strlen(word);
    if (*at + 1 + length > WIDTH) {
        fprintf(file, "\n%*s", (int)indent, "");
        *at = indent;
    } else if (*at > indent) {
        fputc(' ', file);
        ++*at;
    }
    fputs(word, file);
    *at += length;
}

/* One that stands in the usage already. */
static bool is_needed(const ng_command *command, const ng_option *option)
{
    char word[48];
    snprintf(word, sizeof word, " --%.30s ", option->name);
    return strstr(command->usage, word) != NULL;
}

static void print_usage(FILE *file, const ng_command *command,
                        const ng_option *options, size_t count)
{
    char word[80];
    size_t at = (size_t)fprintf(file, "  normgate %s", command->usage);
    for (size_t i = 0; i < count; i++) {
        const char *value = value_of(command->name, &options[i]);
        if (!is_shown(command->name, &options[i]) ||
            is_needed(command, &options[i]))
            continue;
        snprintf(word, sizeof word, "[--%.30s%s%.30s]", options[i].name,
                 value[0] != '\0' ? " " : "", value);
        fold(file, &at, INDENT, word);
    }
    fputc('\n', file);
}

static void print_words(FILE *file, size_t at, size_t indent, const char *words)
{
    char word[80];
    while (*words != '\0') {
        size_t length = strcspn(words, " ");
        snprintf(word, sizeof word, "%.*s", (int)length, words);
        fold(file, &at, indent, word);
        words += length;
        words += strspn(words, " ");
    }
    fputc('\n', file);
}

static void print_options(const char *command, const ng_option *options,
                          size_t count)
{
    size_t column = 0;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(options[i].name) +
                        strlen(value_of(command, &options[i])) + 5;
        if (is_shown(command, &options[i]) && length > column)
            column = length;
    }
    column += OPTION_COLUMN;
    puts("\noptions:");
    for (size_t i = 0; i < count; i++) {
        if (!is_shown(command, &options[i]))
            continue;
        int used = printf("%*s--%s %s", OPTION_COLUMN, "", options[i].name,
                          value_of(command, &options[i]));
        printf("%*s", (int)column - used, "");
        print_words(stdout, column, column, meaning_of(command, &options[i]));
    }
}

bool ng_help_asked(int count, char **words)
{
    for (int i = 1; i < count; i++) {
        if (strcmp(words[i], "--help") == 0)
            return true;
    }
    return false;
}

void ng_help_command(const char *name, const ng_option *options, size_t count)
{
    const ng_command *command = ng_command_find(name);
    FILE *file = usage_of_all != NULL ? usage_of_all : stdout;
    print_usage(file, command, options, count);
    fprintf(file, "%*s", INDENT, "");
    print_words(file, INDENT, INDENT, command->help);
    if (usage_of_all == NULL && count > 0)
        print_options(name, options, count);
}

void ng_help_all(FILE *file)
{
    fputs("normgate checks normalization kernels against the exact result.\n\n",
          file);
    usage_of_all = file;
    for (size_t i = 0; ng_commands[i] != NULL; i++) {
        char name[32], ask[] = "--help", *words[] = {name, ask, NULL};
        snprintf(name, sizeof name, "%s", ng_commands[i]->name);
        ng_commands[i]->run(2, words);
    }
    usage_of_all = NULL;
    fputs("\nSUBJECT  builtin:NAME (a glob checks the gate itself), "
          "path/to/library.so or\n         worker:'command args'\n"
          "exit     0 all hold, 1 the subject is wrong, 2 usage or unreadable "
          "input,\n         3 the subject cannot be loaded, 4 nothing was "
          "checked,\n         5 normgate's own fault\n\n"
          "`normgate COMMAND --help` describes the options; `normgate "
          "--version`\n",
          file);
}
