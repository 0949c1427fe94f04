// SPDX-License-Identifier: Apache-2.0
#include "llama/text_stream.hpp"

#include <algorithm>
#include <utility>

namespace accel::inference::llama {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

struct Lead {
  std::size_t size = 0;                   // 0: no lead byte.
  unsigned char low = 0x80, high = 0xBF;  // Of the second byte (Unicode 15, table 3-7).
};

Lead lead_of(unsigned char byte) {
  if (byte < 0x80) return {1};
  if (byte >= 0xC2 && byte <= 0xDF) return {2};
  if (byte == 0xE0) return {3, 0xA0};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {3};
  if (byte == 0xF0) return {4, 0x90};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  if (byte >= 0xF1 && byte <= 0xF3) return {4};
  return {};
}

struct Part {
  std::size_t size = 1;
  bool valid = false;
  bool open = false;  // More bytes could make it a character.
};

Part first_part(std::string_view bytes) {
  const Lead lead = lead_of(static_cast<unsigned char>(bytes.front()));
  std::size_t have = 1;
  for (; have < lead.size && have < bytes.size(); ++have) {
    const auto byte = static_cast<unsigned char>(bytes[have]);
    const bool second = have == 1;
    if (byte < (second ? lead.low : 0x80) || byte > (second ? lead.high : 0xBF)) break;
  }
  return {have, have == lead.size, have < lead.size && have == bytes.size()};
}

}  // namespace

std::string written_text(const std::function<std::int32_t(char* into, std::int32_t room)>& write) {
  constexpr std::size_t kUsual = 64;  // Few tokens are longer.
  std::string text(kUsual, '\0');
  const auto fill = [&] { return write(text.data(), static_cast<std::int32_t>(text.size())); };
  std::int32_t size = fill();
  if (size < 0) {
    text.resize(0U - static_cast<std::uint32_t>(size));
    size = fill();
  }
  text.resize(static_cast<std::size_t>(std::max(size, 0)));
  return text;
}

std::size_t decided_utf8(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const Part part = first_part(bytes.substr(at));
    if (part.open) break;
    at += part.size;
  }
  return at;
}

std::string valid_utf8(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const Part part = first_part(bytes);
    text += part.valid ? bytes.substr(0, part.size) : kReplacement;
    bytes.remove_prefix(part.size);
  }
  return text;
}

// The longest end of text_ that begins a stop word.
std::size_t TextStream::held_back() const {
  std::size_t held = 0;
  for (const std::string& stop : stop_) {
    for (std::size_t size = std::min(stop.size(), text_.size()); size > held; --size) {
      if (text_.ends_with(std::string_view(stop).substr(0, size))) held = size;
    }
  }
  return held;
}

std::string TextStream::push(std::string_view bytes) {
  if (stopped_) return {};
  bytes_ += bytes;
  const std::size_t decided = decided_utf8(bytes_);
  text_ += valid_utf8(std::string_view(bytes_).substr(0, decided));
  bytes_.erase(0, decided);
  std::size_t cut = std::string::npos;
  for (const std::string& stop : stop_) {
    if (!stop.empty()) cut = std::min(cut, text_.find(stop));
  }
  stopped_ = cut != std::string::npos;
  const std::size_t shown = stopped_ ? cut : text_.size() - held_back();
  std::string out = text_.substr(0, shown);
  text_.erase(0, stopped_ ? text_.size() : shown);
  return out;
}

std::string TextStream::finish() {
  if (stopped_) return {};
  std::string out = std::exchange(text_, {}) + valid_utf8(bytes_);
  bytes_.clear();
  return out;
}

}  // namespace accel::inference::llama
