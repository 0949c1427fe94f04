-- SPDX-License-Identifier: Apache-2.0
DROP TABLE journal_files;
DROP TABLE journal_records;
