// SPDX-License-Identifier: Apache-2.0
#pragma once
// What people and scripts see: results on stdout (text or one JSON document), errors on stderr.
// Main thread only. In text, control characters of a name or message are shown as \xNN.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/core/result.hpp"

namespace accel::cli {

// One line to stdout. Errors: io (a full disk); cancelled without a message when the reader of a
// pipe has gone.
Status print_line(std::string_view line);
Status print_json(const nlohmann::json& document);
Status print_bytes(ByteView bytes);

// Whether one of these found that the reader of a pipe has gone. Whatever a command says then is
// of that: it ends quietly.
bool reader_gone();

// A table with columns padded to their widest cell; columns of numbers are aligned right.
Status print_table(const std::vector<std::string>& header,
                   std::vector<std::vector<std::string>> rows);

// "error: sentence", the cause, and the code's name on stderr; as JSON when `json`. An error
// without a message is not shown.
void print_error(const Error& error, bool json);
void print_note(std::string_view text);

}  // namespace accel::cli
