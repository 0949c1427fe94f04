// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads multipart/form-data as it arrives, in pieces of any size: heads of parts, then their bytes.
// A pure state machine without I/O; what it reads comes from clients. Used by uploads of the Kubo
// RPC. Spec: RFC 2046 section 5.1, RFC 7578. Nested multiparts are not read.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "accel/core/result.hpp"

namespace accel::server {

inline constexpr std::size_t kMaxUploadParts = 10'000;  // Files and folders of one upload.

struct MultipartLimits {
  std::size_t head_bytes = 8U << 10U;  // Of one part: names of files are the longest of it.
  std::size_t parts = kMaxUploadParts;
};

struct PartHead {
  std::string name;      // Of the form's field.
  std::string filename;  // As it was sent: percent-encoded by clients of Kubo.
  std::string content_type;
};

struct MultipartHandlers {
  std::function<Status(const PartHead&)> on_part;
  std::function<Status(std::string_view)> on_data;
  std::function<Status()> on_end;  // Of the part.
};

class MultipartReader {
 public:
  // "multipart/form-data; boundary=…", with or without quotes. Errors: invalid_argument.
  static Result<std::string> boundary_of(std::string_view content_type);

  MultipartReader(std::string_view boundary, MultipartHandlers handlers,
                  MultipartLimits limits = {});

  // Errors: invalid_argument (not multipart), resource_exhausted (a limit), those of a handler.
  Status feed(std::string_view piece);
  // Errors: invalid_argument (the closing boundary has not come).
  Status finish() const;

 private:
  enum class State { preamble, after_boundary, head, data, done };

  Status step(bool& moved);
  Status take_preamble(bool& moved);
  Status take_after_boundary(bool& moved);
  Status take_head(bool& moved);
  Status take_data(bool& moved);
  std::string_view rest() const { return std::string_view(rest_).substr(at_); }
  void take_off(std::size_t bytes) { at_ = std::min(at_ + bytes, rest_.size()); }

  std::string delimiter_;  // "\r\n--boundary"
  MultipartHandlers handlers_;
  MultipartLimits limits_;
  State state_ = State::preamble;
  std::size_t parts_ = 0;
  bool held_ = false;   // Data may begin with a delimiter: a part without bytes.
  std::size_t at_ = 0;  // What is before it in rest_ has been read.
  // What has come and could not be told from a delimiter yet: bounded by a piece and a head.
  std::string rest_ = "\r\n";  // So that the first boundary looks like the others.
};

}  // namespace accel::server
