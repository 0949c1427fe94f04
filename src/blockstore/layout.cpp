// SPDX-License-Identifier: Apache-2.0
#include "layout.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace accel::blockstore {

std::string root_name(const ipld::Cid& root) { return root.as_v1().to_string(); }

Bytes root_key(const ipld::Cid& root) { return root.as_v1().bytes(); }

std::string Layout::file_path(const ipld::Cid& root) const {
  const std::string name = root_name(root);
  return "files/" + name.substr(name.size() - 2) + "/" + name;
}

std::filesystem::path Layout::pack(std::uint64_t id) const {
  return packs() / fmt::format("{:08x}.pack", id);
}

std::filesystem::path Layout::part(const ipld::Cid& root) const {
  return partial() / (root_name(root) + ".part");
}

std::filesystem::path Layout::part_map(const ipld::Cid& root) const {
  return partial() / (root_name(root) + ".map");
}

std::filesystem::path Layout::part_lock(const ipld::Cid& root) const {
  return partial() / (root_name(root) + ".lock");
}

std::optional<std::uint64_t> pack_id_of(const std::filesystem::path& path) {
  if (path.extension() != ".pack") return std::nullopt;
  const std::string stem = path.stem().string();
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(stem.data(), stem.data() + stem.size(), id, 16);
  if (error != std::errc() || end != stem.data() + stem.size()) return std::nullopt;
  return id;
}

Result<std::vector<std::filesystem::path>> files_in(const std::filesystem::path& directory,
                                                    bool recursive) {
  namespace fs = std::filesystem;
  std::vector<fs::path> files;
  std::vector<fs::path> folders{directory};
  std::error_code error;
  while (!error && !folders.empty()) {
    fs::directory_iterator it(folders.back(), error);
    folders.pop_back();
    for (; !error && it != fs::directory_iterator(); it.increment(error)) {
      std::error_code gone;  // Files may vanish while they are listed.
      const auto status = it->symlink_status(gone);
      if (fs::is_regular_file(status)) files.push_back(it->path());
      if (recursive && fs::is_directory(status)) folders.push_back(it->path());
    }
  }
  if (!error) return files;
  return fail_errno(errc_from_errno(error.value()), error.value(),
                    fmt::format("Cannot list the folder {}.", directory.string()));
}

Result<std::uint64_t> free_bytes(const std::filesystem::path& directory) {
  struct statvfs info{};
  if (::statvfs(directory.c_str(), &info) != 0) {
    return fail_errno(errc_from_errno(errno), errno,
                      fmt::format("Cannot ask the free space at {}.", directory.string()));
  }
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

Status require_room(const std::filesystem::path& directory, std::uint64_t bytes,
                    std::string_view what) {
  ACCEL_TRY(const std::uint64_t free, free_bytes(directory));
  if (free >= bytes) return {};
  return fail(
      Errc::resource_exhausted,
      "No room for {}: {} are needed and {} are free on the disk of {}. Free some space (gc "
      "removes what is not pinned) and try again.",
      what, human_bytes(bytes), human_bytes(free), directory.string());
}

}  // namespace accel::blockstore
