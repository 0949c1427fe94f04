// SPDX-License-Identifier: Apache-2.0
#pragma once
// A session as one call sees it whose inputs may be known: it answers from the OutputCache, and
// else runs the session below and keeps what comes. Used by node. Only for sessions whose equal
// inputs give equal outputs (SessionInfo::repeatable). Of the thread of its call; both that it is
// made of must outlive it.

#include "accel/inference/output_cache.hpp"
#include "accel/inference/session.hpp"

namespace accel::inference {

class CachedSession final : public Session {
 public:
  CachedSession(Session& session, OutputUse& use) : session_(session), use_(use) {}

  const std::vector<TensorSpec>& inputs() const override { return session_.inputs(); }
  const std::vector<TensorSpec>& outputs() const override { return session_.outputs(); }
  const SessionInfo& info() const override { return session_.info(); }
  // Of several graphs none is cached: what goes from one to the other is mostly large.
  Session* graph(std::string_view name) override { return session_.graph(name); }

  Result<std::vector<tensor::Tensor>> run(std::span<const NamedTensor> inputs,
                                          std::span<const std::string> outputs,
                                          const RunOptions& options) override;

 private:
  Session& session_;
  OutputUse& use_;
};

}  // namespace accel::inference
