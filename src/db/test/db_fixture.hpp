// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the tests of this module share: a folder of their own, a migrated database, sample records.

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "accel/core/file.hpp"
#include "accel/core/random.hpp"
#include "accel/db/database.hpp"
#include "accel/db/journal.hpp"

namespace accel::db {

inline const std::string kWeights(64, 'a');

class DbTest : public testing::Test {
 protected:
  void SetUp() override {
    dir = std::filesystem::temp_directory_path() / ("accel-db-" + random_hex(system_random(), 8));
    std::filesystem::create_directories(dir);
  }
  void TearDown() override { std::filesystem::remove_all(dir); }

  static std::unique_ptr<Database> opened(const std::filesystem::path& path,
                                          const OpenOptions& options = {}) {
    auto database = Database::open(path, options);
    if (!database) throw std::runtime_error(database.error().to_string());
    return std::move(*database);
  }
  std::unique_ptr<Database> migrated(const std::filesystem::path& path = ":memory:") const {
    auto database = opened(path);
    const Status status = database->migrate(clock);
    if (!status) throw std::runtime_error(status.error().to_string());
    return database;
  }
  static std::string cell(Database& database, std::string_view sql) {
    const auto table = database.query(sql);
    return table ? to_text(table->rows.at(0).at(0)) : table.error().to_string();
  }

  std::filesystem::path dir;
  ManualClock clock;
};

// A run with one result; extra goes into the result's object.
inline std::string run_json(const std::string& extra = "") {
  return R"({"test_run": {"test_name": "run", "test_type": "inference",
      "started_at": "2026-11-21T10:40:00.123Z", "success": true},
    "models": [{"model_id": ")" +
         kWeights + R"(", "model_name": "minilm", "root_cid": "bafy", "weights_sha256": ")" +
         kWeights + R"(", "parameters_million": 22.7, "provenance": "measured"}],
    "hardware": [{"hardware_id": "cpu:0", "hardware_type": "cpu", "platform": "cpu",
      "memory_gb": 8, "emulated": false, "provenance": "reported", "provenance_source": "linux"}],
    "results": [{"model_id": ")" +
         kWeights + R"(", "hardware_id": "cpu:0", "weights_sha256": ")" + kWeights +
         R"(", "engine": "onnxruntime", "device": "cpu", "threads": 1, "batch_size": 1,
      "sequence_length": 16, "precision": "f32", "average_latency_ms": 4.5, "iterations": 20,
      "metrics": {"load": 0.1}, "provenance": "measured")" +
         extra + "}]}";
}

inline std::string operation_json() {
  return R"({"operation": {"operation": "pull", "cid": "bafy", "source": "gateway",
    "started_at": "2026-11-21T10:40:00Z", "bytes_total": 91000000, "bytes_verified": 91000000,
    "success": true, "sources": [{"url": "http://127.0.0.1:1"}], "provenance": "measured"}})";
}

inline std::string detection_json() {
  return R"({"platforms": [
    {"detected_at": "2026-11-21T10:40:00Z", "machine_key": "k", "platform": "cpu",
     "available": true, "emulated": false, "canary_ok": true, "evidence": {"isa": ["avx2"]},
     "devices": [], "provenance": "measured"},
    {"detected_at": "2026-11-21T10:40:00Z", "machine_key": "k", "platform": "cuda",
     "available": false, "emulated": false, "reason": "No driver.", "provenance": "measured"}]})";
}

}  // namespace accel::db
