# SPDX-License-Identifier: Apache-2.0
# osprey_library / osprey_program / osprey_test / osprey_bench / osprey_fuzz

# osprey_library(name SRCS ... [HDRS ...] [DEPS ...])
# Makes libosprey_<name> and its alias osprey::<name>. Paths are relative to the calling folder.
function(osprey_library name)
  cmake_parse_arguments(ARG "" "" "SRCS;HDRS;DEPS" ${ARGN})
  if(ARG_SRCS)
    add_library(osprey_${name} STATIC ${ARG_SRCS} ${ARG_HDRS})
    target_link_libraries(osprey_${name} PRIVATE osprey_flags PUBLIC ${ARG_DEPS})
    target_include_directories(osprey_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  else()
    add_library(osprey_${name} INTERFACE)
    target_link_libraries(osprey_${name} INTERFACE ${ARG_DEPS})
    target_include_directories(osprey_${name} INTERFACE ${PROJECT_SOURCE_DIR})
  endif()
  add_library(osprey::${name} ALIAS osprey_${name})
endfunction()

# osprey_program(name SRCS ... [DEPS ...])
function(osprey_program name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE osprey_flags ${ARG_DEPS})
endfunction()

# osprey_test(name SRCS ... [DEPS ...] [LABELS ...] [TIMEOUT seconds])
# One CTest entry per GoogleTest binary. LABELS: unit (default), golden, slow, netns.
function(osprey_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SRCS;DEPS;LABELS" ${ARGN})
  if(NOT OSPREY_BUILD_TESTS)
    return()
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE osprey_flags ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE OSPREY_TEST_DIR="${PROJECT_SOURCE_DIR}/tests")
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
    ENVIRONMENT "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/cmake/tsan.supp;OSPREY_BIN_DIR=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}"
    SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\] 1 test, listed below:\n.*\n.*\\[  PASSED  \\] 0 tests")
endfunction()

# osprey_bench(name SRCS ... [DEPS ...])
function(osprey_bench name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  if(NOT OSPREY_BUILD_BENCH)
    return()
  endif()
  add_executable(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE osprey_flags ${ARG_DEPS} benchmark::benchmark benchmark::benchmark_main)
endfunction()

# osprey_fuzz(name SRCS ... [DEPS ...])
# With OSPREY_BUILD_FUZZ a libFuzzer program <name>; always a test <name>_replay that runs the
# same entry point over tests/fuzz/corpus/<name>/*, so that fuzz targets cannot rot.
function(osprey_fuzz name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  if(OSPREY_BUILD_FUZZ)
    add_executable(${name} ${ARG_SRCS})
    target_link_libraries(${name} PRIVATE osprey_flags ${ARG_DEPS})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  endif()
  if(OSPREY_BUILD_TESTS)
    add_executable(${name}_replay ${ARG_SRCS} ${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cc)
    target_link_libraries(${name}_replay PRIVATE osprey_flags ${ARG_DEPS})
    add_test(NAME ${name}_replay
      COMMAND ${name}_replay ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
    set_tests_properties(${name}_replay PROPERTIES LABELS unit TIMEOUT 300
      ENVIRONMENT "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/cmake/tsan.supp")
  endif()
endfunction()
