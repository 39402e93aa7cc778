# Turns a file into a C array that ends with a NUL:
#   cmake -DINPUT=style.css -DOUTPUT=style.c -DSYMBOL=ng_report_css \
#         -P embed.cmake
foreach(name INPUT OUTPUT SYMBOL)
  if(NOT DEFINED ${name})
    message(FATAL_ERROR "embed.cmake needs -D${name}=...")
  endif()
endforeach()
file(READ "${INPUT}" bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
get_filename_component(name "${INPUT}" NAME)
file(WRITE "${OUTPUT}.part"
     "/* Made from ${name} by cmake/embed.cmake. */\n"
     "extern const char ${SYMBOL}[];\n"
     "const char ${SYMBOL}[] = {${bytes}0};\n")
file(RENAME "${OUTPUT}.part" "${OUTPUT}")
