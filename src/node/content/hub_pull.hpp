// SPDX-License-Identifier: Apache-2.0
#pragma once
// pull hf:ORG/NAME[@REV], ollama:NAME[:TAG] and s3:BUCKET/PREFIX: files come from a hub, checked
// against its own sizes and digests, get their CID on the way in, and are recorded with where they
// came from. Used by content.pull.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "accel/blockstore/store.hpp"
#include "context.hpp"

namespace accel::node {

bool is_hub_target(std::string_view text);

struct HubRequest {
  std::string target;
  std::string name;  // Empty: one is made of the target.
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  std::uint64_t max_bytes_per_second = 0;
};

// Errors: invalid_argument, those of hub::Session and of Store::add(), already_exists (the name
// stands for something else; what was fetched is here under its CID).
Result<nlohmann::json> pull_from_hub(Context& context, blockstore::Store& store,
                                     HubRequest request);

}  // namespace accel::node
