// SPDX-License-Identifier: Apache-2.0
#include "protocols/oip.hpp"

#include <algorithm>

namespace accel::server::oip {

using nlohmann::json;

namespace {

// Parameters are asked for by name, so they are refused by name. Whether `binary` is asked for.
Result<bool> read_parameters(BodyReader& reader, const char* binary, bool otherwise) {
  const json* const parameters = reader.object("parameters");
  if (parameters == nullptr) return otherwise;
  BodyReader parameter(*parameters);
  const bool wanted = parameter.flag(binary, otherwise);
  ACCEL_CHECK(parameter.finish());
  return wanted;
}

struct RequestParameters {
  bool binary = false;
  bool cache = true;
};

Result<RequestParameters> read_request_parameters(BodyReader& reader) {
  RequestParameters wishes;
  const json* const parameters = reader.object("parameters");
  if (parameters == nullptr) return wishes;
  BodyReader parameter(*parameters);
  wishes.binary = parameter.flag("binary_data_output", wishes.binary);
  wishes.cache = parameter.flag("cache", wishes.cache);
  ACCEL_CHECK(parameter.finish());
  return wishes;
}

// Triton counts it in microseconds; 0 is none.
Result<std::optional<Duration>> take_timeout(json& parameters) {
  const auto found = parameters.find("timeout");
  if (found == parameters.end()) return std::nullopt;
  const json value = *found;
  parameters.erase(found);
  constexpr auto kMost = std::chrono::microseconds(std::chrono::hours(24));
  if (value.is_null()) return std::nullopt;
  if (!value.is_number_unsigned())
    return fail(Errc::invalid_argument, "\"timeout\" must be a number of microseconds.");
  const auto wanted = value.get<std::uint64_t>();
  if (wanted == 0) return std::nullopt;
  const auto most = static_cast<std::uint64_t>(kMost.count());
  return std::chrono::microseconds(static_cast<std::int64_t>(std::min(wanted, most)));
}

// Takes out what the parameters say of the request, not of its tensors.
Status take_wishes(json& body, MethodRequest& request) {
  const auto parameters = body.find("parameters");
  if (parameters == body.end() || !parameters->is_object()) return {};
  ACCEL_TRY(request.timeout, take_timeout(*parameters));
  ACCEL_TRY(const auto priority, take_priority(*parameters));
  if (priority) request.params["priority"] = static_cast<int>(*priority);
  return {};
}

// What else is wrong with a tensor, model.infer says.
Status check_input(const json& input) {
  if (!input.is_object()) return {};
  BodyReader reader(input);
  reader.allow({"name", "datatype", "shape", "data"});
  ACCEL_CHECK(read_parameters(reader, "binary_data", false));
  return reader.finish();
}

// Which outputs are wanted, and which of them as bytes; `binary`: those that do not say.
Status read_outputs(const json& outputs, bool binary, json& params) {
  constexpr const char* kNoNames = "\"outputs\" must be a list of objects with a name.";
  if (!outputs.is_array()) return fail(Errc::invalid_argument, kNoNames);
  json names = json::array();
  json in_bytes = json::array();
  for (const json& output : outputs) {
    if (!output.is_object() || !output.contains("name") || !output.at("name").is_string())
      return fail(Errc::invalid_argument, kNoNames);
    BodyReader member(output);
    member.allow({"name"});
    ACCEL_TRY(const bool wanted, read_parameters(member, "binary_data", binary));
    ACCEL_CHECK(member.finish());
    names.push_back(output.at("name"));
    if (wanted) in_bytes.push_back(output.at("name"));
  }
  params["binary"] = false;
  params["binary_outputs"] = std::move(in_bytes);
  params["outputs"] = std::move(names);
  return {};
}

// Why a model of the list can't be asked for tensors; empty where it can.
std::string why_no_tensors(const json& model) {
  if (model.contains("reason")) return model.at("reason");
  const std::string format = model.value("format", "onnx");
  if (format == "onnx") return {};
  return fmt::format("It is no model of tensors: it is kept as {}, not as ONNX.", format);
}

json zero_stats() { return {{"count", 0}, {"ns", 0}}; }

}  // namespace

Result<MethodRequest> infer_request(json body, const std::string& model) {
  MethodRequest request{"model.infer"};
  ACCEL_CHECK(take_wishes(body, request));
  BodyReader reader(body);
  request.params["model"] = model;
  (void)reader.text("id", {});
  ACCEL_TRY(const RequestParameters wishes, read_request_parameters(reader));
  reader.allow({"inputs", "outputs"});
  ACCEL_CHECK(reader.finish());
  if (!body.contains("inputs") || !body.at("inputs").is_array())
    return fail(Errc::invalid_argument, "\"inputs\" must be a list of tensors.");
  for (const json& input : body.at("inputs")) ACCEL_CHECK(check_input(input));
  request.params["inputs"] = std::move(body.at("inputs"));
  request.params["binary"] = wishes.binary;
  if (!wishes.cache) request.params["cache"] = false;
  if (body.contains("outputs"))
    ACCEL_CHECK(read_outputs(body.at("outputs"), wishes.binary, request.params));
  return request;
}

json infer_reply(const json& id, const std::string& model, json result) {
  json reply;
  reply["model_name"] = model;
  reply["outputs"] = std::move(result.at("outputs"));
  if (!id.is_null()) reply["id"] = id;
  return reply;
}

json metadata_reply(const std::string& model, const json& signature) {
  return {{"name", model},
          {"versions", json::array({"1"})},
          {"platform", signature.at("engine").get<std::string>() + "_onnx"},
          {"inputs", signature.at("inputs")},
          {"outputs", signature.at("outputs")}};
}

json server_reply(std::string_view version) {
  return {{"name", "ipfs-accelerate"},
          {"version", version},
          {"extensions", {"binary_tensor_data", "model_repository", "statistics"}}};
}

Result<json> index_reply(const json& body, const json& list, const json& loaded) {
  BodyReader reader(body);
  const bool only_ready = reader.flag("ready", false);
  ACCEL_CHECK(reader.finish());
  json rows = json::array();
  for (const json& model : list.at("models")) {
    const std::string why_not = why_no_tensors(model);
    const bool is_loaded = std::ranges::any_of(
        loaded.at("models"), [&](const json& one) { return one.at("cid") == model.at("cid"); });
    const bool is_ready = is_loaded && why_not.empty();
    if (only_ready && !is_ready) continue;
    json row{{"name", model.at("name")}, {"version", "1"}};
    row["state"] = is_ready ? "READY" : "UNAVAILABLE";
    row["reason"] = is_ready ? "" : why_not.empty() ? "loaded when it is asked for" : why_not;
    rows.push_back(std::move(row));
  }
  return rows;
}

json stats_reply(const json& result) {
  json rows = json::array();
  for (const json& model : result.at("models")) {
    const auto timed = [&](const char* count, const char* ns) -> json {
      return {{"count", model.at(count)}, {"ns", model.at(ns)}};
    };
    rows.push_back({{"name", model.at("name")},
                    {"version", "1"},
                    {"last_inference", model.at("last_unix_ms")},
                    {"inference_count", model.at("rows")},
                    {"execution_count", model.at("executions")},
                    {"inference_stats",
                     {{"success", timed("succeeded", "total_ns")},
                      {"fail", timed("failed", "failed_ns")},
                      {"queue", timed("succeeded", "queue_ns")},
                      {"compute_input", zero_stats()},
                      {"compute_infer", timed("succeeded", "compute_ns")},
                      {"compute_output", zero_stats()},
                      {"cache_hit", timed("cache_hits", "cache_hit_ns")},
                      {"cache_miss", timed("cache_misses", "cache_miss_ns")}}},
                    {"batch_stats", json::array()}});
  }
  return {{"model_stats", std::move(rows)}};
}

}  // namespace accel::server::oip
