// SPDX-License-Identifier: Apache-2.0
#include "record_rows.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

namespace accel::db::detail {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 4> kProvenances{"measured", "predicted", "simulated",
                                                       "reported"};
constexpr std::array<std::string_view, 6> kSources{"cache",   "p2p",   "ipfs",
                                                   "gateway", "range", "local"};

bool all_of(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}

int number_at(std::string_view text, std::size_t at, std::size_t length) {
  int value = 0;
  for (const char digit : text.substr(at, length)) value = value * 10 + (digit - '0');
  return value;
}

bool is_text_of(ColumnType type, const std::string& text) {
  switch (type) {
    case ColumnType::time:
      return is_rfc3339_utc(text);
    case ColumnType::sha256:
      return text.size() == 64 && all_of(text, "0123456789abcdef");
    case ColumnType::provenance:
      return std::ranges::find(kProvenances, text) != kProvenances.end();
    case ColumnType::source:
      return std::ranges::find(kSources, text) != kSources.end();
    default:
      return type == ColumnType::text && text.find('\0') == std::string::npos;
  }
}

// nullopt: the JSON value doesn't fit the column.
std::optional<Value> value_of(ColumnType type, const Json& json) {
  if (json.is_null()) return Null{};
  if (type == ColumnType::boolean && json.is_boolean()) return json.get<bool>();
  const bool whole = type == ColumnType::integer || type == ColumnType::positive;
  if (whole && json.is_number_unsigned()) {
    const auto count = json.get<std::uint64_t>();
    const std::uint64_t most = type == ColumnType::positive ? INT32_MAX : INT64_MAX;
    const bool fits = count <= most && (count > 0 || type == ColumnType::integer);
    if (fits) return static_cast<std::int64_t>(count);
  }
  if (type == ColumnType::number && json.is_number()) {
    const double number = json.get<double>();
    if (std::isfinite(number) && number >= 0) return number;
  }
  if (type == ColumnType::json && json.is_structured()) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  if (json.is_string() && is_text_of(type, json.get_ref<const std::string&>())) {
    return json.get<std::string>();
  }
  return std::nullopt;
}

std::string_view expectation(ColumnType type) {
  switch (type) {
    case ColumnType::text:
      return "a text";
    case ColumnType::integer:
      return "a whole number from 0";
    case ColumnType::positive:
      return "a whole number from 1";
    case ColumnType::source:
      return "one of cache, p2p, ipfs, gateway, range, local";
    case ColumnType::number:
      return "a number from 0";
    case ColumnType::boolean:
      return "true or false";
    case ColumnType::time:
      return "a time such as 2026-11-21T10:40:00.123Z";
    case ColumnType::json:
      return "an object or array";
    case ColumnType::sha256:
      return "64 lower-case hex digits";
    case ColumnType::provenance:
      return "one of measured, predicted, simulated, reported";
  }
  return "something else";
}

// Reads the rows of one record, one table after the other.
class RecordReader {
 public:
  RecordReader(RecordKind kind, const std::string& id) : kind_(kind), id_(id) {}

  Status read(const Json& data) {
    std::size_t known = 0;
    for (const TableSpec& table : tables_of(kind_)) {
      const auto member = data.find(table.member);
      if (member == data.end() && !table.required) continue;
      if (member == data.end()) {
        return fail(Errc::invalid_argument, "The record has no member {}.", table.member);
      }
      ++known;
      ACCEL_CHECK(read_table(table, *member));
    }
    if (known == data.size()) return {};
    return fail(Errc::invalid_argument, "The record has members that a {} record doesn't know.",
                record_kind_name(kind_));
  }

  std::vector<RecordRows> tables;

 private:
  Status read_table(const TableSpec& table, const Json& member) {
    if (table.many != member.is_array()) {
      return fail(Errc::invalid_argument, "{} must be {}.", table.member,
                  table.many ? "an array of objects" : "an object");
    }
    RecordRows rows{&table, {}};
    if (!table.many) {
      ACCEL_TRY(Row row, read_row(table, member, 0));
      rows.rows.push_back(std::move(row));
    }
    for (std::size_t i = 0; table.many && i < member.size(); ++i) {
      ACCEL_TRY(Row row, read_row(table, member[i], i));
      rows.rows.push_back(std::move(row));
    }
    tables.push_back(std::move(rows));
    return {};
  }

