// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/tokenizer_file.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "accel/models/tokenizer.hpp"
#include "json_fields.hpp"
#include "json_scanner.hpp"

namespace accel::models {
namespace {

constexpr std::array<std::string_view, 8> kSections{"version",        "truncation", "padding",
                                                    "added_tokens",   "normalizer", "pre_tokenizer",
                                                    "post_processor", "decoder"};
bool is_section(std::string_view name) {
  return std::find(kSections.begin(), kSections.end(), name) != kSections.end();
}

}  // namespace

const nlohmann::json& TokenizerFile::section(std::string_view name) const {
  static const nlohmann::json kNone;
  const auto found = sections.find(name);
  return found == sections.end() ? kNone : found->second;
}

Result<TokenizerFile> read_tokenizer_file(std::string_view text, std::string_view what) {
  if (text.size() > kMaxTokenizerBytes) {
    return fail(Errc::resource_exhausted, "{} has {} bytes; {} are read at most.", what,
                text.size(), kMaxTokenizerBytes);
  }
  TokenizerFile file;
  JsonScanner scanner(text);
  std::string_view key;
  std::string_view raw;
  if (scanner.begin_object()) {
    while (scanner.next_key(key)) {
      const std::string name(key);
      if (name == "model" && scanner.peek() == '{') {
        ACCEL_TRY(file.model, TokenModel::read(scanner, what));
      } else if (!scanner.skip_value(raw)) {
        break;
      } else if (is_section(name)) {
        ACCEL_TRY(file.sections[name], parse_json(raw, what));
      }
    }
  }
  ACCEL_CHECK(scanner.status(what));
  if (!scanner.at_end()) return fail(Errc::corrupt, "{} goes on behind its end.", what);
  if (!file.model) return fail(Errc::corrupt, "{} has no model.", what);
  const nlohmann::json& version = file.section("version");
  if (!version.is_null() && version != "1.0") {
    return fail(Errc::unsupported, "{} has version {}; 1.0 is read.", what, version.dump());
  }
  return file;
}

Result<Truncation> read_truncation(const nlohmann::json& section, std::string_view what) {
  Truncation truncation;
  if (section.is_null()) return truncation;
  ACCEL_TRY(const auto limit, count_field(section, "max_length", what));
  ACCEL_TRY(const std::string direction, text_field(section, "direction", "Right", what));
  ACCEL_TRY(const std::string strategy, text_field(section, "strategy", "LongestFirst", what));
  if ((direction != "Right" && direction != "Left") || strategy == "OnlySecond") {
    return fail(Errc::unsupported, "{}: truncation {} with direction {} is not implemented.", what,
                strategy, direction);
  }
  truncation.max_length = limit;
  truncation.keeps_end = direction == "Left";
  return truncation;
}

Result<std::optional<std::int32_t>> read_pad_id(const nlohmann::json& section,
                                                std::string_view what) {
  ACCEL_TRY(const auto id, count_field(section, "pad_id", what));
  if (!id) return std::optional<std::int32_t>();
  if (*id > std::uint64_t{std::numeric_limits<std::int32_t>::max()}) {
    return fail(Errc::corrupt, "{}: the pad_id {} is no token id.", what, *id);
  }
  return std::optional<std::int32_t>(static_cast<std::int32_t>(*id));
}

}  // namespace accel::models
