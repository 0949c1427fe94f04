// SPDX-License-Identifier: Apache-2.0
#include "recorder.hpp"

#include <algorithm>
#include <array>

#include "accel/core/log.hpp"
#include "accel/core/random.hpp"
#include "accel/crypto/sha256.hpp"
#include "accel/hardware/cpu_info.hpp"
#include "accel/node/build_info.hpp"
#include "machine.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

// Appends a record; its failure is told in the log and never takes the result away.
bool append(Services& services, const std::string& id, db::RecordKind kind, const json& tables) {
  const auto journal = services.journal();
  const Status status =
      journal ? (*journal)->append(
                    {id, kind, tables.dump(-1, ' ', false, json::error_handler_t::replace)})
              : Status(fail(journal.error()));
  if (!status) {
    log::warn("node", "a result could not be recorded",
              {log::field("record", id), log::field("why", status.error().to_string())});
  }
  return status.has_value();
}

std::string short_hash(std::string_view text) {
  return to_hex(crypto::sha256(as_bytes(text))).substr(0, 16);
}

std::string new_id(Services& services) {
  return db::new_record_id(services.clock(), system_random());
}

json hardware_row(const json& result, const hardware::CpuInfo& cpu) {
  const std::string device = result.at("device");
  return {{"hardware_id", short_hash(cpu.model + "\n" + device)},
          {"hardware_type", device},
          {"device_name", device == "cpu" ? cpu.model : device},
          {"platform", device},
          {"memory_gb", static_cast<double>(cpu.memory_usable_bytes) / 1e9},
          {"compute_units", cpu.usable_threads},
          {"emulated", result.at("emulated")},
          {"metadata", {{"isa", cpu.isa}, {"architecture", cpu.architecture}}},
          {"provenance", "measured"}};
}

json model_row(const json& result) {
  const json& model = result.at("model");
  return {{"model_id", model.at("weights_sha256")},
          {"model_name", model.at("name")},
          {"modality", result.value("takes", std::string("text"))},
          {"root_cid", model.at("cid")},
          {"weights_sha256", model.at("weights_sha256")},
          {"provenance", "measured"}};
}

json performance_row(const json& result, const json& hardware, std::size_t batch) {
  const double latency_ms = result.at("latency_ms");
  json row{{"model_id", result.at("model").at("weights_sha256")},
           {"hardware_id", hardware.at("hardware_id")},
           {"weights_sha256", result.at("model").at("weights_sha256")},
           {"test_case", result.at("task")},
           {"engine", result.at("engine")},
           {"engine_version", result.at("engine_version")},
           {"device", result.at("device")},
           {"batch_size", batch},
           {"precision", result.at("precision")},
           {"total_time_seconds", result.at("total_ms").get<double>() / 1000.0},
           {"average_latency_ms", latency_ms},
           {"iterations", 1},
           {"warmup_iterations", 0},
           {"metrics",
            {{"tokens", result.at("tokens")},
             {"load_ms", result.at("load_ms")},
             {"choice", result.at("choice")}}},
           {"provenance", result.at("provenance")}};
  // Of a prompt, what was found in the context took no time: the latency is without it.
  for (const char* name :
       {"prompt_tokens", "cached_tokens", "completion_tokens", "drafted_tokens", "accepted_tokens",
        "prefill_tokens_per_second", "decode_tokens_per_second"}) {
    if (result.contains(name)) row["metrics"][name] = result.at(name);
  }
  if (result.contains("fell_back")) row["metrics"]["fell_back"] = result.at("fell_back");
  if (result.at("threads").get<int>() > 0) row["threads"] = result.at("threads");
  if (latency_ms > 0)
    row["throughput_items_per_second"] = static_cast<double>(batch) * 1000.0 / latency_ms;
  return row;
}

