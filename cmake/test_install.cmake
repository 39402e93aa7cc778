# cmake -DBUILD=<build folder> -DEXAMPLE=<examples/c> -DGENERATOR=... \
#       -DCOMPILER=... -P test_install.cmake
#
# Installs the build into an empty place and lives there as a user would:
# builds the kernel of examples/c against it and gates it, builds the program
# of examples/reference, each also by what pkg-config says.
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
file(GLOB headers RELATIVE "${prefix}/include/normgate"
     "${prefix}/include/normgate/*")
set(public arena.h case.h contract.def contract.h dtype.h dtypes.def impl.h
           npy.h op.h oracle.h reference.h source.h status.def status.h
           tensor.h tensors.def view.h)
if(NOT headers STREQUAL public)
    message(FATAL_ERROR "the public headers are ${public}; "
                        "installed: ${headers}")
endif()

get_filename_component(bin "${CMAKE_COMMAND}" DIRECTORY)
find_program(CTEST ctest HINTS "${bin}" REQUIRED)

# build_example(<folder> <name>): by CMake, with its tests
function(build_example folder name)
    run("${CMAKE_COMMAND}" -S "${folder}" -B "${root}/${name}"
        -G "${GENERATOR}" "-DCMAKE_C_COMPILER=${COMPILER}"
        "-DCMAKE_PREFIX_PATH=${prefix}")
    run("${CMAKE_COMMAND}" --build "${root}/${name}")
    run("${CTEST}" --test-dir "${root}/${name}" --output-on-failure
        --no-tests=error)
    set(output "${output}" PARENT_SCOPE)
endfunction()

build_example("${EXAMPLE}" example)
file(GLOB pages "${root}/example/gate.*.html")
file(GLOB suites "${root}/example/gate.*.xml")
if(NOT pages OR NOT suites)
    message(FATAL_ERROR "the gate left no report in ${root}/example\n${output}")
endif()

# 4/sqrt(7 + eps), eps = 1e-5 as an f32, is 1.51185681213959898...
function(run_reference)
    run(${ARGN})
    if(NOT output MATCHES "exact 1\\.51185681213959")
        message(FATAL_ERROR "${ARGN} printed\n${output}")
    endif()
endfunction()

get_filename_component(reference "${EXAMPLE}/../reference" ABSOLUTE)
build_example("${reference}" reference)
run_reference("${root}/reference/ulp_normgate")
run_reference("${root}/reference/ulp_static")

# Nothing but what the headers declare is taken of a program's names.
file(GLOB archive "${prefix}/lib*/libnormgate.a"
     "${prefix}/lib*/*/libnormgate.a")
find_program(NM nm REQUIRED)
run("${NM}" -g --defined-only "${archive}")
string(REGEX MATCHALL "[^\n]* [A-Z] [^\n]*" symbols "${output}")
list(FILTER symbols EXCLUDE REGEX " ng_[a-z0-9_]+$")
if(symbols)
    message(FATAL_ERROR "${archive} takes names of a program: ${symbols}")
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
    run("${PKG_CONFIG}" --cflags --libs normgate)
    string(STRIP "${output}" flags)
    separate_arguments(flags UNIX_COMMAND "${flags}")
    run("${COMPILER}" -std=c11 "${reference}/ulp.c" -o "${root}/ulp" ${flags}
        -lm)
    get_filename_component(lib "${archive}" DIRECTORY)
    set(ENV{LD_LIBRARY_PATH} "${lib}")
    run_reference("${root}/ulp")
endif()
