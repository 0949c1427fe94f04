// SPDX-License-Identifier: Apache-2.0
#include "record_writer.hpp"

#include <map>
#include <set>

namespace accel::db::detail {
namespace {

std::vector<std::string> column_names(const TableSpec& table) {
  std::vector<std::string> names;
  for (const ColumnSpec& column : table.columns) names.emplace_back(column.name);
  return names;
}

std::size_t key_index(const TableSpec& table) {
  std::size_t index = 0;
  while (table.columns[index].name != table.key) ++index;
  return index;
}

Status replace_rows(Database& database, const TableSpec& table, const std::vector<Row>& rows) {
  std::map<Value, const Row*> newest;  // DuckDB refuses to replace a row twice in one transaction.
  for (const Row& row : rows) newest[row[key_index(table)]] = &row;
  std::vector<Row> distinct;
  for (const auto& [key, row] : newest) distinct.push_back(*row);
  std::string marks;
  for (std::size_t i = 0; i < table.columns.size(); ++i) marks += i == 0 ? "?" : ", ?";
  return database.execute_many(
      fmt::format("INSERT OR REPLACE INTO {} ({}) VALUES ({})", table.table,
                  fmt::join(column_names(table), ", "), marks),
      distinct);
}

// The ids of the batch that the database has. Ids have no spaces.
Result<std::set<std::string>> known_ids(Database& database,
                                        const std::vector<const ParsedRecord*>& records) {
  std::string ids;
  for (const ParsedRecord* record : records) ids += (ids.empty() ? "" : " ") + record->id;
  ACCEL_TRY(const Table table,
            database.query("SELECT record_id FROM journal_records WHERE record_id IN "
                           "(SELECT unnest(string_split(?, ' ')))",
                           {ids}));
  std::set<std::string> known;
  for (const Row& row : table.rows) known.insert(to_text(row[0]));
  return known;
}

}  // namespace

Result<WriteCounts> write_records(Database& database,
                                  const std::vector<const ParsedRecord*>& records) {
  WriteCounts counts;
  ACCEL_TRY(std::set<std::string> known, known_ids(database, records));
  std::vector<Row> ids;
  std::map<const TableSpec*, std::vector<Row>> rows;
  for (const ParsedRecord* record : records) {
    if (!known.insert(record->id).second) {
      ++counts.duplicates;
      continue;
    }
    ++counts.records;
    ids.push_back({record->id, std::string(record_kind_name(record->kind)), record->time});
    for (const RecordRows& part : record->tables) {
      auto& all = rows[part.table];
      all.insert(all.end(), part.rows.begin(), part.rows.end());
    }
  }
  if (ids.empty()) return counts;
  ACCEL_CHECK(database.append_rows("journal_records", {"record_id", "kind", "ingested_at"}, ids));
  for (const auto& [table, all] : rows) {
    ACCEL_CHECK(table->replace
                    ? replace_rows(database, *table, all)
                    : database.append_rows(std::string(table->table), column_names(*table), all));
  }
  return counts;
}

}  // namespace accel::db::detail
