// SPDX-License-Identifier: Apache-2.0
#pragma once
// Opening a store: its version, its folders, its index. Private to blockstore.
// Spec: docs/formats/store.md, "Version".

#include "store_core.hpp"

namespace accel::blockstore {

// Errors: as Store::open().
Result<std::unique_ptr<StoreCore>> open_store(const StoreOptions& options);

}  // namespace accel::blockstore