  Result<Row> read_row(const TableSpec& table, const Json& json, std::size_t index) const {
    if (!json.is_object()) {
      return fail(Errc::invalid_argument, "{} must hold objects.", table.member);
    }
    Row row;
    std::size_t known = 0;
    for (const ColumnSpec& column : table.columns) {
      const auto found = json.find(column.name);
      known += found != json.end() ? 1 : 0;
      ACCEL_TRY(Value value, read_value(table, column, found != json.end() ? &*found : nullptr));
      if (column.name == table.parent) ACCEL_CHECK(adopt(table, value));
      if (column.name == table.key && table.key != table.parent &&
          std::holds_alternative<Null>(value)) {
        value = fmt::format("{}/{}", id_, index);
      }
      row.push_back(std::move(value));
    }
    if (known != json.size()) {
      return fail(Errc::invalid_argument, "{} has a column that the table {} doesn't have.",
                  table.member, table.table);
    }
    return check_source(table, json, std::move(row));
  }

  // The id of the record is the id of its rows; a row needn't say so, but must not differ.
  Status adopt(const TableSpec& table, Value& value) const {
    const bool same = std::holds_alternative<Null>(value) || value == Value(id_);
    value = id_;
    if (same) return {};
    return fail(Errc::invalid_argument, "{}.{} differs from the record's id.", table.member,
                table.parent);
  }

  static Result<Value> read_value(const TableSpec& table, const ColumnSpec& column,
                                  const Json* json) {
    const bool missing = json == nullptr || json->is_null();
    if (missing && column.required) {
      return fail(Errc::invalid_argument, "{} needs a value for {}.", table.member, column.name);
    }
    if (missing) return Value(Null{});
    std::optional<Value> value = value_of(column.type, *json);
    if (value) return std::move(*value);
    return fail(Errc::invalid_argument, "{}.{} must be {}.", table.member, column.name,
                expectation(column.type));
  }

  // What is reported names who reported it.
  static Result<Row> check_source(const TableSpec& table, const Json& json, Row row) {
    const auto provenance = json.find("provenance");
    const bool reported = provenance != json.end() && *provenance == "reported";
    if (!reported || json.value("provenance_source", Json()).is_string()) return row;
    return fail(Errc::invalid_argument,
                "{} says that its figures are reported, but provenance_source doesn't say by whom.",
                table.member);
  }

  RecordKind kind_;
  const std::string& id_;
};

}  // namespace

bool is_rfc3339_utc(std::string_view text) {
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd";
  if (text.size() <= kShape.size() || text.size() > kShape.size() + 8 || text.back() != 'Z') {
    return false;
  }
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kShape[i] == 'd' ? !digit : text[i] != kShape[i]) return false;
  }
  const std::string_view fraction = text.substr(kShape.size(), text.size() - kShape.size() - 1);
  if (!fraction.empty() &&
      (fraction.size() < 2 || fraction[0] != '.' || !all_of(fraction.substr(1), "0123456789"))) {
    return false;
  }
  constexpr std::array kDays{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const int year = number_at(text, 0, 4);
  const int month = number_at(text, 5, 2);
  const int day = number_at(text, 8, 2);
  if (month < 1 || month > 12 || day < 1 || day > kDays[static_cast<std::size_t>(month - 1)]) {
    return false;
  }
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return (month != 2 || day < 29 || leap) && number_at(text, 11, 2) < 24 &&
         number_at(text, 14, 2) < 60 && number_at(text, 17, 2) < 60;
}

Result<std::vector<RecordRows>> read_rows(RecordKind kind, const std::string& id,
                                          const Json& data) {
  RecordReader reader(kind, id);
  ACCEL_CHECK(reader.read(data));
  return std::move(reader.tables);
}

}  // namespace accel::db::detail
