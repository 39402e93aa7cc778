/* Subject: the kinds, and what they share on normgate's side. */
#include "internal.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void subject_clean_text(char *to, size_t size, const char *from, size_t length)
{
    size_t used = 0;
    for (size_t i = 0; i < length && used + 1 < size; i++)
        to[used++] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
    to[used] = '\0';
}

void subject_load_breach(ng_subject *subject, const char *changes)
{
    char clean[120];
    subject_clean_text(clean, sizeof clean, changes, strlen(changes));
    snprintf(subject->breach, sizeof subject->breach,
             "loading the library leaves %s, for every thread and library of "
             "the process; it is linked with -ffast-math or the like",
             clean);
}

static bool is_kernel_name(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-");
    return length > 0 && length < 64 && name[length] == '\0';
}

ng_status subject_add_kernel(ng_subject *subject, const char *name,
                             const char *contract, const char *file, int line,
                             ng_error *error)
{
    char shown[80];
    subject_clean_text(shown, sizeof shown, name, strlen(name));
    if (!is_kernel_name(name))
        return ng_fail(error, ng_status_cannot_load,
                       "%.200s: '%s' is no kernel name; use up to 63 letters, "
                       "digits, _ . + -",
                       subject->spec, shown);
    for (size_t k = 0; k < subject->kernel_count; k++) {
        if (strcmp(subject->kernels[k].name, name) == 0)
            return ng_fail(error, ng_status_cannot_load,
                           "%.200s has two kernels named %s; rename one",
                           subject->spec, shown);
    }
    if (subject->kernel_count == KERNELS_MAX)
        return ng_fail(error, ng_status_cannot_load,
                       "%.200s has more than %d kernels", subject->spec,
                       KERNELS_MAX);
    ng_kernel_info info = {.line = line};
    ng_error reason;
    if (ng_contract_parse(&info.contract, contract, &reason) != ng_status_ok) {
        /* It quotes the contract. */
        char why[400];
        subject_clean_text(why, sizeof why, reason.text, strlen(reason.text));
        return ng_fail(error, ng_status_cannot_load, "%.160s, kernel %s: %s",
                       subject->spec, shown, why);
    }
    ng_kernel_info *grown =
        realloc(subject->kernels, (subject->kernel_count + 1) * sizeof *grown);
    if (grown == NULL)
        return ng_fail(error, ng_status_no_memory, "out of memory");
    subject->kernels = grown;
    char clean[4096];
    subject_clean_text(clean, sizeof clean, file, strlen(file));
    info.name = strdup(name);
    info.file = clean[0] != '\0' ? strdup(clean) : NULL;
    subject_clean_text(clean, sizeof clean, contract, strlen(contract));
    info.contract_text = strdup(clean);
    if (subject->builtin != NULL) {
        info.seeded_bug = subject->builtin->killed_by != NULL;
        info.killed_by = subject->builtin->killed_by;
        info.defect = subject->builtin->claim;
    }
    subject->kernels[subject->kernel_count++] = info;
    return ng_status_ok;
}

ng_status subject_check_kernels(const ng_subject *subject, size_t count,
                                ng_error *error)
{
    if (count == subject->kernel_count)
        return ng_status_ok;
    return ng_fail(error, ng_status_cannot_load,
                   "%.200s came back with %zu kernels after it died; it had "
                   "%zu",
                   subject->spec, count, subject->kernel_count);
}

size_t subject_builtin_kernels(const ng_subject *subject)
{
    const ng_builtin *builtin = subject->builtin;
    return subject->options.every_dtype && builtin->every_dtype > 0
               ? builtin->every_dtype
               : builtin->kernel_count;
}

void subject_fill_call(ng_call *call, const ng_request *request,
                       const layout *where)
{
    const ng_case *test = request->test;
    *call = (ng_call){
        .size = sizeof *call,
        .eps = test->eps,
        .rows = test->rows,
        .n = test->n,
        .N = test->N,
        .C = test->C,
        .spatial = test->spatial,
        .num_groups = test->num_groups,
        .stride = {where->stride[0], where->stride[1], where->stride[2]},
        .momentum = test->momentum,
        .batches = test->batches,
    };
}

