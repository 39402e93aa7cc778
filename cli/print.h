/* Print: the one way in which a command's text reaches a terminal. Paths, names
 * and messages may be anybody's, so what a format's arguments bring cannot end
 * a line, move the cursor, change colours or reorder what is read. */
#ifndef NORMGATE_PRINT_H
#define NORMGATE_PRINT_H

#include <stdbool.h>
#include <stdio.h>

/* Prints part of a line, made harmless as by ng_utf8_harmless(): a newline,
 * even of the format, prints as a blank. */
void ng_print(FILE *file, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same, and then ends the line. */
void ng_print_line(FILE *file, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether the file is a terminal that knows more than plain text; and whether
 * colours are wanted there as well (NO_COLOR). */
bool ng_print_moves(FILE *file);
bool ng_print_colours(FILE *file);

#endif
