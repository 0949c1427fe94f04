// SPDX-License-Identifier: Apache-2.0
#include "vector_reader.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace accel::db::detail {
namespace {

__extension__ using Int128 = __int128;
__extension__ using UInt128 = unsigned __int128;

constexpr int kMaxNesting = 16;  // Lists in structs in lists: deeper text helps nobody.

Value wide(Int128 value) {
  const bool fits = value >= std::numeric_limits<std::int64_t>::min() &&
                    value <= std::numeric_limits<std::int64_t>::max();
  if (fits) return static_cast<std::int64_t>(value);
  return fmt::format("{}", value);
}

UInt128 joined(const duckdb_uhugeint& parts) {
  return (static_cast<UInt128>(parts.upper) << 64U) | parts.lower;
}

std::string date_text(const duckdb_date_struct& date) {
  return fmt::format("{:04}-{:02}-{:02}", date.year, static_cast<int>(date.month),
                     static_cast<int>(date.day));
}

std::string time_text(const duckdb_time_struct& time) {
  return fmt::format("{:02}:{:02}:{:02}.{:06}", static_cast<int>(time.hour),
                     static_cast<int>(time.min), static_cast<int>(time.sec), time.micros);
}

std::string interval_text(const duckdb_interval& interval) {
  return fmt::format("{} months {} days {:.6f} seconds", interval.months, interval.days,
                     static_cast<double>(interval.micros) / 1e6);
}

std::string hex_text(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    text += fmt::format("\\x{:02X}", static_cast<unsigned char>(byte));
  }
  return text;
}

std::string element_text(const Value& value) {
  return std::holds_alternative<Null>(value) ? "NULL" : to_text(value);
}

}  // namespace

VectorReader::VectorReader(const DuckDb& api, duckdb_vector vector, int depth)
    : api_(api),
      vector_(vector),
      depth_(depth),
      type_(api.vector_get_column_type(vector)),
      id_(api.get_type_id(type_)),
      data_(api.vector_get_data(vector)),
      validity_(api.vector_get_validity(vector)) {}

VectorReader::~VectorReader() { api_.destroy_logical_type(&type_); }

std::optional<Value> VectorReader::at(idx_t row) const {
  if (validity_ != nullptr && (validity_[row / 64] >> (row % 64) & 1U) == 0) return Null{};
  if (auto number = number_at(row)) return number;
  if (auto text = time_at(row)) return text;
  return other_at(row);
}

std::optional<Value> VectorReader::number_at(idx_t row) const {
  switch (id_) {
    case DUCKDB_TYPE_BOOLEAN:
      return item<bool>(row);
    case DUCKDB_TYPE_TINYINT:
      return std::int64_t{item<std::int8_t>(row)};
    case DUCKDB_TYPE_SMALLINT:
      return std::int64_t{item<std::int16_t>(row)};
    case DUCKDB_TYPE_INTEGER:
      return std::int64_t{item<std::int32_t>(row)};
    case DUCKDB_TYPE_BIGINT:
      return item<std::int64_t>(row);
    case DUCKDB_TYPE_UTINYINT:
      return std::int64_t{item<std::uint8_t>(row)};
    case DUCKDB_TYPE_USMALLINT:
      return std::int64_t{item<std::uint16_t>(row)};
    case DUCKDB_TYPE_UINTEGER:
      return std::int64_t{item<std::uint32_t>(row)};
    case DUCKDB_TYPE_UBIGINT:
      return wide(static_cast<Int128>(item<std::uint64_t>(row)));
    case DUCKDB_TYPE_FLOAT:
      return static_cast<double>(item<float>(row));
    case DUCKDB_TYPE_DOUBLE:
      return item<double>(row);
    case DUCKDB_TYPE_HUGEINT:
      return wide(static_cast<Int128>(joined(item<duckdb_uhugeint>(row))));
    case DUCKDB_TYPE_UHUGEINT:
      return fmt::format("{}", joined(item<duckdb_uhugeint>(row)));
    case DUCKDB_TYPE_DECIMAL:
      return decimal_at(row);
    default:
      return std::nullopt;
  }
}

Value VectorReader::decimal_at(idx_t row) const {
  Int128 unscaled = 0;
  switch (api_.decimal_internal_type(type_)) {
    case DUCKDB_TYPE_SMALLINT:
      unscaled = item<std::int16_t>(row);
      break;
    case DUCKDB_TYPE_INTEGER:
      unscaled = item<std::int32_t>(row);
      break;
    case DUCKDB_TYPE_BIGINT:
      unscaled = item<std::int64_t>(row);
      break;
    default:
      unscaled = static_cast<Int128>(joined(item<duckdb_uhugeint>(row)));
  }
  return static_cast<double>(unscaled) / std::pow(10.0, api_.decimal_scale(type_));
}

