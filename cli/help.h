/* Help: what --help prints, made from the table of options that a command
 * takes and the words of options.def. */
#ifndef NORMGATE_HELP_H
#define NORMGATE_HELP_H

#include "command.h"

#include <stdio.h>

/* Whether a word is --help; then the command prints its help alone. */
bool ng_help_asked(int count, char **words);

/* The usage of one command and a line for each of its options. */
void ng_help_command(const char *command, const ng_option *options,
                     size_t count);

/* The usage of all commands, by asking each for its --help. */
void ng_help_all(FILE *file);

#endif
