// SPDX-License-Identifier: Apache-2.0
#include "protocols/oip_binary.hpp"

#include <charconv>

#include "accel/core/bytes.hpp"
#include "accel/core/json.hpp"

namespace accel::server::oip {
namespace {

using nlohmann::json;

constexpr const char* kSize = "binary_data_size";

Result<std::size_t> length_of(std::string_view text, std::size_t most) {
  std::size_t length = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), length);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || length > most) {
    return fail(Errc::invalid_argument,
                "{} must be a number of bytes within the body, which has {}.", kHeaderLength, most);
  }
  return length;
}

std::string name_of(const json& input) {
  const auto name = input.find("name");
  return name != input.end() && name->is_string() ? name->get<std::string>() : "?";
}

// Takes the bytes of one input from the front of `rest`.
Status take_bytes(json& input, std::string_view& rest) {
  const auto parameters = input.is_object() ? input.find("parameters") : input.end();
  if (!input.is_object() || parameters == input.end() || !parameters->is_object() ||
      !parameters->contains(kSize)) {
    return {};
  }
  const json size = parameters->at(kSize);
  parameters->erase(kSize);
  if (!size.is_number_unsigned() || size.get<std::uint64_t>() > rest.size()) {
    return fail(Errc::invalid_argument,
                "The input {} claims {} binary bytes, but only {} are left of the body.",
                name_of(input), size.dump(-1, ' ', true, json::error_handler_t::replace),
                rest.size());
  }
  if (input.contains("data"))
    return fail(Errc::invalid_argument, "The input {} has data in JSON and binary data.",
                name_of(input));
  const ByteView bytes = as_bytes(rest.substr(0, size.get<std::size_t>()));
  input["data"] = json::binary({bytes.begin(), bytes.end()});
  rest.remove_prefix(bytes.size());
  return {};
}

}  // namespace

Result<json> read_body(std::string_view body, std::string_view header_length) {
  std::size_t json_bytes = body.size();
  if (!header_length.empty()) {
    ACCEL_TRY(json_bytes, length_of(header_length, body.size()));
  }
  ACCEL_TRY(json request, parse_bounded_json(body.substr(0, json_bytes), "The body"));
  if (!request.is_object())
    return fail(Errc::invalid_argument, "The body must be a JSON object in UTF-8.");
  std::string_view rest = body.substr(json_bytes);
  const auto inputs = request.find("inputs");
  if (inputs != request.end() && inputs->is_array()) {
    for (json& input : *inputs) ACCEL_CHECK(take_bytes(input, rest));
  }
  if (rest.empty()) return request;
  return fail(Errc::invalid_argument, "{} bytes of the body belong to no input.", rest.size());
}

WrittenBody write_body(json reply) {
  std::vector<json::binary_t> tail;
  std::size_t tail_bytes = 0;
  WrittenBody written;
  const auto outputs = reply.find("outputs");
  for (json& output : outputs == reply.end() ? reply : *outputs) {
    if (!output.is_object() || !output.contains("data") || !output.at("data").is_binary()) continue;
    tail.push_back(std::move(output.at("data").get_binary()));
    tail_bytes += tail.back().size();
    json size;
    size[kSize] = tail.back().size();
    output["parameters"] = std::move(size);
    output.erase("data");
    written.binary = true;
  }
  written.bytes = reply.dump(-1, ' ', false, json::error_handler_t::replace);
  if (!written.binary) written.bytes += "\n";
  written.json_bytes = written.bytes.size();
  written.bytes.reserve(written.bytes.size() + tail_bytes);
  for (const json::binary_t& bytes : tail) written.bytes += as_text(bytes);
  return written;
}

}  // namespace accel::server::oip
