// SPDX-License-Identifier: Apache-2.0
// The judge is OpenSSL's EVP, by way of sha256(), which sha2_test.cpp holds to the vectors of NIST.
#include "accel/crypto/sha256_many.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "accel/core/random.hpp"
#include "sha256_lanes.hpp"

namespace accel::crypto {
namespace {

constexpr std::uint64_t kSeed = 20261121;
constexpr std::size_t kMiB = std::size_t{1} << 20;

// Random bytes, and messages that are slices of them.
class Messages {
 public:
  explicit Messages(std::size_t size_bytes) : bytes_(size_bytes) { random_.fill(bytes_); }

  void add(std::size_t offset, std::size_t size) {
    views_.push_back(ByteView(bytes_).subspan(offset, size));
  }
  Random& random() { return random_; }
  const std::vector<ByteView>& views() const { return views_; }
  std::vector<Sha256Digest> expected() const {
    std::vector<Sha256Digest> digests;
    for (const ByteView view : views_) digests.push_back(sha256(view));
    return digests;
  }

 private:
  SeededRandom random_{kSeed};
  Bytes bytes_;
  std::vector<ByteView> views_;
};

void expect_equal(const std::vector<Sha256Digest>& got, const Messages& messages) {
  const std::vector<Sha256Digest> expected = messages.expected();
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(to_hex(got[i]), to_hex(expected[i]))
        << "message " << i << " of " << messages.views()[i].size() << " bytes, seed " << kSeed;
  }
}

class Sha256Many : public testing::TestWithParam<Sha256LanesInfo> {
 protected:
  void SetUp() override {
    if (!GetParam().available) {
      GTEST_SKIP() << "This CPU lacks " << GetParam().needs << ", which " << GetParam().name
                   << " needs.";
    }
  }

