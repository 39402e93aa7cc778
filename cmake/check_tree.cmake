# cmake -DSOURCE=<root> -P check_tree.cmake
#
# Keeps the shape of the tree, and names every offence before it fails:
#   - <normgate/x.h> crosses folders as the table below allows, quotes stay in
#     the folder ("../" leaves it); tests alone see everything
#   - outside libraries stay where their field is
#   - in a folder of rows, a file has its row
# Files of more than 600 lines are named, and no offence.
cmake_policy(VERSION 3.22)

set(offences)
macro(offence)
    list(APPEND offences "${ARGN}")
endmacro()

# What each folder may take from <normgate/...>. A header's own includes come
# along and are not asked about.
macro(ng_may folder)
    set(names ${ARGN})
    list(JOIN names "|" may_${folder})
endmacro()
ng_may(core arena baseline case columns contract dtype histogram intern npy op
       passes record source status tensor utf8 verdict view waivers)
ng_may(impls impl builtin dtype)
ng_may(reference arena case contract dtype npy op oracle reference status
       tensor view)
ng_may(subjects contract case impl builtin tensor dtype npy offline status
       verdict subject utf8)
ng_may(properties ".*")
ng_may(reports arena columns histogram record report status utf8 verdict)
ng_may(cli ".*")
ng_may(fuzz ".*")
ng_may(tests ".*")
set(folders core impls reference subjects properties reports cli fuzz tests)

# <outside header, regular expression>@<folders that may see it>
set(outside
    "(gmp|mpfr)\\.h@reference tests"
    "(arb|acb|arf|fmpz|fmpq|flint/.*)\\.h@tests"
    "(lapacke|cblas)\\.h@properties tests"
    "jansson\\.h@core subjects tests"
    "Random123/.*@core tests"
    "dlfcn\\.h@subjects tests"
    "(cmocka|setjmp)\\.h@tests"
    "(dnnl|oneapi)[./].*@adapters")

function(check_includes folder file)
    file(STRINGS "${SOURCE}/${file}" lines
         REGEX "^[ \t]*#[ \t]*include[ \t]*[<\"]" ENCODING UTF-8)
    foreach(line IN LISTS lines)
        if(line MATCHES "\"([^\"]+)\"")
            set(name "${CMAKE_MATCH_1}")
            if(name MATCHES "(^|/)\\.\\.(/|$)" AND NOT folder STREQUAL "tests")
                offence("${file}: \"${name}\" leaves the folder")
            elseif(name MATCHES "^normgate/")
                offence("${file}: <${name}> is written in quotes")
            endif()
        elseif(line MATCHES "<normgate/([A-Za-z0-9_]+)\\.(h|def)>")
            set(name "${CMAKE_MATCH_1}")
            set(header "<normgate/${name}.${CMAKE_MATCH_2}>")
            # A table, dtypes.def, comes with its header, dtype.h.
            if(NOT name MATCHES "^(${may_${folder}})$"
               AND NOT header MATCHES "/(${may_${folder}})s\\.def>$")
                offence("${file}: ${folder}/ may not include ${header}")
            endif()
        elseif(line MATCHES "<([^>]+)>")
            set(name "${CMAKE_MATCH_1}")
            foreach(rule IN LISTS outside)
                string(REGEX REPLACE "@.*" "" header "${rule}")
                string(REGEX REPLACE ".*@" "" allowed "${rule}")
                string(REPLACE " " ";" allowed "${allowed}")
                if(name MATCHES "^${header}$" AND NOT folder IN_LIST allowed)
                    list(JOIN allowed "/, " allowed)
                    offence("${file}: only ${allowed}/ may include <${name}>")
                endif()
            endforeach()
        endif()
    endforeach()
    set(offences "${offences}" PARENT_SCOPE)
endfunction()

