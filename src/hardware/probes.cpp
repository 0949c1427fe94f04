// SPDX-License-Identifier: Apache-2.0
#include "probes.hpp"

#include <dlfcn.h>
#include <sys/utsname.h>

#include <algorithm>

namespace accel::hardware::detail {
namespace fs = std::filesystem;

void say_no(Probe& probe, std::string reason) {
  probe.ok = false;
  probe.reason = std::move(reason);
}

Result<SharedLibrary> open_vendor_library(const DetectOptions& options,
                                          const std::vector<std::string>& sonames,
                                          const std::string& package) {
  std::string causes;
  for (const std::string& soname : sonames) {
    for (const fs::path& folder : options.library_directories) {
      std::error_code error;
      if (!fs::exists(folder / soname, error)) continue;
      return SharedLibrary::open(folder / soname);
    }
    auto library = open_library({soname, package, {}});
    if (library) return library;
    if (!causes.empty()) causes += "; ";
    causes += library.error().cause;
  }
  return fail(Error{Errc::unavailable, fmt::format("{} cannot be loaded.", join(sonames, " or ")),
                    std::move(causes)});
}

std::optional<fs::path> find_engine_library(const DetectOptions& options,
                                            const std::string& file_name,
                                            const std::string& package) {
  std::vector<fs::path> places;
  for (const fs::path& folder : options.library_directories) places.push_back(folder / file_name);
  for (const fs::path& path : library_search_path({file_name, package, {}})) {
    if (path.has_parent_path()) places.push_back(path);
  }
  for (const fs::path& path : places) {
    std::error_code error;
    if (fs::is_regular_file(path, error)) return path;
  }
  return std::nullopt;
}

void check_provider(const DetectOptions& options, const ProviderQuery& query, Probe& runtime) {
  const auto path = find_engine_library(options, query.file_name, "onnxruntime");
  if (!path) {
    return say_no(runtime, fmt::format("{} ({}) is not installed. Install it: {}.", query.what,
                                       query.file_name, query.how_to_install));
  }
  runtime.evidence["library"] = path->string();
  // Lazily, because the provider's own symbols come from ONNX Runtime, which is not loaded here:
  // what fails then is a library that it needs.
  void* handle = ::dlopen(path->c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* cause = ::dlerror();
    return say_no(runtime,
                  fmt::format("{} does not load: {}. Install what is missing: {}.", query.what,
                              cause == nullptr ? "no reason given" : cause, query.how_to_install));
  }
  runtime.ok = true;
}

std::vector<std::string> entries_with_prefix(const DetectOptions& options, const char* folder,
                                             std::string_view prefix) {
  constexpr std::size_t kMaxEntries = 256;
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(options.root / folder, error), end;
       !error && entry != end && names.size() < kMaxEntries; entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (name.starts_with(prefix)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += separator;
    text += part;
  }
  return text;
}

std::string cuda_version_text(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

std::string system_name() {
  utsname names{};
  if (::uname(&names) != 0) return "an unknown system";
  return fmt::format("{} {}", names.sysname, names.machine);
}

}  // namespace accel::hardware::detail
