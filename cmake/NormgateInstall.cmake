# What is installed. A kernel's author gets the program, <normgate/impl.h> and
# the Python client; who wants the exact results gets libnormgate and its
# headers; both get CMake and pkg-config files.
include(CMakePackageConfigHelpers)
include(normgate-gate)

add_library(normgate_impl INTERFACE)
add_library(normgate::impl ALIAS normgate_impl)
set_target_properties(normgate_impl PROPERTIES EXPORT_NAME impl)
target_include_directories(
    normgate_impl INTERFACE
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
    "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")

# --- libnormgate: the reference and the vocabulary it needs ------------------

# The public headers, and the tables that they expand.
set(NORMGATE_HEADERS arena case contract dtype npy op oracle reference source
                     status tensor view)
set(NORMGATE_TABLES contract dtypes status tensors)

# Compiled anew, so that it is position-independent, bears no sanitizer and
# shows the symbols of the public headers alone: those that they declare have
# default visibility, the others are hidden.
set(public "#pragma GCC visibility push(default)\n")
foreach(header IN LISTS NORMGATE_HEADERS)
    string(APPEND public "#include <normgate/${header}.h>\n")
endforeach()
string(APPEND public "#pragma GCC visibility pop\n")
set(generated "${PROJECT_BINARY_DIR}/package")
file(CONFIGURE OUTPUT "${generated}/public.h" CONTENT "${public}" @ONLY)

add_library(normgate_objects OBJECT)
foreach(folder core reference)
    get_target_property(sources ng_${folder} SOURCES)
    # Records need jansson, and no reference needs records.
    list(FILTER sources EXCLUDE REGEX "^(baseline|intern|json_file|record|utf8|verdict|waivers)")
    list(TRANSFORM sources PREPEND "${PROJECT_SOURCE_DIR}/${folder}/")
    target_sources(normgate_objects PRIVATE ${sources})
    target_include_directories(normgate_objects
                               PRIVATE "${PROJECT_SOURCE_DIR}/${folder}")
endforeach()
target_include_directories(normgate_objects
                           PRIVATE "${PROJECT_SOURCE_DIR}/include")
target_compile_definitions(normgate_objects PRIVATE _DEFAULT_SOURCE)
target_compile_options(
    normgate_objects PRIVATE -ffp-contract=off
                             "SHELL:-include \"${generated}/public.h\"")
set_target_properties(normgate_objects PROPERTIES POSITION_INDEPENDENT_CODE ON)
target_link_libraries(normgate_objects
                      PRIVATE ng::mpfr ng::gmp ng::random123)

add_library(normgate_shared SHARED $<TARGET_OBJECTS:normgate_objects>)
set_target_properties(normgate_shared PROPERTIES
    OUTPUT_NAME normgate EXPORT_NAME normgate LINKER_LANGUAGE C
    VERSION "${PROJECT_VERSION}"
    SOVERSION "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")
target_link_libraries(normgate_shared PRIVATE ng::mpfr ng::gmp m)
if(NOT APPLE)
    target_link_options(normgate_shared PRIVATE -Wl,--no-undefined)
endif()

# One object, in which hidden symbols become local: a program may have a
# set_load() of its own.
set(whole "${generated}/normgate.o")
add_custom_command(
    OUTPUT "${whole}"
    COMMAND "${CMAKE_LINKER}" -r -o "${whole}"
            "$<TARGET_OBJECTS:normgate_objects>"
    COMMAND "${CMAKE_OBJCOPY}" --localize-hidden "${whole}"
    DEPENDS normgate_objects "$<TARGET_OBJECTS:normgate_objects>"
    COMMAND_EXPAND_LISTS VERBATIM)
add_library(normgate_static STATIC "${whole}")
set_target_properties(normgate_static PROPERTIES
    OUTPUT_NAME normgate EXPORT_NAME static LINKER_LANGUAGE C)
target_link_libraries(normgate_static INTERFACE mpfr gmp m)

foreach(kind shared static)
    target_include_directories(
        normgate_${kind} INTERFACE
        "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
        "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
endforeach()
add_library(normgate::normgate ALIAS normgate_shared)
add_library(normgate::static ALIAS normgate_static)
set_target_properties(normgate PROPERTIES EXPORT_NAME program)

# --- what goes where ----------------------------------------------------------

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/normgate")
set(pkgconfig_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
set(NORMGATE_PYTHON_DIR "${CMAKE_INSTALL_DATADIR}/normgate/python")

install(TARGETS normgate normgate_impl normgate_shared normgate_static
        EXPORT normgate
        RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}"
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(EXPORT normgate NAMESPACE normgate:: FILE normgate-targets.cmake
        DESTINATION "${package_dir}")
set(headers impl.h)
foreach(header IN LISTS NORMGATE_HEADERS)
    list(APPEND headers "${header}.h")
endforeach()
foreach(table IN LISTS NORMGATE_TABLES)
    list(APPEND headers "${table}.def")
endforeach()
list(TRANSFORM headers PREPEND "${PROJECT_SOURCE_DIR}/include/normgate/")
install(FILES ${headers}
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/normgate")
install(FILES "${PROJECT_SOURCE_DIR}/adapters/python/normgate.py"
        DESTINATION "${NORMGATE_PYTHON_DIR}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE"
        DESTINATION "${CMAKE_INSTALL_DOCDIR}")

configure_package_config_file(
    "${CMAKE_CURRENT_LIST_DIR}/normgate-config.cmake.in"
    "${generated}/normgate-config.cmake"
    INSTALL_DESTINATION "${package_dir}"
    PATH_VARS NORMGATE_PYTHON_DIR)
write_basic_package_version_file(
    "${generated}/normgate-config-version.cmake"
    COMPATIBILITY SameMajorVersion)
install(FILES "${generated}/normgate-config.cmake"
              "${generated}/normgate-config-version.cmake"
              "${CMAKE_CURRENT_LIST_DIR}/normgate-gate.cmake"
        DESTINATION "${package_dir}")

file(RELATIVE_PATH NORMGATE_PC_PREFIX "/${pkgconfig_dir}" "/")
string(REGEX REPLACE "/$" "" NORMGATE_PC_PREFIX "${NORMGATE_PC_PREFIX}")
configure_file("${CMAKE_CURRENT_LIST_DIR}/normgate.pc.in"
               "${generated}/normgate.pc" @ONLY)
install(FILES "${generated}/normgate.pc" DESTINATION "${pkgconfig_dir}")
