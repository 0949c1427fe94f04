# SPDX-License-Identifier: Apache-2.0
# A relocatable installation: bin/ipfs-accelerate finds its libraries in ../lib/ipfs-accelerate, wherever the prefix is moved.
include_guard(GLOBAL)
include(GNUInstallDirs)
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(accel_libdir lib/ipfs-accelerate)

install(TARGETS ipfs-accelerate RUNTIME DESTINATION bin)
install(DIRECTORY "${ACCEL_DEPS_DIR}/onnxruntime/lib/" DESTINATION ${accel_libdir} USE_SOURCE_PERMISSIONS)
install(DIRECTORY "${ACCEL_DEPS_DIR}/openvino/lib/" DESTINATION ${accel_libdir} USE_SOURCE_PERMISSIONS)
install(DIRECTORY "${ACCEL_DEPS_DIR}/llama/lib/" DESTINATION ${accel_libdir} USE_SOURCE_PERMISSIONS)
install(FILES "${ACCEL_DEPS_DIR}/duckdb/lib/libduckdb.so" DESTINATION ${accel_libdir})
install(FILES LICENSE THIRD_PARTY_NOTICES.md README.md DESTINATION share/doc/ipfs-accelerate)
# What shells and man know, made by the program and from its --help: they can't fall behind.
install(CODE "
  set(binary \"$<TARGET_FILE:ipfs-accelerate>\")
  foreach(file IN ITEMS bash-completion/completions/ipfs-accelerate
          fish/vendor_completions.d/ipfs-accelerate.fish man/man1/ipfs-accelerate.1)
    get_filename_component(folder \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share/\${file}\" DIRECTORY)
    file(MAKE_DIRECTORY \"\${folder}\")
    string(REGEX MATCH \"bash|fish\" shell \"\${file}\")
    set(command \"\${binary}\" completion \"\${shell}\")
    if(NOT shell)
      set(command ${Python3_EXECUTABLE} \"${PROJECT_SOURCE_DIR}/tools/man_page\" \"\${binary}\")
    endif()
    execute_process(COMMAND \${command} OUTPUT_FILE \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share/\${file}\" COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
")
# Shared libraries of the distribution that the program links (OpenSSL, fmt, spdlog), so that another machine needs no packages.
install(CODE "
  file(GET_RUNTIME_DEPENDENCIES EXECUTABLES \"$<TARGET_FILE:ipfs-accelerate>\" RESOLVED_DEPENDENCIES_VAR resolved
       PRE_EXCLUDE_REGEXES \"^ld-linux\" \"^lib(c|m|dl|rt|pthread|resolv)\\\\.so\")
  foreach(library IN LISTS resolved)
    file(INSTALL \"\${library}\" DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${accel_libdir}\" FOLLOW_SYMLINK_CHAIN)
  endforeach()
")
