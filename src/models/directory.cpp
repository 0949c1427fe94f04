// SPDX-License-Identifier: Apache-2.0
// Models in a directory on disk: for tests and tools. Nodes read models from their store.
#include <fcntl.h>

#include <filesystem>
#include <system_error>

#include "accel/core/file.hpp"
#include "accel/crypto/sha256.hpp"
#include "accel/models/manifest.hpp"
#include "model_files.hpp"

namespace accel::models {
namespace {

namespace fs = std::filesystem;

// The content's name: the CID of the bytes as one raw block, however large they are.
Result<ipld::Cid> name_of(const fs::path& path) {
  ACCEL_TRY(const MappedFile map, MappedFile::open(path));
  return ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(map.data()));
}

}  // namespace

Result<std::vector<ModelFile>> list_directory(const fs::path& directory) {
  std::error_code error;
  std::vector<ModelFile> files;
  fs::recursive_directory_iterator it(directory, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (!it->is_regular_file(error)) continue;
    if (files.size() == kMaxModelFiles) {
      return fail(Errc::resource_exhausted, "{} has more than {} files.", directory.string(),
                  kMaxModelFiles);
    }
    ACCEL_TRY(const ipld::Cid cid, name_of(it->path()));
    files.push_back(
        {it->path().lexically_relative(directory).generic_string(), cid, it->file_size(error)});
  }
  if (error) {
    return fail_errno(errc_from_errno(error.value()), error.value(),
                      fmt::format("The folder {} cannot be listed.", directory.string()));
  }
  return files;
}

Fetcher directory_fetcher(fs::path directory) {
  return [directory = std::move(directory)](std::string_view path) -> Result<fs::path> {
    if (!check_model_path(path)) {
      return fail(Errc::invalid_argument, "'{}' does not name a file inside a model.", path);
    }
    fs::path file = directory / path;
    std::error_code ignored;  // What cannot be looked at is not there.
    if (!fs::is_regular_file(file, ignored)) {
      return fail(Errc::not_found, "{} is no file.", file.string());
    }
    return file;
  };
}

}  // namespace accel::models
