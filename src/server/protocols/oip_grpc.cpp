// SPDX-License-Identifier: Apache-2.0
#include "protocols/oip_grpc.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>

#include "accel/node/build_info.hpp"
#include "protocols/oip.hpp"

namespace accel::server::oip {
namespace {

using nlohmann::json;

// Where the elements of a datatype stand in InferTensorContents, and how wide they are there.
struct Place {
  std::string_view datatype;
  std::string_view field;
  std::size_t width;       // Of the datatype.
  std::size_t wire_width;  // In the packed field.
  bool is_signed;
};
constexpr std::array<Place, 11> kPlaces{{
    {"BOOL", "bool_contents", 1, 1, false},
    {"INT8", "int_contents", 1, 4, true},
    {"INT16", "int_contents", 2, 4, true},
    {"INT32", "int_contents", 4, 4, true},
    {"INT64", "int64_contents", 8, 8, true},
    {"UINT8", "uint_contents", 1, 4, false},
    {"UINT16", "uint_contents", 2, 4, false},
    {"UINT32", "uint_contents", 4, 4, false},
    {"UINT64", "uint64_contents", 8, 8, false},
    {"FP32", "fp32_contents", 4, 4, false},
    {"FP64", "fp64_contents", 8, 8, false},
}};

std::string text_of(const json& message, const char* name) {
  return message.value(name, std::string());
}

// A name stands for one root here; Triton's clients send no version, or one that they were told.
Status check_version(const json& message, const char* name) {
  const std::string version = text_of(message, name);
  if (version.empty() || version == "1") return {};
  return fail(Errc::not_found, "There is no version {}; a model has the version 1 alone.", version);
}

Result<std::string> model_of(const json& message, const char* name) {
  std::string model = text_of(message, name);
  if (!model.empty()) return model;
  return fail(Errc::invalid_argument, "The message names no model in \"{}\".", name);
}

// InferParameter by InferParameter to plain values.
Result<json> plain(const json& parameters) {
  json values = json::object();
  for (const auto& [name, choice] : parameters.items()) {
    if (choice.size() != 1)
      return fail(Errc::invalid_argument, "The parameter {} must have one value.", name);
    values[name] = choice.front();
  }
  return values;
}

Status make_plain(json& owner) {
  const auto found = owner.find("parameters");
  if (found == owner.end()) return {};
  ACCEL_TRY(*found, plain(*found));
  return {};
}

// Keeps the low bytes of each element, which must hold all of it.
bool narrow(const json::binary_t& from, const Place& place, json::binary_t& to) {
  for (std::size_t at = 0; at < from.size(); at += place.wire_width) {
    std::int32_t value = 0;
    std::memcpy(&value, &from[at], sizeof value);
    const unsigned bits = 8U * static_cast<unsigned>(place.width);
    const std::int64_t wide =
        place.is_signed ? std::int64_t{value} : std::int64_t{static_cast<std::uint32_t>(value)};
    const std::int64_t most = (std::int64_t{1} << (place.is_signed ? bits - 1 : bits)) - 1;
    const std::int64_t least = place.is_signed ? -most - 1 : 0;
    if (wide < least || wide > most) return false;
    to.insert(to.end(), &from[at], &from[at] + place.width);
  }
  return true;
}

tl::unexpected<Error> wrong_field(const std::string& name, std::string_view datatype,
                                  std::string_view wanted, std::string_view field) {
  return fail(Errc::invalid_argument, "{} has type {}, which goes into {}, but {} was sent.", name,
              datatype, wanted, field);
}

// Each element behind its length of 32 bits, as raw contents have them.
Result<json> packed_strings(const std::string& name, const json& contents) {
  static_assert(std::endian::native == std::endian::little, "Lengths are copied as they lie");
  json::binary_t packed;
  for (const auto& [field, elements] : contents.items()) {
    if (!elements.is_array() || field != "bytes_contents")
      return wrong_field(name, "BYTES", "bytes_contents", field);
    for (const json& element : elements) {
      const json::binary_t& text = element.get_binary();
      const auto length = static_cast<std::uint32_t>(text.size());  // Of a message of 32 MiB.
      const auto* const head = reinterpret_cast<const std::uint8_t*>(&length);
      packed.insert(packed.end(), head, head + sizeof length);
      packed.insert(packed.end(), text.begin(), text.end());
    }
  }
  return json(std::move(packed));
}

// The elements of the one list that fits the datatype, as bytes.
Result<json> typed_data(const std::string& name, const std::string& datatype, json contents) {
  if (datatype == "BYTES") return packed_strings(name, contents);
  const auto* const place = std::ranges::find(kPlaces, datatype, &Place::datatype);
  // model.infer says why it has no such type, or that half floats come as raw bytes alone.
  if (place == kPlaces.end()) {
    if (datatype != "FP16" && datatype != "BF16") return json::binary({});
    return fail(Errc::invalid_argument, "{} has type {}, which goes into raw_input_contents.", name,
                datatype);
  }
  json::binary_t found;
  for (auto& [field, elements] : contents.items()) {
    if (!elements.is_binary() || field != place->field)
      return wrong_field(name, datatype, place->field, field);
    found = std::move(elements.get_binary());
  }
  if (place->width == place->wire_width) return json(std::move(found));
  json::binary_t narrowed;
  if (narrow(found, *place, narrowed)) return json(std::move(narrowed));
  return fail(Errc::invalid_argument, "{} has a value that is no {}.", name, datatype);
}

// Gives each input of the request its bytes. `contents` and `raw` are of the message.
Status add_data(json& inputs, std::vector<json> contents, json raw) {
  const bool is_raw = raw.is_array() && !raw.empty();
  if (is_raw && raw.size() != inputs.size())
    return fail(Errc::invalid_argument,
                "raw_input_contents has {} entries for {} inputs; send one for each, or none.",
                raw.size(), inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    json& input = inputs.at(i);
    const std::string name = input.value("name", std::string("?"));
    if (is_raw && !contents[i].empty())
      return fail(Errc::invalid_argument, "{} has both contents and raw_input_contents.", name);
    if (is_raw) {
      input["data"] = std::move(raw.at(i));
      continue;
    }
    const std::string datatype = input.value("datatype", std::string());
    ACCEL_TRY(input["data"], typed_data(name, datatype, std::move(contents[i])));
  }
  return {};
}

// What REST calls the same, without the tensors' data, which would be copied.
Result<json> rest_body(json& message, std::vector<json>& contents) {
  json body{{"inputs", json::array()}, {"parameters", {{"binary_data_output", true}}}};
  if (message.contains("parameters")) body["parameters"].update(message.at("parameters"));
  for (json& input : message["inputs"]) {
    contents.push_back(input.contains("contents") ? std::move(input["contents"]) : json::object());
    input.erase("contents");
    ACCEL_CHECK(make_plain(input));
    for (const char* member : {"name", "datatype"}) {
      if (!input.contains(member)) input[member] = "";
    }
    if (!input.contains("shape")) input["shape"] = json::array();  // A scalar.
    body["inputs"].push_back(std::move(input));
  }
  if (!message.contains("outputs")) return body;
  for (json& output : message["outputs"]) {
    ACCEL_CHECK(make_plain(output));
    // Bytes are all that goes back; whoever says so says nothing new.
    if (output.contains("parameters")) output["parameters"].erase("binary_data");
  }
  body["outputs"] = std::move(message["outputs"]);
  return body;
}

Status check_repository(const json& message) {
  const std::string name = text_of(message, "repository_name");
  if (name.empty()) return {};
  return fail(Errc::not_found, "There is no repository {}; leave its name empty.", name);
}

Status check_parameters(const json& message) {
  if (!message.contains("parameters")) return {};
  for (const auto& [name, choice] : message.at("parameters").items()) {
    // Triton's client always says it of an unload; nothing depends on a model here.
    const bool harmless = name == "unload_dependents" || choice.empty();
    if (harmless) continue;
    return fail(Errc::unsupported, "The parameter {} is not supported: models have no settings.",
                name);
  }
  return {};
}

}  // namespace

Result<InferCall> infer_call(json message) {
  InferCall call;
  ACCEL_TRY(call.model, model_of(message, "model_name"));
  ACCEL_CHECK(check_version(message, "model_version"));
  call.id = text_of(message, "id");
  ACCEL_CHECK(make_plain(message));
  json raw = message.contains("raw_input_contents") ? std::move(message["raw_input_contents"])
                                                    : json::array();
  std::vector<json> contents;
  ACCEL_TRY(json body, rest_body(message, contents));
  ACCEL_TRY(call.request, infer_request(std::move(body), call.model));
  ACCEL_CHECK(add_data(call.request.params["inputs"], std::move(contents), std::move(raw)));
  return call;
}

json infer_message(const InferCall& call, json result, bool explain) {
  json message{{"model_name", call.model}, {"model_version", "1"}, {"outputs", json::array()}};
  if (!call.id.empty()) message["id"] = call.id;
  if (explain) {
    message["parameters"]["explain"] = {{"string_param", explanation(result).dump()}};
  }
  if (result.value("cached", false)) message["parameters"]["cached"] = {{"bool_param", true}};
  json raw = json::array();
  for (json& output : result["outputs"]) {
    raw.push_back(std::move(output["data"]));
    output.erase("data");
    message["outputs"].push_back(std::move(output));
  }
  message["raw_output_contents"] = std::move(raw);
  return message;
}

Result<MethodRequest> method_of(const Rpc& rpc, const json& message) {
  if (rpc.name.starts_with("Repository")) ACCEL_CHECK(check_repository(message));
  if (rpc.name == "RepositoryIndex") return MethodRequest{"models.list"};
  MethodRequest request{"model.signature"};
  if (rpc.name == "ModelStatistics") {
    request.method = "models.stats";
    ACCEL_CHECK(check_version(message, "version"));
    const std::string model = text_of(message, "name");
    if (!model.empty()) request.params["model"] = model;
    return request;
  }
  const bool repository = rpc.name.starts_with("Repository");
  ACCEL_TRY(request.params["model"], model_of(message, repository ? "model_name" : "name"));
  ACCEL_CHECK(repository ? check_parameters(message) : check_version(message, "version"));
  if (rpc.name == "RepositoryModelUnload") request.method = "models.unload";
  return request;
}

Result<json> message_of(const Rpc& rpc, const json& message, const json& result,
                        const json& loaded) {
  if (rpc.name == "ModelReady") return json{{"ready", true}};
  if (rpc.name == "ModelMetadata") return metadata_reply(text_of(message, "name"), result);
  if (rpc.name == "ModelStatistics") return stats_reply(result);
  if (rpc.name != "RepositoryIndex") return json::object();
  ACCEL_TRY(json rows, index_reply({{"ready", message.value("ready", false)}}, result, loaded));
  return json{{"models", std::move(rows)}};
}

}  // namespace accel::server::oip
