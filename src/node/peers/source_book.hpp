// SPDX-License-Identifier: Apache-2.0
#pragma once
// Keeps in the home what transfers measured: figures of each source, and the totals of all pulls.
// Used by the methods that fetch, and by network analytics. Any thread; processes take turns.

#include <memory>

#include "accel/exchange/network_analytics.hpp"
#include "services.hpp"

namespace accel::node {

// Empty when nothing can be read: figures are a help, never a condition.
std::shared_ptr<const exchange::SourceBook> known_sources(const blockstore::Store& store);
exchange::TransferTotals transfer_totals(const blockstore::Store& store);
// After each pull, however it ended. What can't be kept (a read-only home) is told in the log.
void note_pull(Services& services, blockstore::Store& store,
               const Result<exchange::PullReport>& report);

}  // namespace accel::node
