// SPDX-License-Identifier: Apache-2.0
#include "wire/framing.hpp"

namespace accel::endpoints {
namespace {

tl::unexpected<Error> too_long() {
  return fail(Errc::resource_exhausted, "The answer has an event of more than {} bytes.",
              kMaxEventBytes);
}

}  // namespace

Status EventReader::push(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (line_.size() + part.size() > kMaxEventBytes) return too_long();
    if (end == bytes.npos) {
      line_ += part;
      return {};
    }
    bytes.remove_prefix(end + 1);
    if (line_.empty()) {
      ACCEL_CHECK(take_line(part));
      continue;
    }
    const std::string line = std::exchange(line_, {}) + std::string(part);
    ACCEL_CHECK(take_line(line));
  }
  return {};
}

Status EventReader::take_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (framing_ == Framing::lines) return line.empty() ? Status{} : sink_(line);
  if (line.empty()) {
    const std::string data = std::exchange(data_, {});
    return std::exchange(has_data_, false) ? sink_(data) : Status{};
  }
  constexpr std::string_view kField = "data:";
  if (!line.starts_with(kField)) return {};  // A comment, or a field that says nothing here.
  line.remove_prefix(kField.size());
  if (line.starts_with(' ')) line.remove_prefix(1);
  if (data_.size() + line.size() + 1 > kMaxEventBytes) return too_long();
  if (has_data_) data_ += '\n';
  data_ += line;
  has_data_ = true;
  return {};
}

// Servers that end without the empty line have still said what they said.
Status EventReader::finish() {
  if (!line_.empty()) {
    const std::string line = std::exchange(line_, {});
    ACCEL_CHECK(take_line(line));
  }
  return framing_ == Framing::events ? take_line({}) : Status{};
}

}  // namespace accel::endpoints
