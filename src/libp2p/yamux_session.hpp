// SPDX-License-Identifier: Apache-2.0
#pragma once
// Many streams over one ordered connection: Yamux, as a state machine over bytes without I/O or
// clock. Private to libp2p; Connection performs what it asks for. Spec: libp2p/specs
// yamux/README.md.
//
// Memory: what a peer may send ahead is bounded per stream (its window), per session
// (max_buffered_bytes) and over all sessions (YamuxBudget). What waits to be sent is bounded by
// kYamuxMaxQueuedData and kYamuxMaxQueuedControl.

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "accel/core/clock.hpp"
#include "receive_queue.hpp"
#include "yamux_frame.hpp"

namespace accel::libp2p {

inline constexpr std::uint32_t kYamuxInitialWindow = std::uint32_t{256} << 10U;
inline constexpr std::uint32_t kYamuxMaxWindow = std::uint32_t{16} << 20U;  // As go-yamux.
inline constexpr std::size_t kYamuxMaxFrame = std::size_t{64}
                                              << 10U;  // So that streams take turns.
inline constexpr std::size_t kYamuxMaxQueuedData = std::size_t{1} << 20U;
// Answers that the peer does not read: beyond this it is flooding.
inline constexpr std::size_t kYamuxMaxQueuedControl = std::size_t{1} << 20U;
inline constexpr std::size_t kYamuxAckBacklog = 256;  // Of the spec.

// Bytes that all sessions of a host hold for their readers.
struct YamuxBudget {
  std::size_t limit = std::size_t{256} << 20U;
  std::size_t used = 0;
  // Called when it is full: resets the stream that holds most, of any session, if that holds at
  // least so many bytes. Nothing set: whoever sends next is reset.
  std::function<void(std::size_t)> make_room{};
};

struct YamuxOptions {
  bool dialer = false;             // Its streams are odd.
  std::size_t max_streams = 1024;  // Of both sides together.
  std::size_t max_buffered_bytes = std::size_t{32} << 20U;
  YamuxBudget* budget = nullptr;  // Outlives the session; nothing: no common limit.
};

struct YamuxEvent {
  enum class Kind { accepted, readable, writable, reset, openable };
  Kind kind = Kind::readable;
  std::uint32_t stream = 0;
};

class YamuxSession {
 public:
  using StreamId = std::uint32_t;

  explicit YamuxSession(YamuxOptions options) : options_(options), next_(options.dialer ? 1 : 2) {}
  ~YamuxSession();
  YamuxSession(const YamuxSession&) = delete;
  YamuxSession& operator=(const YamuxSession&) = delete;

  // Bytes of the connection, cut anywhere. Errors: protocol (a GoAway is queued; send it and
  // close).
  Status receive(ByteView bytes, SteadyTime now);
  // What happened since the last call.
  std::vector<YamuxEvent> take_events();

  // Moves what is to be sent into `out`, which is emptied first and keeps its capacity.
  void take_output(RawBuffer& out);
  std::size_t queued_bytes() const { return output_.size(); }

  // Errors: resource_exhausted (too many streams, or too many that the peer has not acknowledged:
  // wait for openable), unavailable (the peer goes away).
  Result<StreamId> open();
  // Takes a part of the bytes, as window and queue allow; 0: wait for writable. Errors: unavailable
  // (reset, or no such stream), invalid_argument (closed for writing).
  Result<std::size_t> write(StreamId stream, ByteView bytes);
  // What there is; nothing: wait for readable; 0: the peer has closed. Errors: unavailable (reset).
  Result<std::optional<std::size_t>> read(StreamId stream, std::span<std::byte> into,
                                          SteadyTime now);
  Status close_write(StreamId stream);
  // Tells the peer, unless both sides had closed. Idempotent.
  void reset(StreamId stream);
  // The owner has no more interest: forgets it, and resets it unless it was closed for writing
  // (what was written still arrives).
  void release(StreamId stream);

  // Asks the peer for a sign of life, by a number that it can't guess. False: the last one was not
  // answered.
  bool ping(SteadyTime now, std::uint32_t id);
  std::optional<Duration> round_trip() const { return round_trip_; }
  void go_away(YamuxGoAway reason);
  bool peer_goes_away() const { return peer_goes_away_; }

  // The stream with most bytes that nobody has read, and how many; nothing when there are none.
  struct Holder {
    StreamId stream = 0;
    std::size_t bytes = 0;
  };
  Holder largest() const;
  // Resets it, and tells both the peer and the owner.
  void evict(StreamId stream);

  std::size_t streams() const { return streams_.size(); }
  std::size_t buffered_bytes() const { return buffered_; }
  // The window that the peer has been given; for tests.
  std::uint32_t window(StreamId stream) const;

 private:
  struct Stream {
    ReceiveQueue received{};
    std::uint32_t send_window = kYamuxInitialWindow;
    std::uint32_t receive_window = kYamuxInitialWindow;  // What it may hold.
    std::uint32_t credit = kYamuxInitialWindow;          // What the peer may still send.
    SteadyTime last_update{};
    bool outbound = false;
    bool acknowledged = false;
    bool local_closed = false;
    bool remote_closed = false;
    bool reset = false;
    bool wants_to_write = false;
    bool readable_told = false;
  };

  Status handle(const YamuxHeader& header, SteadyTime now);
  Status handle_stream_frame(const YamuxHeader& header, SteadyTime now);
  Status handle_ping(const YamuxHeader& header, SteadyTime now);
  Status accept(const YamuxHeader& header, SteadyTime now);
  Status begin_data(const YamuxHeader& header);
  Status widen(StreamId id, std::uint32_t delta);
  void take_body(ByteView part);
  bool has_room_for(std::size_t bytes) const;
  void finish_frame();
  void drop(Stream& stream);
  void send_frame(const YamuxHeader& header);
  void send_window(StreamId id, Stream& stream, SteadyTime now);
  std::uint32_t wider(const Stream& stream, SteadyTime now) const;
  void tell(YamuxEvent::Kind kind, StreamId id);
  void give_back(std::size_t bytes);
  Status violation(std::string what);
  Stream* find(StreamId id);
  bool is_own(StreamId id) const { return (id % 2 == 1) == options_.dialer; }

  YamuxOptions options_;
  StreamId next_;
  StreamId last_accepted_ = 0;
  std::unordered_map<StreamId, Stream> streams_;
  std::deque<StreamId> writers_;  // Who waits for room in the queue, in turn.
  std::vector<YamuxEvent> events_;
  RawBuffer output_;
  std::size_t queued_data_ = 0;
  std::array<std::uint8_t, kYamuxHeaderBytes> head_{};
  std::size_t head_size_ = 0;
  YamuxHeader frame_;
  std::size_t body_left_ = 0;  // Of the data frame under way.
  std::size_t buffered_ = 0;
  std::size_t granted_ = 0;  // Windows beyond the initial one, together.
  std::size_t unacknowledged_ = 0;
  std::uint32_t ping_id_ = 0;
  std::optional<SteadyTime> ping_sent_;
  std::optional<Duration> round_trip_;
  bool peer_goes_away_ = false;
  bool went_away_ = false;
  bool broken_ = false;
};

}  // namespace accel::libp2p
