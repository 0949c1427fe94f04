// SPDX-License-Identifier: Apache-2.0
#pragma once
// Models as the store holds them: a root's listing, a fetcher of its files, and hashes that are
// computed once. Used by model and run methods. Functions over the store; thread-safe as the store
// is.

#include <stop_token>
#include <string>

#include "accel/blockstore/store.hpp"
#include "accel/models/manifest.hpp"
#include "context.hpp"

namespace accel::node {

struct StoredModel {
  std::string name;  // The local alias; empty when it has none.
  ipld::Cid root;
  blockstore::Lease lease;  // Keeps its files until this goes.
  models::ModelManifest manifest;
  models::Fetcher fetcher;
};

// Errors: not_found (name, CID, or a file of the model that is not here: says which and how to pull
// it), and read_manifest's.
Result<StoredModel> open_model(blockstore::Store& store, const std::string& name_or_cid);

// The same, but a root that is not here whole is fetched first, verified, from wherever
// pull_from_anywhere() finds it. Errors: open_model()'s, and those of the pull.
Result<StoredModel> open_or_pull_model(Context& context, blockstore::Store& store,
                                       const std::string& name_or_cid);

// weights_sha256() of a variant, remembered by its content: gigabytes are hashed once. Errors: as
// weights_sha256().
Result<std::string> weights_hash(blockstore::Store& store, const models::Variant& variant,
                                 const models::Fetcher& fetcher, std::stop_token stop);

}  // namespace accel::node
