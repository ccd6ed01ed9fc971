# SPDX-License-Identifier: Apache-2.0
# Warnings and sanitizers ride on one INTERFACE target, linked PRIVATE by every target of ours.

add_library(osprey_flags INTERFACE)
target_include_directories(osprey_flags INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)
target_compile_options(osprey_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual
  -Wold-style-cast -Wnon-virtual-dtor -Wformat=2 -Wundef -Wvla
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
  $<$<BOOL:${OSPREY_WERROR}>:-Werror>)

foreach(sanitizer IN LISTS OSPREY_SANITIZE)
  target_compile_options(osprey_flags INTERFACE -fsanitize=${sanitizer} -fno-omit-frame-pointer)
  target_link_options(osprey_flags INTERFACE -fsanitize=${sanitizer})
  # GCC 12 loses track of initialisation in instrumented library code and warns of std::function.
  target_compile_options(osprey_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  if(sanitizer STREQUAL "undefined")
    target_compile_options(osprey_flags INTERFACE -fno-sanitize-recover=undefined)
  endif()
endforeach()
