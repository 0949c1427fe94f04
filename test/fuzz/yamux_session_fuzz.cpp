// SPDX-License-Identifier: Apache-2.0
// A peer that multiplexes: frames in pieces, with a reader and a writer on our side. Memory stays
// within the limits, and what is handed out was held.
#include <cstdlib>
#include <set>

#include "../../src/libp2p/yamux_session.hpp"

namespace {

using namespace accel;
using namespace accel::libp2p;

class Victim {
 public:
  explicit Victim(bool dialer)
      : session_({.dialer = dialer,
                  .max_streams = 8,
                  .max_buffered_bytes = 300'000,
                  .budget = &budget_}) {
    if (dialer) open_.insert(session_.open().value());
    session_.ping(clock_.now(), 7);
  }

  bool take(ByteView bytes) {
    clock_.advance(std::chrono::microseconds(100));
    const bool fine = session_.receive(bytes, clock_.now()).has_value();
    for (const YamuxEvent& event : session_.take_events()) handle(event);
    if (session_.buffered_bytes() != budget_.used || budget_.used > 300'000) std::abort();
    if (session_.streams() > 8) std::abort();
    if (session_.queued_bytes() > 4 * kYamuxMaxQueuedControl) std::abort();
    return fine;
  }

  void work(std::uint8_t what) {
    if (open_.empty()) return;
    const auto id = *open_.begin();
    if (what % 4 == 0) session_.reset(id);
    if (what % 4 == 1) static_cast<void>(session_.close_write(id));
    if (what % 4 == 2) session_.release(id), open_.erase(id);
    if (what % 4 == 3) session_.take_output(output_);
  }

 private:
  void handle(const YamuxEvent& event) {
    if (event.kind == YamuxEvent::Kind::accepted) open_.insert(event.stream);
    if (event.kind != YamuxEvent::Kind::readable) return;
    std::array<std::byte, 1000> into{};
    static_cast<void>(session_.read(event.stream, into, clock_.now()));
    static_cast<void>(session_.write(event.stream, Bytes(100, 1)));
  }

  YamuxBudget budget_;
  ManualClock clock_;
  YamuxSession session_;
  std::set<std::uint32_t> open_;
  RawBuffer output_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  Victim victim(data[0] % 2 == 1);
  const std::size_t piece = 1 + data[1];
  for (ByteView rest(data + 2, size - 2); !rest.empty();) {
    const ByteView part = rest.first(std::min(piece, rest.size()));
    rest = rest.subspan(part.size());
    if (!victim.take(part)) break;
    if (part.size() > 3) victim.work(part[3]);
  }
  return 0;
}
