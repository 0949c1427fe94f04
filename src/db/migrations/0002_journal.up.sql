-- SPDX-License-Identifier: Apache-2.0
-- What was taken from the journal: an id once and for all, and how far each file has been read.

CREATE TABLE journal_records (
  record_id    VARCHAR PRIMARY KEY,
  kind         VARCHAR NOT NULL,
  ingested_at  TIMESTAMP NOT NULL
);

CREATE TABLE journal_files (
  file_name      VARCHAR PRIMARY KEY,
  bytes_read     BIGINT NOT NULL CHECK (bytes_read >= 0),
  lines_read     BIGINT NOT NULL CHECK (lines_read >= 0),
  lines_refused  BIGINT NOT NULL CHECK (lines_refused >= 0)
);
