# SPDX-License-Identifier: Apache-2.0
# accel_embed_files(<out.cpp> FILES <paths>): a source file with the texts in it, made again when one of them changes. Run as a
# script (cmake -P, with OUT and FILES) it writes that file. Needs nothing but CMake.
if(CMAKE_SCRIPT_MODE_FILE)
  set(rows "")
  string(REPLACE "|" ";" FILES "${FILES}")
  foreach(file IN LISTS FILES)
    file(READ "${file}" text)
    get_filename_component(name "${file}" NAME)
    string(FIND "${text}" ")page\"" end)
    if(NOT end EQUAL -1)
      message(FATAL_ERROR "${file} holds )page\", which would end the text in C++.")
    endif()
    string(APPEND rows "    {\"${name}\", R\"page(${text})page\"},\n")
  endforeach()
  file(WRITE "${OUT}" "// Made by cmake/AccelEmbed.cmake.
#include <array>

#include \"page.hpp\"

namespace accel::server {
namespace {
constexpr PageFile kFiles[] = {
${rows}};
}  // namespace

std::span<const PageFile> page_files() { return kFiles; }

}  // namespace accel::server
")
  return()
endif()

set(accel_embed_script "${CMAKE_CURRENT_LIST_FILE}")
function(accel_embed_files out)
  cmake_parse_arguments(ARG "" "" "FILES" ${ARGN})
  string(REPLACE ";" "|" files "${ARG_FILES}") # A list would come apart on the command line.
  add_custom_command(OUTPUT "${out}" DEPENDS ${ARG_FILES} "${accel_embed_script}" VERBATIM
    COMMAND ${CMAKE_COMMAND} "-DOUT=${out}" "-DFILES=${files}" -P "${accel_embed_script}")
endfunction()
