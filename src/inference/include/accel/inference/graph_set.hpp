// SPDX-License-Identifier: Apache-2.0
#pragma once
// A model of several graphs that work together (a detector and a recognizer, an encoder and a
// decoder), opened as one session: the one of its entry, which hands out the others by name
// (Session::graph). Used by node, which opens them, and by the families of models, which run them.
//
// All graphs run on the same engine, device and threads. Threads and ownership: as Session's; the
// set owns its graphs.

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "accel/inference/backend.hpp"

namespace accel::inference {

// The local files of a model that an engine opens.
struct GraphFiles {
  std::filesystem::path entry;
  // Every graph by the name that the model's files give it, the entry among them. Empty: the model
  // has one graph, without a name.
  std::map<std::string, std::filesystem::path, std::less<>> graphs = {};
};

// Errors: as Backend::open(), for whichever graph.
Result<std::unique_ptr<Session>> open_graphs(Backend& backend, const GraphFiles& files,
                                             const SessionOptions& options);

// Errors: unsupported (the session has no graph of that name).
Result<Session*> find_graph(Session& session, std::string_view name);

}  // namespace accel::inference
