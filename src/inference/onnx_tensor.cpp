// SPDX-License-Identifier: Apache-2.0
#include "onnx_tensor.hpp"

#include <charconv>

#include "onnx_types.hpp"
#include "proto_reader.hpp"

namespace accel::inference::detail {
namespace {

// Field numbers of TensorProto.
enum TensorField : std::uint32_t {
  kDims = 1,
  kDataType = 2,
  kSegment = 3,
  kName = 8,
  kRawData = 9,
  kExternalData = 13,
  kDataLocation = 14,
};
constexpr std::uint64_t kLocationExternal = 1;

struct Parsed {
  OnnxInitializer tensor;
  ExternalPlace place;
  bool has_place = false;
  std::uint64_t location = 0;
};

Status read_dims(ByteView file, const ProtoField& field, std::vector<std::int64_t>& dims) {
  const auto add = [&](std::uint64_t value) -> Status {
    if (dims.size() == tensor::kMaxRank) {
      return fail(Errc::corrupt, "A tensor at byte {} has more than {} dimensions.", field.start,
                  tensor::kMaxRank);
    }
    dims.push_back(static_cast<std::int64_t>(value));
    return {};
  };
  if (field.wire == Wire::varint) return add(field.value);
  ACCEL_CHECK(expect_wire(field, Wire::bytes, "dims of a tensor"));
  ProtoReader packed(file, field.payload);
  while (!packed.done()) {
    ACCEL_TRY(const std::uint64_t value, packed.varint());
    ACCEL_CHECK(add(value));
  }
  return {};
}

Result<std::uint64_t> parse_number(std::string_view text, std::string_view key) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return fail(Errc::corrupt, "The {} of external data is \"{}\", which is no number.", key, text);
  }
  return value;
}

// One StringStringEntryProto {key = 1, value = 2} of external_data.
Status read_external_entry(ByteView file, const ProtoField& entry, Parsed& parsed) {
  ACCEL_CHECK(expect_wire(entry, Wire::bytes, "external_data"));
  std::string_view key;
  std::string_view value;
  ProtoReader reader(file, entry.payload);
  while (!reader.done()) {
    ACCEL_TRY(const ProtoField field, reader.next());
    if (field.number != 1 && field.number != 2) continue;
    ACCEL_CHECK(expect_wire(field, Wire::bytes, "external_data entry"));
    (field.number == 1 ? key : value) = text_at(file, field.payload);
  }
  parsed.has_place = true;
  if (key == "location") {
    ACCEL_CHECK(check_external_location(value));
    parsed.place.location = value;
  } else if (key == "offset") {
    ACCEL_TRY(parsed.place.offset, parse_number(value, key));
  } else if (key == "length") {
    ACCEL_TRY(parsed.place.length, parse_number(value, key));
  }
  return {};
}

Status read_field(ByteView file, const ProtoField& field, Parsed& parsed) {
  switch (field.number) {
    case kDims:
      return read_dims(file, field, parsed.tensor.dims);
    case kDataType:
      ACCEL_CHECK(expect_wire(field, Wire::varint, "data_type of a tensor"));
      parsed.tensor.onnx_type = static_cast<std::int32_t>(field.value);
      return {};
    case kName:
      ACCEL_CHECK(expect_wire(field, Wire::bytes, "name of a tensor"));
      if (field.payload.length > kMaxOnnxNameBytes) {
        return fail(Errc::corrupt, "The name of a tensor at byte {} has {} bytes; at most {}.",
                    field.start, field.payload.length, kMaxOnnxNameBytes);
      }
      parsed.tensor.name = text_at(file, field.payload);
      return {};
    case kRawData:
      ACCEL_CHECK(expect_wire(field, Wire::bytes, "raw_data of a tensor"));
      if (parsed.tensor.raw) {
        return fail(Errc::corrupt, "A tensor has its data twice, again at byte {}.", field.start);
      }
      parsed.tensor.raw = field.payload;
      return {};
    case kExternalData:
      return read_external_entry(file, field, parsed);
    case kDataLocation:
      ACCEL_CHECK(expect_wire(field, Wire::varint, "data_location of a tensor"));
      parsed.location = field.value;
      return {};
    case kSegment:
      return fail(Errc::corrupt,
                  "The tensor at byte {} is stored in segments, which no engine reads.",
                  field.start);
    default:
      return {};  // Typed data, which the engine decodes, and documentation.
  }
}

// The bytes that dims and type ask for; absent for strings and for types that this program does not
// know.
Result<std::optional<std::uint64_t>> expected_bytes(const OnnxInitializer& tensor) {
  const Result<std::uint64_t> count = tensor::element_count(tensor.dims);
  if (!count) {
    return fail(Errc::corrupt, "The tensor \"{}\" has impossible dims. {}", tensor.name,
                count.error().message);
  }
  const std::uint64_t bits = onnx_type_bits(tensor.onnx_type);
  if (bits == 0) return std::optional<std::uint64_t>{};
  if (*count > tensor::kMaxTensorBytes * 8 / bits) {
    return fail(Errc::corrupt, "The tensor \"{}\" {} is larger than any machine.", tensor.name,
                tensor::shape_text(tensor.dims));
  }
  return std::optional<std::uint64_t>{(*count * bits + 7) / 8};
}

}  // namespace

Status check_external_location(std::string_view location) {
  const std::filesystem::path path(location);
  bool leaves = location.empty() || path.is_absolute() || path.has_root_path() ||
                location.find('\0') != std::string_view::npos ||
                location.find('\\') != std::string_view::npos;
  for (const auto& part : path) leaves = leaves || part == "..";
  if (!leaves) return {};
  return fail(Errc::corrupt,
              "The model asks for external data at \"{}\", outside of its own folder; such a model "
              "is refused.",
              location);
}

Result<OnnxInitializer> read_tensor(ByteView file, ByteRange message) {
  Parsed parsed;
  parsed.tensor.message = message;
  ProtoReader reader(file, message);
  while (!reader.done()) {
    ACCEL_TRY(const ProtoField field, reader.next());
    ACCEL_CHECK(read_field(file, field, parsed));
  }
  OnnxInitializer& tensor = parsed.tensor;
  ACCEL_TRY(const auto expected, expected_bytes(tensor));
  if (parsed.location == kLocationExternal) {
    if (!parsed.has_place || parsed.place.location.empty() || tensor.raw) {
      return fail(Errc::corrupt, "The tensor \"{}\" says that its data is external, but not where.",
                  tensor.name);
    }
    if (parsed.place.length && expected && *parsed.place.length != *expected) {
      return fail(Errc::corrupt, "The tensor \"{}\" {} takes {} bytes, its external data has {}.",
                  tensor.name, tensor::shape_text(tensor.dims), *expected, *parsed.place.length);
    }
    if (!parsed.place.length) parsed.place.length = expected;
    tensor.external = std::move(parsed.place);
    return std::move(tensor);
  }
  if (tensor.raw && (!expected || *expected != tensor.raw->length)) {
    return fail(Errc::corrupt, "The tensor \"{}\" {} takes {} bytes, the file has {} at byte {}.",
                tensor.name, tensor::shape_text(tensor.dims), expected.value_or(0),
                tensor.raw->length, tensor.raw->offset);
  }
  return std::move(tensor);
}

}  // namespace accel::inference::detail
