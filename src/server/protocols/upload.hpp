// SPDX-License-Identifier: Apache-2.0
#pragma once
// Files that a client of the Kubo RPC sends, laid out in a temporary folder as they arrive, so that
// an upload of any size takes the memory of a piece. Names come from strangers: none leads out of
// the folder, none goes through a link. Threads: take() on the
// server's executor; disks are written on the pool.

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "accel/core/async/offload.hpp"
#include "accel/core/file.hpp"
#include "accel/net/message.hpp"
#include "protocols/multipart.hpp"

namespace accel::server {

// A folder that goes with this object, and all that is in it: both block.
class UploadFolder {
 public:
  explicit UploadFolder(std::filesystem::path path) : path_(std::move(path)) {}
  UploadFolder(UploadFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  UploadFolder& operator=(UploadFolder&&) = delete;
  ~UploadFolder() { remove(); }

  void remove();
  const std::filesystem::path& path() const { return path_; }  // Empty: it has gone.

 private:
  std::filesystem::path path_;
};

class Upload : public net::RequestSink {
 public:
  struct Entry {
    std::string path;  // Below folder(), with '/'.
    bool is_directory = false;
    std::uint64_t bytes = 0;
    bool named = true;  // Else the path was made up: it came without a name.
  };

  // Takes the folder of an upload that ends on whatever thread, to remove it where that may block.
  using Leftover = std::function<void(UploadFolder)>;

  // `parent` is made when it is not there. Errors: invalid_argument (the head), io.
  static Result<std::shared_ptr<Upload>> open(const net::HttpRequest& head,
                                              const std::filesystem::path& parent,
                                              OffloadPool& pool, Leftover leftover);
  ~Upload() override;

  Task<void> take(std::string piece) override;
  // What is left goes to the disk. Blocks. Errors: invalid_argument (the body ended too soon).
  Status finish();

  // The folder goes now, not with this object. Blocks.
  void remove() { folder_.remove(); }

  const std::filesystem::path& folder() const { return folder_.path(); }
  // Files and folders that were named, in their order.
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  Upload(UploadFolder folder, OffloadPool& pool, Leftover leftover, std::string_view boundary);

  Status write(std::string_view piece);
  Status begin_part(const PartHead& head);
  Status make_folders(const std::string& path);

  UploadFolder folder_;
  OffloadPool& pool_;
  Leftover leftover_;
  MultipartReader reader_;
  std::string waiting_;  // Not parsed yet.
  std::vector<Entry> entries_;
  std::optional<UniqueFd> file_;
};

// "a%2Fb" as "a/b", checked: no empty part, "." or "..", no NUL, no part longer than a file system
// takes. Empty stays empty. Errors: invalid_argument.
Result<std::string> upload_path(std::string_view filename);

}  // namespace accel::server
