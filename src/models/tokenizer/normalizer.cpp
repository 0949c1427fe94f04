// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/normalizer.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "json_fields.hpp"

namespace accel::models {
namespace {

constexpr std::size_t kMaxNesting = 8;
constexpr std::size_t kMaxSteps = 64;
constexpr std::size_t kMaxContent = 256;  // What Replace and Prepend write: mostly one character.

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

// No text grows by more in the field (U+FDFA eleven times); a file's rules that would are not
// followed any further.
std::size_t growth_limit(std::string_view text) { return 32 * text.size() + 4096; }

Status check_content(std::string_view content, std::string_view what) {
  if (content.size() <= kMaxContent) return {};
  return fail(Errc::resource_exhausted, "{}: a normalizer writes {} bytes; {} are at most.", what,
              content.size(), kMaxContent);
}

}  // namespace

Result<Normalizer> Normalizer::from_json(const nlohmann::json& section, std::string_view what) {
  Normalizer normalizer;
  if (!section.is_null()) ACCEL_CHECK(normalizer.add(section, what, 0));
  return normalizer;
}

Status Normalizer::add(const nlohmann::json& section, std::string_view what, std::size_t depth) {
  ACCEL_TRY(const std::string type, text_field(section, "type", "", what));
  if (depth > kMaxNesting || stages_.size() > kMaxSteps ||
      (!stages_.empty() && stages_.back().steps.size() > kMaxSteps)) {
    return fail(Errc::resource_exhausted, "{}: the normalizer has too many parts.", what);
  }
  if (type != "Sequence") return add_named(type, section, what);
  const nlohmann::json* parts = find_field(section, "normalizers");
  if (parts == nullptr || !parts->is_array()) {
    return fail(Errc::corrupt, "{}: a Sequence of normalizers lists none.", what);
  }
  for (const nlohmann::json& part : *parts) ACCEL_CHECK(add(part, what, depth + 1));
  return {};
}

Status Normalizer::add_named(std::string_view type, const nlohmann::json& section,
                             std::string_view what) {
  if (type == "BertNormalizer") return add_bert(section, what);
  if (type == "Precompiled") return add_precompiled(section, what);
  if (type == "Replace") return add_replace(section, what);
  if (type == "Prepend") {
    Stage stage{Stage::Kind::prepend};
    ACCEL_TRY(stage.content, text_field(section, "prepend", "", what));
    ACCEL_CHECK(check_content(stage.content, what));
    stages_.push_back(std::move(stage));
    return {};
  }
  if (type == "Strip") {
    Stage stage{Stage::Kind::strip};
    ACCEL_TRY(stage.left, bool_field(section, "strip_left", true, what));
    ACCEL_TRY(stage.right, bool_field(section, "strip_right", true, what));
    stages_.push_back(std::move(stage));
    return {};
  }
  constexpr std::pair<std::string_view, Step> kPlain[] = {
      {"Lowercase", Step::lowercase}, {"NFD", Step::nfd},   {"NFC", Step::nfc},
      {"NFKD", Step::nfkd},           {"NFKC", Step::nfkc}, {"StripAccents", Step::strip_marks}};
  for (const auto& [name, step] : kPlain) {
    if (type != name) continue;
    add_step(step);
    return {};
  }
  return fail(Errc::unsupported,
              "{}: the normalizer {} is not implemented; BertNormalizer, Lowercase, NFD, NFC, "
              "NFKD, NFKC, StripAccents, Precompiled, Replace, Prepend, Strip and Sequence are.",
              what, type.empty() ? "without a type" : type);
}

void Normalizer::add_step(Step step) {
  if (stages_.empty() || stages_.back().kind != Stage::Kind::characters) stages_.emplace_back();
  Stage& stage = stages_.back();
  stage.steps.push_back(step);
  stage.cleans = stage.cleans || step == Step::clean;
  stage.lowercases = stage.lowercases || step == Step::lowercase;
  spaces_chinese_ = spaces_chinese_ || step == Step::space_chinese;
}

Status Normalizer::add_bert(const nlohmann::json& section, std::string_view what) {
  ACCEL_TRY(const bool clean, bool_field(section, "clean_text", true, what));
  ACCEL_TRY(const bool chinese, bool_field(section, "handle_chinese_chars", true, what));
  ACCEL_TRY(const bool lowercase, bool_field(section, "lowercase", true, what));
  ACCEL_TRY(const bool strip, bool_field(section, "strip_accents", lowercase, what));
  if (clean) add_step(Step::clean);
  if (chinese) add_step(Step::space_chinese);
  if (strip) {
    add_step(Step::nfd);
    add_step(Step::strip_nonspacing);
  }
  if (lowercase) add_step(Step::lowercase);
  return {};
}

Status Normalizer::add_precompiled(const nlohmann::json& section, std::string_view what) {
  const nlohmann::json* table = find_field(section, "precompiled_charsmap");
  if (table == nullptr || !table->is_string()) {
    return fail(Errc::corrupt, "{}: Precompiled has no precompiled_charsmap.", what);
  }
  Stage stage{Stage::Kind::precompiled};
  ACCEL_TRY(CharsMap map, CharsMap::from_base64(table->get_ref<const std::string&>(), what));
  stage.map = std::make_shared<const CharsMap>(std::move(map));
  stages_.push_back(std::move(stage));
  return {};
}

Status Normalizer::add_replace(const nlohmann::json& section, std::string_view what) {
  Stage stage{Stage::Kind::replace};
  const nlohmann::json* pattern = find_field(section, "pattern");
  ACCEL_TRY(stage.pattern, TextPattern::from_json(pattern == nullptr ? section : *pattern, what));
  ACCEL_TRY(stage.content, text_field(section, "content", "", what));
  ACCEL_CHECK(check_content(stage.content, what));
  stages_.push_back(std::move(stage));
  return {};
}

bool Normalizer::may_cut() const {
  return std::none_of(stages_.begin(), stages_.end(), [](const Stage& stage) {
    // What follows a rewriting may see other places than those where text was cut.
    return stage.kind == Stage::Kind::prepend || stage.kind == Stage::Kind::strip ||
           (stage.kind == Stage::Kind::replace && !stage.pattern.stops_at_space());
  });
}

void Normalizer::apply(std::string_view text, std::string& out) const {
  out.clear();
  std::string from;
  if (!is_ascii(text) && !is_utf8(text)) {
    for (std::size_t at = 0; at < text.size();) append_utf8(next_code_point(text, at), from);
    text = from;
  }
  const std::size_t limit = growth_limit(text);
  if (stages_.empty()) {
    out.append(text);
    return;
  }
  stages_.front().apply(text, limit, out);
  for (std::size_t i = 1; i < stages_.size(); ++i) {
    from.swap(out);
    out.clear();
    stages_[i].apply(from, limit, out);
  }
}

void Normalizer::Stage::apply(std::string_view text, std::size_t limit, std::string& out) const {
  switch (kind) {
    case Kind::characters:
      return text.size() > limit ? void(out.append(text)) : apply_characters(text, out);
    case Kind::precompiled:
      return map->apply(text, limit, out);
    case Kind::replace:
      return apply_replace(text, limit, out);
    case Kind::prepend:
      if (!text.empty()) out.append(content);
      out.append(text);
      return;
    case Kind::strip:
      return apply_strip(text, out);
  }
}

void Normalizer::Stage::apply_characters(std::string_view text, std::string& out) const {
  if (is_ascii(text)) return apply_ascii(text, out);
  CodePoints points;
  points.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) points.push_back(next_code_point(text, at));
  for (const Step step : steps) points = apply_step(step, points);
  out.reserve(text.size());
  for (const char32_t c : points) append_utf8(c, out);
}

