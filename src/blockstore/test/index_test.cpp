// SPDX-License-Identifier: Apache-2.0
#include "index.hpp"

#include <atomic>
#include <cerrno>
#include <thread>

#include "child_process.hpp"
#include "disk_seam.hpp"
#include "records.hpp"
#include "store_fixture.hpp"

namespace accel::blockstore::test {
namespace {

class IndexTest : public ::testing::Test {
 protected:
  std::unique_ptr<Index> open(std::uint64_t map_size = kMiB) {
    auto index = Index::open({dir_.path(), map_size, false});
    EXPECT_TRUE(index.has_value()) << index.error().to_string();
    return index ? *std::move(index) : nullptr;
  }
  TempDir dir_;
};

Status put_text(Index& index, std::string_view key, std::string_view value) {
  return index.write([&](Txn& txn) { return txn.put(Table::kv, as_bytes(key), as_bytes(value)); });
}

std::string get_text(Index& index, std::string_view key) {
  const auto value = index.query([&](const Txn& txn) -> Result<std::string> {
    ACCEL_TRY(const auto found, txn.get(Table::kv, as_bytes(key)));
    return std::string(found ? as_text(*found) : "(absent)");
  });
  return value ? *value : value.error().to_string();
}

TEST_F(IndexTest, keeps_what_was_committed_over_a_reopen) {
  ASSERT_TRUE(put_text(*open(), "key", "value").has_value());
  EXPECT_EQ(get_text(*open(), "key"), "value");
}

TEST_F(IndexTest, drops_what_a_failed_body_wrote) {
  const auto index = open();
  const Status failed = index->write([](Txn& txn) -> Status {
    ACCEL_CHECK(txn.put(Table::kv, as_bytes("key"), as_bytes("value")));
    return fail(Errc::cancelled, "Stopped.");
  });
  EXPECT_ERRC(failed, Errc::cancelled);
  EXPECT_EQ(get_text(*index, "key"), "(absent)");
}

TEST_F(IndexTest, grows_when_the_map_is_full) {
  const auto index = open(256U << 10U);
  const std::string value(100'000, 'x');
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(put_text(*index, fmt::format("key {}", i), value).has_value()) << i;
  }
  EXPECT_EQ(get_text(*index, "key 39"), value);
}

TEST_F(IndexTest, grows_within_one_large_transaction) {
  const auto index = open(256U << 10U);
  const Status written = index->write([](Txn& txn) -> Status {
    for (std::uint64_t i = 0; i < 20000; ++i) {
      ACCEL_CHECK(txn.put(Table::blocks, encode_u64(i), Bytes(33)));
    }
    return {};
  });
  ASSERT_TRUE(written.has_value()) << written.error().to_string();
  EXPECT_EQ(*index->query([](const Txn& txn) { return txn.count(Table::blocks); }), 20000U);
}

TEST_F(IndexTest, refuses_to_be_opened_twice_in_one_process) {
  const auto index = open();
  EXPECT_ERRC(Index::open({dir_.path(), kMiB, false}), Errc::already_exists);
}

TEST_F(IndexTest, refuses_a_transaction_inside_another) {
  const auto index = open();
  const Status nested =
      index->read([&](const Txn&) { return index->write([](Txn&) -> Status { return {}; }); });
  EXPECT_ERRC(nested, Errc::internal);
}

TEST_F(IndexTest, refuses_writes_when_opened_for_reading) {
  open().reset();
  auto index = Index::open({dir_.path(), kMiB, true});
  ASSERT_TRUE(index.has_value()) << index.error().to_string();
  EXPECT_ERRC(put_text(**index, "key", "value"), Errc::permission_denied);
}

TEST_F(IndexTest, lists_several_values_of_a_key) {
  const auto index = open();
  const Status written = index->write([](Txn& txn) -> Status {
    for (std::uint64_t i = 3; i > 0; --i) {
      ACCEL_CHECK(txn.put(Table::roots, as_bytes("root"), encode_u64(i)));
    }
    return txn.erase_value(Table::roots, as_bytes("root"), encode_u64(2));
  });
  ASSERT_TRUE(written.has_value());
  std::vector<std::uint64_t> values;
  const Status listed = index->read([&](const Txn& txn) {
    return txn.each_value(Table::roots, as_bytes("root"), [&](ByteView value) -> Result<bool> {
      values.push_back(*decode_u64(value));
      return true;
    });
  });
  ASSERT_TRUE(listed.has_value());
  EXPECT_EQ(values, (std::vector<std::uint64_t>{1, 3}));
}

TEST_F(IndexTest, says_so_when_its_file_is_no_database) {
  open().reset();
  write_bytes(dir_.path() / "data.mdb", random_bytes(1, 32768));
  const auto opened = Index::open({dir_.path(), kMiB, false});
  EXPECT_ERRC(opened, Errc::corrupt);
  EXPECT_NE(opened.error().message.find("doctor"), std::string::npos);
}

TEST_F(IndexTest, threads_write_and_read_while_the_map_grows) {
  const auto index = open(128U << 10U);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        const std::string key = fmt::format("{} {}", t, i);
        EXPECT_TRUE(put_text(*index, key, std::string(30'000, 'x')).has_value());
        EXPECT_EQ(get_text(*index, key).size(), 30'000U);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

// A write that fails at the wrong moment breaks the environment; then it cannot be opened again
// either, for a while.
TEST_F(IndexTest, recovers_when_the_first_attempt_to_open_it_again_failed) {
  const auto index = open();
  ASSERT_TRUE(put_text(*index, "key", "value").has_value());
  const fs::path away = dir_.path().string() + "-away";
  int refused = 0;
  for (int n = 1; n < 8; ++n) {
    SCOPED_TRACE(n);
    fail_disk_call(n, EIO, true);
    static_cast<void>(put_text(*index, "key", "lost"));
    heal_disk();
    fs::rename(dir_.path(), away);
    const Status first = put_text(*index, "key", "lost");
    const Status second = put_text(*index, "key", "lost");
    EXPECT_EQ(first.has_value(), second.has_value());
    refused += first ? 0 : 1;
    fs::rename(away, dir_.path());
    const Status now = put_text(*index, "key", fmt::format("value {}", n));
    ASSERT_TRUE(now.has_value()) << now.error().to_string();
    EXPECT_EQ(get_text(*index, "key"), fmt::format("value {}", n));
  }
  EXPECT_GT(refused, 0);  // Else no write broke it, and this says nothing.
}

TEST_F(IndexTest, clears_readers_while_another_thread_opens_it_again) {
  const auto index = open();
  std::atomic<bool> done = false;
  std::thread clearing([&] {
    while (!done) EXPECT_TRUE(index->clear_stale_readers().has_value());
  });
  for (int i = 0; i < 30; ++i) {
    fail_disk_call(1 + i % 5, EIO, true);
    static_cast<void>(put_text(*index, "key", "lost"));
    heal_disk();
    EXPECT_TRUE(put_text(*index, "key", "value").has_value());
  }
  done = true;
  clearing.join();
}

// The child fills the index of a store until its map has grown several times.
TEST_F(IndexTest, follows_the_growth_of_another_process) {
  StoreOptions options;
  options.directory = dir_.path() / "store";
  options.map_size = kMiB;
  auto store = Store::open(options);
  ASSERT_TRUE(store.has_value()) << store.error().to_string();
  ASSERT_TRUE((*store)->kv_put("test", "before", "1").has_value());
  ASSERT_EQ(run_child({"fill-kv", options.directory.string(), "60"}), 0);
  const auto value = (*store)->kv_get("test", "key 59");
  ASSERT_TRUE(value.has_value()) << value.error().to_string();
  EXPECT_EQ(value->value_or("").size(), 100'000U);
  EXPECT_TRUE((*store)->kv_put("test", "after", "1").has_value());
}

}  // namespace
}  // namespace accel::blockstore::test
