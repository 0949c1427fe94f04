// SPDX-License-Identifier: Apache-2.0
#pragma once
// A pair of connected Streams in memory, for tests of protocols. Everything on one executor.

#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>

#include "accel/libp2p/stream.hpp"
#include "signal.hpp"

namespace accel::libp2p::test {

class MemoryStream final : public Stream {
 public:
  static constexpr std::size_t kWindow = std::size_t{256} << 10U;

  static std::pair<std::unique_ptr<MemoryStream>, std::unique_ptr<MemoryStream>> make_pair(
      const Executor& executor, ipld::PeerId left, ipld::PeerId right, std::string protocol) {
    auto to_left = std::make_shared<Pipe>(executor);  // Owners: both ends.
    auto to_right = std::make_shared<Pipe>(executor);
    std::unique_ptr<MemoryStream> a(new MemoryStream(to_left, to_right, right, protocol));
    std::unique_ptr<MemoryStream> b(new MemoryStream(to_right, to_left, left, protocol));
    return {std::move(a), std::move(b)};
  }

  ~MemoryStream() override {
    if (!closed_) reset();
  }

  Task<std::size_t> read_some(std::span<std::byte> into) override {
    for (;;) {
      if (in_->reset) co_return fail(Errc::unavailable, "The stream was reset.");
      if (!in_->bytes.empty()) {
        const std::size_t count = std::min(into.size(), in_->bytes.size());
        const auto end = in_->bytes.begin() + static_cast<std::ptrdiff_t>(count);
        std::transform(in_->bytes.begin(), end, into.begin(),
                       [](std::uint8_t byte) { return std::byte{byte}; });
        in_->bytes.erase(in_->bytes.begin(), end);
        in_->room.call();
        co_return count;
      }
      if (in_->closed) co_return std::size_t{0};
      const Status woken = co_await in_->more.wait();
      ACCEL_CO_CHECK(woken);
    }
  }

  Task<void> write_all(ByteView bytes) override {
    while (!bytes.empty()) {
      if (out_->reset) co_return fail(Errc::unavailable, "The stream was reset.");
      if (closed_) co_return fail(Errc::invalid_argument, "The stream is closed for writing.");
      const std::size_t room = kWindow - std::min(kWindow, out_->bytes.size());
      const ByteView part = bytes.first(std::min(room, bytes.size()));
      out_->bytes.insert(out_->bytes.end(), part.begin(), part.end());
      bytes = bytes.subspan(part.size());
      out_->more.call();
      if (bytes.empty()) break;
      const Status woken = co_await out_->room.wait();
      ACCEL_CO_CHECK(woken);
    }
    co_return Status{};
  }

  Task<void> close_write() override {
    closed_ = true;
    out_->closed = true;
    out_->more.call();
    co_return Status{};
  }

  void reset() override {
    for (const auto& pipe : {in_, out_}) {
      pipe->reset = true;
      pipe->more.call();
      pipe->room.call();
    }
  }

  const ipld::PeerId& peer() const override { return peer_; }
  const std::string& protocol() const override { return protocol_; }

 private:
  struct Pipe {
    explicit Pipe(const Executor& executor) : more(executor), room(executor) {}
    std::deque<std::uint8_t> bytes;
    bool closed = false;
    bool reset = false;
    Signal more;
    Signal room;
  };

  MemoryStream(std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out, ipld::PeerId peer,
               std::string protocol)
      : in_(std::move(in)),
        out_(std::move(out)),
        peer_(std::move(peer)),
        protocol_(std::move(protocol)) {}

  std::shared_ptr<Pipe> in_;
  std::shared_ptr<Pipe> out_;
  ipld::PeerId peer_;
  std::string protocol_;
  bool closed_ = false;
};

}  // namespace accel::libp2p::test
