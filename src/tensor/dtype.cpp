// SPDX-License-Identifier: Apache-2.0
#include "accel/tensor/dtype.hpp"

#include <array>

namespace accel::tensor {
namespace {

struct Row {
  DType dtype;
  std::string_view name;
  std::size_t bytes;
};

// In the order of the enum: row_of() indexes.
constexpr std::array kRows{
    Row{DType::f32, "f32", 4},      Row{DType::f64, "f64", 8},       Row{DType::f16, "f16", 2},
    Row{DType::bf16, "bf16", 2},    Row{DType::i8, "i8", 1},         Row{DType::u8, "u8", 1},
    Row{DType::i16, "i16", 2},      Row{DType::u16, "u16", 2},       Row{DType::i32, "i32", 4},
    Row{DType::u32, "u32", 4},      Row{DType::i64, "i64", 8},       Row{DType::u64, "u64", 8},
    Row{DType::boolean, "bool", 1}, Row{DType::string, "string", 0},
};

const Row& row_of(DType dtype) { return kRows[static_cast<std::size_t>(dtype)]; }

}  // namespace

std::size_t dtype_bytes(DType dtype) { return row_of(dtype).bytes; }

std::string_view dtype_name(DType dtype) { return row_of(dtype).name; }

Result<DType> dtype_from_name(std::string_view name) {
  std::string known;
  for (const Row& row : kRows) {
    if (row.name == name) return row.dtype;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  return fail(Errc::invalid_argument, "\"{}\" is no element type; known are {}.", name, known);
}

}  // namespace accel::tensor
