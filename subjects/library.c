/* A shared library's descriptor, checked before anything in it is believed. */
#include "internal.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KERNEL_SIZE_MAX = 4096 };

/* Kernels of a maker who knows more members than we do lie further apart. */
static ng_kernel *copy_kernels(const ng_library *library)
{
    ng_kernel *kernels = calloc(library->kernel_count + 1, sizeof *kernels);
    const unsigned char *from = (const unsigned char *)library->kernels;
    for (uint32_t k = 0; kernels != NULL && k < library->kernel_count; k++)
        memcpy(&kernels[k], from + (size_t)k * library->kernel_size,
               sizeof *kernels);
    return kernels;
}

static bool check_kernels(const ng_library *library, char *words, size_t size)
{
    for (uint32_t k = 0; k < library->kernel_count; k++) {
        const ng_kernel *kernel = &library->kernels[k];
        if (kernel->name == NULL || kernel->contract == NULL ||
            kernel->run == NULL) {
            snprintf(words, size,
                     "kernel %u of its descriptor lacks a name, a "
                     "contract or a function",
                     k);
            return false;
        }
    }
    return true;
}

static bool check(const ng_library *library, char *words, size_t size)
{
    if (library->abi != NG_ABI_VERSION)
        snprintf(words, size,
                 "it was built for ABI version %u of "
                 "normgate/impl.h, this normgate has %u; rebuild it with this "
                 "header",
                 library->abi, NG_ABI_VERSION);
    else if (library->size < sizeof *library ||
             library->kernel_size < sizeof(ng_kernel) ||
             library->kernel_size > KERNEL_SIZE_MAX)
        snprintf(words, size,
                 "the sizes in its descriptor are not those of "
                 "ABI version %u; define it by NG_LIBRARY",
                 NG_ABI_VERSION);
    else if (library->kernel_count > KERNELS_MAX ||
             (library->kernel_count > 0 && library->kernels == NULL))
        snprintf(words, size, "its descriptor declares %u kernels",
                 library->kernel_count);
    else
        return true;
    return false;
}

bool library_open(ng_library *library, const char *path, void **handle,
                  char *words, size_t size)
{
    char local[4096];
    /* dlopen would look a bare name up in the system's folders. */
    snprintf(local, sizeof local, "%s%s", strchr(path, '/') ? "" : "./", path);
    *handle = dlopen(local, RTLD_NOW | RTLD_LOCAL);
    if (*handle == NULL) {
        snprintf(words, size,
                 "it is no shared library that can be loaded "
                 "here: %s",
                 dlerror());
        return false;
    }
    const ng_library *found = dlsym(*handle, "normgate_library");
    if (found == NULL) {
        snprintf(words, size,
                 "it does not export normgate_library; define it "
                 "by NG_LIBRARY of <normgate/impl.h>");
        return false;
    }
    if (!check(found, words, size))
        return false;
    *library = *found;
    ng_kernel *kernels = copy_kernels(found);
    library->kernels = kernels;
    if (kernels != NULL && check_kernels(library, words, size))
        return true;
    if (kernels == NULL)
        snprintf(words, size, "out of memory");
    free(kernels);
    return false;
}
