# SPDX-License-Identifier: Apache-2.0
# cmake -DINPUT=text -DOUTPUT=x.cc -DFUNCTION=osprey::db::BuiltinText -P EmbedText.cmake
# Writes a source file that defines `std::string_view FUNCTION()` with the text of INPUT.
# As bytes, because compilers limit the length of string literals.
file(READ ${INPUT} hex HEX)
string(REGEX REPLACE "(................................)" "\\1\n    " hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "^(.*)::([A-Za-z]+)$" "\\1;\\2" parts "${FUNCTION}")
list(GET parts 0 namespace)
list(GET parts 1 name)
file(WRITE ${OUTPUT} "// Generated from ${INPUT}; do not edit.
#include <string_view>
namespace ${namespace} {
std::string_view ${name}();
namespace {
constexpr unsigned char kText[] = {
    ${bytes}0};
}  // namespace
std::string_view ${name}() {
  return {reinterpret_cast<const char*>(kText), sizeof(kText) - 1};
}
}  // namespace ${namespace}
")
