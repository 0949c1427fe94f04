// SPDX-License-Identifier: Apache-2.0
// Questions about replicas over streams in memory, with honest and hostile ends.
#include "accel/exchange/replica_stream.hpp"

#include <gtest/gtest.h>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/async/task_group.hpp"
#include "accel/libp2p/framed.hpp"
#include "scheduler_script.hpp"
#include "stream_pair.hpp"

namespace accel::exchange {
namespace {

using State = ReplicaAnswer::State;

ipld::PeerId peer_id(std::uint8_t number) {
  const Bytes key{8, 1, 18, 4, 1, 2, 3, number};
  return ipld::PeerId::of_public_key(key);
}

const ReplicaRequest kRequest{ReplicaRequest::Kind::hold, testing::test_cid(1), 77, 60};

// What the keeper says to whom.
Task<ReplicaAnswer> say_holding(ReplicaRequest request, ipld::PeerId asker) {
  if (asker != peer_id(1)) co_return fail(Errc::permission_denied, "Not to you.");
  ReplicaAnswer answer;
  answer.state = State::holding;
  answer.have_bytes = request.bytes;
  co_return answer;
}

class ReplicaStream : public ::testing::Test {
 protected:
  ~ReplicaStream() override {
    auto joining = tasks_.join();
    (void)sync_wait(io_.executor(), std::move(joining));  // Some end with errors, as they should.
  }
  testing::StreamPair streams(std::uint8_t asker = 1) {
    return testing::stream_pair(io_.executor(), peer_id(asker), peer_id(2),
                                std::string(kReplicateProtocol));
  }
  // Of the end that is played by hand.
  void say(libp2p::Stream& stream, const char* hex) {
    const auto saying = [](libp2p::Stream* to, Bytes bytes) -> Task<void> {
      const Status sent = co_await to->write_all(bytes);
      ACCEL_CO_CHECK(sent);
      co_return co_await to->close_write();
    };
    ASSERT_TRUE(sync_wait(io_.executor(), saying(&stream, from_hex(hex).value())));
  }
  Result<ReplicaAnswer> ask(std::unique_ptr<libp2p::Stream> stream) {
    return sync_wait(io_.executor(), ask_replica(std::move(stream), kRequest));
  }
  Status serve(std::unique_ptr<libp2p::Stream> stream) {
    return sync_wait(io_.executor(), serve_replica(std::move(stream), say_holding));
  }

  IoThread io_{1, "replicas"};
  TaskGroup tasks_{io_.executor(), "streams"};
};

TEST_F(ReplicaStream, a_question_is_answered) {
  auto [here, there] = streams();
  tasks_.spawn(serve_replica(std::move(there), say_holding));
  const auto answer = ask(std::move(here));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->state, State::holding);
  EXPECT_EQ(answer->have_bytes, 77U);
}

TEST_F(ReplicaStream, an_asker_who_is_refused_gets_no_answer) {
  auto [here, there] = streams(7);
  tasks_.spawn(serve_replica(std::move(there), say_holding));
  EXPECT_FALSE(ask(std::move(here)));
}

TEST_F(ReplicaStream, what_is_no_answer_is_an_error) {
  for (const char* hex : {"020809", "ffffffff0f", "0a0801"}) {
    auto [here, there] = streams();
    say(*there, hex);
    EXPECT_EQ(ask(std::move(here)).error().code, Errc::protocol) << hex;
  }
}

TEST_F(ReplicaStream, what_is_no_question_resets_the_stream) {
  for (const char* hex : {"020809", "ffffffff0f", "0a0801"}) {
    auto [here, there] = streams();
    say(*here, hex);
    EXPECT_EQ(serve(std::move(there)).error().code, Errc::protocol) << hex;
  }
  auto [here, there] = streams();
  here->reset();
  EXPECT_EQ(serve(std::move(there)).error().code, Errc::unavailable);
}

}  // namespace
}  // namespace accel::exchange
