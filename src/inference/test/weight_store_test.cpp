// SPDX-License-Identifier: Apache-2.0
#include "ort/weight_store.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

namespace accel::inference::ort {
namespace {

constexpr std::size_t kBytes = 32 * 1024;

class WeightStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "weight_store_XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // A file of tensors of kBytes each, all bytes of one having its value.
  std::filesystem::path write(const std::string& name, const std::vector<std::uint8_t>& values,
                              std::uint8_t last = 0) const {
    Bytes bytes;
    for (const std::uint8_t value : values) bytes.insert(bytes.end(), kBytes, value);
    if (last != 0) bytes.back() = last;
    EXPECT_TRUE(write_file_atomic(folder_ / name, bytes));
    return folder_ / name;
  }

  static std::vector<NamedWeight> tensors_of(const std::filesystem::path& path) {
    const auto file = std::make_shared<const MappedFile>(MappedFile::open(path).value());
    std::vector<NamedWeight> weights;
    for (std::size_t at = 0; at + kBytes <= file->data().size(); at += kBytes) {
      auto weight = std::make_shared<Weight>();
      weight->file = file;
      weight->bytes = file->data().subspan(at, kBytes);
      weight->onnx_type = 1;
      weight->dims = {static_cast<std::int64_t>(kBytes / 4)};
      weights.push_back({std::to_string(at), std::move(weight)});
    }
    return weights;
  }

  Result<PackedWeights> make_packed() {
    ++packed_made_;
    auto held = std::make_shared<int>(0);
    auto* const address = reinterpret_cast<OrtPrepackedWeightsContainer*>(held.get());
    return PackedWeights(std::move(held), address);
  }

  std::shared_ptr<const WeightSet> open(WeightStore& store, const std::filesystem::path& path) {
    return store.share({file_key(path).value()}, tensors_of(path), [this] { return make_packed(); })
        .value();
  }

