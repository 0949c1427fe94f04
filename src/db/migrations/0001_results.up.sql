-- SPDX-License-Identifier: Apache-2.0
-- What ran, on what, with which model, and how it is known. Columns are explained in src/db/README.md.
-- provenance: every table that holds a figure says how each of its rows is known. A reported row names who reported it.

CREATE TABLE hardware_platforms (
  hardware_id        VARCHAR PRIMARY KEY,
  hardware_type      VARCHAR NOT NULL,
  device_name        VARCHAR,
  platform           VARCHAR NOT NULL,
  platform_version   VARCHAR,
  driver_version     VARCHAR,
  memory_gb          DOUBLE CHECK (memory_gb >= 0),
  compute_units      BIGINT CHECK (compute_units >= 0),
  emulated           BOOLEAN NOT NULL DEFAULT FALSE,
  metadata           JSON,
  provenance         VARCHAR NOT NULL CHECK (provenance IN ('measured', 'predicted', 'simulated', 'reported')),
  provenance_source  VARCHAR,
  CHECK (provenance <> 'reported' OR provenance_source IS NOT NULL)
);

CREATE TABLE hardware_detection (
  detection_id       VARCHAR NOT NULL,
  detected_at        TIMESTAMP NOT NULL,
  machine_key        VARCHAR NOT NULL,
  platform           VARCHAR NOT NULL,
  available          BOOLEAN NOT NULL,
  emulated           BOOLEAN NOT NULL,
  driver_ok          BOOLEAN,
  device_ok          BOOLEAN,
  runtime_ok         BOOLEAN,
  canary_ok          BOOLEAN,
  reason             VARCHAR,
  evidence           JSON,
  devices            JSON,
  provenance         VARCHAR NOT NULL CHECK (provenance IN ('measured', 'predicted', 'simulated', 'reported')),
  provenance_source  VARCHAR,
  PRIMARY KEY (detection_id, platform),
  CHECK (provenance <> 'reported' OR provenance_source IS NOT NULL)
);

CREATE TABLE models (
  model_id            VARCHAR PRIMARY KEY,
  model_name          VARCHAR,
  model_family        VARCHAR,
  modality            VARCHAR,
  source              VARCHAR,
  version             VARCHAR,
  parameters_million  DOUBLE CHECK (parameters_million >= 0),
  root_cid            VARCHAR,
  weights_sha256      VARCHAR NOT NULL CHECK (regexp_full_match(weights_sha256, '[0-9a-f]{64}')),
  metadata            JSON,
  provenance          VARCHAR NOT NULL CHECK (provenance IN ('measured', 'predicted', 'simulated', 'reported')),
  provenance_source   VARCHAR,
  CHECK (provenance <> 'reported' OR provenance_source IS NOT NULL)
);

CREATE TABLE test_runs (
  run_id        VARCHAR PRIMARY KEY,
  test_name     VARCHAR NOT NULL,
  test_type     VARCHAR NOT NULL,
  started_at    TIMESTAMP NOT NULL,
  completed_at  TIMESTAMP,
  success       BOOLEAN NOT NULL,
  error_code    VARCHAR,
  error_message VARCHAR,
  git_commit    VARCHAR,
  command_line  VARCHAR
);

CREATE TABLE performance_results (
  result_id                         VARCHAR PRIMARY KEY,
  run_id                            VARCHAR NOT NULL,
  model_id                          VARCHAR NOT NULL,
  hardware_id                       VARCHAR NOT NULL,
  weights_sha256                    VARCHAR NOT NULL CHECK (regexp_full_match(weights_sha256, '[0-9a-f]{64}')),
  test_case                         VARCHAR,
  engine                            VARCHAR NOT NULL,
  engine_version                    VARCHAR,
  engine_sha256                     VARCHAR,
  device                            VARCHAR NOT NULL,
  threads                           INTEGER CHECK (threads > 0),
  batch_size                        INTEGER CHECK (batch_size > 0),
  sequence_length                   INTEGER CHECK (sequence_length > 0),
  precision                         VARCHAR NOT NULL,
  total_time_seconds                DOUBLE CHECK (total_time_seconds >= 0),
  average_latency_ms                DOUBLE CHECK (average_latency_ms >= 0),
  p50_latency_ms                    DOUBLE CHECK (p50_latency_ms >= 0),
  p90_latency_ms                    DOUBLE CHECK (p90_latency_ms >= 0),
  p95_latency_ms                    DOUBLE CHECK (p95_latency_ms >= 0),
  p99_latency_ms                    DOUBLE CHECK (p99_latency_ms >= 0),
  throughput_items_per_second       DOUBLE CHECK (throughput_items_per_second >= 0),
  memory_peak_mb                    DOUBLE CHECK (memory_peak_mb >= 0),
  power_watts                       DOUBLE CHECK (power_watts >= 0),
  energy_efficiency_items_per_joule DOUBLE CHECK (energy_efficiency_items_per_joule >= 0),
  iterations                        BIGINT CHECK (iterations >= 0),
  warmup_iterations                 BIGINT CHECK (warmup_iterations >= 0),
  accuracy_error                    DOUBLE CHECK (accuracy_error >= 0),
  metrics                           JSON,
  provenance                        VARCHAR NOT NULL CHECK (provenance IN ('measured', 'predicted', 'simulated', 'reported')),
  provenance_source                 VARCHAR,
  CHECK (provenance <> 'reported' OR provenance_source IS NOT NULL)
);

CREATE TABLE ipfs_operations (
  operation_id       VARCHAR PRIMARY KEY,
  operation          VARCHAR NOT NULL,
  cid                VARCHAR,
  source             VARCHAR CHECK (source IN ('cache', 'p2p', 'ipfs', 'gateway', 'range', 'local')),
  started_at         TIMESTAMP NOT NULL,
  completed_at       TIMESTAMP,
  duration_ms        DOUBLE CHECK (duration_ms >= 0),
  bytes_total        BIGINT CHECK (bytes_total >= 0),
  bytes_transferred  BIGINT CHECK (bytes_transferred >= 0),
  bytes_reused       BIGINT CHECK (bytes_reused >= 0),
  bytes_duplicate    BIGINT CHECK (bytes_duplicate >= 0),
  bytes_verified     BIGINT CHECK (bytes_verified >= 0),
  success            BOOLEAN NOT NULL,
  error_code         VARCHAR,
  error_message      VARCHAR,
  sources            JSON,
  metadata           JSON,
  provenance         VARCHAR NOT NULL CHECK (provenance IN ('measured', 'predicted', 'simulated', 'reported')),
  provenance_source  VARCHAR,
  CHECK (provenance <> 'reported' OR provenance_source IS NOT NULL)
);
