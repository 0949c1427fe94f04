# SPDX-License-Identifier: Apache-2.0
# Third-party libraries as imported targets. tools/deps installs them as deps.lock.json pins them; docs/DEPENDENCIES.md says why each.
include_guard(GLOBAL)

if(DEFINED ENV{XDG_CACHE_HOME} AND NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
  set(accel_cache "$ENV{XDG_CACHE_HOME}/ipfs-accelerate")
else()
  set(accel_cache "$ENV{HOME}/.cache/ipfs-accelerate")
endif()
set(ACCEL_DEPS_DIR "${accel_cache}/deps" CACHE PATH "Where tools/deps installed the pinned packages")
if(NOT EXISTS "${ACCEL_DEPS_DIR}/onnxruntime/include/onnxruntime_c_api.h")
  message(FATAL_ERROR "Dependencies are missing in ${ACCEL_DEPS_DIR}. Run: tools/deps install")
endif()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(prometheus-cpp REQUIRED COMPONENTS core)
find_package(GTest REQUIRED)

# tl::expected and the vocabulary headers are header-only Debian packages in the default include path.
find_path(ACCEL_EXPECTED_INCLUDE tl/expected.hpp REQUIRED)

# LMDB, linked statically so that the disk seam of the tests can wrap its system calls.
find_path(ACCEL_LMDB_INCLUDE lmdb.h REQUIRED)
find_library(ACCEL_LMDB_LIBRARY NAMES liblmdb.a REQUIRED)
add_library(accel_lmdb INTERFACE)
target_include_directories(accel_lmdb SYSTEM INTERFACE ${ACCEL_LMDB_INCLUDE})
target_link_libraries(accel_lmdb INTERFACE ${ACCEL_LMDB_LIBRARY} Threads::Threads)

find_path(ACCEL_UTF8PROC_INCLUDE utf8proc.h REQUIRED)
find_library(ACCEL_UTF8PROC_LIBRARY NAMES libutf8proc.a REQUIRED)
add_library(accel_utf8proc INTERFACE)
target_include_directories(accel_utf8proc SYSTEM INTERFACE ${ACCEL_UTF8PROC_INCLUDE})
target_link_libraries(accel_utf8proc INTERFACE ${ACCEL_UTF8PROC_LIBRARY})

# Images, linked statically: the libraries are small, and every model of images needs one of them.
find_path(ACCEL_JPEG_INCLUDE jpeglib.h REQUIRED)
find_library(ACCEL_JPEG_LIBRARY NAMES libjpeg.a REQUIRED)
find_path(ACCEL_PNG_INCLUDE png.h REQUIRED)
find_library(ACCEL_PNG_LIBRARY NAMES libpng16.a REQUIRED)
find_library(ACCEL_ZLIB_LIBRARY NAMES libz.a REQUIRED)
add_library(accel_images INTERFACE)
target_include_directories(accel_images SYSTEM INTERFACE ${ACCEL_JPEG_INCLUDE} ${ACCEL_PNG_INCLUDE})
target_link_libraries(accel_images INTERFACE ${ACCEL_JPEG_LIBRARY} ${ACCEL_PNG_LIBRARY} ${ACCEL_ZLIB_LIBRARY} m)

# Spectra of recordings: kissfft's C++ header needs no library.
find_path(ACCEL_KISSFFT_INCLUDE kissfft/kissfft.hh REQUIRED)
add_library(accel_kissfft_headers INTERFACE)
target_include_directories(accel_kissfft_headers SYSTEM INTERFACE ${ACCEL_KISSFFT_INCLUDE})

find_path(ACCEL_NGHTTP2_INCLUDE nghttp2/nghttp2.h REQUIRED)
find_library(ACCEL_NGHTTP2_LIBRARY NAMES libnghttp2.a REQUIRED)
add_library(accel_nghttp2 INTERFACE)
target_include_directories(accel_nghttp2 SYSTEM INTERFACE ${ACCEL_NGHTTP2_INCLUDE})
target_link_libraries(accel_nghttp2 INTERFACE ${ACCEL_NGHTTP2_LIBRARY})

find_path(ACCEL_SODIUM_INCLUDE sodium.h REQUIRED)
find_library(ACCEL_SODIUM_LIBRARY NAMES libsodium.a REQUIRED)
add_library(accel_sodium INTERFACE)
target_include_directories(accel_sodium SYSTEM INTERFACE ${ACCEL_SODIUM_INCLUDE})
target_link_libraries(accel_sodium INTERFACE ${ACCEL_SODIUM_LIBRARY})

# Runtimes that are loaded with dlopen: headers only. A command that needs none of them pays for none of them.
function(accel_header_only_runtime target include)
  add_library(${target} INTERFACE)
  target_include_directories(${target} SYSTEM INTERFACE "${include}")
  target_link_libraries(${target} INTERFACE ${CMAKE_DL_LIBS})
endfunction()
accel_header_only_runtime(accel_onnxruntime_headers "${ACCEL_DEPS_DIR}/onnxruntime/include")
target_compile_definitions(accel_onnxruntime_headers INTERFACE ORT_API_MANUAL_INIT)
accel_header_only_runtime(accel_openvino_headers "${ACCEL_DEPS_DIR}/openvino/include")
accel_header_only_runtime(accel_llama_headers "${ACCEL_DEPS_DIR}/llama/include")
find_path(ACCEL_SAMPLERATE_INCLUDE samplerate.h REQUIRED)
accel_header_only_runtime(accel_samplerate_headers "${ACCEL_SAMPLERATE_INCLUDE}")
find_path(ACCEL_SNDFILE_INCLUDE sndfile.h REQUIRED)
accel_header_only_runtime(accel_sndfile_headers "${ACCEL_SNDFILE_INCLUDE}")
accel_header_only_runtime(accel_duckdb_headers "${ACCEL_DEPS_DIR}/duckdb/include")
