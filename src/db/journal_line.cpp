// SPDX-License-Identifier: Apache-2.0
#include "journal_line.hpp"

#include <nlohmann/json.hpp>
#include <optional>

#include "accel/core/bytes.hpp"
#include "crc32.hpp"
#include "record_rows.hpp"

namespace accel::db::detail {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kChecksumStart = R"(,"crc":")";
constexpr std::string_view kChecksumEnd = R"("})";
constexpr std::size_t kChecksumDigits = 8;
constexpr std::size_t kMaxIdLength = 128;

std::string checksum_text(std::string_view text) { return fmt::format("{:08x}", crc32(text)); }

// The line up to its checksum, which must fit.
Result<std::string_view> checked_part(std::string_view line) {
  const std::size_t tail = kChecksumStart.size() + kChecksumDigits + kChecksumEnd.size();
  if (line.size() > kMaxJournalLineBytes) {
    return fail(Errc::corrupt, "The line has {} bytes; at most {} are allowed.", line.size(),
                kMaxJournalLineBytes);
  }
  if (line.size() <= tail) return fail(Errc::corrupt, "The line is too short for a record.");
  const std::string_view head = line.substr(0, line.size() - tail);
  const std::string_view rest = line.substr(head.size());
  if (!rest.starts_with(kChecksumStart) || !rest.ends_with(kChecksumEnd)) {
    return fail(Errc::corrupt, "The line doesn't end with its checksum.");
  }
  if (rest.substr(kChecksumStart.size(), kChecksumDigits) != checksum_text(head)) {
    return fail(Errc::corrupt, "The line's checksum doesn't fit: it was changed or cut.");
  }
  return head;
}

// JSON libraries recurse when they write; a hostile line must not choose how deep.
bool too_deep(std::string_view json) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char character = json[i];
    if (in_string) {
      if (character == '\\') ++i;
      in_string = character != '"';
    } else if (character == '"') {
      in_string = true;
    } else if (character == '{' || character == '[') {
      if (++depth > kMaxJournalDepth) return true;
    } else if (character == '}' || character == ']') {
      --depth;
    }
  }
  return false;
}

Result<Json> parse_object(std::string_view text, std::string_view what) {
  if (too_deep(text)) {
    return fail(Errc::corrupt, "{} is nested deeper than {} levels.", what, kMaxJournalDepth);
  }
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(Errc::corrupt, "{} is not a JSON object.", what);
  return json;
}

bool all_of(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= kMaxIdLength &&
         all_of(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-");
}

std::optional<RecordKind> kind_of(std::string_view name) {
  for (const RecordKind kind :
       {RecordKind::run, RecordKind::operation, RecordKind::detection, RecordKind::network}) {
    if (record_kind_name(kind) == name) return kind;
  }
  return std::nullopt;
}

Result<std::string> text_member(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found != json.end() && found->is_string()) return found->get<std::string>();
  return fail(Errc::invalid_argument, "The record has no text {}.", name);
}

Result<ParsedRecord> read_envelope(const Json& json) {
  const auto version = json.find("v");
  if (version == json.end() || !version->is_number_integer()) {
    return fail(Errc::invalid_argument, "The record has no version.");
  }
  if (*version != kJournalVersion) {
    return fail(Errc::unsupported, "The record has the format {}; this program reads {}.",
                version->dump(), kJournalVersion);
  }
  ParsedRecord record;
  ACCEL_TRY(record.id, text_member(json, "id"));
  ACCEL_TRY(const std::string kind, text_member(json, "kind"));
  ACCEL_TRY(record.time, text_member(json, "time"));
  const auto known = kind_of(kind);
  if (!known) return fail(Errc::invalid_argument, "There is no kind of record '{}'.", kind);
  if (!is_id(record.id)) {
    return fail(Errc::invalid_argument, "A record's id is 1 to {} of A-Z a-z 0-9 . _ : -",
                kMaxIdLength);
  }
  if (!is_rfc3339_utc(record.time))
    return fail(Errc::invalid_argument, "The record's time is no time.");
  record.kind = *known;
  return record;
}

}  // namespace

Result<std::string> format_journal_line(const JournalRecord& record, std::string_view time) {
  auto data = parse_object(record.json, "The record's data");
  if (!data) return fail(Errc::invalid_argument, "{}", data.error().message);
  std::string line =
      fmt::format(R"({{"v":{},"id":{},"kind":"{}","time":"{}","data":{})", kJournalVersion,
                  Json(record.id).dump(-1, ' ', false, Json::error_handler_t::replace),
                  record_kind_name(record.kind), time,
                  data->dump(-1, ' ', false, Json::error_handler_t::replace));
  line += fmt::format("{}{}{}", kChecksumStart, checksum_text(line), kChecksumEnd);
  ACCEL_CHECK(parse_journal_line(line));
  return line;
}

Result<ParsedRecord> parse_journal_line(std::string_view line) {
  ACCEL_TRY(const std::string_view head, checked_part(line));
  ACCEL_TRY(const Json json, parse_object(std::string(head) + "}", "The line"));
  ACCEL_TRY(ParsedRecord record, read_envelope(json));
  const auto data = json.find("data");
  if (data == json.end() || !data->is_object() || json.size() != 5) {
    return fail(Errc::invalid_argument, "A record has v, id, kind, time, data and crc, no more.");
  }
  ACCEL_TRY(record.tables, read_rows(record.kind, record.id, *data));
  return record;
}

}  // namespace accel::db::detail

namespace accel::db {

std::string_view record_kind_name(RecordKind kind) {
  switch (kind) {
    case RecordKind::run:
      return "run";
    case RecordKind::operation:
      return "operation";
    case RecordKind::network:
      return "network";
    case RecordKind::detection:
      return "detection";
  }
  return "run";
}

Status check_journal_line(std::string_view line) {
  ACCEL_CHECK(detail::parse_journal_line(line));
  return {};
}

}  // namespace accel::db
