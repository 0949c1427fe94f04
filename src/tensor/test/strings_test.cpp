// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accel/tensor/tensor.hpp"

namespace accel::tensor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Texts = std::vector<std::string_view>;

Tensor strings(Shape shape, const Texts& values) {
  return Tensor::of_strings(std::move(shape), values).value();
}

TEST(Strings, lie_behind_their_lengths_in_one_piece) {
  const Tensor tensor = strings({2}, {"ab", ""});
  EXPECT_EQ(tensor.dtype(), DType::string);
  EXPECT_EQ(tensor.elements(), 2U);
  EXPECT_EQ(to_bytes(tensor.bytes()), (Bytes{2, 0, 0, 0, 'a', 'b', 0, 0, 0, 0}));
  EXPECT_THAT(tensor.strings(), ElementsAre("ab", ""));
}

TEST(Strings, carry_any_bytes_also_zeros) {
  const std::string_view zeros("a\0\xFF\0", 4);
  const Tensor tensor = strings({1, 1}, {zeros});
  EXPECT_THAT(tensor.strings(), ElementsAre(zeros));
  const Tensor again = Tensor::of_packed_strings({1}, tensor.bytes()).value();
  EXPECT_EQ(to_bytes(again.bytes()), to_bytes(tensor.bytes()));
}

TEST(Strings, a_scalar_is_one_and_an_empty_tensor_none) {
  EXPECT_THAT(strings({}, {"one"}).strings(), ElementsAre("one"));
  const Tensor none = strings({0, 3}, {});
  EXPECT_EQ(none.elements(), 0U);
  EXPECT_TRUE(none.strings().empty());
  EXPECT_TRUE(Tensor::of_packed_strings({0}, {}));
}

TEST(Strings, are_read_only_and_no_numbers) {
  Tensor tensor = strings({1}, {"abcd"});
  EXPECT_TRUE(tensor.mutable_bytes().empty());
  EXPECT_TRUE(tensor.data<std::uint8_t>().empty());
  EXPECT_TRUE(Tensor::of<float>({1}, {1})->strings().empty());
}

TEST(Strings, are_shared_and_reshaped_over_the_same_memory) {
  Tensor tensor = strings({2, 2}, {"a", "b", "c", "d"});
  const Tensor flat = tensor.reshaped({4}).value();
  EXPECT_EQ(flat.bytes().data(), tensor.bytes().data());
  EXPECT_THAT(flat.strings(), ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(tensor.share().strings(), ElementsAre("a", "b", "c", "d"));
  EXPECT_FALSE(tensor.reshaped({3}));
}

TEST(Strings, are_refused_by_all_that_computes_with_element_sizes) {
  EXPECT_EQ(dtype_bytes(DType::string), 0U);
  EXPECT_FALSE(byte_count(DType::string, Shape{2}));
  EXPECT_FALSE(Tensor::zeros(DType::string, {2}));
  EXPECT_FALSE(Tensor::borrow(DType::string, {2}, Bytes(8)));
  Tensor tensor = strings({2}, {"a", "b"});
  const auto row = tensor.rows(0, 1);
  ASSERT_FALSE(row);
  EXPECT_EQ(row.error().code, Errc::unsupported);
}

TEST(Strings, of_another_number_than_the_shape_says_are_refused) {
  EXPECT_FALSE(Tensor::of_strings({2}, Texts{"a"}));
  EXPECT_FALSE(Tensor::of_strings({1}, Texts{"a", "b"}));
  EXPECT_FALSE(Tensor::of_strings({-1}, Texts{}));
}

void refuses(Shape shape, const Bytes& packed, const char* words) {
  const auto tensor = Tensor::of_packed_strings(std::move(shape), packed);
  ASSERT_FALSE(tensor) << words;
  EXPECT_EQ(tensor.error().code, Errc::invalid_argument);
  EXPECT_THAT(tensor.error().message, HasSubstr(words));
}

TEST(Strings, packed_by_strangers_are_refused_by_element_and_fault) {
  refuses({1}, {1, 0, 0}, "Element 0 has 3 bytes of its length");
  refuses({1}, {2, 0, 0, 0, 'a'}, "Element 0 claims 2 bytes, but only 1 are left");
  refuses({1}, {0xFF, 0xFF, 0xFF, 0xFF, 'a'}, "Element 0 claims 4294967295 bytes");
  refuses({2}, {1, 0, 0, 0, 'a'}, "1 strings were given for 2 elements");
  refuses({2}, {}, "0 strings were given for 2 elements");
  refuses({1}, {1, 0, 0, 0, 'a', 0, 0, 0, 0}, "4 bytes are left behind the last of 1 elements");
  refuses({0}, {0}, "1 bytes are left behind");
}

TEST(Strings, beyond_the_limits_are_refused_before_memory_is_asked_for) {
  const auto most = static_cast<std::int64_t>(kMaxStrings);
  refuses({most + 1}, {}, "at most 1048576");
  refuses({most, most}, {}, "at most 1048576");
  const std::string large(kMaxStringBytes / 2, 'x');
  const auto two = Tensor::of_strings({2}, Texts{large, large});
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace accel::tensor
