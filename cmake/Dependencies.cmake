# SPDX-License-Identifier: Apache-2.0
# Every dependency, found and never downloaded, with the reason it is here.
# Debian 12 package names are in parentheses.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# Status, StrFormat/StrSplit, flat_hash_map, Span, cleanup.            (libabsl-dev)
find_package(absl REQUIRED)

# io_uring without raw system calls.                                   (liburing-dev)
pkg_check_modules(URING REQUIRED IMPORTED_TARGET liburing)

# The kernel's memory-mapped packet ring, BPF compiler, pcap files.    (libpcap-dev)
pkg_check_modules(PCAP REQUIRED IMPORTED_TARGET libpcap)

# AF_XDP send ring, and the lab's filter in the kernel; left out       (libxdp-dev, libbpf-dev)
# where it is not there.
set(OSPREY_WITH_XDP AUTO CACHE STRING "AF_XDP send ring: AUTO, ON or OFF")
set_property(CACHE OSPREY_WITH_XDP PROPERTY STRINGS AUTO ON OFF)
if(OSPREY_WITH_XDP STREQUAL "AUTO")
  pkg_check_modules(XDP IMPORTED_TARGET libxdp libbpf)
elseif(OSPREY_WITH_XDP)
  pkg_check_modules(XDP REQUIRED IMPORTED_TARGET libxdp libbpf)
endif()

# The rule that keeps the kernel from resetting connections while     (libnftables-dev)
# the program does so at its own rate (--resets own); refused where it is not there.
set(OSPREY_WITH_NFTABLES AUTO CACHE STRING "Own resets: AUTO, ON or OFF")
set_property(CACHE OSPREY_WITH_NFTABLES PROPERTY STRINGS AUTO ON OFF)
if(OSPREY_WITH_NFTABLES STREQUAL "AUTO")
  pkg_check_modules(NFTABLES IMPORTED_TARGET libnftables)
elseif(OSPREY_WITH_NFTABLES)
  pkg_check_modules(NFTABLES REQUIRED IMPORTED_TARGET libnftables)
endif()

# Links, addresses, routes and neighbours over netlink.                (libnl-route-3-dev)
pkg_check_modules(NLROUTE REQUIRED IMPORTED_TARGET libnl-route-3.0)

# Keyed hash (SipHash-2-4), SHA-256, random bytes.                     (libsodium-dev)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)

# 64-bit checksum of the compiled database (XXH3).                     (libxxhash-dev)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)

# XML reading and writing, streaming both ways.                        (libxml2-dev)
pkg_check_modules(XML2 REQUIRED IMPORTED_TARGET libxml-2.0)

# CRC-32 of reset data.                                                (zlib1g-dev)
find_package(ZLIB REQUIRED)

# Command line.                                                        (libcli11-dev)
find_package(CLI11 REQUIRED)

# JSON, streaming both ways; header only, no pkg-config file.          (rapidjson-dev)
find_path(RAPIDJSON_INCLUDE_DIR rapidjson/rapidjson.h REQUIRED)
add_library(osprey_rapidjson INTERFACE)
target_include_directories(osprey_rapidjson SYSTEM INTERFACE ${RAPIDJSON_INCLUDE_DIR})
# Its internal stack adds to a null pointer, which Clang's sanitizer reports from inside it.
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND "undefined" IN_LIST OSPREY_SANITIZE)
  target_compile_options(osprey_rapidjson INTERFACE -fno-sanitize=pointer-overflow)
endif()
add_library(osprey::rapidjson ALIAS osprey_rapidjson)

# Lock-free queues between threads; header only.                       (libconcurrentqueue-dev)
find_path(CONCURRENTQUEUE_INCLUDE_DIR concurrentqueue/concurrentqueue.h REQUIRED)
add_library(osprey_concurrentqueue INTERFACE)
target_include_directories(osprey_concurrentqueue SYSTEM INTERFACE ${CONCURRENTQUEUE_INCLUDE_DIR})
add_library(osprey::concurrentqueue ALIAS osprey_concurrentqueue)

if(OSPREY_BUILD_TESTS)
  # Unit tests.                                                        (libgtest-dev, libgmock-dev)
  find_package(GTest REQUIRED)
endif()
if(OSPREY_BUILD_BENCH)
  # Micro benchmarks.                                                  (libbenchmark-dev)
  find_package(benchmark REQUIRED)
endif()
