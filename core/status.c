/* Status messages and the one line that explains a failure. */
#include <normgate/status.h>

#include <stdarg.h>
#include <stdio.h>

const char *ng_status_text(ng_status status)
{
    static const char *const text[] = {
#define NG_STATUS(name, message) message,
#include <normgate/status.def>
#undef NG_STATUS
    };
    if ((size_t)status >= sizeof text / sizeof text[0])
        return "unknown status";
    return text[status];
}

ng_status ng_fail(ng_error *error, ng_status status, const char *format, ...)
{
    if (error == NULL)
        return status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return status;
}
