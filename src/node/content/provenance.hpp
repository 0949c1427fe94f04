// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where a root came from when no CID named it: the hub or the folder, the version, the digests that
// were checked. Kept in the store beside the names. Used by hub pulls, adopt and models show.

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "accel/blockstore/store.hpp"
#include "context.hpp"

namespace accel::node {

// `origin` names a version that never changes ("hf:ORG/NAME@COMMIT"); root_of_origin() finds it
// again. Errors: as the store.
Status record_provenance(Context& context, blockstore::Store& store, const ipld::Cid& root,
                         const std::string& origin, nlohmann::json provenance);
// Nothing for a root that is not known to have come from somewhere.
std::optional<nlohmann::json> provenance_of(const blockstore::Store& store, const ipld::Cid& root);
// A root that is pinned here, or nothing.
std::optional<ipld::Cid> root_of_origin(const blockstore::Store& store, const std::string& origin);

// Gives the first of `name` and `name`-VERSION that is free or stands for this root already; gives
// none, and returns "", when neither can be had.
Result<std::string> give_free_name(blockstore::Store& store, const std::string& name,
                                   const std::string& version, const ipld::Cid& root);

}  // namespace accel::node
