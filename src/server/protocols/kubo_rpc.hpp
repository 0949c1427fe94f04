// SPDX-License-Identifier: Apache-2.0
#pragma once
// The subset of Kubo's RPC that is served here, as words: a command and its query become a method
// of the node, the method's result the answer that clients of Kubo read. Pure; used by
// KuboRpcServer. What a client asks for and this node has not is refused by name. Spec: Kubo 0.43
// (docs.ipfs.tech/reference/kubo/rpc), and what npm kubo-rpc-client reads.

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/protocol.hpp"

namespace accel::server::kubo {

inline constexpr std::string_view kPrefix = "/api/v0/";

// A query: "arg" may come several times, of other options the last one counts.
struct Query {
  std::vector<std::string> args;
  std::map<std::string, std::string, std::less<>> options;
};
// Errors: invalid_argument (badly coded, too many).
Result<Query> read_query(std::string_view query);

// How the answer is made.
enum class Answer {
  json,    // One document.
  lines,   // Documents, one a line.
  bytes,   // Content, as it comes.
  upload,  // From files that the client sends: KuboRpcServer does these itself.
};

struct Command {
  std::string_view path;  // Below kPrefix: "pin/add".
  Answer answer;
  std::size_t least_args;
  std::size_t most_args;
  std::string_view options;  // Names that are read, with spaces around each.
};
std::span<const Command> commands();
const Command* find_command(std::string_view path);

// The number of arguments, and that nothing was asked that nobody reads. Errors: invalid_argument,
// unsupported.
Status check_query(const Command& command, const Query& query);
// The method of a command that is no upload. Errors: as above.
Result<MethodRequest> method_of(const Command& command, const Query& query);
// The answer's body of its result.
// Errors: not_found (what was asked for is not in it).
Result<std::string> reply_of(const Command& command, const Query& query,
                             const nlohmann::json& result);

// The parameters of content.add that an upload's query asks for, without "path". Kubo's defaults.
Result<nlohmann::json> add_params(const Query& query);

// A flag as Kubo reads one. Errors: invalid_argument.
Result<bool> flag_of(const Query& query, std::string_view name, bool fallback);
std::string text_of(const Query& query, std::string_view name, std::string_view fallback);
// "1h30m", "300s", "10ms". Errors: invalid_argument.
Result<std::chrono::milliseconds> duration_of(std::string_view text);

// {"Message", "Code", "Type"} and its HTTP status.
std::string error_reply(const Error& error);
int error_status(const Error& error);
std::string line_of(const nlohmann::json& value);

}  // namespace accel::server::kubo
