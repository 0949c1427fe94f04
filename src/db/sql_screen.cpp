// SPDX-License-Identifier: Apache-2.0
#include "sql_screen.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

namespace accel::db::detail {
namespace {

using Json = nlohmann::json;

// Table functions that only look at the database or count. All others are refused: among them are
// readers of files, query() (SQL in a string), checkpoint() and enable_logging(), which writes even
// in a read-only transaction.
constexpr std::string_view kTableFunctions[]{
    "range",          "generate_series",   "unnest",          "json_each",
    "json_tree",      "duckdb_columns",    "duckdb_tables",   "duckdb_constraints",
    "duckdb_indexes", "duckdb_schemas",    "duckdb_types",    "duckdb_functions",
    "duckdb_views",   "pragma_table_info", "duckdb_keywords",
};

// Functions that change something, or whose result may be far larger than what they are given:
// DuckDB doesn't count the text and lists that they make against its memory limit.
constexpr std::string_view kRefusedFunctions[]{"nextval",      "write_log",
                                               "setseed",      "repeat",
                                               "lpad",         "rpad",
                                               "range",        "list_resize",
                                               "array_resize", "generate_series",
                                               "printf",       "format",
                                               "bar",          "json_execute_serialized_sql",
                                               "replace",      "regexp_replace",
                                               "translate",    "bitstring"};

bool listed(const auto& list, std::string_view name) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

std::string lower(std::string text) {
  for (char& character : text) {
    if (character >= 'A' && character <= 'Z') character = static_cast<char>(character - 'A' + 'a');
  }
  return text;
}

std::string text_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The functions of a syntax tree; table functions apart. Iterative: depth is the stranger's choice.
struct Functions {
  std::vector<std::string> tables;
  std::vector<std::string> scalars;
};

Functions functions_of(const Json& tree) {
  Functions found;
  std::vector<const Json*> open{&tree};
  while (!open.empty()) {
    const Json& node = *open.back();
    open.pop_back();
    const Json* called = nullptr;  // A table function's call: its children are looked at, not it.
    if (node.is_object() && text_member(node, "type") == "TABLE_FUNCTION") {
      called = &node.at("function");
      found.tables.push_back(lower(text_member(*called, "function_name")));
    } else if (node.is_object() && node.contains("function_name")) {
      found.scalars.push_back(lower(text_member(node, "function_name")));
    }
    for (const Json& child : node) {
      if (&child == called) {
        open.push_back(&child.at("children"));
      } else if (child.is_structured()) {
        open.push_back(&child);
      }
    }
  }
  return found;
}

Status check_functions(const Functions& functions) {
  for (const std::string& name : functions.tables) {
    if (!listed(kTableFunctions, name)) {
      return fail(Errc::permission_denied, "The table function {}() may not be used here.", name);
    }
  }
  for (const std::string& name : functions.scalars) {
    if (listed(kRefusedFunctions, name)) {
      return fail(Errc::permission_denied, "The function {}() may not be used here.", name);
    }
  }
  return {};
}

Status check_parsed(const Json& parsed) {
  if (parsed.value("error", true)) {
    if (text_member(parsed, "error_type") == "not implemented") {
      return fail(Errc::permission_denied,
                  "Only SELECT (also SHOW, DESCRIBE, SUMMARIZE, VALUES) may run here.");
    }
    const std::string position = text_member(parsed, "position");
    return fail(Errc::invalid_argument, "The query doesn't parse{}: {}.",
                position.empty() ? "" : " at character " + position,
                text_member(parsed, "error_message"));
  }
  const Json& statements = parsed.at("statements");
  if (statements.empty()) return fail(Errc::invalid_argument, "The query is empty.");
  if (statements.size() > 1) {
    return fail(Errc::permission_denied, "Only one statement may run here, not {}.",
                statements.size());
  }
  return check_functions(functions_of(statements));
}

}  // namespace

Status screen_sql(const Connection& connection, std::string_view sql) {
  ACCEL_TRY(const Statement serialize,
            Statement::prepare(connection, "SELECT json_serialize_sql(?::VARCHAR)::VARCHAR"));
  ACCEL_CHECK(serialize.bind({std::string(sql)}));
  ACCEL_TRY(const Table table, serialize.run());
  const auto* text = std::get_if<std::string>(&table.rows.at(0).at(0));
  const Json parsed = Json::parse(text != nullptr ? *text : std::string(), nullptr, false);
  if (!parsed.is_object()) {
    return fail(Errc::invalid_argument, "The query has no syntax tree, so it can't be checked.");
  }
  return check_parsed(parsed);
}

}  // namespace accel::db::detail