  static void expect_right(const Messages& messages) {
    std::vector<Sha256Digest> got(messages.views().size());
    const Status status = sha256_many_with(GetParam().id, messages.views(), got);
    ASSERT_TRUE(status) << status.error().to_string();
    expect_equal(got, messages);
  }
};

TEST_P(Sha256Many, hashes_every_short_length_in_equal_messages) {
  for (std::size_t size = 0; size <= 300; ++size) {
    Messages messages(300 * 17);
    // One more than the lanes, so that a lane is used twice.
    for (std::size_t i = 0; i <= GetParam().lanes; ++i) messages.add(i * size, size);
    expect_right(messages);
  }
}

TEST_P(Sha256Many, hashes_every_short_length_beside_the_others) {
  Messages messages(600);
  for (std::size_t size = 0; size <= 300; ++size) messages.add(size, size);
  expect_right(messages);
}

TEST_P(Sha256Many, pads_right_where_the_padding_needs_another_block) {
  Messages messages(1000);
  for (const std::size_t blocks : {0, 1, 2, 5}) {
    for (const std::size_t rest : {0, 1, 54, 55, 56, 57, 62, 63}) {
      messages.add(rest, blocks * 64 + rest);
    }
  }
  expect_right(messages);
}

TEST_P(Sha256Many, hashes_leaves_of_one_mebibyte) {
  Messages messages(2 * kMiB);
  for (std::size_t i = 0; i < GetParam().lanes; ++i) messages.add(i * 65536, kMiB);
  messages.add(0, 12345);  // The last leaf of a file.
  expect_right(messages);
}

TEST_P(Sha256Many, hashes_bytes_of_any_alignment) {
  Messages messages(4096);
  for (std::size_t offset = 0; offset < 64; ++offset) messages.add(offset, 1000);
  expect_right(messages);
}

TEST_P(Sha256Many, hashes_any_number_of_messages) {
  for (std::size_t count = 0; count <= 35; ++count) {
    Messages messages(100 * 36);
    for (std::size_t i = 0; i < count; ++i) messages.add(i * 100, 100);
    expect_right(messages);
  }
}

TEST_P(Sha256Many, hashes_random_lengths_in_any_order) {
  Messages messages(20'000);
  for (int i = 0; i < 300; ++i) {
    const std::size_t offset = messages.random().below(10'000);
    // Mostly short, some of many blocks.
    messages.add(offset, messages.random().below(i % 10 == 0 ? 10'000 : 300));
  }
  expect_right(messages);
}

TEST_P(Sha256Many, goes_on_with_a_long_message_when_the_short_ones_have_ended) {
  Messages messages(200'000);
  for (std::size_t i = 0; i < 20; ++i) messages.add(i, 10 * i);
  messages.add(3, 199'997);
  expect_right(messages);
}

TEST_P(Sha256Many, hashes_empty_views_without_bytes) {
  const std::vector<ByteView> nothing(3);
  std::vector<Sha256Digest> got(3);
  ASSERT_TRUE(sha256_many_with(GetParam().id, nothing, got));
  for (const Sha256Digest& digest : got) EXPECT_EQ(digest, sha256({}));
}

INSTANTIATE_TEST_SUITE_P(Lanes, Sha256Many,
                         testing::ValuesIn(sha256_lanes().begin(), sha256_lanes().end()),
                         [](const auto& lanes) { return std::string(lanes.param.name); });

// The plans of other machines, as far as this one can follow them: kernels change while messages
// are under way.
struct PlanCase {
  std::string name;
  detail::Sha256Cpu cpu;
};

class Sha256Plan : public testing::TestWithParam<PlanCase> {
 protected:
  void SetUp() override {
    const detail::Sha256Cpu& here = detail::sha256_cpu();
    const detail::Sha256Cpu& asked = GetParam().cpu;
    if ((asked.sha_ni && !here.sha_ni) || (asked.avx2 && !here.avx2) ||
        (asked.avx512 && !here.avx512)) {
      GTEST_SKIP() << "This CPU lacks an instruction set of the plan " << GetParam().name << ".";
    }
  }

  static void expect_right(const Messages& messages) {
    std::vector<Sha256Digest> got(messages.views().size());
    detail::sha256_many_on(GetParam().cpu, messages.views(), got);
    expect_equal(got, messages);
  }
};

TEST_P(Sha256Plan, hashes_any_number_of_equal_messages) {
  for (std::size_t count = 0; count <= 40; ++count) {
    Messages messages(500 * 41);
    for (std::size_t i = 0; i < count; ++i) messages.add(i * 500, 500);
    expect_right(messages);
  }
}

TEST_P(Sha256Plan, changes_kernels_as_messages_end) {
  for (std::size_t count = 2; count <= 40; count += 2) {
    Messages messages(40'000);
    for (std::size_t i = 0; i < count; ++i) messages.add(i, (i * i * 37) % 9'000 + i);
    expect_right(messages);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cpus, Sha256Plan,
    testing::Values(PlanCase{"nothing", {}},
                    PlanCase{"avx2", {.sha_ni = false, .avx2 = true, .avx512 = false}},
                    PlanCase{"avx512", {.sha_ni = false, .avx2 = true, .avx512 = true}},
                    PlanCase{"sha_ni", {.sha_ni = true, .avx2 = true, .avx512 = false}},
                    PlanCase{"sha_ni_and_avx512", {.sha_ni = true, .avx2 = true, .avx512 = true}}),
    [](const auto& plan) { return plan.param.name; });

TEST(Sha256ManyDispatch, hashes_what_this_cpu_does_best) {
  Messages messages(3 * kMiB);
  for (std::size_t i = 0; i < 2 * sha256_many_width() + 3; ++i) messages.add(i * 4096, kMiB / 4);
  messages.add(5, 77);
  std::vector<Sha256Digest> got(messages.views().size());
  sha256_many(messages.views(), got);
  expect_equal(got, messages);
}

TEST(Sha256ManyDispatch, leaves_the_rest_of_out_as_it_was) {
  const Bytes bytes(100);
  const std::vector<ByteView> messages{ByteView(bytes), ByteView(bytes)};
  std::vector<Sha256Digest> got(3);
  got.back().fill(7);
  sha256_many(messages, got);
  EXPECT_EQ(got[0], sha256(bytes));
  EXPECT_EQ(got[1], sha256(bytes));
  Sha256Digest untouched{};
  untouched.fill(7);
  EXPECT_EQ(got[2], untouched);
}

TEST(Sha256ManyDispatch, names_every_implementation_once_in_the_order_of_the_enum) {
  const std::span<const Sha256LanesInfo> all = sha256_lanes();
  ASSERT_EQ(all.size(), 7U);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(static_cast<std::size_t>(all[i].id), i);
  EXPECT_EQ(all[0].name, "openssl");
  EXPECT_TRUE(all[0].available);
  EXPECT_TRUE(all[1].available);
  EXPECT_EQ(all[6].lanes, 16U);
}

TEST(Sha256ManyDispatch, refuses_what_the_cpu_lacks) {
  for (const Sha256LanesInfo& lanes : sha256_lanes()) {
    const Status status = sha256_many_with(lanes.id, {}, {});
    ASSERT_EQ(status.has_value(), lanes.available);
    if (status) continue;
    EXPECT_EQ(status.error().code, Errc::unsupported);
  }
}

}  // namespace
}  // namespace accel::crypto
