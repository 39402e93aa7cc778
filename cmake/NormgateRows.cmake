# ng_rows(<out> <def> <macro> <prefix>)
#
# Reads the rows of a .def file, MACRO(name) or MACRO(name, ...), one a line and
# beginning it, and sets <out> to <prefix><name>.c for each, in their order.
# <out>_NAMES holds the names alone. Editing the .def configures anew; a row
# without its file fails here, a file without its row is named by check_tree.
function(ng_rows out def macro prefix)
    get_filename_component(def "${def}" ABSOLUTE)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${def}")
    file(STRINGS "${def}" lines REGEX "^${macro}\\([ \t]*[A-Za-z0-9_]+")
    set(names)
    set(files)
    foreach(line IN LISTS lines)
        string(REGEX REPLACE "^${macro}\\([ \t]*([A-Za-z0-9_]+).*" "\\1" name
                             "${line}")
        set(file "${prefix}${name}.c")
        get_filename_component(path "${file}" ABSOLUTE)
        if(NOT EXISTS "${path}")
            message(FATAL_ERROR "${def}: row ${macro}(${name}) has no file ${path}")
        endif()
        list(APPEND names "${name}")
        list(APPEND files "${file}")
    endforeach()
    if(NOT files)
        message(FATAL_ERROR "${def}: no row ${macro}(...)")
    endif()
    set(${out} "${files}" PARENT_SCOPE)
    set(${out}_NAMES "${names}" PARENT_SCOPE)
endfunction()
