// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>

#include "onnx_types.hpp"
#include "proto_reader.hpp"
#include "proto_writer.hpp"

namespace accel::inference::detail {
namespace {

ProtoReader reader_of(const Bytes& bytes) { return {bytes, {0, bytes.size()}}; }

Error corrupt_field(const Bytes& bytes) {
  const Result<ProtoField> field = reader_of(bytes).next();
  EXPECT_FALSE(field);
  if (field) return {};
  EXPECT_EQ(field.error().code, Errc::corrupt);
  return field.error();
}

TEST(ProtoReader, reads_each_wire_type_that_onnx_uses) {
  // Field 1 varint 300; field 2 "ab"; field 3 fixed32; field 4 fixed64 (Protocol Buffers,
  // Encoding).
  const Bytes bytes{0x08, 0xAC, 0x02, 0x12, 0x02, 'a', 'b', 0x1D, 1, 2, 3,
                    4,    0x21, 1,    2,    3,    4,   5,   6,    7, 8};
  ProtoReader reader = reader_of(bytes);
  const ProtoField number = reader.next().value();
  EXPECT_EQ(number.number, 1U);
  EXPECT_EQ(number.value, 300U);
  const ProtoField text = reader.next().value();
  EXPECT_EQ(text.number, 2U);
  EXPECT_EQ(text.start, 3U);
  EXPECT_EQ(text_at(bytes, text.payload), "ab");
  EXPECT_EQ(reader.next().value().payload.length, 4U);
  EXPECT_EQ(reader.next().value().payload.length, 8U);
  EXPECT_TRUE(reader.done());
}

TEST(ProtoReader, reads_only_inside_its_range) {
  const Bytes bytes{0x08, 0x01, 0x08, 0x02, 0x08, 0x03};
  ProtoReader reader(bytes, {2, 2});
  EXPECT_EQ(reader.next().value().value, 2U);
  EXPECT_TRUE(reader.done());
}

TEST(ProtoReader, the_largest_number_is_ten_bytes_long) {
  Bytes bytes{0x08};
  put_varint(bytes, ~std::uint64_t{0});
  EXPECT_EQ(bytes.size(), 11U);
  EXPECT_EQ(reader_of(bytes).next().value().value, ~std::uint64_t{0});
}

TEST(ProtoReader, a_number_that_runs_into_the_end_or_on_for_ever_is_corrupt) {
  EXPECT_NE(corrupt_field({0x08, 0x80}).message.find("cut off"), std::string::npos);
  EXPECT_NE(corrupt_field(Bytes(16, 0x80)).message.find("longer than"), std::string::npos);
}

TEST(ProtoReader, a_length_that_runs_past_the_message_is_corrupt) {
  EXPECT_NE(corrupt_field({0x0A, 0x05, 'a'}).message.find("only 1 are left"), std::string::npos);
  corrupt_field({0x0D, 1, 2, 3});        // Three bytes of a fixed32.
  corrupt_field({0x09, 1, 2, 3, 4, 5});  // Five bytes of a fixed64.
  Bytes huge{0x0A};
  put_varint(huge, ~std::uint64_t{0});
  corrupt_field(huge);
}

TEST(ProtoReader, groups_reserved_wire_types_and_field_zero_are_corrupt) {
  for (const int tag : {0x0B, 0x0C, 0x0E, 0x0F, 0x00, 0x02}) {
    corrupt_field({static_cast<std::uint8_t>(tag), 0x00});
  }
}

TEST(ProtoReader, an_unexpected_wire_type_names_the_field) {
  const Bytes bytes{0x08, 0x01};
  const ProtoField field = reader_of(bytes).next().value();
  EXPECT_TRUE(expect_wire(field, Wire::varint, "graph"));
  const Status status = expect_wire(field, Wire::bytes, "graph");
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("graph"), std::string::npos);
}

TEST(ProtoWriter, what_it_writes_the_reader_reads_back) {
  std::mt19937_64 random(20261121);
  SCOPED_TRACE("seed 20261121");
  for (int round = 0; round < 500; ++round) {
    const auto number = static_cast<std::uint32_t>(random() % 500 + 1);
    const std::uint64_t value = random() >> (random() % 64);
    const Bytes payload(random() % 300, static_cast<std::uint8_t>(round));
    Bytes bytes;
    put_varint_field(bytes, number, value);
    put_bytes(bytes, number + 1, payload);
    ProtoReader reader = reader_of(bytes);
    const ProtoField first = reader.next().value();
    EXPECT_EQ(first.number, number);
    EXPECT_EQ(first.value, value);
    const ProtoField second = reader.next().value();
    EXPECT_EQ(second.number, number + 1);
    EXPECT_EQ(to_bytes(ByteView(bytes).subspan(second.payload.offset, second.payload.length)),
              payload);
    EXPECT_TRUE(reader.done());
  }
}

TEST(ProtoReader, random_bytes_end_in_a_value_or_an_error_and_never_outside) {
  std::mt19937_64 random(7);
  SCOPED_TRACE("seed 7");
  for (int round = 0; round < 5000; ++round) {
    Bytes bytes(random() % 40);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    ProtoReader reader = reader_of(bytes);
    while (!reader.done()) {
      const Result<ProtoField> field = reader.next();
      if (!field) break;
      EXPECT_LE(field->payload.end(), bytes.size());
    }
  }
}

TEST(OnnxTypes, every_dtype_has_an_onnx_type_and_comes_back) {
  for (int value = 0; value <= static_cast<int>(tensor::DType::string); ++value) {
    const auto dtype = static_cast<tensor::DType>(value);
    EXPECT_EQ(dtype_from_onnx(onnx_from_dtype(dtype)), dtype) << tensor::dtype_name(dtype);
    EXPECT_EQ(onnx_type_bits(onnx_from_dtype(dtype)), tensor::dtype_bytes(dtype) * 8);
  }
}

// Values of TensorProto.DataType in onnx.proto3.
TEST(OnnxTypes, numbers_are_those_of_the_specification) {
  EXPECT_EQ(onnx_from_dtype(tensor::DType::f32), 1);
  EXPECT_EQ(onnx_from_dtype(tensor::DType::i64), 7);
  EXPECT_EQ(onnx_from_dtype(tensor::DType::f16), 10);
  EXPECT_EQ(onnx_from_dtype(tensor::DType::bf16), 16);
  EXPECT_EQ(onnx_type_bits(22), 4U);    // INT4
  EXPECT_EQ(onnx_type_bits(17), 8U);    // FLOAT8E4M3FN
  EXPECT_EQ(onnx_type_bits(15), 128U);  // COMPLEX128
}

TEST(OnnxTypes, strings_and_unknown_types_have_no_size) {
  for (const std::int32_t type : {kOnnxString, 0, -1, 99, 1 << 30}) {
    EXPECT_EQ(onnx_type_bits(type), 0U) << type;
    EXPECT_EQ(dtype_from_onnx(type).has_value(), type == kOnnxString) << type;
  }
}

}  // namespace
}  // namespace accel::inference::detail
