// SPDX-License-Identifier: Apache-2.0
#include "accel/inference/output_cache.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <random>
#include <thread>

#include "accel/inference/cached_session.hpp"

namespace accel::inference {
namespace {

using tensor::DType;
using tensor::Tensor;
using ::testing::ElementsAre;

constexpr std::uint64_t kBudget = 64U << 10U;

Tensor numbers(std::initializer_list<float> values) {
  return Tensor::of<float>({static_cast<std::int64_t>(values.size())}, values).value();
}

class OutputCacheTest : public testing::Test {
 protected:
  static OutputKey key(const OutputUse& use, std::string_view text) {
    OutputKeyWriter writer = use.begin_key("test");
    writer.text(text);
    return writer.finish();
  }
  static void keep(OutputUse& use, std::string_view text, const Tensor& value) {
    use.keep(key(use, text), {&value, 1});
  }
  static KeptOutputs find(OutputUse& use, std::string_view text) {
    return use.find(key(use, text));
  }
  double counted(const char* name) { return metrics_.counter(name, "").value(); }

  Metrics metrics_;
  OutputCache cache_{kBudget, metrics_};
  OutputOwner model_{cache_};
};

TEST_F(OutputCacheTest, gives_back_a_copy_of_what_was_kept) {
  OutputUse use(model_, "");
  EXPECT_EQ(find(use, "a"), nullptr);
  {
    const Tensor value = numbers({1, 2, 3});
    keep(use, "a", value);
  }
  const KeptOutputs kept = find(use, "a");
  ASSERT_NE(kept, nullptr);
  EXPECT_THAT(kept->at(0).data<float>(), ElementsAre(1, 2, 3));
  EXPECT_EQ(use.hits(), 1U);
  EXPECT_EQ(use.misses(), 1U);
  EXPECT_EQ(counted("accel_output_cache_hits_total"), 1);
  EXPECT_EQ(counted("accel_output_cache_misses_total"), 1);
  EXPECT_EQ(metrics_.gauge("accel_output_cache_bytes", "").value(),
            static_cast<double>(cache_.bytes()));
}

TEST_F(OutputCacheTest, no_scope_finds_what_another_left) {
  OutputUse mine(model_, "ak_1");
  OutputUse other(model_, "ak_2");
  OutputUse owners(model_, "");
  keep(mine, "a", numbers({1}));
  EXPECT_EQ(find(other, "a"), nullptr);
  EXPECT_EQ(find(owners, "a"), nullptr);
  EXPECT_NE(find(mine, "a"), nullptr);
  OutputUse mine_again(model_, "ak_1");
  EXPECT_NE(find(mine_again, "a"), nullptr);
}

TEST_F(OutputCacheTest, a_model_finds_nothing_of_another_one) {
  OutputOwner second(cache_);
  OutputUse of_first(model_, "");
  OutputUse of_second(second, "");
  keep(of_first, "a", numbers({1}));
  EXPECT_EQ(find(of_second, "a"), nullptr);
}

TEST_F(OutputCacheTest, entries_go_with_their_model_and_what_was_found_stays_valid) {
  std::optional<OutputOwner> second(std::in_place, cache_);
  OutputUse first_use(model_, "");
  keep(first_use, "a", numbers({1}));
  KeptOutputs kept;
  {
    OutputUse use(*second, "");
    keep(use, "a", numbers({2}));
    kept = find(use, "a");
  }
  second.reset();
  EXPECT_EQ(cache_.size(), 1U);
  EXPECT_THAT(kept->at(0).data<float>(), ElementsAre(2));
  EXPECT_NE(find(first_use, "a"), nullptr);
}

TEST_F(OutputCacheTest, never_takes_more_than_its_budget_and_the_oldest_go_first) {
  OutputUse use(model_, "");
  keep(use, "first", numbers({0}));
  keep(use, "used", numbers({1}));
  for (int i = 0; i < 1000; ++i) {
    keep(use, std::to_string(i), numbers({2, 3, 4, 5}));
    EXPECT_LE(cache_.bytes(), kBudget);
    EXPECT_NE(find(use, "used"), nullptr) << i;
  }
  EXPECT_EQ(find(use, "first"), nullptr);
  EXPECT_NE(find(use, "999"), nullptr);
  EXPECT_EQ(counted("accel_output_cache_evictions_total"),
            1002 - static_cast<double>(cache_.size()));
}

TEST_F(OutputCacheTest, one_entry_takes_an_eighth_of_the_budget_at_most) {
  OutputUse use(model_, "");
  keep(use, "large", Tensor::zeros(DType::u8, {kBudget / OutputCache::kLargestPart}).value());
  EXPECT_EQ(cache_.size(), 0U);
  keep(use, "less", Tensor::zeros(DType::u8, {kBudget / OutputCache::kLargestPart / 2}).value());
  EXPECT_EQ(cache_.size(), 1U);
  EXPECT_GT(cache_.bytes(), kBudget / OutputCache::kLargestPart / 2);
}

TEST_F(OutputCacheTest, keeps_nothing_without_a_budget) {
  OutputCache off(0, metrics_);
  OutputOwner model(off);
  OutputUse use(model, "");
  keep(use, "a", numbers({1}));
  EXPECT_FALSE(off.is_on());
  EXPECT_EQ(find(use, "a"), nullptr);
  EXPECT_EQ(off.bytes(), 0U);
}

TEST_F(OutputCacheTest, keys_tell_parts_types_and_shapes_apart) {
  const OutputUse use(model_, "");
  const auto of_texts = [&](std::string_view a, std::string_view b) {
    OutputKeyWriter writer = use.begin_key("test");
    writer.text(a);
    writer.text(b);
    return writer.finish();
  };
  EXPECT_EQ(of_texts("ab", "c"), of_texts("ab", "c"));
  EXPECT_NE(of_texts("ab", "c"), of_texts("a", "bc"));
  const auto of_tensor = [&](const Tensor& value) {
    OutputKeyWriter writer = use.begin_key("test");
    writer.tensor(value);
    return writer.finish();
  };
  const OutputKey floats = of_tensor(Tensor::zeros(DType::f32, {2, 3}).value());
  EXPECT_EQ(floats, of_tensor(Tensor::zeros(DType::f32, {2, 3}).value()));
  EXPECT_NE(floats, of_tensor(Tensor::zeros(DType::i32, {2, 3}).value()));
  EXPECT_NE(floats, of_tensor(Tensor::zeros(DType::f32, {3, 2}).value()));
  EXPECT_NE(floats, of_tensor(Tensor::zeros(DType::f32, {6}).value()));
  EXPECT_NE(use.begin_key("a").finish(), use.begin_key("b").finish());
}

TEST_F(OutputCacheTest, another_process_has_other_keys) {
  OutputCache other(kBudget, metrics_);
  OutputOwner first_of_other(other);
  EXPECT_NE(key(OutputUse(model_, ""), "a"), key(OutputUse(first_of_other, ""), "a"));
}

// Models come and go while callers of several scopes find and keep: nobody gets another's number.
TEST_F(OutputCacheTest, threads_find_their_own_or_nothing) {
  constexpr int kThreads = 8;
  std::atomic<int> wrong{0};
  std::atomic<int> found{0};
  const auto work = [&](int thread) {
    std::mt19937 random(static_cast<unsigned>(thread));
    for (int round = 0; round < 20; ++round) {
      const OutputOwner model(cache_);
      const auto scope = std::to_string(thread % 3);
      for (int i = 0; i < 100; ++i) {
        OutputUse use(model, scope);
        const auto number = static_cast<float>(random() % 50);
        const auto value = static_cast<float>(thread * 1000) + number;
        const auto text = std::to_string(number);
        if (const KeptOutputs kept = find(use, text)) {
          ++found;
          if (kept->at(0).data<float>()[0] != value) ++wrong;
        } else {
          keep(use, text, numbers({value}));
        }
        if (cache_.bytes() > kBudget) ++wrong;
      }
    }
  };
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < kThreads; ++thread) threads.emplace_back(work, thread);
  threads.clear();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(found, 0);
  EXPECT_EQ(cache_.bytes(), 0U);
}

// y = 2 x, and how often it was asked.
class Doubler final : public Session {
 public:
  const std::vector<TensorSpec>& inputs() const override { return inputs_; }
  const std::vector<TensorSpec>& outputs() const override { return outputs_; }
  const SessionInfo& info() const override { return info_; }
  Result<std::vector<Tensor>> run(std::span<const NamedTensor> inputs, std::span<const std::string>,
                                  const RunOptions&) override {
    ++runs;
    if (fails) return fail(Errc::internal, "The engine failed.");
    Tensor doubled = Tensor::zeros(DType::f32, inputs[0].value->shape()).value();
    const auto in = inputs[0].value->data<float>();
    for (std::size_t i = 0; i < in.size(); ++i) doubled.mutable_data<float>()[i] = 2 * in[i];
    std::vector<Tensor> result;
    result.push_back(std::move(doubled));
    return result;
  }
  int runs = 0;
  bool fails = false;