void Normalizer::Stage::apply_ascii(std::string_view text, std::string& out) const {
  out.reserve(text.size());
  for (const char c : text) {
    const auto point = static_cast<char32_t>(c);
    if (cleans && (point < 0x20 || point == 0x7F)) {
      if (point == '\t' || point == '\n' || point == '\r') out.push_back(' ');
    } else {
      out.push_back(lowercases && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
    }
  }
}

void Normalizer::Stage::apply_replace(std::string_view text, std::size_t limit,
                                      std::string& out) const {
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    if (out.size() > limit) {
      out.append(text.substr(at));
      return;
    }
    const TextPattern::Match match = pattern.find(text, at);
    out.append(text.substr(at, match.begin - at));
    if (match.end > match.begin) out.append(content);
    at = match.end;
  }
}

void Normalizer::Stage::apply_strip(std::string_view text, std::string& out) const {
  std::size_t begin = 0;
  while (left && begin < text.size()) {
    std::size_t next = begin;
    if (!is_space(next_code_point(text, next))) break;
    begin = next;
  }
  std::size_t end = text.size();
  while (right && end > begin && is_space(code_point_before(text, end))) {
    do --end;
    while (end > begin && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80);
  }
  out.append(text.substr(begin, end - begin));
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
    case Step::nfkd:
      return to_nfkd(text);
    case Step::nfkc:
      return to_nfkc(text);
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
