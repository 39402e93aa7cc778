/* What the commands share: options, errors, quoting. */
#include "command.h"
#include "help.h"
#include "print.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

static const ng_option *option_find(const char *word, size_t length,
                                    const ng_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(options[i].name) == length &&
            strncmp(options[i].name, word, length) == 0)
            return &options[i];
    }
    return NULL;
}

static bool refuse(const char *command, const char *word, const char *reason)
{
    ng_print_line(stderr,
                  "normgate %s: %.80s: %s; `normgate %s --help` shows "
                  "the usage",
                  command, word, reason, command);
    return false;
}

/* `--waiver` for --waivers, `--update` for --update-baseline. */
static bool refuse_unknown(const char *command, const char *word, size_t length,
                           const ng_option *options, size_t count)
{
    char reason[80] = "unknown option";
    for (size_t i = 0; i < count && length >= 4; i++) {
        size_t own = strlen(options[i].name);
        if (strncmp(options[i].name, word + 2, length < own ? length : own) !=
            0)
            continue;
        snprintf(reason, sizeof reason, "unknown option; there is --%.40s",
                 options[i].name);
        break;
    }
    return refuse(command, word, reason);
}

const ng_command *ng_command_find(const char *name)
{
    for (size_t i = 0; ng_commands[i] != NULL; i++) {
        if (strcmp(name, ng_commands[i]->name) == 0)
            return ng_commands[i];
    }
    return NULL;
}

bool ng_options_take(int *count, char **words, const ng_option *options,
                     size_t option_count)
{
    int kept = 1;
    if (ng_help_asked(*count, words)) {
        ng_help_command(words[0], options, option_count);
        return false;
    }
    for (int i = 1; i < *count; i++) {
        char *word = words[i];
        if (strncmp(word, "--", 2) != 0) {
            words[kept++] = word;
            continue;
        }
        const char *equals = strchr(word, '=');
        size_t length =
            equals != NULL ? (size_t)(equals - word) - 2 : strlen(word) - 2;
        const ng_option *option =
            option_find(word + 2, length, options, option_count);
        if (option == NULL)
            return refuse_unknown(words[0], word, length, options,
                                  option_count);
        if (option->text == NULL) {
            if (equals != NULL)
                return refuse(words[0], word, "this option takes no value");
            *option->on = true;
        } else if (equals != NULL) {
            *option->text = equals + 1;
        } else if (i + 1 < *count && strncmp(words[i + 1], "--", 2) != 0) {
            *option->text = words[++i];
        } else {
            return refuse(words[0], word, "this option needs a value");
        }
        /* What a script makes of a variable that is not set. */
        if (option->text != NULL && (*option->text)[0] == '\0')
            return refuse(words[0], word, "its value is empty");
    }
    *count = kept;
    return true;
}

int ng_exit_of(ng_status status)
{
    switch (status) {
    case ng_status_ok: return ng_exit_holds;
    case ng_status_bad_input: return ng_exit_usage;
    case ng_status_cannot_load: return ng_exit_cannot_load;
    case ng_status_nothing_checked: return ng_exit_nothing;
    default: return ng_exit_fault;
    }
}

int ng_exit_error(ng_status status, const ng_error *error)
{
    ng_print_line(stderr, "normgate: %s", error->text);
    return ng_exit_of(status);
}

bool ng_glob_match(const char *glob, const char *text)
{
    return glob == NULL || fnmatch(glob, text, 0) == 0;
}

bool ng_is_builtin_glob(const char *subject)
{
    return strncmp(subject, "builtin:", 8) == 0 &&
           strpbrk(subject, "*?[") != NULL;
}

void ng_shell_quote(char *to, size_t size, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./:=,+@%";
    if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
        snprintf(to, size, "%s", word);
        return;
    }
    size_t used = 0;
    if (used + 1 < size)
        to[used++] = '\'';
    for (; *word != '\0' && used + 6 < size; word++) {
        if (*word == '\'') {
            memcpy(to + used, "'\\''", 4);
            used += 4;
        } else {
            to[used++] = *word;
        }
    }
    if (used + 1 < size)
        to[used++] = '\'';
    to[used < size ? used : size - 1] = '\0';
}
