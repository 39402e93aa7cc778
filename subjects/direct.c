/* In-process calls, for fuzzing: as fast as a call can be, and as safe as the
 * kernel is. The memory is that of a forked subject without its guard pages. */
#include "fpenv.h"
#include "internal.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ng_status start(ng_subject *subject, ng_error *error)
{
    char words[512];
    const char *name;
    size_t count;
    ng_status status = subject_map_memory(subject, error);
    if (status != ng_status_ok)
        return status;
    if (subject->builtin != NULL) {
        subject->direct = subject->builtin->kernels;
        count = subject_builtin_kernels(subject);
        name = subject->builtin->name;
    } else {
        fp_state before = fp_get();
        ng_library library;
        bool loaded = library_open(&library, subject->target, &subject->handle,
                                   words, sizeof words);
        fp_state after = fp_get();
        fp_set(before);
        if (!loaded)
            return ng_fail(error, ng_status_cannot_load,
                           "cannot load %.200s: %.500s", subject->spec, words);
        subject->direct = subject->copied = library.kernels;
        count = library.kernel_count;
        name = library.name != NULL ? library.name : "";
        if (fp_changes(before, after, words, sizeof words))
            subject_load_breach(subject, words);
    }
    subject_clean_text(subject->name, sizeof subject->name, name, strlen(name));
    for (size_t k = 0; k < count && status == ng_status_ok; k++) {
        const ng_kernel *kernel = &subject->direct[k];
        status = subject_add_kernel(subject, kernel->name, kernel->contract,
                                    kernel->file != NULL ? kernel->file : "",
                                    kernel->line, error);
    }
    return status;
}

static void call(ng_subject *subject, const ng_request *request,
                 ng_reply *reply)
{
    layout where;
    ng_call arguments;
    const ng_contract *contract = &subject->kernels[request->kernel].contract;
    if (!layout_make(&where, request, (size_t)contract->alignment, false, 0)) {
        snprintf(reply->message, sizeof reply->message,
                 "the case is larger than the subject's memory");
        return;
    }
    layout_fill(subject->memory, &where, request);
    subject_fill_call(&arguments, request, &where);
    arguments.kernel = subject->direct[request->kernel].name;
    arguments.op = request->test->op;
    arguments.pass = request->test->pass;
    subject_place_call(&arguments, subject->memory, &where);
    fp_state before = fp_get();
    int result = subject->direct[request->kernel].run(&arguments);
    fp_state after = fp_get();
    fp_set(before);
    subject_read_result(result, reply);
    if (reply->verdict != NG_PASS)
        return;
    char words[160];
    if (fp_changes(before, after, words, sizeof words)) {
        reply->breaches |= ng_breach_fpenv;
        snprintf(reply->message, sizeof reply->message, "the call left %s",
                 words);
    }
    layout_collect(subject->memory, &where, request, reply);
}

static void stop(ng_subject *subject)
{
    free((ng_kernel *)(uintptr_t)subject->copied);
    if (subject->handle != NULL)
        dlclose(subject->handle);
}

const transport direct_transport = {start, call, stop, NULL, true};
