// SPDX-License-Identifier: Apache-2.0
#include "accel/endpoints/multiplexer.hpp"

#include <algorithm>
#include <utility>

#include "accel/core/async/sync_wait.hpp"
#include "multiplexer_impl.hpp"

namespace accel::endpoints {
Multiplexer::Multiplexer(Executor executor, Seams seams, MultiplexerOptions options)
    : impl_(std::make_unique<Impl>(std::move(executor), seams, std::move(options))) {}

Multiplexer::~Multiplexer() {
  impl_->calls.cancel();
  (void)sync_wait(impl_->executor, impl_->calls.join());
}

void Multiplexer::set(std::vector<Endpoint> endpoints) {
  const auto setting = [](Impl* impl, std::vector<Endpoint> list) -> Task<void> {
    impl->set(std::move(list));
    co_return Status{};
  };
  auto task = setting(impl_.get(), std::move(endpoints));
  (void)sync_wait(impl_->executor, std::move(task));
}

std::vector<EndpointStats> Multiplexer::stats() {
  const auto reading = [](Impl* impl) -> Task<std::vector<EndpointStats>> {
    co_return impl->stats();
  };
  auto task = reading(impl_.get());
  return sync_wait(impl_->executor, std::move(task)).value_or(std::vector<EndpointStats>{});
}

Result<Reply> Multiplexer::ask(Question question, const PieceSink& on_piece, std::stop_token stop) {
  auto call = std::make_shared<Call>();
  call->question = std::move(question);
  call->began = impl_->seams.clock.now();
  const Duration limit = call->question.timeout > Duration::zero() ? call->question.timeout
                                                                   : impl_->options.total_timeout;
  call->deadline = call->began + limit;
  if (call->question.deadline) call->deadline = std::min(call->deadline, *call->question.deadline);
  call->stop = stop;
  call->trace = trace::current();
  impl_->calls.spawn(Impl::run_call(impl_.get(), EndGuard(call)));
  while (true) {
    PieceQueue::Next next = call->queue.next();
    if (on_piece) {
      for (const Piece& piece : next.pieces) on_piece(piece);
    }
    if (next.end) return std::move(*next.end);
  }
}

}  // namespace accel::endpoints
