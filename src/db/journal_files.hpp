// SPDX-License-Identifier: Apache-2.0
#pragma once
// The files of the journal's folder, as ingestion sees them.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/file.hpp"
#include "accel/core/result.hpp"

namespace accel::db::detail {

inline constexpr std::string_view kJournalSuffix = ".jsonl";
inline constexpr std::string_view kRejectedSuffix = ".rejected";
inline constexpr std::string_view kHiddenPrefix = ".";  // Until its writer has locked it.

// The *.jsonl of the folder, oldest first; none when the folder is missing.
Result<std::vector<std::filesystem::path>> journal_files(const std::filesystem::path& directory);

struct JournalLine {
  std::string text;
  std::uint64_t number = 0;  // From 1.
  std::uint64_t end = 0;     // The offset behind its '\n'.
  bool torn = false;         // The file ended before the line did.
  bool too_long = false;     // text is cut.
};

// One file, read line by line from an offset. Holds the file's lock when its writer is gone.
class JournalFile {
 public:
  // Errors: those of opening.
  static Result<JournalFile> open(const std::filesystem::path& path);

  bool writer_gone() const { return writer_gone_; }
  std::uint64_t size() const { return size_; }  // When it was opened.

  void start_at(std::uint64_t offset, std::uint64_t lines_before);
  // False at the end. A torn line is the last one. Errors: io.
  Result<bool> next(JournalLine& line);

 private:
  explicit JournalFile(UniqueFd fd) : fd_(std::move(fd)) {}
  Status refill();

  UniqueFd fd_;
  bool writer_gone_ = false;
  std::uint64_t size_ = 0;
  std::uint64_t read_to_ = 0;  // The offset behind buffer_.
  std::uint64_t lines_ = 0;
  std::string buffer_;
  std::size_t used_ = 0;  // How much of buffer_ has been returned.
};

}  // namespace accel::db::detail
