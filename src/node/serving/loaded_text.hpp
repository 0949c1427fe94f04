// SPDX-License-Identifier: Apache-2.0
#pragma once
// A language model ready to write, found by name and loaded once. Used by text methods.

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "accel/models/text_generator.hpp"
#include "serving/draft_wish.hpp"
#include "serving/loaded.hpp"
#include "serving/serving.hpp"

namespace accel::node {

struct LoadedText : Loaded {
  std::string weights_sha256;
  std::string precision;
  WallTime loaded_at{};
  std::unique_ptr<models::TextGenerator> generator;
  blockstore::Lease draft_lease;
  std::string draft;  // Its draft model, as it was named; empty: none.

  nlohmann::json row() const override;
};

struct TextReady {
  inference::Lent<LoadedText> model;
  std::string name;    // As it was asked for, resolved.
  double load_ms = 0;  // 0 when it was kept from an earlier call.
};

// `threads` 0: what cpu.num_threads says, else by how busy the machine is. With another draft model
// it is loaded once more. Errors: not_found, invalid_argument (no model that writes text; a draft
// model of another vocabulary), and those of opening it; of a draft model only where the request
// names it, else the text does without and the log says why.
Result<TextReady> ready_text(ServingContext& call, const std::string& model, int threads,
                             const DraftWish& draft);

// As many threads as there are idle CPUs among the usable ones: a decoder's threads wait for each
// other many times a token, and one that shares its CPU holds up all (measured: 2 threads on 2 busy
// CPUs write 2.3 tokens/s where 1 writes 171). `load` is of all `cpus` of the machine.
int threads_by_load(int usable, int cpus, double load);
// What a model of llama.cpp runs with here when `wanted` (0: not said). Errors: invalid_argument
// (more than the CPUs that this process may use).
Result<int> text_threads(const Config& config, int wanted);

}  // namespace accel::node
