// SPDX-License-Identifier: Apache-2.0
#pragma once
// Two ends of a stream in memory, for tests: bounded, so that a writer waits for a slow reader.

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <utility>

#include "accel/libp2p/stream.hpp"

namespace accel::exchange::testing {

class PairedStream final : public libp2p::Stream {
 public:
  // One direction. Owners: both ends.
  struct Pipe {
    explicit Pipe(const Executor& executor) : news(executor) {}
    Bytes data;
    std::size_t most = 256U << 10U;
    bool closed = false;
    bool reset = false;
    asio::steady_timer news;
    void tell() { news.cancel(); }
  };

  PairedStream(ipld::PeerId peer, std::string protocol, std::shared_ptr<Pipe> in,
               std::shared_ptr<Pipe> out)
      : peer_(std::move(peer)),
        protocol_(std::move(protocol)),
        in_(std::move(in)),
        out_(std::move(out)) {}
  ~PairedStream() override {
    if (!in_->closed || !out_->closed) PairedStream::reset();
  }

  Task<std::size_t> read_some(std::span<std::byte> into) override {
    while (in_->data.empty() && !in_->closed && !in_->reset) {
      auto waiting = wait(in_);
      co_await std::move(waiting);
    }
    if (in_->reset) co_return fail(Errc::unavailable, "The stream was reset.");
    const std::size_t size = std::min(into.size(), in_->data.size());
    std::memcpy(into.data(), in_->data.data(), size);
    in_->data.erase(in_->data.begin(), in_->data.begin() + static_cast<std::ptrdiff_t>(size));
    in_->tell();
    co_return size;
  }
  Task<void> write_all(ByteView bytes) override {
    while (!bytes.empty()) {
      if (out_->reset) co_return fail(Errc::unavailable, "The stream was reset.");
      const std::size_t room = out_->most - std::min(out_->most, out_->data.size());
      const ByteView some = bytes.first(std::min(room, bytes.size()));
      out_->data.insert(out_->data.end(), some.begin(), some.end());
      bytes = bytes.subspan(some.size());
      out_->tell();
      if (bytes.empty()) break;
      auto waiting = wait(out_);
      co_await std::move(waiting);
    }
    co_return Status{};
  }
  Task<void> close_write() override {
    out_->closed = true;
    out_->tell();
    co_return Status{};
  }
  void reset() override {
    for (const auto& pipe : {in_, out_}) {
      pipe->reset = true;
      pipe->tell();
    }
  }
  const ipld::PeerId& peer() const override { return peer_; }
  const std::string& protocol() const override { return protocol_; }

 private:
  static asio::awaitable<void> wait(std::shared_ptr<Pipe> pipe) {
    pipe->news.expires_at(asio::steady_timer::time_point::max());
    auto waiting = pipe->news.async_wait(asio::as_tuple(asio::use_awaitable));
    co_await std::move(waiting);
  }

  ipld::PeerId peer_;
  std::string protocol_;
  std::shared_ptr<Pipe> in_;
  std::shared_ptr<Pipe> out_;
};

struct StreamPair {
  std::unique_ptr<PairedStream> here;   // What `to` is at the other end of.
  std::unique_ptr<PairedStream> there;  // What `from` is at the other end of.
};

inline StreamPair stream_pair(const Executor& executor, const ipld::PeerId& from,
                              const ipld::PeerId& to, const std::string& protocol) {
  auto there = std::make_shared<PairedStream::Pipe>(executor);
  auto back = std::make_shared<PairedStream::Pipe>(executor);
  return {std::make_unique<PairedStream>(to, protocol, back, there),
          std::make_unique<PairedStream>(from, protocol, there, back)};
}

}  // namespace accel::exchange::testing
