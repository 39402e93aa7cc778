# The flags of every target, carried by the interface library ng_flags.
#
# -ffp-contract=off: the reference and the textbook kernels mean the operations
# they write; a fused multiply-add would be another kernel.

set(NORMGATE_SANITIZER "none" CACHE STRING
    "none, or a list of address, undefined, thread")
set_property(CACHE NORMGATE_SANITIZER PROPERTY STRINGS
             none address undefined "address;undefined" thread)
option(NORMGATE_WERROR "Warnings are errors" OFF)
option(NORMGATE_COVERAGE "Count the lines that tests reach (gcov)" OFF)

add_library(ng_flags INTERFACE)
target_compile_features(ng_flags INTERFACE c_std_11)
# Strict C11 hides POSIX, on which the harness (not the arithmetic) stands.
target_compile_definitions(ng_flags INTERFACE _DEFAULT_SOURCE)
target_compile_options(
    ng_flags INTERFACE -ffp-contract=off -Wall -Wextra -Wshadow -Wpointer-arith
                       -Wstrict-prototypes -Wmissing-prototypes)
if(NORMGATE_WERROR)
    target_compile_options(ng_flags INTERFACE -Werror)
endif()

foreach(sanitizer IN LISTS NORMGATE_SANITIZER)
    if(NOT sanitizer MATCHES "^(none|address|undefined|thread)$")
        message(FATAL_ERROR
            "NORMGATE_SANITIZER: '${sanitizer}' is none of none, address, "
            "undefined, thread")
    endif()
endforeach()
if("none" IN_LIST NORMGATE_SANITIZER AND NOT NORMGATE_SANITIZER STREQUAL "none")
    message(FATAL_ERROR "NORMGATE_SANITIZER: 'none' stands alone")
endif()
if("thread" IN_LIST NORMGATE_SANITIZER AND "address" IN_LIST NORMGATE_SANITIZER)
    message(FATAL_ERROR "NORMGATE_SANITIZER: address and thread exclude each other")
endif()
if(NOT NORMGATE_SANITIZER STREQUAL "none" AND NORMGATE_SANITIZER)
    list(JOIN NORMGATE_SANITIZER "," sanitizers)
    set(flags -fsanitize=${sanitizers} -fno-omit-frame-pointer)
    if("undefined" IN_LIST NORMGATE_SANITIZER)
        list(APPEND flags -fno-sanitize-recover=undefined)
    endif()
    target_compile_options(ng_flags INTERFACE ${flags})
    target_link_options(ng_flags INTERFACE ${flags})
endif()
if(NORMGATE_COVERAGE)
    target_compile_options(ng_flags INTERFACE --coverage)
    target_link_options(ng_flags INTERFACE --coverage)
endif()
