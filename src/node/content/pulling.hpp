// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the methods that fetch have in common: sources and limits from parameters and configuration,
// a pull that is awaited and recorded, and parts of files. Used by content and tensor methods.

#include <string>
#include <string_view>

#include "accel/exchange/fetcher.hpp"
#include "context.hpp"

namespace accel::node {

// Reads the parameters "sources", "file_sources", "routers" (for find_sources()), "peers" and
// "limit_rate" (bytes per second); what they do not say comes from the configuration. A daemon with
// a swarm asks its peers as well. Reports progress as phase "pull".
Result<exchange::PullOptions> pull_options(Context& context);

// Checks the same parameters without using them yet: for methods that fetch only what is not here.
void expect_pull_params(Params& params);

// Adds the gateways that routers name for a root: those of the parameter "routers", or of
// routing.delegated when no source was named either. Errors: not_found, unavailable (nobody is left
// to ask; `options` are as they were), invalid_argument (a router that is no URL), cancelled.
Status find_sources(Context& context, const ipld::Cid& root, exchange::PullOptions& options);

// Runs to its end and records it. Errors: as Fetcher::pull().
Result<exchange::PullReport> pull_root(Context& context, blockstore::Store& store,
                                       const ipld::Cid& root, exchange::PullOptions options);

// The same from the sources that the parameters and the configuration name, connected peers and the
// DHT included, pinned; one that is here whole needs no source. Errors: as find_sources() and
// Fetcher::pull().
Result<exchange::PullReport> pull_from_anywhere(Context& context, blockstore::Store& store,
                                                const ipld::Cid& root);

// The result of content.pull, as docs/api.md says.
nlohmann::json json_of(const exchange::PullReport& report);

// A file below a root, none of whose blocks need be here.
struct FileTarget {
  ipld::Cid root;
  std::string path;  // Below the root; empty when it is the root.
};
// "CID", "NAME", each with "/path/below". Errors: not_found (no such name), invalid_argument.
Result<FileTarget> file_target(const blockstore::Store& store, std::string_view text);

// Ranges of a file, from here or from the sources, handed out in order while they come. A part that
// needed no source is not recorded. Errors: as Fetcher::pull().
Result<exchange::PullReport> fetch_part(Context& context, blockstore::Store& store,
                                        const FileTarget& target,
                                        const exchange::PullOptions& options,
                                        exchange::PullSelection selection);

}  // namespace accel::node
