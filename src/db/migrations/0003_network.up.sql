-- SPDX-License-Identifier: Apache-2.0
-- What a node saw of its network, and what became of each transfer. Columns are explained in src/db/README.md.

CREATE TABLE p2p_network_metrics (
  metric_id              VARCHAR PRIMARY KEY,
  recorded_at            TIMESTAMP NOT NULL,
  peer_id                VARCHAR,
  peer_count             BIGINT NOT NULL CHECK (peer_count >= 0),
  known_content_items    BIGINT CHECK (known_content_items >= 0),
  transfers_completed    BIGINT CHECK (transfers_completed >= 0),
  transfers_failed       BIGINT CHECK (transfers_failed >= 0),
  bytes_transferred      BIGINT CHECK (bytes_transferred >= 0),
  bytes_useful           BIGINT CHECK (bytes_useful >= 0),
  average_transfer_speed DOUBLE CHECK (average_transfer_speed >= 0),
  network_efficiency     DOUBLE CHECK (network_efficiency >= 0 AND network_efficiency <= 1),
  network_density        DOUBLE CHECK (network_density >= 0 AND network_density <= 1),
  average_connections    DOUBLE CHECK (average_connections >= 0),
  health                 VARCHAR,
  links                  JSON,
  provenance             VARCHAR NOT NULL CHECK (provenance IN ('measured', 'predicted', 'simulated', 'reported')),
  provenance_source      VARCHAR,
  CHECK (provenance <> 'reported' OR provenance_source IS NOT NULL)
);

CREATE TABLE ipfs_acceleration_results (
  result_id          VARCHAR PRIMARY KEY,
  recorded_at        TIMESTAMP NOT NULL,
  cid                VARCHAR NOT NULL,
  source             VARCHAR CHECK (source IN ('cache', 'p2p', 'ipfs', 'gateway', 'range', 'local')),
  transfer_time_ms   DOUBLE CHECK (transfer_time_ms >= 0),
  p2p_optimized      BOOLEAN,
  peer_count         BIGINT CHECK (peer_count >= 0),
  network_efficiency DOUBLE CHECK (network_efficiency >= 0 AND network_efficiency <= 1),
  load_time_ms       DOUBLE CHECK (load_time_ms >= 0),
  bytes_transferred  BIGINT CHECK (bytes_transferred >= 0),
  provenance         VARCHAR NOT NULL CHECK (provenance IN ('measured', 'predicted', 'simulated', 'reported')),
  provenance_source  VARCHAR,
  CHECK (provenance <> 'reported' OR provenance_source IS NOT NULL)
);
