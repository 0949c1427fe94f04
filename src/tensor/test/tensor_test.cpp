// SPDX-License-Identifier: Apache-2.0
#include "accel/tensor/tensor.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <limits>
#include <memory>

namespace accel::tensor {
namespace {

constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();

TEST(DType, names_and_sizes_are_inverse_for_every_type) {
  for (int value = 0; value <= static_cast<int>(DType::string); ++value) {
    const auto dtype = static_cast<DType>(value);
    const Result<DType> back = dtype_from_name(dtype_name(dtype));
    ASSERT_TRUE(back) << dtype_name(dtype);
    EXPECT_EQ(*back, dtype);
    EXPECT_EQ(dtype_bytes(dtype) == 0, dtype == DType::string);
    EXPECT_LE(dtype_bytes(dtype), 8U);
  }
}

TEST(DType, has_the_sizes_of_onnx) {
  EXPECT_EQ(dtype_bytes(DType::f32), 4U);
  EXPECT_EQ(dtype_bytes(DType::bf16), 2U);
  EXPECT_EQ(dtype_bytes(DType::i64), 8U);
  EXPECT_EQ(dtype_bytes(DType::boolean), 1U);
  EXPECT_EQ(dtype_of<const std::uint16_t>(), DType::u16);
}

TEST(DType, an_unknown_name_lists_the_known_ones) {
  const Result<DType> dtype = dtype_from_name("float33");
  ASSERT_FALSE(dtype);
  EXPECT_EQ(dtype.error().code, Errc::invalid_argument);
  EXPECT_NE(dtype.error().message.find("bf16"), std::string::npos) << dtype.error().message;
}

TEST(Shape, counts_elements_and_bytes) {
  EXPECT_EQ(element_count(Shape{}).value(), 1U);
  EXPECT_EQ(element_count(Shape{2, 3, 4}).value(), 24U);
  EXPECT_EQ(byte_count(DType::i64, Shape{8, 128}).value(), 8192U);
}

TEST(Shape, a_zero_dimension_makes_it_empty_whatever_the_others_are) {
  EXPECT_EQ(element_count(Shape{kHuge, 0, kHuge}).value(), 0U);
  EXPECT_EQ(byte_count(DType::f64, Shape{0, kHuge, kHuge}).value(), 0U);
}

TEST(Shape, refuses_products_that_overflow) {
  for (const Shape& shape :
       {Shape{kHuge, 3}, Shape{1LL << 32, 1LL << 32}, Shape{kHuge, kHuge, kHuge}}) {
    const Result<std::uint64_t> count = element_count(shape);
    ASSERT_FALSE(count) << shape_text(shape);
    EXPECT_EQ(count.error().code, Errc::invalid_argument);
  }
}

TEST(Shape, refuses_sizes_beyond_any_machine_though_they_fit_64_bits) {
  ASSERT_TRUE(element_count(Shape{1LL << 60}));
  EXPECT_FALSE(byte_count(DType::u8, Shape{1LL << 60}));
  EXPECT_FALSE(byte_count(DType::f64, Shape{1LL << 44}));
}

TEST(Shape, refuses_negative_dims_and_absurd_ranks) {
  EXPECT_FALSE(element_count(Shape{2, -1}));
  EXPECT_TRUE(element_count(Shape(kMaxRank, 1)));
  EXPECT_FALSE(element_count(Shape(kMaxRank + 1, 1)));
}

TEST(Shape, reads_as_people_write_it) {
  EXPECT_EQ(shape_text(Shape{}), "[]");
  EXPECT_EQ(shape_text(Shape{-1, 128}), "[?, 128]");
}

TEST(Tensor, memory_of_its_own_is_aligned_zeroed_and_writable) {
  Tensor tensor = Tensor::zeros(DType::f32, {3, 5}).value();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.bytes().data()) % kTensorAlignment, 0U);
  EXPECT_EQ(tensor.elements(), 15U);
  EXPECT_TRUE(tensor.owns_memory());
  for (const float value : tensor.data<float>()) EXPECT_EQ(value, 0.0F);
  tensor.mutable_data<float>()[14] = 2.5F;
  EXPECT_EQ(tensor.data<float>()[14], 2.5F);
}

TEST(Tensor, an_empty_one_has_an_address_that_engines_accept) {
  const Tensor tensor = Tensor::zeros(DType::i64, {0, 128}).value();
  EXPECT_EQ(tensor.elements(), 0U);
  EXPECT_NE(tensor.bytes().data(), nullptr);
}

TEST(Tensor, a_size_beyond_any_machine_is_refused_before_anything_is_allocated) {
  const Result<Tensor> tensor = Tensor::zeros(DType::u8, {1LL << 50});
  ASSERT_FALSE(tensor);
  EXPECT_EQ(tensor.error().code, Errc::invalid_argument);
}

