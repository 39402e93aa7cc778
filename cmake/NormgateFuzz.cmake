# With NORMGATE_FUZZ every library reports its coverage to libFuzzer.
if(NORMGATE_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR
            "NORMGATE_FUZZ needs clang: configure with --preset fuzz or "
            "-DCMAKE_C_COMPILER=clang")
    endif()
    target_compile_options(ng_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