  std::filesystem::path folder_;
  std::atomic<int> packed_made_{0};
};

TEST_F(WeightStoreTest, gives_the_same_set_for_the_same_file) {
  WeightStore store;
  const auto path = write("a", {1, 2});
  const auto first = open(store, path);
  EXPECT_EQ(open(store, path), first);
  EXPECT_EQ(first->found_bytes, 0U);
  EXPECT_EQ(packed_made_, 1);
}

TEST_F(WeightStoreTest, takes_a_file_that_was_written_to_since_for_another) {
  WeightStore store;
  const auto path = write("a", {1, 2});
  const auto first = open(store, path);
  write("a", {1, 3});
  const auto second = open(store, path);
  EXPECT_NE(second, first);
  EXPECT_EQ(second->weights[0].weight, first->weights[0].weight);
  EXPECT_NE(second->weights[1].weight, first->weights[1].weight);
  EXPECT_EQ(second->weights[1].weight->bytes[0], 3);
}

TEST_F(WeightStoreTest, unites_equal_tensors_of_different_files) {
  WeightStore store;
  const auto first = open(store, write("a", {1, 2}));
  const auto second = open(store, write("b", {2, 3}));
  EXPECT_EQ(second->weights[0].weight, first->weights[1].weight);
  EXPECT_EQ(second->found_bytes, kBytes);
  EXPECT_EQ(store.weights(), 3U);
}

TEST_F(WeightStoreTest, compares_to_the_last_byte) {
  WeightStore store;
  const auto first = open(store, write("a", {1}));
  Bytes other(kBytes, 1);
  other[kBytes / 3] = 9;  // Where no sample is taken.
  ASSERT_TRUE(write_file_atomic(folder_ / "b", other));
  const auto second = open(store, folder_ / "b");
  EXPECT_NE(second->weights[0].weight, first->weights[0].weight);
  EXPECT_EQ(second->found_bytes, 0U);
}

TEST_F(WeightStoreTest, tells_tensors_of_equal_bytes_and_other_shape_apart) {
  WeightStore store;
  const auto path = write("a", {1});
  const auto first = open(store, path);
  auto offered = tensors_of(path);
  auto reshaped = std::make_shared<Weight>(*offered[0].weight);
  reshaped->dims = {2, static_cast<std::int64_t>(kBytes / 8)};
  offered[0].weight = reshaped;
  const auto second = store.share({}, offered, [this] { return make_packed(); }).value();
  EXPECT_EQ(second->weights[0].weight, reshaped);
}

TEST_F(WeightStoreTest, shares_what_was_packed_among_sets_of_the_very_same_tensors_alone) {
  WeightStore store;
  const auto first = open(store, write("a", {1, 2}));
  const auto same = open(store, write("b", {2, 1}));
  const auto part = open(store, write("c", {1}));
  const auto more = open(store, write("d", {1, 2, 3}));
  EXPECT_EQ(same->packed, first->packed);
  EXPECT_NE(part->packed, first->packed);
  EXPECT_NE(more->packed, first->packed);
  EXPECT_EQ(packed_made_, 3);
}

TEST_F(WeightStoreTest, holds_nothing_that_no_session_holds) {
  WeightStore store;
  auto first = open(store, write("a", {1, 2}));
  auto second = open(store, write("b", {2, 3}));
  const std::weak_ptr<OrtPrepackedWeightsContainer> packed = first->packed;
  first.reset();  // Its second tensor stays: the other set reads it.
  EXPECT_TRUE(packed.expired());
  EXPECT_EQ(store.weights(), 2U);
  EXPECT_EQ(second->weights[0].weight->bytes[kBytes - 1], 2);
  second.reset();
  EXPECT_EQ(store.weights(), 0U);
  EXPECT_EQ(store.find({file_key(folder_ / "b").value()}), nullptr);
}

TEST_F(WeightStoreTest, may_end_before_the_sets) {
  auto store = std::make_unique<WeightStore>();
  const auto set = open(*store, write("a", {1, 2}));
  store.reset();
  set->release_pages();
  EXPECT_EQ(set->weights[1].weight->bytes[0], 2);
}

TEST_F(WeightStoreTest, compares_no_more_than_so_many_times_what_is_offered) {
  WeightStore store;
  std::vector<std::shared_ptr<const WeightSet>> sets;
  for (std::uint8_t index = 0; index < 40; ++index) {
    Bytes bytes(kBytes, 1);
    bytes[kBytes / 3] = index;  // The samples are equal in all.
    ASSERT_TRUE(write_file_atomic(folder_ / std::to_string(index), bytes));
    sets.push_back(open(store, folder_ / std::to_string(index)));
  }
  EXPECT_EQ(store.weights(), 40U);
  Bytes copy(kBytes, 1);
  copy[kBytes / 3] = 39;
  ASSERT_TRUE(write_file_atomic(folder_ / "copy", copy));
  EXPECT_EQ(open(store, folder_ / "copy")->found_bytes, 0U) << "not found within the limit";
}

TEST_F(WeightStoreTest, refuses_with_the_error_of_the_container) {
  WeightStore store;
  const auto path = write("a", {1});
  const auto failed = store.share({}, tensors_of(path), []() -> Result<PackedWeights> {
    return fail(Errc::internal, "There is no container.");
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "There is no container.");
}

TEST_F(WeightStoreTest, serves_threads_that_open_and_close_at_once) {
  WeightStore store;
  const std::vector<std::filesystem::path> paths{write("a", {1, 2}), write("b", {2, 3}),
                                                 write("c", {1, 2, 3})};
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (std::size_t start = 0; start < 4; ++start) {
      threads.emplace_back([&, start] {
        std::vector<std::shared_ptr<const WeightSet>> held(2);
        for (std::size_t round = 0; round < 60; ++round) {
          const auto& path = paths[(start + round) % paths.size()];
          auto& set = held[round % held.size()];
          set = open(store, path);
          set->release_pages();
          for (const NamedWeight& named : set->weights) {
            const ByteView bytes = named.weight->bytes;
            if (bytes[0] == 0 || bytes[0] != bytes[kBytes - 1]) ++wrong;
          }
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(store.weights(), 0U);
}

}  // namespace
}  // namespace accel::inference::ort
