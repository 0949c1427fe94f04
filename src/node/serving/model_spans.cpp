// SPDX-License-Identifier: Apache-2.0
#include "serving/model_spans.hpp"

namespace accel::node {
namespace {

trace::Span model_span(std::string_view what, std::string_view model, const ipld::Cid& root) {
  trace::Span span = trace::Span::start(what);
  if (!span) return span;
  span.set("accel.model.name", model);
  span.set("accel.model.cid", root.to_string());
  return span;
}

// One of llama.cpp's two kinds of models.
template <class Info>
void tell_llama(trace::Span& span, const Info& model) {
  if (!span) return;
  span.set("accel.engine", model.engine);
  span.set("accel.engine.version", model.version);
  span.set("accel.device", model.device);
  span.set("accel.threads", model.threads);
}

}  // namespace

trace::Span load_span(std::string_view model, const ipld::Cid& root) {
  return model_span("load a model", model, root);
}

trace::Span run_span(std::string_view model, const ipld::Cid& root) {
  return model_span("run a model", model, root);
}

trace::Span run_span(std::string_view model, const ipld::Cid& root,
                     const inference::SessionInfo& session) {
  trace::Span span = run_span(model, root);
  tell_session(span, session);
  return span;
}

void tell_session(trace::Span& span, const inference::SessionInfo& session) {
  if (!span) return;
  span.set("accel.engine", session.engine);
  span.set("accel.engine.version", session.version);
  span.set("accel.device", session.device);
  span.set("accel.precision", session.precision);
  span.set("accel.threads", session.threads);
}

void tell_text_model(trace::Span& span, const inference::LlamaModelInfo& model) {
  tell_llama(span, model);
}

void tell_embedder(trace::Span& span, const inference::LlamaEmbedderInfo& model) {
  tell_llama(span, model);
}

}  // namespace accel::node
