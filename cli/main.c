/* normgate: checks normalization kernels against the exact result. */
#include "command.h"
#include "help.h"
#include "print.h"

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

int main(int count, char **words)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file at its limit is an error of write() */
    ng_program = words[0];
    if (count < 2) {
        ng_help_all(stderr);
        return ng_exit_usage;
    }
    if (strcmp(words[1], "--help") == 0 || strcmp(words[1], "help") == 0 ||
        strcmp(words[1], "-h") == 0) {
        ng_help_all(stdout);
        return ng_exit_holds;
    }
    if (strcmp(words[1], "--version") == 0) {
        puts("normgate " NORMGATE_VERSION);
        return ng_exit_holds;
    }
    const ng_command *command = ng_command_find(words[1]);
    if (command != NULL) {
        bool helps = ng_help_asked(count - 1, words + 1);
        int code = command->run(count - 1, words + 1);
        return helps ? ng_exit_holds : code;
    }
    ng_print_line(stderr,
                  "normgate: unknown command '%.60s'; `normgate help` shows "
                  "them",
                  words[1]);
    return ng_exit_usage;
}
