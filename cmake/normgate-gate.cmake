# normgate_add_gate(<target> [ARGS <argument>...])
#
# Adds the test gate.<target>, which checks the kernels of a shared library
# target and passes only if all hold. It leaves gate.<target>.xml (JUnit) and
# gate.<target>.html in the binary directory. ARGS goes to `normgate check`,
# for example ARGS --profile deep --dtype bf16.
function(normgate_add_gate target)
    cmake_parse_arguments(PARSE_ARGV 1 gate "" "" "ARGS")
    if(gate_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR
            "normgate_add_gate(${target}): unknown ${gate_UNPARSED_ARGUMENTS}; "
            "arguments of `normgate check` follow ARGS")
    endif()
    if(NOT TARGET ${target})
        message(FATAL_ERROR "normgate_add_gate: ${target} is not a target")
    endif()
    set(base "${CMAKE_CURRENT_BINARY_DIR}/gate.${target}")
    add_test(
        NAME gate.${target}
        COMMAND normgate::program check "$<TARGET_FILE:${target}>"
                --junit "${base}.xml" --html "${base}.html" ${gate_ARGS})
endfunction()
