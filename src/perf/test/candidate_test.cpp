// SPDX-License-Identifier: Apache-2.0
#include "accel/perf/candidate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::perf {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Candidate on(const std::string& engine, const std::string& device, const std::string& precision,
             int threads) {
  Candidate candidate;
  candidate.engine = engine;
  candidate.device = device;
  candidate.precision = precision;
  candidate.threads = threads;
  return candidate;
}

std::vector<Candidate> field() {
  Candidate simulator = on("onnxruntime", "qnn:0", "f32", 1);
  simulator.emulated = true;
  return {on("onnxruntime", "cpu", "f32", 1),    on("onnxruntime", "cpu", "f32", 2),
          on("openvino", "cpu", "f32", 1),       on("openvino", "cpu", "bf16", 1),
          on("openvino", "cpu", "int8dyn", 1),   on("onnxruntime", "cuda:0", "f32", 1),
          on("onnxruntime", "cuda:1", "f16", 1), simulator};
}

std::vector<std::string> ids(const Filtered& filtered) {
  std::vector<std::string> list;
  for (const Candidate& candidate : filtered.allowed) list.push_back(candidate.id());
  return list;
}

TEST(Candidate, has_one_id_for_one_way_of_running) {
  Candidate candidate = on("openvino", "cpu", "bf16", 2);
  EXPECT_EQ(candidate.id(), "openvino/cpu/bf16/2t");
  candidate.options = {{"spinning", "0"}, {"arena", "1"}};
  EXPECT_EQ(candidate.id(), "openvino/cpu/bf16/2t/arena=1/spinning=0");
}

TEST(Policy, keeps_the_models_precision_unless_an_error_is_allowed) {
  EXPECT_THAT(ids(filter(field(), {})),
              ElementsAre("onnxruntime/cpu/f32/1t", "onnxruntime/cpu/f32/2t", "openvino/cpu/f32/1t",
                          "onnxruntime/cuda:0/f32/1t"));
  Policy relaxed;
  relaxed.max_error = 0.01;
  EXPECT_EQ(ids(filter(field(), relaxed)).size(), 7U);
}

TEST(Policy, never_lets_an_emulated_device_in_by_itself) {
  for (const Excluded& excluded : filter(field(), {}).excluded) {
    const bool said = excluded.reason.find("emulated") != std::string::npos;
    EXPECT_EQ(said, excluded.candidate.emulated) << excluded.reason;
  }
  Policy named;
  named.device = "qnn:0";
  EXPECT_THAT(ids(filter(field(), named)), ElementsAre("onnxruntime/qnn:0/f32/1t"));
}

TEST(Policy, takes_a_platform_or_one_of_its_devices) {
  Policy policy;
  policy.precision = "f16";
  policy.device = "cuda";
  EXPECT_THAT(ids(filter(field(), policy)), ElementsAre("onnxruntime/cuda:1/f16/1t"));
  policy.device = "cuda:0";
  EXPECT_THAT(ids(filter(field(), policy)), IsEmpty());
  policy.device = "cud";
  EXPECT_THAT(ids(filter(field(), policy)), IsEmpty());
}

TEST(Policy, filters_by_threads_and_engines_and_says_why) {
  Policy policy;
  policy.threads = 2;
  policy.engines_allowed = {"onnxruntime"};
  const Filtered filtered = filter(field(), policy);
  EXPECT_THAT(ids(filtered), ElementsAre("onnxruntime/cpu/f32/2t"));
  EXPECT_EQ(filtered.excluded.size(), 7U);
  for (const Excluded& excluded : filtered.excluded) EXPECT_EQ(excluded.reason.back(), '.');
}

TEST(Policy, keeps_the_order_given_and_drops_duplicates) {
  std::vector<Candidate> twice = field();
  twice.insert(twice.end(), twice.begin(), twice.end());
  EXPECT_EQ(ids(filter(twice, {})), ids(filter(field(), {})));
}

TEST(Policy, has_a_key_that_changes_with_what_it_says_and_not_with_its_order) {
  Policy a;
  a.engines_allowed = {"openvino", "onnxruntime"};
  Policy b;
  b.engines_allowed = {"onnxruntime", "openvino"};
  EXPECT_EQ(a.key(), b.key());
  b.max_error = 0.01;
  EXPECT_NE(a.key(), b.key());
}

TEST(ThreadCounts, double_up_to_all_usable_threads) {
  EXPECT_THAT(thread_counts(1, 1), ElementsAre(1));
  EXPECT_THAT(thread_counts(2, 2), ElementsAre(1, 2));
  EXPECT_THAT(thread_counts(6, 6), ElementsAre(1, 2, 4, 6));
  EXPECT_THAT(thread_counts(16, 8), ElementsAre(1, 2, 4, 8, 16));
  EXPECT_THAT(thread_counts(12, 6), ElementsAre(1, 2, 4, 6, 8, 12));
}

TEST(ThreadCounts, are_never_empty_nor_more_than_usable) {
  EXPECT_THAT(thread_counts(0, 0), ElementsAre(1));
  EXPECT_THAT(thread_counts(-3, 99), ElementsAre(1));
  EXPECT_THAT(thread_counts(2, 99), ElementsAre(1, 2));
}

}  // namespace
}  // namespace accel::perf
