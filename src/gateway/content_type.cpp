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

struct Pattern {
  std::string_view start;
  std::string_view type;
};

constexpr std::array<Pattern, 14> kPatterns{{
    {"%PDF-", "application/pdf"},
    {"\x89PNG\r\n\x1a\n", "image/png"},
    {"\xff\xd8\xff", "image/jpeg"},
    {"GIF87a", "image/gif"},
    {"GIF89a", "image/gif"},
    {"OggS", "application/ogg"},
    {"ID3", "audio/mpeg"},
    {"\x1a\x45\xdf\xa3", "video/webm"},
    {"PK\x03\x04", "application/zip"},
    {"\x1f\x8b\x08", "application/gzip"},
    {"<?xml", "text/xml; charset=utf-8"},
    {"<svg", "image/svg+xml"},
    {"wOFF", "font/woff"},
    {"wOF2", "font/woff2"},
}};

constexpr std::array<std::string_view, 6> kHtml{"<!doctype html", "<html",   "<head",
                                                "<body",          "<script", "<h1"};

bool is_html(std::string_view text) {
  const std::string lower = net::to_lower_ascii(text.substr(0, 16));
  return std::ranges::any_of(kHtml, [&](std::string_view tag) { return lower.starts_with(tag); });
}

// Text holds no control characters but those that format it.
bool is_text(std::string_view head) {
  return std::ranges::none_of(head, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    const bool formats = c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\x1b';
    return byte < 0x20 && !formats;
  });
}

// A document that begins like JSON; whether it is valid to its end nobody asks here.
bool is_json(std::string_view text) {
  if (text.empty() || (text.front() != '{' && text.front() != '[')) return false;
  const std::size_t next = text.find_first_not_of(" \t\r\n", 1);
  if (next == std::string_view::npos) return false;
  const char c = text[next];
  if (text.front() == '{') return c == '"' || c == '}';
  return c == '"' || c == ']' || c == '{' || c == '[' || (c >= '0' && c <= '9');
}

}  // namespace

std::string_view content_type_by_name(std::string_view filename) {
  const std::size_t dot = filename.rfind('.');
  if (dot == std::string_view::npos) return {};
  const std::string extension = net::to_lower_ascii(filename.substr(dot + 1));
  const auto found = std::ranges::find(kKnown, extension, &Known::extension);
  return found == kKnown.end() ? std::string_view{} : found->type;
}

std::string_view content_type_by_bytes(std::string_view head) {
  for (const Pattern& pattern : kPatterns) {
    if (head.starts_with(pattern.start)) return pattern.type;
  }
  if (head.starts_with("RIFF") && head.substr(0, 12).ends_with("WEBP")) return "image/webp";
  if (head.empty() || !is_text(head)) return "application/octet-stream";
  const std::size_t start = head.find_first_not_of(" \t\r\n\f");
  const std::string_view text =
      start == std::string_view::npos ? std::string_view{} : head.substr(start);
  if (is_html(text)) return "text/html; charset=utf-8";
  if (is_json(text)) return "application/json";
  return "text/plain; charset=utf-8";
}

std::string_view content_type_of(std::string_view filename, std::string_view head) {
  const std::string_view named = content_type_by_name(filename);
  return named.empty() ? content_type_by_bytes(head) : named;
}

}  // namespace accel::gateway
