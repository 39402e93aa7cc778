/* normgate: checks normalization kernels against the exact result. */
#include "command.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define NG_COMMAND(name) extern const ng_command ng_command_##name;
#include "commands.def"
#undef NG_COMMAND

const ng_command *const ng_commands[] = {
#define NG_COMMAND(name) &ng_command_##name,
#include "commands.def"
#undef NG_COMMAND
    NULL,
};

const char *ng_program;

static void help(FILE *file)
{
    fputs("normgate " NORMGATE_VERSION
          ": checks normalization kernels against the exact result\n\n",
          file);
    for (size_t i = 0; ng_commands[i] != NULL; i++)
        fprintf(file, "  normgate %s\n      %s\n", ng_commands[i]->usage,
                ng_commands[i]->help);
    fputs("\nSUBJECT: builtin:NAME (a glob checks the gate itself), "
          "path/to/library.so,\n         worker:'command args'\n"
          "exit: 0 all hold, 1 the subject is wrong, 2 usage or unreadable "
          "input, 3 the\n      subject cannot be loaded, 4 nothing was "
          "checked, 5 normgate's own fault\n",
          file);
}

int main(int count, char **words)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file at its limit is an error of write() */
    ng_program = words[0];
    if (count < 2) {
        help(stderr);
        return ng_exit_usage;
    }
    if (strcmp(words[1], "--help") == 0 || strcmp(words[1], "help") == 0 ||
        strcmp(words[1], "-h") == 0) {
        help(stdout);
        return ng_exit_holds;
    }
    if (strcmp(words[1], "--version") == 0) {
        puts("normgate " NORMGATE_VERSION);
        return ng_exit_holds;
    }
    for (size_t i = 0; ng_commands[i] != NULL; i++) {
        if (strcmp(words[1], ng_commands[i]->name) != 0)
            continue;
        if (count > 2 && strcmp(words[2], "--help") == 0) {
            printf("normgate %s\n      %s\n", ng_commands[i]->usage,
                   ng_commands[i]->help);
            return ng_exit_holds;
        }
        return ng_commands[i]->run(count - 1, words + 1);
    }
    fprintf(stderr,
            "normgate: unknown command '%.60s'; `normgate help` shows them\n",
            words[1]);
    return ng_exit_usage;
}
