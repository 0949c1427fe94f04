// SPDX-License-Identifier: Apache-2.0
#include "accel/core/library.hpp"

#include <dlfcn.h>
#include <link.h>

#include <utility>

namespace accel {
namespace {

std::string loader_words() {
  const char* words = ::dlerror();
  return words != nullptr ? words : "";
}

// The distribution's name and the path below an installation's prefix (cmake/AccelInstall.cmake).
constexpr const char* kInstalledFolder = "../lib/ipfs-accelerate";

}  // namespace

Result<SharedLibrary> SharedLibrary::open(const std::filesystem::path& path_or_soname) {
  void* handle = ::dlopen(path_or_soname.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    return tl::unexpected<Error>(
        Error{Errc::unavailable,
              fmt::format("Cannot load the library {}.", path_or_soname.string()), loader_words()});
  }
  return SharedLibrary(handle, path_or_soname);
}

SharedLibrary::SharedLibrary(SharedLibrary&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)),
      name_(std::move(other.name_)),
      keep_(other.keep_) {}

SharedLibrary& SharedLibrary::operator=(SharedLibrary&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(name_, other.name_);
  std::swap(keep_, other.keep_);
  return *this;
}

SharedLibrary::~SharedLibrary() {
  if (handle_ != nullptr && !keep_) ::dlclose(handle_);
}

Result<void*> SharedLibrary::symbol(const char* name) const {
  void* address = ::dlsym(handle_, name);
  if (address == nullptr) {
    return tl::unexpected<Error>(
        Error{Errc::not_found,
              fmt::format("The library {} has no symbol {}; it may be of another version.",
                          path().string(), name),
              loader_words()});
  }
  return address;
}

std::filesystem::path SharedLibrary::path() const {
  link_map* map = nullptr;
  if (::dlinfo(handle_, RTLD_DI_LINKMAP, &map) == 0 && map != nullptr && map->l_name != nullptr &&
      map->l_name[0] != '\0') {
    return map->l_name;
  }
  return name_;
}

std::vector<std::filesystem::path> library_search_path(const LibraryQuery& query) {
  if (!query.explicit_path.empty()) return {query.explicit_path};
  std::vector<std::filesystem::path> candidates;
  candidates.push_back(executable_dir() / kInstalledFolder / query.file_name);
  if (const std::filesystem::path pinned = ACCEL_DEPS_DIR; !pinned.empty()) {
    candidates.push_back(pinned / query.package / "lib" / query.file_name);
  }
  candidates.emplace_back(query.file_name);
  return candidates;
}

Result<SharedLibrary> open_library(const LibraryQuery& query) {
  std::string looked;
  std::string cause;
  for (const std::filesystem::path& candidate : library_search_path(query)) {
    looked +=
        fmt::format("{}{}", looked.empty() ? "" : ", ", candidate.lexically_normal().string());
    std::error_code ignored;
    if (candidate.has_parent_path() && !std::filesystem::exists(candidate, ignored)) continue;
    auto library = SharedLibrary::open(candidate);
    if (library) return library;
    cause = library.error().cause;
  }
  return tl::unexpected<Error>(Error{
      Errc::unavailable,
      fmt::format("The library {} could not be loaded; looked for {}.", query.file_name, looked),
      std::move(cause)});
}

bool is_loaded(std::string_view file_name) {
  struct Search {
    std::string_view wanted;
    bool found = false;
  } search{file_name};
  const auto look = [](dl_phdr_info* info, std::size_t, void* data) {
    auto& wanted = *static_cast<Search*>(data);
    const std::string_view path = info->dlpi_name == nullptr ? "" : info->dlpi_name;
    wanted.found = path.substr(path.rfind('/') + 1).starts_with(wanted.wanted);
    return wanted.found ? 1 : 0;
  };
  ::dl_iterate_phdr(look, &search);
  return search.found;
}

std::filesystem::path executable_dir() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::filesystem::path(".") : self.parent_path();
}

}  // namespace accel