 private:
  std::vector<TensorSpec> inputs_{{"x", DType::f32, {-1}, true}};
  std::vector<TensorSpec> outputs_{{"y", DType::f32, {-1}, true}};
  SessionInfo info_;
};

class CachedSessionTest : public OutputCacheTest {
 protected:
  std::vector<float> run(const Tensor& x, const std::string& output = "y",
                         const std::string& scope = {}) {
    OutputUse use(model_, scope);
    CachedSession cached(session_, use);
    const std::vector<NamedTensor> inputs{{"x", &x}};
    const auto result = cached.run(inputs, std::vector<std::string>{output}, {});
    if (!result) return {};
    const auto values = result->at(0).data<float>();
    return {values.begin(), values.end()};
  }
  Doubler session_;
};

TEST_F(CachedSessionTest, runs_once_for_equal_inputs) {
  EXPECT_THAT(run(numbers({1, 2})), ElementsAre(2, 4));
  EXPECT_THAT(run(numbers({1, 2})), ElementsAre(2, 4));
  EXPECT_EQ(session_.runs, 1);
  EXPECT_THAT(run(numbers({1, 3})), ElementsAre(2, 6));
  EXPECT_EQ(session_.runs, 2);
}

TEST_F(CachedSessionTest, runs_again_for_other_outputs_and_other_callers) {
  (void)run(numbers({1}));
  (void)run(numbers({1}), "z");
  EXPECT_EQ(session_.runs, 2);
  (void)run(numbers({1}), "y", "ak_1");
  EXPECT_EQ(session_.runs, 3);
}

TEST_F(CachedSessionTest, a_run_that_fails_leaves_nothing) {
  session_.fails = true;
  EXPECT_THAT(run(numbers({1})), ElementsAre());
  session_.fails = false;
  EXPECT_THAT(run(numbers({1})), ElementsAre(2));
  EXPECT_EQ(session_.runs, 2);
}

TEST_F(CachedSessionTest, counts_what_looking_took) {
  const Tensor x = numbers({1});
  OutputUse use(model_, "");
  CachedSession cached(session_, use);
  const std::vector<NamedTensor> inputs{{"x", &x}};
  ASSERT_TRUE(cached.run(inputs, {}, {}));
  EXPECT_EQ(use.misses(), 1U);
  EXPECT_GT(use.took().count(), 0);
}

}  // namespace
}  // namespace accel::inference