// Where most of the bytes came from.
std::string_view main_source(const exchange::PullReport& report) {
  std::array<std::uint64_t, 3> bytes{};
  for (const exchange::SourceReport& source : report.sources) {
    bytes.at(static_cast<std::size_t>(source.kind)) += source.bytes;
  }
  if (report.bytes_fetched == 0) return "cache";
  constexpr std::array<std::string_view, 3> kNames{"gateway", "range", "p2p"};
  return kNames.at(static_cast<std::size_t>(std::ranges::max_element(bytes) - bytes.begin()));
}

json acceleration_row(const exchange::PullReport& report, const json& operation) {
  const auto peers = std::ranges::count_if(report.sources, [](const auto& source) {
    return source.kind == exchange::SourceKind::peer && source.bytes > 0;
  });
  const std::uint64_t came = report.bytes_fetched + report.bytes_duplicate + report.bytes_rejected;
  json row{{"recorded_at", operation.at("completed_at")},
           {"cid", operation.at("cid")},
           {"source", operation.at("source")},
           {"transfer_time_ms", operation.at("duration_ms")},
           {"p2p_optimized", peers > 0},
           {"peer_count", peers},
           {"bytes_transferred", report.bytes_fetched},
           {"provenance", "measured"}};
  if (came > 0) {
    row["network_efficiency"] =
        static_cast<double>(report.bytes_fetched) / static_cast<double>(came);
  }
  return row;
}

json pull_row(const exchange::PullReport& report) {
  json sources = json::array();
  for (const exchange::SourceReport& source : report.sources) {
    sources.push_back(
        {{"url", source.url},
         {"kind", exchange::source_kind_name(source.kind)},
         {"bytes", source.bytes},
         {"bytes_per_second", source.rate_samples > 0 ? json(source.median_rate) : json(nullptr)},
         {"failures", source.failures}});
  }
  return {{"source", main_source(report)},           {"duration_ms", report.seconds * 1000.0},
          {"bytes_total", report.bytes_total},       {"bytes_transferred", report.bytes_fetched},
          {"bytes_reused", report.bytes_reused},     {"bytes_duplicate", report.bytes_duplicate},
          {"bytes_verified", report.bytes_verified}, {"sources", std::move(sources)}};
}

}  // namespace

void record_run(Context& context, std::size_t batch, json& result) {
  Services& services = context.services;
  const std::string id = new_id(services);
  const WallTime completed = services.clock().wall_now();
  const auto total = std::chrono::duration<double, std::milli>(result.at("total_ms").get<double>());
  const json hardware = hardware_row(result, hardware::cpu_info());
  const json run{
      {"run_id", id},
      {"test_name", result.at("task")},
      {"test_type", "run"},
      {"started_at", to_rfc3339(completed - std::chrono::duration_cast<WallTime::duration>(total))},
      {"completed_at", to_rfc3339(completed)},
      {"success", true},
      {"git_commit", kGitCommit}};
  const json tables{{"test_run", run},
                    {"models", json::array({model_row(result)})},
                    {"hardware", json::array({hardware})},
                    {"results", json::array({performance_row(result, hardware, batch)})}};
  result["run_id"] = id;
  result["recorded"] = append(services, id, db::RecordKind::run, tables);
}

void record_remote(Context& context, json& result) {
  Services& services = context.services;
  const std::string id = new_id(services);
  const WallTime completed = services.clock().wall_now();
  const auto total = std::chrono::duration<double, std::milli>(result.at("total_ms").get<double>());
  json metadata{{"endpoint", result.at("endpoint")},
                {"model", result.at("model").at("name")},
                {"first_ms", result.at("first_ms")}};
  json usage{{"provenance", "reported"}};
  for (const char* name : {"prompt_tokens", "completion_tokens", "cached_tokens"}) {
    if (result.contains(name)) usage[name] = result.at(name);
  }
  if (usage.size() > 1) metadata["usage"] = std::move(usage);
  if (result.contains("cost")) metadata["cost"] = result.at("cost");
  const json operation{
      {"operation", fmt::format("endpoint.{}", result.at("task").get<std::string>())},
      {"started_at", to_rfc3339(completed - std::chrono::duration_cast<WallTime::duration>(total))},
      {"completed_at", to_rfc3339(completed)},
      {"duration_ms", result.at("latency_ms")},
      {"success", true},
      {"metadata", std::move(metadata)},
      {"provenance", "measured"}};
  result["run_id"] = id;
  result["recorded"] =
      append(services, id, db::RecordKind::operation, json{{"operation", operation}});
}

