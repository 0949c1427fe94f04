// SPDX-License-Identifier: Apache-2.0
#include "record_tables.hpp"

#include <array>

namespace accel::db::detail {
namespace {

using enum ColumnType;

constexpr std::array kHardwarePlatforms{
    ColumnSpec{"hardware_id", text, true},
    ColumnSpec{"hardware_type", text, true},
    ColumnSpec{"device_name", text},
    ColumnSpec{"platform", text, true},
    ColumnSpec{"platform_version", text},
    ColumnSpec{"driver_version", text},
    ColumnSpec{"memory_gb", number},
    ColumnSpec{"compute_units", integer},
    ColumnSpec{"emulated", boolean, true},
    ColumnSpec{"metadata", json},
    ColumnSpec{"provenance", provenance, true},
    ColumnSpec{"provenance_source", text},
};

constexpr std::array kHardwareDetection{
    ColumnSpec{"detection_id", text},
    ColumnSpec{"detected_at", time, true},
    ColumnSpec{"machine_key", text, true},
    ColumnSpec{"platform", text, true},
    ColumnSpec{"available", boolean, true},
    ColumnSpec{"emulated", boolean, true},
    ColumnSpec{"driver_ok", boolean},
    ColumnSpec{"device_ok", boolean},
    ColumnSpec{"runtime_ok", boolean},
    ColumnSpec{"canary_ok", boolean},
    ColumnSpec{"reason", text},
    ColumnSpec{"evidence", json},
    ColumnSpec{"devices", json},
    ColumnSpec{"provenance", provenance, true},
    ColumnSpec{"provenance_source", text},
};

constexpr std::array kModels{
    ColumnSpec{"model_id", text, true},
    ColumnSpec{"model_name", text},
    ColumnSpec{"model_family", text},
    ColumnSpec{"modality", text},
    ColumnSpec{"source", text},
    ColumnSpec{"version", text},
    ColumnSpec{"parameters_million", number},
    ColumnSpec{"root_cid", text},
    ColumnSpec{"weights_sha256", sha256, true},
    ColumnSpec{"metadata", json},
    ColumnSpec{"provenance", provenance, true},
    ColumnSpec{"provenance_source", text},
};

constexpr std::array kTestRuns{
    ColumnSpec{"run_id", text},          ColumnSpec{"test_name", text, true},
    ColumnSpec{"test_type", text, true}, ColumnSpec{"started_at", time, true},
    ColumnSpec{"completed_at", time},    ColumnSpec{"success", boolean, true},
    ColumnSpec{"error_code", text},      ColumnSpec{"error_message", text},
    ColumnSpec{"git_commit", text},      ColumnSpec{"command_line", text},
};

constexpr std::array kPerformanceResults{
    ColumnSpec{"result_id", text},
    ColumnSpec{"run_id", text},
    ColumnSpec{"model_id", text, true},
    ColumnSpec{"hardware_id", text, true},
    ColumnSpec{"weights_sha256", sha256, true},
    ColumnSpec{"test_case", text},
    ColumnSpec{"engine", text, true},
    ColumnSpec{"engine_version", text},
    ColumnSpec{"engine_sha256", text},
    ColumnSpec{"device", text, true},
    ColumnSpec{"threads", positive},
    ColumnSpec{"batch_size", positive},
    ColumnSpec{"sequence_length", positive},
    ColumnSpec{"precision", text, true},
    ColumnSpec{"total_time_seconds", number},
    ColumnSpec{"average_latency_ms", number},
    ColumnSpec{"p50_latency_ms", number},
    ColumnSpec{"p90_latency_ms", number},
    ColumnSpec{"p95_latency_ms", number},
    ColumnSpec{"p99_latency_ms", number},
    ColumnSpec{"throughput_items_per_second", number},
    ColumnSpec{"memory_peak_mb", number},
    ColumnSpec{"power_watts", number},
    ColumnSpec{"energy_efficiency_items_per_joule", number},
    ColumnSpec{"iterations", integer},
    ColumnSpec{"warmup_iterations", integer},
    ColumnSpec{"accuracy_error", number},
    ColumnSpec{"metrics", json},
    ColumnSpec{"provenance", provenance, true},
    ColumnSpec{"provenance_source", text},
};

constexpr std::array kIpfsOperations{
    ColumnSpec{"operation_id", text},
    ColumnSpec{"operation", text, true},
    ColumnSpec{"cid", text},
    ColumnSpec{"source", source},
    ColumnSpec{"started_at", time, true},
    ColumnSpec{"completed_at", time},
    ColumnSpec{"duration_ms", number},
    ColumnSpec{"bytes_total", integer},
    ColumnSpec{"bytes_transferred", integer},
    ColumnSpec{"bytes_reused", integer},
    ColumnSpec{"bytes_duplicate", integer},
    ColumnSpec{"bytes_verified", integer},
    ColumnSpec{"success", boolean, true},
    ColumnSpec{"error_code", text},
    ColumnSpec{"error_message", text},
    ColumnSpec{"sources", json},
    ColumnSpec{"metadata", json},
    ColumnSpec{"provenance", provenance, true},
    ColumnSpec{"provenance_source", text},
};

constexpr std::array kNetworkMetrics{
    ColumnSpec{"metric_id", text},
    ColumnSpec{"recorded_at", time, true},
    ColumnSpec{"peer_id", text},
    ColumnSpec{"peer_count", integer, true},
    ColumnSpec{"known_content_items", integer},
    ColumnSpec{"transfers_completed", integer},
    ColumnSpec{"transfers_failed", integer},
    ColumnSpec{"bytes_transferred", integer},
    ColumnSpec{"bytes_useful", integer},
    ColumnSpec{"average_transfer_speed", number},
    ColumnSpec{"network_efficiency", number},
    ColumnSpec{"network_density", number},
    ColumnSpec{"average_connections", number},
    ColumnSpec{"health", text},
    ColumnSpec{"links", json},
    ColumnSpec{"provenance", provenance, true},
    ColumnSpec{"provenance_source", text},
};

constexpr std::array kAccelerationResults{
    ColumnSpec{"result_id", text},
    ColumnSpec{"recorded_at", time, true},
    ColumnSpec{"cid", text, true},
    ColumnSpec{"source", source},
    ColumnSpec{"transfer_time_ms", number},
    ColumnSpec{"p2p_optimized", boolean},
    ColumnSpec{"peer_count", integer},
    ColumnSpec{"network_efficiency", number},
    ColumnSpec{"load_time_ms", number},
    ColumnSpec{"bytes_transferred", integer},
    ColumnSpec{"provenance", provenance, true},
    ColumnSpec{"provenance_source", text},
};

constexpr std::array kRun{
    TableSpec{.table = "test_runs",
              .member = "test_run",
              .required = true,
              .key = "run_id",
              .parent = "run_id",
              .columns = kTestRuns},
    TableSpec{.table = "models",
              .member = "models",
              .many = true,
              .replace = true,
              .key = "model_id",
              .columns = kModels},
    TableSpec{.table = "hardware_platforms",
              .member = "hardware",
              .many = true,
              .replace = true,
              .key = "hardware_id",
              .columns = kHardwarePlatforms},
    TableSpec{.table = "performance_results",
              .member = "results",
              .many = true,
              .key = "result_id",
              .parent = "run_id",
              .columns = kPerformanceResults},
};

constexpr std::array kOperation{
    TableSpec{.table = "ipfs_operations",
              .member = "operation",
              .required = true,
              .key = "operation_id",
              .parent = "operation_id",
              .columns = kIpfsOperations},
    TableSpec{.table = "ipfs_acceleration_results",
              .member = "acceleration",
              .key = "result_id",
              .parent = "result_id",
              .columns = kAccelerationResults},
};

constexpr std::array kNetwork{
    TableSpec{.table = "p2p_network_metrics",
              .member = "metrics",
              .required = true,
              .key = "metric_id",
              .parent = "metric_id",
              .columns = kNetworkMetrics},
};

constexpr std::array kDetection{
    TableSpec{.table = "hardware_detection",
              .member = "platforms",
              .many = true,
              .required = true,
              .key = "detection_id",
              .parent = "detection_id",
              .columns = kHardwareDetection},
};

}  // namespace

std::span<const TableSpec> tables_of(RecordKind kind) {
  switch (kind) {
    case RecordKind::run:
      return kRun;
    case RecordKind::operation:
      return kOperation;
    case RecordKind::network:
      return kNetwork;
    case RecordKind::detection:
      return kDetection;
  }
  return {};
}

}  // namespace accel::db::detail
