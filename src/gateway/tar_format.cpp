// SPDX-License-Identifier: Apache-2.0
#include "tar_format.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace accel::gateway {
namespace {

constexpr std::size_t kMaxName = 100;
constexpr std::uint64_t kMaxOctalSize = (std::uint64_t{1} << 33U) - 1;  // 11 octal digits.

// Offsets and lengths of ustar's fields.
struct Field {
  std::size_t at;
  std::size_t size;
};
constexpr Field kName{0, 100}, kMode{100, 8}, kOwner{108, 8}, kGroup{116, 8}, kSize{124, 12},
    kTime{136, 12}, kSum{148, 8}, kType{156, 1}, kTarget{157, 100}, kMagic{257, 8};

void put(std::string& block, Field field, std::string_view text) {
  std::ranges::copy(text.substr(0, field.size),
                    block.begin() + static_cast<std::ptrdiff_t>(field.at));
}

void put_octal(std::string& block, Field field, std::uint64_t number) {
  put(block, field, fmt::format("{:0{}o}", number, field.size - 1));
}

struct Ustar {
  std::string_view name;
  std::uint64_t size = 0;
  char type = '0';
  std::string_view target = {};
  unsigned mode = 0644;
};

std::string ustar(const Ustar& head) {
  std::string block(kTarBlock, '\0');
  put(block, kName, head.name);
  put_octal(block, kMode, head.mode);
  put_octal(block, kOwner, 0);
  put_octal(block, kGroup, 0);
  put_octal(block, kSize, head.size);
  put_octal(block, kTime, 0);
  put(block, kType, {&head.type, 1});
  put(block, kTarget, head.target);
  put(block, kMagic, std::string_view("ustar\00000", 8));
  put(block, kSum, "        ");
  const auto sum = std::accumulate(block.begin(), block.end(), 0U, [](unsigned total, char c) {
    return total + static_cast<unsigned char>(c);
  });
  put(block, kSum, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  return block;
}

bool needs_extension(std::string_view text) {
  const auto plain = [](char c) { return c >= ' ' && c < 0x7f; };
  return text.size() > kMaxName || !std::ranges::all_of(text, plain);
}

// "length key=value\n", where the length counts itself.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + std::to_string(rest).size();
  if (std::to_string(length).size() != std::to_string(rest).size()) ++length;
  return fmt::format("{} {}={}\n", length, key, value);
}

std::string pax_head(const TarEntry& entry, std::string_view path) {
  std::string records;
  if (needs_extension(path)) records += pax_record("path", path);
  if (needs_extension(entry.target)) records += pax_record("linkpath", entry.target);
  if (entry.size > kMaxOctalSize) records += pax_record("size", std::to_string(entry.size));
  if (records.empty()) return {};
  return ustar({"PaxHeaders/entry", records.size(), 'x'}) + records + tar_padding(records.size());
}

}  // namespace

std::string tar_head(const TarEntry& entry) {
  const std::string path = entry.kind == TarKind::folder ? entry.path + "/" : entry.path;
  Ustar head{path, entry.size, static_cast<char>(entry.kind), entry.target};
  if (entry.kind == TarKind::folder) head.mode = 0755;
  if (entry.kind == TarKind::symlink) head.mode = 0777;
  if (entry.size > kMaxOctalSize) head.size = 0;  // The extended head has it.
  return pax_head(entry, path) + ustar(head);
}

std::string tar_padding(std::uint64_t size) {
  return std::string((kTarBlock - size % kTarBlock) % kTarBlock, '\0');
}

std::string tar_end() { return std::string(2 * kTarBlock, '\0'); }

std::optional<std::string> join_inside(std::string_view folder, std::string_view name) {
  std::vector<std::string_view> parts;
  const std::string path = fmt::format("{}/{}", folder, name);
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (parts.size() > 1) {
      parts.pop_back();
    } else {
      return std::nullopt;
    }
  }
  if (parts.size() < 2 || name.empty() || name.starts_with('/')) return std::nullopt;
  if (name.find('\0') != std::string_view::npos) return std::nullopt;
  return fmt::format("{}", fmt::join(parts, "/"));
}

}  // namespace accel::gateway
