/* Measured: one case of one kernel, checked by a property, with its columns to
 * be compared with what a test computes itself. */
#ifndef NORMGATE_TEST_MEASURED_H
#define NORMGATE_TEST_MEASURED_H

#include <normgate/generator.h>
#include <normgate/property.h>

typedef struct measured {
    ng_subject *subject;
    ng_trial trial;
    ng_case test;
    ng_finding finding;
    ng_arena arena;
    ng_columns columns;
} measured;

/* The kernel of that name, or (NULL) the first of the case's op, pass and
 * dtype; a fault fails the test. */
void measured_begin(measured *c, const char *spec, const char *kernel,
                    const char *line);
void measured_check(measured *c, const char *property);

/* Both, and what they need freed. */
void measured_run(measured *c, const char *spec, const char *line,
                  const char *property);
void measured_end(measured *c);

/* The value of a column that must have one, or all of so many. */
double measured_one(const measured *c, const char *name);
ng_column measured_all(const measured *c, const char *name, size_t count);

/* Values of f32 of an input of the case, drawn once more; of the running
 * statistics those before the call. */
float *measured_tensor(measured *c, ng_role role);

void assert_near(const char *what, double got, double want, double slack);

#endif
