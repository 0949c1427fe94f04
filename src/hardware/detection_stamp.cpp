// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <cstdlib>

#include "accel/hardware/platform.hpp"
#include "kernel_file.hpp"
#include "probes.hpp"
#include "text_lines.hpp"

namespace accel::hardware {
namespace {

namespace fs = std::filesystem;

// Size and modification time of what is at the path: changes when a package is installed or
// removed.
std::string stamp_of(const fs::path& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return "-";
  return fmt::format("{}.{}+{}", info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_size);
}

void add(std::string& text, std::string_view name, std::string_view value) {
  text += name;
  text += '=';
  text += value;
  text += '\n';
}

void add_environment(std::string& text) {
  for (const char* name : {"LD_LIBRARY_PATH", "PATH", "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES",
                           "ROCR_VISIBLE_DEVICES", "VK_ICD_FILENAMES", "VK_DRIVER_FILES",
                           "VK_LOADER_DRIVERS_SELECT"}) {
    if (const char* value = std::getenv(name)) add(text, name, value);
  }
}

void add_modules(std::string& text, const DetectOptions& options) {
  for (const char* module : {"nvidia", "amdgpu", "i915", "xe", "intel_vpu", "amdxdna", "fastrpc"}) {
    const fs::path folder = options.root / "sys/module" / module;
    std::error_code error;
    if (fs::exists(folder, error)) {
      add(text, module, detail::kernel_line(folder / "version", "loaded"));
    }
  }
}

void add_device_nodes(std::string& text, const DetectOptions& options) {
  const auto nodes = [&](const char* folder, const char* prefix) {
    add(text, fmt::format("{}/{}*", folder, prefix),
        detail::join(detail::entries_with_prefix(options, folder, prefix)));
  };
  nodes("dev", "nvidia");
  nodes("dev", "kfd");
  nodes("dev", "dxg");
  nodes("dev", "fastrpc-");
  nodes("dev/dri", "");
  nodes("dev/accel", "");
}

void add_libraries(std::string& text, const DetectOptions& options) {
  for (const fs::path& folder : options.library_directories) {
    add(text, folder.string(), stamp_of(folder));
  }
  for (const LibraryQuery& query : {LibraryQuery{"libonnxruntime.so.1", "onnxruntime", {}},
                                    LibraryQuery{"libopenvino_c.so", "openvino", {}},
                                    LibraryQuery{"libQnnHtp.so", "onnxruntime-qnn", {}}}) {
    for (const fs::path& path : library_search_path(query)) {
      if (path.has_parent_path()) add(text, path.string(), stamp_of(path));
      if (path.has_parent_path()) add(text, "folder", stamp_of(path.parent_path()));
    }
  }
  for (const char* path : {"etc/ld.so.cache", "etc/vulkan/icd.d", "usr/share/vulkan/icd.d"}) {
    add(text, path, stamp_of(options.root / path));
  }
}

}  // namespace

std::string detection_stamp(const DetectOptions& options) {
  std::string text = "detection stamp 1\n";
  add(text, "boot", detail::kernel_line(options.root / "proc/sys/kernel/random/boot_id"));
  add_environment(text);
  add_modules(text, options);
  add_device_nodes(text, options);
  add_libraries(text, options);
  return text;
}

}  // namespace accel::hardware