TEST(Tensor, copies_values_and_refuses_a_wrong_number_of_them) {
  const Tensor tensor = Tensor::of<std::int64_t>({2, 2}, {1, 2, 3, 4}).value();
  EXPECT_EQ(tensor.data<std::int64_t>()[3], 4);
  const Result<Tensor> wrong = Tensor::of<std::int64_t>({2, 2}, {1, 2, 3});
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("[2, 2]"), std::string::npos) << wrong.error().message;
}

TEST(Tensor, reading_as_another_type_gives_nothing) {
  Tensor tensor = Tensor::of<float>({2}, {1, 2}).value();
  EXPECT_TRUE(tensor.data<std::int32_t>().empty());
  EXPECT_TRUE(tensor.mutable_data<std::int32_t>().empty());
  EXPECT_EQ(tensor.data<float>().size(), 2U);
}

TEST(Tensor, borrows_without_copying_and_keeps_the_owner_alive) {
  auto memory = std::make_shared<std::array<float, 4>>();
  (*memory)[2] = 7;
  const std::weak_ptr<std::array<float, 4>> watched = memory;
  const ByteView bytes(reinterpret_cast<const std::uint8_t*>(memory->data()), 16);
  {
    const Tensor tensor = Tensor::borrow(DType::f32, {2, 2}, bytes, std::move(memory)).value();
    EXPECT_EQ(tensor.bytes().data(), bytes.data());
    EXPECT_EQ(tensor.data<float>()[2], 7.0F);
    EXPECT_FALSE(tensor.owns_memory());
    EXPECT_FALSE(watched.expired());
  }
  EXPECT_TRUE(watched.expired());
}

TEST(Tensor, borrowed_memory_is_not_writable) {
  const std::array<std::uint8_t, 4> memory{};
  Tensor tensor = Tensor::borrow(DType::u8, {4}, memory).value();
  EXPECT_TRUE(tensor.mutable_data<std::uint8_t>().empty());
  EXPECT_TRUE(tensor.mutable_bytes().empty());
}

TEST(Tensor, refuses_borrowed_memory_of_the_wrong_size_or_alignment) {
  alignas(8) const std::array<std::uint8_t, 17> memory{};
  EXPECT_FALSE(Tensor::borrow(DType::f32, {4}, ByteView(memory).first(15)));
  EXPECT_FALSE(Tensor::borrow(DType::f32, {4}, ByteView(memory).first(17)));
  const Result<Tensor> odd = Tensor::borrow(DType::f32, {4}, ByteView(memory).subspan(1, 16));
  ASSERT_FALSE(odd);
  EXPECT_NE(odd.error().message.find("odd address"), std::string::npos) << odd.error().message;
}

TEST(Tensor, shared_memory_stays_alive_and_becomes_read_only) {
  Tensor alias;
  {
    Tensor tensor = Tensor::of<float>({3}, {1, 2, 3}).value();
    alias = tensor.share();
    EXPECT_TRUE(tensor.mutable_bytes().empty());
  }
  EXPECT_EQ(alias.data<float>()[1], 2.0F);
}

TEST(Tensor, reshapes_over_the_same_memory) {
  Tensor tensor = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6}).value();
  const Tensor flat = tensor.reshaped({6}).value();
  EXPECT_EQ(flat.bytes().data(), tensor.bytes().data());
  const Result<Tensor> wrong = tensor.reshaped({4});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Errc::invalid_argument);
}

TEST(Tensor, rows_are_a_window_on_the_first_axis) {
  Tensor tensor = Tensor::of<std::int32_t>({3, 2}, {1, 2, 3, 4, 5, 6}).value();
  const Tensor last = tensor.rows(2, 1).value();
  EXPECT_EQ(last.shape(), (Shape{1, 2}));
  EXPECT_EQ(last.data<std::int32_t>()[1], 6);
  EXPECT_EQ(tensor.rows(3, 0).value().elements(), 0U);
}

TEST(Tensor, rows_outside_are_refused_also_when_the_sum_overflows) {
  Tensor tensor = Tensor::zeros(DType::f32, {3, 2}).value();
  EXPECT_FALSE(tensor.rows(-1, 1));
  EXPECT_FALSE(tensor.rows(2, 2));
  EXPECT_FALSE(tensor.rows(1, kHuge));
  EXPECT_FALSE(tensor.rows(kHuge, kHuge));
  Tensor scalar = Tensor::of<float>({}, {1}).value();
  EXPECT_FALSE(scalar.rows(0, 1));
}

}  // namespace
}  // namespace accel::tensor