void subject_place_call(ng_call *call, unsigned char *memory,
                        const layout *where)
{
    void *data[NG_TENSOR_COUNT];
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const span *s = &where->tensor[role];
        data[role] = s->present ? memory + s->data + s->start : NULL;
    }
    call->x = data[ng_tensor_x];
    call->residual = data[ng_tensor_residual];
    call->dy = data[ng_tensor_dy];
    call->dh = data[ng_tensor_dh];
    call->gamma = data[ng_tensor_gamma];
    call->beta = data[ng_tensor_beta];
    call->y = data[ng_tensor_y];
    call->h = data[ng_tensor_h];
    call->mean = data[ng_tensor_mean];
    call->rstd = data[ng_tensor_rstd];
    call->var = data[ng_tensor_var];
    call->running_mean = data[ng_tensor_running_mean];
    call->running_var = data[ng_tensor_running_var];
    call->dx = data[ng_tensor_dx];
    call->dresidual = data[ng_tensor_dresidual];
    call->dgamma = data[ng_tensor_dgamma];
    call->dbeta = data[ng_tensor_dbeta];
}

void subject_read_result(int result, ng_reply *reply)
{
    const char *words = "";
    reply->verdict = NG_PASS;
    switch (result) {
    case NG_DONE: return;
    case NG_NOT_SUPPORTED:
        reply->verdict = NG_UNSUPPORTED;
        words = "the kernel does not support this case";
        break;
    case NG_NOT_ACCEPTED:
        reply->verdict = NG_REFUSED;
        words = "the kernel refused its arguments";
        break;
    case NG_BROKEN:
        reply->verdict = NG_ERROR;
        words = "the kernel reported a failure of its own";
        break;
    default:
        reply->verdict = NG_ERROR;
        snprintf(reply->message, sizeof reply->message,
                 "the kernel returned %d, which is no result of impl.h",
                 result);
        return;
    }
    snprintf(reply->message, sizeof reply->message, "%s", words);
}

static const ng_builtin *builtin_find(const char *name)
{
    for (size_t i = 0; i < ng_builtin_count(); i++) {
        if (strcmp(ng_builtin_at(i)->name, name) == 0)
            return ng_builtin_at(i);
    }
    return NULL;
}

size_t ng_builtin_match(const char *glob,
                        void (*row)(const char *name, const char *claim,
                                    const char *killed_by, void *user),
                        void *user)
{
    size_t found = 0;
    for (size_t i = 0; i < ng_builtin_count(); i++) {
        const ng_builtin *b = ng_builtin_at(i);
        if (fnmatch(glob, b->name, 0) != 0)
            continue;
        row(b->name, b->claim, b->killed_by, user);
        found++;
    }
    return found;
}

/* Finds out what the spec names, before anything of it runs. */
static ng_status resolve(ng_subject *subject, ng_error *error)
{
    const char *spec = subject->spec;
    struct stat file;
    bool direct = subject->options.in_process;
    if (strncmp(spec, "builtin:", 8) == 0) {
        subject->target += 8;
        subject->builtin = builtin_find(subject->target);
        if (subject->builtin == NULL)
            return ng_fail(error, ng_status_cannot_load,
                           "no built-in is named '%.80s'; `normgate list "
                           "subjects` shows them",
                           subject->target);
    } else if (strncmp(spec, "worker:", 7) == 0) {
        subject->target += 7;
        if (subject->target[strspn(subject->target, " ")] == '\0')
            return ng_fail(error, ng_status_cannot_load,
                           "worker: names no command; write "
                           "worker:'command args'");
        if (direct)
            return ng_fail(error, ng_status_cannot_load,
                           "a worker cannot run in this process; give a "
                           "built-in or a shared library");
        subject->transport = &worker_transport;
        return ng_status_ok;
    } else if (strncmp(spec, "files:", 6) == 0) {
        subject->target += 6;
        subject->transport = &files_transport;
        return ng_status_ok;
    } else if (stat(spec, &file) != 0) {
        return ng_fail(error, ng_status_cannot_load,
                       "cannot load %.300s: %s; a subject is builtin:NAME, a "
                       "shared library, worker:'command' or files:FOLDER",
                       spec, strerror(errno));
    } else if (!S_ISREG(file.st_mode)) {
        return ng_fail(error, ng_status_cannot_load,
                       "cannot load %.300s: it is no regular file", spec);
    }
    subject->transport = direct ? &direct_transport : &forked_transport;
    return ng_status_ok;
}

