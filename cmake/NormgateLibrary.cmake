# ng_find(<target> HEADER <header> [FOLDER <where headers may hide>]
#         [LIBRARY <names...>] PACKAGE <package> [OPTIONAL])
#
# The imported target ng::<target> of a system library, found by its header and
# its file; needs neither pkg-config nor the library's own CMake files, which
# differ between systems. When it is missing, the message names the package; an
# optional one is then no target.
function(ng_find target)
    cmake_parse_arguments(arg "OPTIONAL" "HEADER;FOLDER;PACKAGE" "LIBRARY" ${ARGN})
    find_path(NORMGATE_${target}_INCLUDE "${arg_HEADER}"
              PATH_SUFFIXES ${arg_FOLDER})
    mark_as_advanced(NORMGATE_${target}_INCLUDE)
    set(found ${NORMGATE_${target}_INCLUDE})
    if(arg_LIBRARY)
        find_library(NORMGATE_${target}_LIBRARY NAMES ${arg_LIBRARY})
        mark_as_advanced(NORMGATE_${target}_LIBRARY)
        if(NOT NORMGATE_${target}_LIBRARY)
            set(found)
        endif()
    endif()
    if(NOT found AND NOT arg_OPTIONAL)
        message(FATAL_ERROR
            "${arg_HEADER} (or its library) was not found: install "
            "${arg_PACKAGE}, or let ./run build do so")
    elseif(NOT found)
        return()
    endif()
    add_library(ng::${target} INTERFACE IMPORTED GLOBAL)
    target_include_directories(ng::${target} SYSTEM INTERFACE
                               "${NORMGATE_${target}_INCLUDE}")
    if(arg_LIBRARY)
        target_link_libraries(ng::${target} INTERFACE
                              "${NORMGATE_${target}_LIBRARY}")
    endif()
endfunction()

# ng_library(<folder> SOURCES ... [PUBLIC ...] [PRIVATE ...] [DEFINES ...])
#
# The folder's one static library, ng_<folder>. Only its own files see its
# private headers; everyone sees <normgate/...>.
function(ng_library folder)
    cmake_parse_arguments(arg "" "" "SOURCES;PUBLIC;PRIVATE;DEFINES" ${ARGN})
    add_library(ng_${folder} STATIC ${arg_SOURCES})
    target_include_directories(ng_${folder} PUBLIC
                               "${normgate_SOURCE_DIR}/include"
                               PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
    target_compile_definitions(ng_${folder} PRIVATE ${arg_DEFINES})
    target_link_libraries(ng_${folder} PUBLIC ${arg_PUBLIC}
                          PRIVATE ng_flags ${arg_PRIVATE})
endfunction()
