# What a kernel's author gets: the program, <normgate/impl.h>, CMake and
# pkg-config files, and the Python client.
include(CMakePackageConfigHelpers)
include(normgate-gate)

add_library(normgate_impl INTERFACE)
add_library(normgate::impl ALIAS normgate_impl)
set_target_properties(normgate_impl PROPERTIES EXPORT_NAME impl)
target_include_directories(
    normgate_impl INTERFACE
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
    "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/normgate")
set(pkgconfig_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
set(NORMGATE_PYTHON_DIR "${CMAKE_INSTALL_DATADIR}/normgate/python")
set(generated "${PROJECT_BINARY_DIR}/package")

install(TARGETS normgate normgate_impl EXPORT normgate
        RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(EXPORT normgate NAMESPACE normgate:: FILE normgate-targets.cmake
        DESTINATION "${package_dir}")
install(FILES "${PROJECT_SOURCE_DIR}/include/normgate/impl.h"
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