# check_rows(<def> <macro> <files, regular expression with the name in ()>
#            [<names that are no row>...])
function(check_rows def macro pattern)
    set(rows)
    file(STRINGS "${SOURCE}/${def}" lines REGEX "^${macro}\\(")
    foreach(line IN LISTS lines)
        string(REGEX REPLACE "^${macro}\\([ \t]*([A-Za-z0-9_]+).*" "\\1" name
                             "${line}")
        list(APPEND rows "${name}")
    endforeach()
    if(NOT rows)
        offence("${def}: no row ${macro}(...)")
    endif()
    foreach(file IN LISTS files)
        if(file MATCHES "^${pattern}$")
            if(NOT CMAKE_MATCH_1 IN_LIST rows
               AND NOT CMAKE_MATCH_1 IN_LIST ARGN)
                offence("${file}: no row ${macro}(${CMAKE_MATCH_1}) in ${def}")
            endif()
        endif()
    endforeach()
    set(offences "${offences}" PARENT_SCOPE)
endfunction()

# Files that no row names must be listed by their folder's CMakeLists.txt.
function(check_listed)
    foreach(file IN LISTS files)
        get_filename_component(name "${file}" NAME)
        if(NOT file MATCHES "^([a-z]+)/[A-Za-z0-9_]+\\.c$")
            continue()
        endif()
        set(folder "${CMAKE_MATCH_1}")
        if(NOT EXISTS "${SOURCE}/${folder}/CMakeLists.txt")
            offence("${folder}/: no CMakeLists.txt")
            continue()
        endif()
        file(READ "${SOURCE}/${folder}/CMakeLists.txt" text)
        string(REPLACE "." "\\." name "${name}")
        if(NOT text MATCHES "[^A-Za-z0-9_]${name}([^A-Za-z0-9_]|$)")
            file(GLOB tables "${SOURCE}/${folder}/*.def")
            string(REGEX REPLACE "^(cmd_|section_|fuzz_|test_)?(.*)\\\\.c$" "\\2"
                                 row "${name}")
            set(found FALSE)
            foreach(table IN LISTS tables)
                file(STRINGS "${table}" lines
                     REGEX "^NG_[A-Z]+\\([ \t]*${row}[ \t]*[,)]")
                if(lines)
                    set(found TRUE)
                endif()
            endforeach()
            if(NOT found)
                offence("${file}: in no table and not in ${folder}/CMakeLists.txt")
            endif()
        endif()
    endforeach()
    set(offences "${offences}" PARENT_SCOPE)
endfunction()

set(files)
foreach(folder IN LISTS folders)
    file(GLOB_RECURSE found RELATIVE "${SOURCE}"
         "${SOURCE}/${folder}/*.c" "${SOURCE}/${folder}/*.h"
         "${SOURCE}/${folder}/*.inc")
    list(APPEND files ${found})
    foreach(file IN LISTS found)
        check_includes(${folder} "${file}")
    endforeach()
endforeach()

check_rows(include/normgate/dtypes.def NG_DTYPE "core/dtypes/([a-z0-9_]+)\\.c")
check_rows(core/ops.def NG_OP "core/ops/([a-z0-9_]+)\\.c")
check_rows(properties/generators.def NG_GENERATOR
           "properties/generators/([a-z0-9_]+)\\.c" fill)
check_rows(reports/sections.def NG_SECTION "reports/section_([a-z0-9_]+)\\.c")
check_rows(cli/commands.def NG_COMMAND "cli/cmd_([a-z0-9_]+)\\.c")
check_rows(fuzz/targets.def NG_TARGET "fuzz/fuzz_([a-z0-9_]+)\\.c")
check_rows(tests/suites.def NG_SUITE "tests/test_([a-z0-9_]+)\\.c")
check_listed()

file(GLOB_RECURSE public RELATIVE "${SOURCE}" "${SOURCE}/include/*.h"
     "${SOURCE}/adapters/*.c" "${SOURCE}/examples/*.c")
foreach(file IN LISTS files public)
    file(READ "${SOURCE}/${file}" text)
    string(REGEX REPLACE "[^\n]" "" text "${text}")
    string(LENGTH "${text}" count)
    if(count GREATER 600)
        message(NOTICE "${file}: ${count} lines, more than 600")
    endif()
endforeach()

list(LENGTH files count)
if(count LESS 50)
    offence("only ${count} files seen below ${SOURCE}: nothing was checked")
endif()
if(offences)
    list(REMOVE_DUPLICATES offences)
    list(JOIN offences "\n" text)
    message(NOTICE "${text}")
    message(FATAL_ERROR "the tree breaks its rules")
endif()
message(STATUS "${count} files in order")
