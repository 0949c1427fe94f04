# SPDX-License-Identifier: Apache-2.0
# Options, warnings and sanitizers. Everything hangs on the interface target accel_warnings or on the preset's flags.
include_guard(GLOBAL)

option(ACCEL_TESTS "Build the tests" ON)
option(ACCEL_WERROR "Warnings are errors" OFF)
option(ACCEL_FUZZ "Build libFuzzer targets (clang)" OFF)
set(ACCEL_SANITIZE "" CACHE STRING "Sanitizers, for example address,undefined or thread")

add_library(accel_warnings INTERFACE)
target_compile_options(accel_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast)
if(ACCEL_WERROR)
  target_compile_options(accel_warnings INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these inside libstdc++ and Boost when sanitizers are on; clang checks the same code in the fuzz preset.
  target_compile_options(accel_warnings INTERFACE -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
endif()

if(ACCEL_SANITIZE)
  add_compile_options(-fsanitize=${ACCEL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${ACCEL_SANITIZE})
  if(ACCEL_SANITIZE MATCHES "undefined" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # UBSan's tables of source places need a relocation each in a PIE: without, and with the lines packed, the test
    # programs take 6 GB of disk instead of 11.
    add_link_options(-no-pie -Wl,--compress-debug-sections=zlib)
  endif()
  if(ACCEL_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)  # std::atomic_thread_fence in Boost.Asio; the fences pair with atomics that TSan does see.
  endif()
endif()
if(ACCEL_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(ACCEL_CCACHE ccache)
if(ACCEL_CCACHE)
  # Paths below the checkout count as relative, so that every clone on a machine shares one cache.
  set(accel_launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${ACCEL_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${accel_launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${accel_launcher})
endif()
find_program(ACCEL_MOLD mold)
if(ACCEL_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
