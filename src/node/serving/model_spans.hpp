// SPDX-License-Identifier: Apache-2.0
#pragma once
// What traces tell of models: that one is loaded, and that it runs. Used by the methods that do so;
// costs nothing where nobody traces.

#include <string_view>

#include "accel/core/trace.hpp"
#include "accel/inference/llama.hpp"
#include "accel/inference/llama_embedder.hpp"
#include "accel/inference/session.hpp"
#include "accel/ipld/cid.hpp"

namespace accel::node {

trace::Span load_span(std::string_view model, const ipld::Cid& root);
trace::Span run_span(std::string_view model, const ipld::Cid& root);
trace::Span run_span(std::string_view model, const ipld::Cid& root,
                     const inference::SessionInfo& session);
// On which engine and device it came to run.
void tell_session(trace::Span& span, const inference::SessionInfo& session);
void tell_text_model(trace::Span& span, const inference::LlamaModelInfo& model);
void tell_embedder(trace::Span& span, const inference::LlamaEmbedderInfo& model);

}  // namespace accel::node
