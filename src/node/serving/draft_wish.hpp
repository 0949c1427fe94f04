// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who shall guess a text's next tokens: what a request and the configuration say, and what a loaded
// model can do of it. Used by text_request, loaded_text and text_methods.

#include <string>

#include "accel/inference/llama.hpp"

namespace accel::node {

constexpr const char* kDraftLookup = "prompt-lookup";
constexpr const char* kDraftNone = "none";

struct DraftWish {
  inference::Draft kind = inference::Draft::none;
  // The draft model that is loaded beside the text's, by name or CID; empty: none. A request that
  // wants no draft, or another kind, still finds what the configuration loads.
  std::string model = {};
  bool asked = false;    // The request names `model`: what it can't be is an error.
  std::size_t most = 8;  // Tokens at a time.
};

// `asked`: empty (the configuration decides), kDraftNone, kDraftLookup, or a model; `configured`
// the same.
DraftWish draft_wish(const std::string& asked, const std::string& configured, std::size_t most);

// What is to be asked of a model. What only the configuration wants is left out where it can't be.
inference::Draft draft_for(const DraftWish& wish, const inference::LlamaModelInfo& model);

}  // namespace accel::node
