// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the tests of whole pulls share: a store in a temporary folder, a client, verbs.

#include <gtest/gtest.h>

#include <filesystem>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/exchange/fetcher.hpp"
#include "test_gateway.hpp"

namespace accel::exchange::testing {

class FetcherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("accel-fetcher-" + random_hex(system_random(), 8));
    std::filesystem::create_directories(folder_);
    open_store();
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  void open_store() {
    store_.reset();
    auto store = blockstore::Store::open({.directory = folder_ / "store"});
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
  }

  void open_store_anew() {
    store_.reset();
    std::filesystem::remove_all(folder_ / "store");
    open_store();
  }

  PullOptions from(std::vector<std::string> urls) {
    PullOptions options;
    options.sources = std::move(urls);
    options.limits.stall_timeout = std::chrono::milliseconds(300);
    options.limits.first_back_off = std::chrono::milliseconds(10);
    return options;
  }
  Result<PullReport> pull(const ipld::Cid& root, PullOptions options, std::stop_token stop = {}) {
    net::HttpClient client(io_.executor());
    Fetcher fetcher(*store_, client, pool_, *clock_, metrics_);
    return sync_wait(io_.executor(), fetcher.pull(root, std::move(options)), std::move(stop));
  }
  void expect_file(const ipld::Cid& root, const Bytes& expected) {
    Bytes got;
    const auto read = store_->read(root, 0, expected.size(), [&](ByteView bytes) -> Status {
      got.insert(got.end(), bytes.begin(), bytes.end());
      return {};
    });
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_TRUE(got == expected);
  }
  void expect_unreadable(const ipld::Cid& root) {
    const auto file = store_->file_of(root);
    EXPECT_TRUE(!file || !*file);
    const auto pins = store_->pins();
    ASSERT_TRUE(pins);
    EXPECT_TRUE(pins->empty());
  }

  std::filesystem::path folder_;
  std::unique_ptr<blockstore::Store> store_;
  IoThread io_{1, "client"};
  OffloadPool pool_{2};
  const Clock* clock_ = &system_clock();
  Metrics metrics_;
};

}  // namespace accel::exchange::testing
