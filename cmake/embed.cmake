# Turns a file into a C array that ends with a NUL:
#   cmake -DINPUT=style.css -DOUTPUT=style.c -DSYMBOL=ng_report_css \
#         -P embed.cmake
# With -DHASH=ng_report_js_hash also a text of that name, "sha256-BASE64", by
# which a Content-Security-Policy allows an inline script of these bytes.
cmake_policy(VERSION 3.22)
foreach(name INPUT OUTPUT SYMBOL)
  if(NOT DEFINED ${name})
    message(FATAL_ERROR "embed.cmake needs -D${name}=...")
  endif()
endforeach()

# The 32 bytes of a SHA-256 in base64: 43 characters and one that pads.
function(base64_of_sha256 variable digits)
  set(alphabet
      ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/)
  set(text)
  foreach(at RANGE 0 60 6)
    string(SUBSTRING "${digits}00" ${at} 6 group)
    foreach(shift 18 12 6 0)
      math(EXPR index "(0x${group} >> ${shift}) & 63")
      string(SUBSTRING "${alphabet}" ${index} 1 character)
      string(APPEND text "${character}")
    endforeach()
  endforeach()
  string(SUBSTRING "${text}" 0 43 text)
  set(${variable} "${text}=" PARENT_SCOPE)
endfunction()

file(READ "${INPUT}" bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
get_filename_component(name "${INPUT}" NAME)
set(code "/* Made from ${name} by cmake/embed.cmake. */\n"
         "extern const char ${SYMBOL}[]\;\n"
         "const char ${SYMBOL}[] = {${bytes}0}\;\n")
if(DEFINED HASH)
  file(SHA256 "${INPUT}" digits)
  base64_of_sha256(base64 "${digits}")
  list(APPEND code "extern const char ${HASH}[]\;\n"
                   "const char ${HASH}[] = \"sha256-${base64}\"\;\n")
endif()
list(JOIN code "" code)
file(WRITE "${OUTPUT}.part" "${code}")
file(RENAME "${OUTPUT}.part" "${OUTPUT}")
