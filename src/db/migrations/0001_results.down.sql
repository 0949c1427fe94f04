-- SPDX-License-Identifier: Apache-2.0
DROP TABLE ipfs_operations;
DROP TABLE performance_results;
DROP TABLE test_runs;
DROP TABLE models;
DROP TABLE hardware_detection;
DROP TABLE hardware_platforms;