ng_subject *subject_new(const char *spec, const ng_subject_options *options)
{
    ng_subject *subject = calloc(1, sizeof *subject);
    if (subject == NULL || (subject->spec = strdup(spec)) == NULL) {
        free(subject);
        return NULL;
    }
    subject->options = *options;
    subject->target = subject->spec;
    subject->process = -1;
    subject->to = subject->from = subject->errors = subject->memory_file = -1;
    return subject;
}

ng_status subject_start(ng_subject **opened, ng_subject *subject,
                        ng_error *error)
{
    ng_status status = subject->transport->start(subject, error);
    if (status == ng_status_ok && subject->kernel_count == 0)
        status = ng_fail(error, ng_status_cannot_load,
                         "%.300s declares no kernels", subject->spec);
    if (status != ng_status_ok) {
        ng_subject_close(subject);
        return status;
    }
    subject->known = true;
    *opened = subject;
    return ng_status_ok;
}

ng_status ng_subject_open(ng_subject **opened, const char *spec,
                          const ng_subject_options *options, ng_error *error)
{
    ng_subject *subject = subject_new(spec, options);
    *opened = NULL;
    if (subject == NULL)
        return ng_fail(error, ng_status_no_memory, "out of memory");
    ng_status status = resolve(subject, error);
    if (status != ng_status_ok) {
        ng_subject_close(subject);
        return status;
    }
    return subject_start(opened, subject, error);
}

ng_status ng_subject_again(ng_subject **opened, const ng_subject *subject,
                           unsigned threads, ng_error *error)
{
    ng_subject_options options = subject->options;
    options.threads = threads;
    return ng_subject_open(opened, subject->spec, &options, error);
}

void ng_subject_close(ng_subject *subject)
{
    if (subject == NULL)
        return;
    if (subject->transport != NULL)
        subject->transport->stop(subject);
    if (subject->memory != NULL)
        munmap(subject->memory, layout_capacity());
    if (subject->far_memory != NULL)
        munmap(subject->far_memory, layout_far_capacity());
    if (subject->fault != NULL)
        munmap(subject->fault, (size_t)sysconf(_SC_PAGESIZE));
    if (subject->memory_path[0] != '\0')
        unlink(subject->memory_path);
    if (subject->memory_file >= 0)
        close(subject->memory_file);
    if (subject->errors >= 0)
        close(subject->errors);
    for (size_t k = 0; k < subject->kernel_count; k++) {
        free((char *)(uintptr_t)subject->kernels[k].name);
        free((char *)(uintptr_t)subject->kernels[k].contract_text);
        free((char *)(uintptr_t)subject->kernels[k].file);
    }
    free(subject->kernels);
    free(subject->spec);
    free(subject);
}

const char *ng_subject_spec(const ng_subject *subject)
{
    return subject->spec;
}

const char *ng_subject_name(const ng_subject *subject)
{
    return subject->name;
}

size_t ng_subject_kernel_count(const ng_subject *subject)
{
    return subject->kernel_count;
}

const ng_kernel_info *ng_subject_kernel(const ng_subject *subject, size_t i)
{
    return &subject->kernels[i];
}

const char *ng_subject_load_breach(const ng_subject *subject)
{
    return subject->breach[0] != '\0' ? subject->breach : NULL;
}

void ng_subject_call(ng_subject *subject, const ng_request *request,
                     ng_reply *reply)
{
    *reply = (ng_reply){.verdict = NG_ERROR};
    subject->transport->call(subject, request, reply);
}

bool ng_subject_can_together(const ng_subject *subject)
{
    return subject->transport->together != NULL;
}

bool ng_subject_can(const ng_subject *subject, const ng_manner *manner)
{
    const transport *t = subject->transport;
    return (t->manners || (!manner->in_place && !manner->huge_before &&
                           manner->skew == 0 && !manner->far)) &&
           (t->together != NULL || !manner->far);
}

void ng_subject_call_together(ng_subject *subject, const ng_request request[2],
                              ng_together *together, ng_reply reply[2])
{
    reply[0] = reply[1] = (ng_reply){.verdict = NG_ERROR};
    together->differ = false;
    together->tried = together->overlapped = 0;
    subject->transport->together(subject, request, together, reply);
}
