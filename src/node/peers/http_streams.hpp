// SPDX-License-Identifier: Apache-2.0
#pragma once
// Blocks and CARs for peers, as a trustless gateway over streams of /http/1.1: what Kubo calls its
// gateway over libp2p. Used by services. On the host's executor; outlives the host, whose tasks
// refer to it. Spec: libp2p/specs http/README.md.

#include <map>
#include <memory>
#include <string>

#include "accel/core/async/offload.hpp"
#include "accel/core/metrics.hpp"
#include "accel/gateway/gateway.hpp"
#include "accel/libp2p/host.hpp"

namespace accel::node {

class HttpStreams {
 public:
  HttpStreams(const blockstore::Store& store, OffloadPool& pool, Metrics& metrics);
  HttpStreams(const HttpStreams&) = delete;
  HttpStreams& operator=(const HttpStreams&) = delete;

  void attach(libp2p::Host& host);

 private:
  struct Guest {
    ipld::PeerId peer;
    std::string machine;
  };
  class Place;
  bool has_place(const Guest& guest);
  Task<void> serve(std::unique_ptr<libp2p::Stream> stream, Guest guest);

  gateway::Gateway gateway_;
  // Streams under way; entries of 0 go when the next comes.
  std::map<ipld::PeerId, std::size_t> of_peer_;
  std::map<std::string, std::size_t> of_machine_;
  std::size_t all_ = 0;
};

}  // namespace accel::node