void record_failed_run(Context& context, std::string_view task, Duration took, const Error& error) {
  Services& services = context.services;
  const std::string id = new_id(services);
  const WallTime completed = services.clock().wall_now();
  const json run{
      {"run_id", id},
      {"test_name", task},
      {"test_type", "run"},
      {"started_at", to_rfc3339(completed - std::chrono::duration_cast<WallTime::duration>(took))},
      {"completed_at", to_rfc3339(completed)},
      {"success", false},
      {"error_code", errc_name(error.code)},
      {"error_message", error.message},
      {"git_commit", kGitCommit}};
  append(services, id, db::RecordKind::run, json{{"test_run", run}});
}

void record_pull(Context& context, const ipld::Cid& root,
                 const Result<exchange::PullReport>& report) {
  Services& services = context.services;
  const std::string id = new_id(services);
  json row = report ? pull_row(*report) : json::object();
  row["operation"] = "pull";
  row["cid"] = root.to_string();
  row["completed_at"] = to_rfc3339(services.clock().wall_now());
  row["started_at"] = row["completed_at"];
  if (report) {
    const auto took = std::chrono::duration<double>(report->seconds);
    row["started_at"] = to_rfc3339(services.clock().wall_now() -
                                   std::chrono::duration_cast<WallTime::duration>(took));
  }
  row["success"] = report.has_value();
  if (!report) {
    row["error_code"] = errc_name(report.error().code);
    row["error_message"] = report.error().message;
  }
  row["provenance"] = "measured";
  json tables = json::object();
  if (report) tables["acceleration"] = acceleration_row(*report, row);
  tables["operation"] = std::move(row);
  append(services, id, db::RecordKind::operation, tables);
}

void record_network(Context& context, const json& result) {
  Services& services = context.services;
  json row{{"recorded_at", to_rfc3339(services.clock().wall_now())},
           {"peer_id", result.at("id")},
           {"provenance", "measured"}};
  for (const char* name :
       {"peer_count", "known_content_items", "transfers_completed", "transfers_failed",
        "bytes_transferred", "bytes_useful", "average_transfer_speed", "network_efficiency",
        "network_density", "average_connections", "health", "links"}) {
    row[name] = result.at(name);
  }
  append(services, new_id(services), db::RecordKind::network, json{{"metrics", std::move(row)}});
}

void record_detection(Context& context, const json& rows) {
  Services& services = context.services;
  const std::string id = new_id(services);
  const std::string now = to_rfc3339(services.clock().wall_now());
  const auto machine = this_machine(services, context.stop);
  json records = json::array();
  for (const json& row : rows) {
    const json& evidence = row.at("evidence");
    records.push_back({{"detected_at", now},
                       {"machine_key", machine ? machine->key : std::string("unknown")},
                       {"platform", row.at("platform")},
                       {"available", row.at("available")},
                       {"emulated", row.at("emulated")},
                       {"driver_ok", evidence.at("driver").at("ok")},
                       {"device_ok", evidence.at("device").at("ok")},
                       {"runtime_ok", evidence.at("runtime").at("ok")},
                       {"canary_ok", evidence.at("canary").at("ok")},
                       {"reason", row.at("reason")},
                       {"evidence", evidence},
                       {"devices", row.at("devices")},
                       {"provenance", "measured"}});
  }
  append(services, id, db::RecordKind::detection, json{{"platforms", std::move(records)}});
}

}  // namespace accel::node
