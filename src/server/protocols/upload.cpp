// SPDX-License-Identifier: Apache-2.0
#include "protocols/upload.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "accel/core/random.hpp"
#include "accel/net/url.hpp"

namespace accel::server {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBatchBytes = 1U << 20U;  // One hop to the pool each.
constexpr std::size_t kMaxPathBytes = 4096;
constexpr std::size_t kMaxPartBytes = 255;
constexpr std::size_t kMaxDepth = 64;
constexpr std::string_view kDirectory = "application/x-directory";
constexpr std::string_view kLink = "application/symlink";

tl::unexpected<Error> bad_name(std::string_view name) {
  return fail(Errc::invalid_argument, "\"{}\" can't name a file of an upload.",
              name.substr(0, kMaxPartBytes));
}

}  // namespace

Result<std::string> upload_path(std::string_view filename) {
  const auto decoded = net::percent_decode(filename);
  if (!decoded || decoded->size() > kMaxPathBytes) return bad_name(filename);
  std::string_view rest = *decoded;
  while (rest.starts_with('/')) rest.remove_prefix(1);
  while (rest.ends_with('/')) rest.remove_suffix(1);
  std::string path(rest);
  std::size_t depth = 0;
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    const bool fits = !part.empty() && part != "." && part != ".." &&
                      part.size() <= kMaxPartBytes && part.find('\0') == part.npos;
    if (!fits || ++depth > kMaxDepth) return bad_name(filename);
  }
  return path;
}

Result<std::shared_ptr<Upload>> Upload::open(const net::HttpRequest& head, const fs::path& parent,
                                             OffloadPool& pool, Leftover leftover) {
  ACCEL_TRY(const std::string boundary,
            MultipartReader::boundary_of(head.headers.get_or("Content-Type", "")));
  UploadFolder folder(parent / ("rpc-" + random_hex(system_random(), 8)));
  ACCEL_CHECK(make_directories(folder.path()));
  std::shared_ptr<Upload> upload;
  upload.reset(new Upload(std::move(folder), pool,  // tidy: raw-new: private constructor
                          std::move(leftover), boundary));
  return upload;
}

Upload::Upload(UploadFolder folder, OffloadPool& pool, Leftover leftover, std::string_view boundary)
    : folder_(std::move(folder)),
      pool_(pool),
      leftover_(std::move(leftover)),
      reader_(boundary, {[this](const PartHead& head) { return begin_part(head); },
                         [this](std::string_view data) { return write(data); },
                         [this] {
                           file_.reset();
                           return Status{};
                         }}) {}

Upload::~Upload() {
  if (!folder().empty()) leftover_(std::move(folder_));
}

void UploadFolder::remove() {
  if (path_.empty()) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);  // What stays lies in the home's folder of downloads.
  path_.clear();
}

Task<void> Upload::take(std::string piece) {
  waiting_ += piece;
  if (waiting_.size() < kBatchBytes) co_return Status{};
  const auto job = [this](std::stop_token) { return reader_.feed(std::exchange(waiting_, {})); };
  auto working = pool_.run(job);
  co_return co_await std::move(working);
}

Status Upload::finish() {
  ACCEL_CHECK(reader_.feed(std::exchange(waiting_, {})));
  return reader_.finish();
}

Status Upload::make_folders(const std::string& path) {
  fs::path at = folder();
  for (const fs::path& part : fs::path(path)) {
    at /= part;
    if (::mkdir(at.c_str(), 0700) == 0) {
      entries_.push_back({at.lexically_relative(folder()).string(), true});
    } else if (errno != EEXIST || !fs::is_directory(fs::symlink_status(at))) {
      return fail(Errc::invalid_argument, "\"{}\" is a file and a folder of one upload.", path);
    }
  }
  return {};
}

Status Upload::begin_part(const PartHead& head) {
  file_.reset();
  if (head.content_type == kLink) {
    return fail(Errc::unsupported, "Symbolic links are not taken over the RPC; use `add`.");
  }
  ACCEL_TRY(std::string path, upload_path(head.filename));
  if (head.content_type == kDirectory) {
    return path.empty() ? Status{} : make_folders(path);
  }
  if (path.empty()) path = fmt::format("file-{}", entries_.size());
  const std::string parent = fs::path(path).parent_path().string();
  if (!parent.empty()) ACCEL_CHECK(make_folders(parent));
  auto file = open_file(folder() / path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!file && file.error().code == Errc::already_exists) {
    return fail(Errc::invalid_argument, "\"{}\" comes twice in one upload.", path);
  }
  if (!file) return fail(std::move(file).error());
  file_ = *std::move(file);
  entries_.push_back({std::move(path), false});
  entries_.back().named = !head.filename.empty();
  return {};
}

Status Upload::write(std::string_view piece) {
  if (!file_) {
    return fail(Errc::invalid_argument, "A folder of an upload has no bytes of its own.");
  }
  Entry& entry = entries_.back();
  ACCEL_CHECK(pwrite_all(file_->get(), as_bytes(piece), entry.bytes));
  entry.bytes += piece.size();
  return {};
}

}  // namespace accel::server
