// SPDX-License-Identifier: Apache-2.0
#pragma once
// The bytes of a body against the length that its handler announced, if it announced one. Used by
// all writers of bodies. One thread.

#include <cstdint>
#include <optional>

#include "accel/core/result.hpp"

namespace accel::net {

class BodyCount {
 public:
  explicit BodyCount(std::optional<std::uint64_t> announced) : announced_(announced) {}

  // Before they are sent. Errors: internal (more than was announced; they do not count).
  Status add(std::uint64_t more) {
    if (announced_ && more > *announced_ - bytes_) {
      return fail(Errc::internal, "A handler wrote more than the {} bytes that it announced.",
                  *announced_);
    }
    bytes_ += more;
    return {};
  }
  // At the end. Errors: internal (fewer than were announced).
  Status check_all() const {
    if (!announced_ || bytes_ == *announced_) return {};
    return fail(Errc::internal, "A handler announced {} bytes and wrote {}.", *announced_, bytes_);
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::optional<std::uint64_t> announced_;
  std::uint64_t bytes_ = 0;
};

}  // namespace accel::net
