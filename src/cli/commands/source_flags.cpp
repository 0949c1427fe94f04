// SPDX-License-Identifier: Apache-2.0
#include "commands/source_flags.hpp"

namespace accel::cli {

void SourceFlags::add_to(nlohmann::json& params) const {
  params["sources"] = from;
  params["file_sources"] = from_file;
  if (!routers.empty()) params["routers"] = routers;
  if (!peers.empty()) params["peers"] = peers;
  if (limit_rate > 0) params["limit_rate"] = limit_rate;
  if (background) params["background"] = true;
}

void add_source_options(CLI::App* command, SourceFlags& flags) {
  command->add_option("--from", flags.from, "A gateway's URL; may be given several times");
  command->add_option("--from-file", flags.from_file,
                      "The same file (or folder) on any web server that answers Range requests; "
                      "inner nodes of the DAG still come from --from");
  command->add_option("--router", flags.routers,
                      "A delegated router's URL, asked for gateways that have it (default: "
                      "routing.delegated when there is no --from)");
  command->add_option("--peer", flags.peers,
                      "A peer's address, /ip4/…/tcp/…/p2p/ID: it is asked over bitswap");
  command->add_option("--limit-rate", flags.limit_rate, "Bytes a second at most, as 500K or 10MB")
      ->transform(CLI::AsSizeValue(true));
}

}  // namespace accel::cli
