// SPDX-License-Identifier: Apache-2.0
#include "normalizer.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "json_fields.hpp"

namespace accel::models {
namespace {

constexpr std::size_t kMaxNesting = 8;
constexpr std::size_t kMaxSteps = 64;

template <class Predicate>
CodePoints without(const CodePoints& text, Predicate dropped) {
  CodePoints out;
  out.reserve(text.size());
  std::remove_copy_if(text.begin(), text.end(), std::back_inserter(out), dropped);
  return out;
}

CodePoints cleaned(const CodePoints& text) {
  CodePoints out = without(text, is_control);
  for (char32_t& c : out) {
    if (is_space(c)) c = ' ';
  }
  return out;
}

CodePoints with_spaced_chinese(const CodePoints& text) {
  CodePoints out;
  out.reserve(text.size() * 2);
  for (const char32_t c : text) {
    const bool apart = is_chinese(c);
    if (apart) out.push_back(' ');
    out.push_back(c);
    if (apart) out.push_back(' ');
  }
  return out;
}

CodePoints lowered(const CodePoints& text) {
  CodePoints out;
  out.reserve(text.size());
  for (const char32_t c : text) append_lower(c, out);
  return out;
}

}  // namespace

Result<Normalizer> Normalizer::from_json(const nlohmann::json& section, std::string_view what) {
  Normalizer normalizer;
  if (!section.is_null()) ACCEL_CHECK(normalizer.add(section, what, 0));
  const auto has = [&normalizer](Step step) {
    return std::find(normalizer.steps_.begin(), normalizer.steps_.end(), step) !=
           normalizer.steps_.end();
  };
  normalizer.cleans_ = has(Step::clean);
  normalizer.lowercases_ = has(Step::lowercase);
  normalizer.spaces_chinese_ = has(Step::space_chinese);
  return normalizer;
}

Status Normalizer::add(const nlohmann::json& section, std::string_view what, std::size_t depth) {
  ACCEL_TRY(const std::string type, text_field(section, "type", "", what));
  if (depth > kMaxNesting || steps_.size() > kMaxSteps) {
    return fail(Errc::resource_exhausted, "{}: the normalizer has too many parts.", what);
  }
  if (type == "Sequence") {
    const nlohmann::json* parts = find_field(section, "normalizers");
    if (parts == nullptr || !parts->is_array()) {
      return fail(Errc::corrupt, "{}: a Sequence of normalizers lists none.", what);
    }
    for (const nlohmann::json& part : *parts) ACCEL_CHECK(add(part, what, depth + 1));
    return {};
  }
  if (type == "BertNormalizer") return add_bert(section, what);
  constexpr std::pair<std::string_view, Step> kPlain[] = {{"Lowercase", Step::lowercase},
                                                          {"NFD", Step::nfd},
                                                          {"NFC", Step::nfc},
                                                          {"StripAccents", Step::strip_marks}};
  for (const auto& [name, step] : kPlain) {
    if (type != name) continue;
    steps_.push_back(step);
    return {};
  }
  return fail(Errc::unsupported,
              "{}: the normalizer {} is not implemented; BertNormalizer, Lowercase, NFD, NFC, "
              "StripAccents and Sequence are.",
              what, type.empty() ? "without a type" : type);
}

Status Normalizer::add_bert(const nlohmann::json& section, std::string_view what) {
  ACCEL_TRY(const bool clean, bool_field(section, "clean_text", true, what));
  ACCEL_TRY(const bool chinese, bool_field(section, "handle_chinese_chars", true, what));
  ACCEL_TRY(const bool lowercase, bool_field(section, "lowercase", true, what));
  ACCEL_TRY(const bool strip, bool_field(section, "strip_accents", lowercase, what));
  if (clean) steps_.push_back(Step::clean);
  if (chinese) steps_.push_back(Step::space_chinese);
  if (strip) {
    steps_.push_back(Step::nfd);
    steps_.push_back(Step::strip_nonspacing);
  }
  if (lowercase) steps_.push_back(Step::lowercase);
  return {};
}

void Normalizer::apply(std::string_view text, std::string& out) const {
  out.clear();
  if (is_ascii(text)) return apply_ascii(text, out);
  CodePoints points;
  points.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) points.push_back(next_code_point(text, at));
  for (const Step step : steps_) points = apply_step(step, points);
  out.reserve(text.size());
  for (const char32_t c : points) append_utf8(c, out);
}

void Normalizer::apply_ascii(std::string_view text, std::string& out) const {
  out.reserve(text.size());
  for (const char c : text) {
    const auto point = static_cast<char32_t>(c);
    if (cleans_ && (point < 0x20 || point == 0x7F)) {
      if (point == '\t' || point == '\n' || point == '\r') out.push_back(' ');
    } else {
      out.push_back(lowercases_ && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
    }
  }
}

CodePoints Normalizer::apply_step(Step step, const CodePoints& text) {
  switch (step) {
    case Step::clean:
      return cleaned(text);
    case Step::space_chinese:
      return with_spaced_chinese(text);
    case Step::nfd:
      return to_nfd(text);
    case Step::nfc:
      return to_nfc(text);
    case Step::strip_nonspacing:
      return without(text, is_nonspacing);
    case Step::strip_marks:
      return without(text, is_mark);
    case Step::lowercase:
      return lowered(text);
  }
  return text;
}

}  // namespace accel::models
