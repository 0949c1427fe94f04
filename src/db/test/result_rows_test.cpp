// SPDX-License-Identifier: Apache-2.0
// How DuckDB's types arrive as values.
#include "db_fixture.hpp"

namespace accel::db {
namespace {

struct TypeCase {
  const char* sql;
  Value value;
  const char* type;
};

void expect_values(const std::vector<TypeCase>& cases) {
  auto database = Database::open(":memory:");
  ASSERT_TRUE(database);
  for (const TypeCase& item : cases) {
    const auto table = (*database)->query(std::string("SELECT ") + item.sql);
    ASSERT_TRUE(table) << item.sql << table.error().to_string();
    EXPECT_EQ(to_text(table->rows[0][0]), to_text(item.value)) << item.sql;
    EXPECT_EQ(table->rows[0][0].index(), item.value.index()) << item.sql;
    EXPECT_EQ(table->columns[0].type, item.type) << item.sql;
  }
}

TEST(ValueOf, reads_every_type_of_number) {
  expect_values(
      {TypeCase{"true", true, "BOOLEAN"},
       TypeCase{"(-128)::TINYINT", std::int64_t{-128}, "TINYINT"},
       TypeCase{"40000::USMALLINT", std::int64_t{40000}, "USMALLINT"},
       TypeCase{"(-7)::SMALLINT", std::int64_t{-7}, "SMALLINT"},
       TypeCase{"7::UTINYINT", std::int64_t{7}, "UTINYINT"},
       TypeCase{"4000000000::UINTEGER", std::int64_t{4000000000}, "UINTEGER"},
       TypeCase{"5", std::int64_t{5}, "INTEGER"},
       TypeCase{"(-9000000000)::BIGINT", std::int64_t{-9000000000}, "BIGINT"},
       TypeCase{"7::UBIGINT", std::int64_t{7}, "UBIGINT"},
       TypeCase{"18446744073709551615::UBIGINT", std::string("18446744073709551615"), "UBIGINT"},
       TypeCase{"(-12)::HUGEINT", std::int64_t{-12}, "HUGEINT"},
       TypeCase{"100000000000000000000::HUGEINT", std::string("100000000000000000000"), "HUGEINT"},
       TypeCase{"12::UHUGEINT", std::string("12"), "UHUGEINT"},
       TypeCase{"1.5::FLOAT", 1.5, "FLOAT"},
       TypeCase{"0.1::DOUBLE", 0.1, "DOUBLE"},
       TypeCase{"1.25", 1.25, "DECIMAL"},
       TypeCase{"(-1.5)::DECIMAL(8,2)", -1.5, "DECIMAL"},
       TypeCase{"1.5::DECIMAL(17,3)", 1.5, "DECIMAL"},
       TypeCase{"1.5::DECIMAL(38,3)", 1.5, "DECIMAL"},
       TypeCase{"NULL", Null{}, "INTEGER"}});
}

TEST(ValueOf, reads_times_lists_and_all_else_as_text) {
  expect_values({TypeCase{"'short'", std::string("short"), "VARCHAR"},
                 TypeCase{"'a text of more than twelve bytes'",
                          std::string("a text of more than twelve bytes"), "VARCHAR"},
                 TypeCase{"''", std::string(), "VARCHAR"},
                 TypeCase{"TIMESTAMP '2026-11-21 10:40:00.123'",
                          std::string("2026-11-21T10:40:00.123000Z"), "TIMESTAMP"},
                 TypeCase{"TIMESTAMP 'infinity'", std::string("infinity"), "TIMESTAMP"},
                 TypeCase{"TIMESTAMP '-infinity'", std::string("-infinity"), "TIMESTAMP"},
                 TypeCase{"DATE '2026-11-21'", std::string("2026-11-21"), "DATE"},
                 TypeCase{"TIME '10:40:00.5'", std::string("10:40:00.500000"), "TIME"},
                 TypeCase{"INTERVAL '1 month 2 days 3 seconds'",
                          std::string("1 months 2 days 3.000000 seconds"), "INTERVAL"},
                 TypeCase{"'\\x00\\xFF'::BLOB", std::string("\\x00\\xFF"), "BLOB"},
                 TypeCase{"'47e0d3c6-9ad4-4b5f-8d7e-0123456789ab'::UUID",
                          std::string("47e0d3c6-9ad4-4b5f-8d7e-0123456789ab"), "UUID"},
                 TypeCase{"'b'::ENUM('a', 'b')", std::string("b"), "ENUM"},
                 TypeCase{"[1, NULL, 3]", std::string("[1, NULL, 3]"), "LIST"},
                 TypeCase{"[[1], []]", std::string("[[1], []]"), "LIST"},
                 TypeCase{"{'a': 1, 'b': 'x'}", std::string("{'a': 1, 'b': x}"), "STRUCT"},
                 TypeCase{"[1, 2]::INT[2]", std::string("[1, 2]"), "ARRAY"},
                 TypeCase{"map {'k': 1}", std::string("[{'key': k, 'value': 1}]"), "MAP"}});
}

class RowsTest : public DbTest {};

TEST_F(RowsTest, names_the_column_whose_type_has_no_value) {
  const auto table = opened(":memory:")->query("SELECT '101'::BIT AS bits");
  EXPECT_EQ(table.error().code, Errc::unsupported);
  EXPECT_EQ(table.error().message, "Column bits has the type BIT; cast it to VARCHAR.");
}

TEST_F(RowsTest, keeps_columns_of_an_empty_result) {
  const auto table = opened(":memory:")->query("SELECT 1 AS a, 'x' AS b WHERE false");
  ASSERT_TRUE(table);
  EXPECT_TRUE(table->rows.empty());
  EXPECT_EQ(table->columns.size(), 2U);
}

TEST_F(RowsTest, reads_many_chunks_in_order) {
  const auto table = opened(":memory:")
                         ->query(
                             "SELECT x, CASE WHEN x % 3 = 0 THEN NULL ELSE x END FROM range(10000) "
                             "t(x) ORDER BY x");
  ASSERT_TRUE(table);
  ASSERT_EQ(table->rows.size(), 10'000U);
  for (std::size_t i = 0; i < table->rows.size(); ++i) {
    const auto x = static_cast<std::int64_t>(i);
    ASSERT_EQ(table->rows[i][0], Value(x));
    ASSERT_EQ(table->rows[i][1], i % 3 == 0 ? Value(Null{}) : Value(x));
  }
}

TEST_F(RowsTest, stops_at_a_depth_that_helps_nobody) {
  std::string nested = "1";
  for (int i = 0; i < 30; ++i) nested = "[" + nested + "]";
  const auto table = opened(":memory:")->query("SELECT " + nested);
  ASSERT_TRUE(table) << table.error().to_string();
  EXPECT_NE(to_text(table->rows[0][0]).find("..."), std::string::npos);
}

}  // namespace
}  // namespace accel::db
