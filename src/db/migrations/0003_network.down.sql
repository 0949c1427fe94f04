-- SPDX-License-Identifier: Apache-2.0
DROP TABLE ipfs_acceleration_results;
DROP TABLE p2p_network_metrics;
