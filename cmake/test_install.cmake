# cmake -DBUILD=<build folder> -DEXAMPLE=<examples/c> -DGENERATOR=... \
#       -DCOMPILER=... -P test_install.cmake
#
# Installs the build into an empty place and lives there as a user would:
# builds the example against it, gates the example, asks pkg-config.
cmake_policy(VERSION 3.22)
set(root "${BUILD}/install-test")
set(prefix "${root}/prefix")
file(REMOVE_RECURSE "${root}")

function(run)
    list(JOIN ARGN " " line)
    message(STATUS "${line}")
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE result
                    OUTPUT_VARIABLE output ERROR_VARIABLE output)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "exit ${result}: ${line}\n${output}")
    endif()
    set(output "${output}" PARENT_SCOPE)
endfunction()

run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${prefix}")
file(GLOB_RECURSE headers RELATIVE "${prefix}" "${prefix}/*.h")
if(NOT headers STREQUAL "include/normgate/impl.h")
    message(FATAL_ERROR "the one public header is impl.h; installed: ${headers}")
endif()

run("${CMAKE_COMMAND}" -S "${EXAMPLE}" -B "${root}/example" -G "${GENERATOR}"
    "-DCMAKE_C_COMPILER=${COMPILER}" "-DCMAKE_PREFIX_PATH=${prefix}")
run("${CMAKE_COMMAND}" --build "${root}/example")
get_filename_component(bin "${CMAKE_COMMAND}" DIRECTORY)
find_program(CTEST ctest HINTS "${bin}" REQUIRED)
run("${CTEST}" --test-dir "${root}/example" --output-on-failure
    --no-tests=error)
file(GLOB pages "${root}/example/gate.*.html")
file(GLOB suites "${root}/example/gate.*.xml")
if(NOT pages OR NOT suites)
    message(FATAL_ERROR "the gate left no report in ${root}/example\n${output}")
endif()

find_program(PKG_CONFIG pkg-config)
file(GLOB_RECURSE pc "${prefix}/*/normgate.pc")
get_filename_component(pc "${pc}" DIRECTORY)
if(PKG_CONFIG)
    set(ENV{PKG_CONFIG_PATH} "${pc}")
    run("${PKG_CONFIG}" --cflags normgate)
    string(STRIP "${output}" flags)
    separate_arguments(flags UNIX_COMMAND "${flags}")
    file(GLOB sources "${EXAMPLE}/*.c")
    run("${COMPILER}" -std=c11 -fsyntax-only ${flags} ${sources})
endif()
