// SPDX-License-Identifier: Apache-2.0
// safetensors: eight bytes of header length (little-endian), a JSON object {name: {dtype, shape,
// data_offsets}}, and the tensors behind it without gaps.
#include <algorithm>
#include <limits>
#include <optional>
#include <unordered_set>

#include "accel/models/tensor_index.hpp"
#include "json_scanner.hpp"

namespace accel::models {
namespace {

constexpr std::uint64_t kLengthBytes = 8;

struct Dtype {
  std::string_view name;
  std::uint64_t bits;
};
constexpr Dtype kDtypes[] = {{"BOOL", 8},    {"U8", 8},      {"I8", 8},      {"F8_E4M3", 8},
                             {"F8_E5M2", 8}, {"F8_E8M0", 8}, {"I16", 16},    {"U16", 16},
                             {"F16", 16},    {"BF16", 16},   {"I32", 32},    {"U32", 32},
                             {"F32", 32},    {"F64", 64},    {"I64", 64},    {"U64", 64},
                             {"C64", 64},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}};

template <class... Args>
tl::unexpected<Error> bad(fmt::format_string<Args...> format, Args&&... args) {
  return fail(Errc::corrupt, "The safetensors header is broken: {}.",
              fmt::format(format, std::forward<Args>(args)...));
}

// "[1, 2, 3]", of non-negative integers.
std::optional<std::vector<std::uint64_t>> parse_list(std::string_view text, std::size_t most) {
  std::vector<std::uint64_t> list;
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  bool in_number = false, after_number = false, after_comma = false;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      if (after_number) return std::nullopt;
      if (!in_number) list.push_back(0);
      if (list.size() > most || list.back() > (1ULL << 58U)) return std::nullopt;
      list.back() = list.back() * 10 + static_cast<std::uint64_t>(c - '0');
      in_number = true;
      after_comma = false;
    } else if (c == ',') {
      if (!in_number && !after_number) return std::nullopt;
      in_number = after_number = false;
      after_comma = true;
    } else if (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
      after_number = after_number || in_number;
      in_number = false;
    } else {
      return std::nullopt;
    }
  }
  if (after_comma) return std::nullopt;
  return list;
}

// Bytes of a tensor; nothing when the product has no room or fills no whole bytes.
std::optional<std::uint64_t> bytes_of(std::string_view dtype,
                                      const std::vector<std::uint64_t>& shape) {
  const auto* const known = std::ranges::find(kDtypes, dtype, &Dtype::name);
  if (known == std::end(kDtypes)) return std::nullopt;
  std::uint64_t bits = known->bits;
  if (std::ranges::find(shape, 0U) != shape.end()) return 0;
  for (const std::uint64_t dim : shape) {
    if (dim > std::numeric_limits<std::uint64_t>::max() / bits) return std::nullopt;
    bits *= dim;
  }
  if (bits % 8 != 0) return std::nullopt;
  return bits / 8;
}

class HeaderReader {
 public:
  HeaderReader(std::string_view json, std::uint64_t data_start, std::uint64_t data_bytes)
      : scanner_(json), data_start_(data_start), data_bytes_(data_bytes) {}

  Result<std::vector<TensorPlace>> run() {
    std::string_view key;
    if (scanner_.begin_object()) {
      while (scanner_.next_key(key)) ACCEL_CHECK(read_member(key));
    }
    if (!scanner_.failed() && !scanner_.at_end()) return bad("bytes follow the object");
    ACCEL_CHECK(scanner_.status("The safetensors header"));
    return check_places();
  }

 private:
  Status read_member(std::string_view key) {
    std::string_view ignored;
    if (key == "__metadata__") {
      scanner_.skip_value(ignored);
      return {};
    }
    if (key.size() > kMaxTensorNameBytes) return bad("a name has {} bytes", key.size());
    if (tensors_.size() >= kMaxTensors) return bad("it has more than {} tensors", kMaxTensors);
    TensorPlace tensor;
    tensor.name = key;
    if (!names_.insert(tensor.name).second) return bad("{} stands there twice", tensor.name);
    ACCEL_CHECK(read_tensor(tensor));
    tensors_.push_back(std::move(tensor));
    return {};
  }

  Status read_tensor(TensorPlace& tensor) {
    std::optional<std::vector<std::uint64_t>> shape, offsets;
    std::string_view key, value;
    if (!scanner_.begin_object()) return {};  // status() tells.
    while (scanner_.next_key(key)) {
      const bool is_dtype = key == "dtype", is_shape = key == "shape";
      const bool is_offsets = key == "data_offsets";
      if (is_dtype ? !scanner_.read_string(value) : !scanner_.skip_value(value)) return {};
      if (is_dtype) tensor.dtype = value;
      if (is_shape) shape = parse_list(value, kMaxTensorDims);
      if (is_offsets) offsets = parse_list(value, 2);
    }
    if (scanner_.failed()) return {};
    const bool complete = shape && offsets && offsets->size() == 2 && !tensor.dtype.empty();
    if (!complete) return bad("{} lacks a dtype, shape or data_offsets", tensor.name);
    const std::uint64_t first = offsets->front(), end = offsets->back();
    if (first > end || end > data_bytes_) {
      return bad("{} lies at {} to {} of {} bytes", tensor.name, first, end, data_bytes_);
    }
    const auto bytes = bytes_of(tensor.dtype, *shape);
    if (!bytes || *bytes != end - first) {
      return bad("{} is {} and has {} bytes, which do not fit", tensor.name, tensor.dtype,
                 end - first);
    }
    tensor.shape = std::move(*shape);
    tensor.offset = data_start_ + first;
    tensor.length = end - first;
    return {};
  }

  // The format allows neither gaps nor overlaps.
  Result<std::vector<TensorPlace>> check_places() {
    std::ranges::sort(tensors_, [](const TensorPlace& a, const TensorPlace& b) {
      return std::pair(a.offset, a.length) < std::pair(b.offset, b.length);
    });
    std::uint64_t end = data_start_;
    for (const TensorPlace& tensor : tensors_) {
      if (tensor.offset != end) return bad("{} leaves a gap or overlaps", tensor.name);
      end += tensor.length;
    }
    if (end != data_start_ + data_bytes_) {
      return bad("its tensors end at {} of {} bytes", end, data_start_ + data_bytes_);
    }
    return std::move(tensors_);
  }

  JsonScanner scanner_;
  std::uint64_t data_start_;
  std::uint64_t data_bytes_;
  std::unordered_set<std::string> names_;
  std::vector<TensorPlace> tensors_;
};

}  // namespace

Result<TensorHeader> read_safetensors(ByteView start, std::uint64_t file_bytes) {
  if (file_bytes < kLengthBytes) return bad("the file has {} bytes", file_bytes);
  TensorHeader header;
  if (start.size() < kLengthBytes) {
    header.needs_bytes = kLengthBytes;
    return header;
  }
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) length |= std::uint64_t{start[i]} << (8 * i);
  if (length > kMaxSafetensorsHeader || length > file_bytes - kLengthBytes) {
    return bad("it claims {} bytes in a file of {}", length, file_bytes);
  }
  const std::uint64_t data_start = kLengthBytes + length;
  if (start.size() < data_start) {
    header.needs_bytes = data_start;
    return header;
  }
  const std::string_view json = as_text(start.subspan(kLengthBytes, length));
  HeaderReader reader(json, data_start, file_bytes - data_start);
  header.index.format = "safetensors";
  header.index.header_bytes = data_start;
  ACCEL_TRY(header.index.tensors, reader.run());
  return header;
}

}  // namespace accel::models
