/* Built-in subjects: textbook kernels that are right, and the zoo of kernels
 * that are wrong on purpose. One row and one file in impls/ each. */
#ifndef NORMGATE_BUILTIN_H
#define NORMGATE_BUILTIN_H

#include <normgate/impl.h>

typedef struct ng_builtin {
    const char *name;      /* "two_pass"; a seeded bug is "bug.NAME" */
    const char *claim;     /* what it does, or what is wrong with it */
    const char *killed_by; /* NULL: right; else the property that must fail */
    const ng_kernel *kernels;
    size_t kernel_count;
    size_t
        every_dtype; /* of a seeded bug, with the kernels in dtypes beside its
                           own, which come last; 0: kernel_count */
    const char *class_name; /* of a seeded bug: its kind, as zoo.def has them */
    const char *cause;      /* ... and what the report's cause must say */
} ng_builtin;

size_t ng_builtin_count(void);
const ng_builtin *ng_builtin_at(size_t i);

#endif