std::optional<Value> VectorReader::time_at(idx_t row) const {
  switch (id_) {
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
      return timestamp_text(item<std::int64_t>(row));
    case DUCKDB_TYPE_DATE:
      return date_text(api_.from_date({item<std::int32_t>(row)}));
    case DUCKDB_TYPE_TIME:
      return time_text(api_.from_time({item<std::int64_t>(row)}));
    case DUCKDB_TYPE_INTERVAL:
      return interval_text(item<duckdb_interval>(row));
    default:
      return std::nullopt;
  }
}

std::string VectorReader::timestamp_text(std::int64_t micros) const {
  if (micros == std::numeric_limits<std::int64_t>::max()) return "infinity";
  if (micros == -std::numeric_limits<std::int64_t>::max()) return "-infinity";
  const auto parts = api_.from_timestamp({micros});
  return fmt::format("{}T{}Z", date_text(parts.date), time_text(parts.time));
}

std::optional<Value> VectorReader::other_at(idx_t row) const {
  switch (id_) {
    case DUCKDB_TYPE_VARCHAR:
      return std::string(string_at(row));
    case DUCKDB_TYPE_BLOB:
      return hex_text(string_at(row));
    case DUCKDB_TYPE_UUID:
      return uuid_text(row);
    case DUCKDB_TYPE_ENUM:
      return enum_text(row);
    case DUCKDB_TYPE_SQLNULL:
      return Null{};
    case DUCKDB_TYPE_LIST:
    case DUCKDB_TYPE_MAP:
    case DUCKDB_TYPE_ARRAY:
      return list_text(row);
    case DUCKDB_TYPE_STRUCT:
      return struct_text(row);
    default:
      return std::nullopt;
  }
}

std::string_view VectorReader::string_at(idx_t row) const {
  auto& stored = item<duckdb_string_t>(row);  // Short strings lie inside the value itself.
  return {api_.string_t_data(&stored), api_.string_t_length(stored)};
}

std::string VectorReader::uuid_text(idx_t row) const {
  // Stored as a HUGEINT whose sign bit is flipped, so that it sorts as its text does.
  const UInt128 value = joined(item<duckdb_uhugeint>(row)) ^ (UInt128{1} << 127U);
  const std::string hex = fmt::format("{:016x}{:016x}", static_cast<std::uint64_t>(value >> 64U),
                                      static_cast<std::uint64_t>(value));
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                     hex.substr(16, 4), hex.substr(20));
}

std::string VectorReader::enum_text(idx_t row) const {
  idx_t index = 0;
  switch (api_.enum_internal_type(type_)) {
    case DUCKDB_TYPE_UTINYINT:
      index = item<std::uint8_t>(row);
      break;
    case DUCKDB_TYPE_USMALLINT:
      index = item<std::uint16_t>(row);
      break;
    default:
      index = item<std::uint32_t>(row);
  }
  char* word = api_.enum_dictionary_value(type_, index);
  std::string text = word != nullptr ? word : "";
  api_.free(word);
  return text;
}

std::optional<Value> VectorReader::list_text(idx_t row) const {
  if (depth_ >= kMaxNesting) return "...";
  const bool array = id_ == DUCKDB_TYPE_ARRAY;
  const idx_t size = array ? api_.array_type_array_size(type_) : 0;
  const auto entry = array ? duckdb_list_entry{row * size, size} : item<duckdb_list_entry>(row);
  const auto items =
      array ? api_.array_vector_get_child(vector_) : api_.list_vector_get_child(vector_);
  const VectorReader child(api_, items, depth_ + 1);
  std::string text = "[";
  for (idx_t i = 0; i < entry.length; ++i) {
    const auto value = child.at(entry.offset + i);
    if (!value) return std::nullopt;
    text += (i == 0 ? "" : ", ") + element_text(*value);
  }
  return text + "]";
}

std::optional<Value> VectorReader::struct_text(idx_t row) const {
  if (depth_ >= kMaxNesting) return "...";
  std::string text = "{";
  for (idx_t i = 0; i < api_.struct_type_child_count(type_); ++i) {
    const VectorReader child(api_, api_.struct_vector_get_child(vector_, i), depth_ + 1);
    const auto value = child.at(row);
    if (!value) return std::nullopt;
    char* name = api_.struct_type_child_name(type_, i);
    text += fmt::format("{}'{}': {}", i == 0 ? "" : ", ", name, element_text(*value));
    api_.free(name);
  }
  return text + "}";
}

}  // namespace accel::db::detail
