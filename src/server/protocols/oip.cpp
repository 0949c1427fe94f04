// SPDX-License-Identifier: Apache-2.0
#include "protocols/oip.hpp"

namespace accel::server::oip {

using nlohmann::json;

namespace {

// Parameters are asked for by name, so they are refused by name. All are JSON here: that they
// should be is no wish that must be refused.
Status check_parameters(BodyReader& reader, const char* binary) {
  const json* const parameters = reader.object("parameters");
  if (parameters == nullptr) return {};
  BodyReader parameter(*parameters);
  parameter.only(binary, false);
  return parameter.finish();
}

// What else is wrong with a tensor, model.infer says.
Status check_input(const json& input) {
  if (!input.is_object()) return {};
  BodyReader reader(input);
  reader.allow({"name", "datatype", "shape", "data"});
  ACCEL_CHECK(check_parameters(reader, "binary_data"));
  return reader.finish();
}

}  // namespace

Result<MethodRequest> infer_request(const json& body, const std::string& model) {
  MethodRequest request{"model.infer"};
  BodyReader reader(body);
  request.params["model"] = model;
  (void)reader.text("id", {});
  ACCEL_CHECK(check_parameters(reader, "binary_data_output"));
  reader.allow({"inputs", "outputs"});
  ACCEL_CHECK(reader.finish());
  if (!body.contains("inputs") || !body.at("inputs").is_array())
    return fail(Errc::invalid_argument, "\"inputs\" must be a list of tensors.");
  for (const json& input : body.at("inputs")) ACCEL_CHECK(check_input(input));
  request.params["inputs"] = body.at("inputs");
  if (!body.contains("outputs")) return request;
  json names = json::array();
  const bool list = body.at("outputs").is_array();
  for (const json& output : list ? body.at("outputs") : json::array({nullptr})) {
    if (!output.is_object() || !output.contains("name") || !output.at("name").is_string())
      return fail(Errc::invalid_argument, "\"outputs\" must be a list of objects with a name.");
    BodyReader member(output);
    member.allow({"name"});
    ACCEL_CHECK(check_parameters(member, "binary_data"));
    ACCEL_CHECK(member.finish());
    names.push_back(output.at("name"));
  }
  request.params["outputs"] = std::move(names);
  return request;
}

json infer_reply(const json& body, const std::string& model, const json& result) {
  json reply{{"model_name", model}, {"outputs", result.at("outputs")}};
  if (body.contains("id")) reply["id"] = body.at("id");
  return reply;
}

json metadata_reply(const std::string& model, const json& signature) {
  return {{"name", model},
          {"versions", json::array({"1"})},
          {"platform", "onnx_" + signature.at("engine").get<std::string>()},
          {"inputs", signature.at("inputs")},
          {"outputs", signature.at("outputs")}};
}

json server_reply(std::string_view version) {
  return {{"name", "ipfs-accelerate"}, {"version", version}, {"extensions", json::array()}};
}

}  // namespace accel::server::oip
