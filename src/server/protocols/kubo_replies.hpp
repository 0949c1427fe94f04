// SPDX-License-Identifier: Apache-2.0
#pragma once
// Results of the node's methods in the words of Kubo's RPC. Pure; used by kubo_rpc and
// KuboRpcServer.

#include <nlohmann/json.hpp>

#include "protocols/kubo_rpc.hpp"

namespace accel::server::kubo {

// The lines of "add" for what was added: {"Name", "Hash", "Size"}, with progress a line of bytes
// before each file.
struct AddedEntry {
  std::string name;
  std::string cid;
  std::uint64_t dag_bytes = 0;   // What the entry's blocks take.
  std::uint64_t file_bytes = 0;  // Of a file.
  bool is_directory = false;
};
std::string add_lines(const std::vector<AddedEntry>& entries, bool progress);
// {"Root": …} of each root of an imported archive.
std::string import_lines(const nlohmann::json& result);

}  // namespace accel::server::kubo
