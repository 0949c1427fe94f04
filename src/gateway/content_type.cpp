// SPDX-License-Identifier: Apache-2.0
#include "content_type.hpp"

#include <algorithm>
#include <array>

#include "accel/net/headers.hpp"

namespace accel::gateway {
namespace {

struct Known {
  std::string_view extension;
  std::string_view type;
};

constexpr std::array<Known, 24> kKnown{{
    {"avif", "image/avif"},
    {"css", "text/css; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"gif", "image/gif"},
    {"htm", "text/html; charset=utf-8"},
    {"html", "text/html; charset=utf-8"},
    {"ico", "image/x-icon"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"md", "text/markdown; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"svg", "image/svg+xml"},
    {"txt", "text/plain; charset=utf-8"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"webm", "video/webm"},
    {"webp", "image/webp"},
    {"xml", "application/xml"},
}};

}  // namespace

std::string_view content_type_of(std::string_view filename) {
  const std::size_t dot = filename.rfind('.');
  if (dot != std::string_view::npos) {
    const std::string extension = net::to_lower_ascii(filename.substr(dot + 1));
    const auto found = std::ranges::find(kKnown, extension, &Known::extension);
    if (found != kKnown.end()) return found->type;
  }
  return "application/octet-stream";
}

}  // namespace accel::gateway
