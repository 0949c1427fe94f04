// SPDX-License-Identifier: Apache-2.0
#include "multistream.hpp"

#include <gtest/gtest.h>

namespace accel::libp2p {
namespace {

// Feeds all of it, no more at once than the machine asks for; what is left stays.
Status feed(Multistream& machine, Bytes& bytes) {
  while (!bytes.empty() && !machine.agreed()) {
    const std::size_t part = std::min(machine.wanted(), bytes.size());
    ACCEL_CHECK(machine.receive(ByteView(bytes).first(part)));
    bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(part));
  }
  return {};
}

Bytes message(std::string_view text) {
  Bytes bytes{static_cast<std::uint8_t>(text.size() + 1)};
  bytes.insert(bytes.end(), text.begin(), text.end());
  bytes.push_back('\n');
  return bytes;
}

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

const Bytes kHeader = message("/multistream/1.0.0");

Multistream speaks(std::string only) {
  return Multistream::responder([only](const std::string& name) { return name == only; });
}

TEST(Multistream, agrees_on_the_first_protocol_that_both_speak) {
  Multistream left = Multistream::initiator({"/a", "/b", "/c"});
  Multistream right = speaks("/b");
  for (int round = 0; round < 4 && !left.agreed(); ++round) {
    Bytes out = left.take_output();
    ASSERT_TRUE(feed(right, out));
    Bytes back = right.take_output();
    ASSERT_TRUE(feed(left, back));
  }
  EXPECT_EQ(left.agreed(), "/b");
  EXPECT_EQ(right.agreed(), "/b");
}

TEST(Multistream, sends_header_and_proposal_together) {
  Multistream left = Multistream::initiator({"/noise"});
  EXPECT_EQ(left.take_output(), kHeader + message("/noise"));
  EXPECT_TRUE(left.take_output().empty());
}

TEST(Multistream, leaves_what_follows_alone) {
  Multistream right = speaks("/x");
  Bytes bytes = kHeader + message("/x") + Bytes{1, 2, 3};
  ASSERT_TRUE(feed(right, bytes));
  EXPECT_EQ(right.agreed(), "/x");
  EXPECT_EQ(bytes, (Bytes{1, 2, 3}));
  EXPECT_EQ(right.take_output(), kHeader + message("/x"));
}

TEST(Multistream, says_so_when_nothing_is_common) {
  Multistream left = Multistream::initiator({"/a"});
  Bytes reply = kHeader + message("na");
  EXPECT_EQ(feed(left, reply).error().code, Errc::unsupported);
}

TEST(Multistream, refuses_peers_that_speak_something_else) {
  for (const Bytes& bad : {message("/multistream/2.0.0"), to_bytes("GET / HTTP/1.1\r\n"), Bytes{0},
                           Bytes{0xff, 0xff, 1}, Bytes{3, 'a', 'b', 'c'}, Bytes{0x80, 0x00}}) {
    Multistream right = speaks("/x");
    Bytes bytes = bad;
    EXPECT_EQ(feed(right, bytes).error().code, Errc::protocol) << to_hex(bad);
  }
  Multistream left = Multistream::initiator({"/a"});
  Bytes wrong = kHeader + message("/b");
  EXPECT_EQ(feed(left, wrong).error().code, Errc::protocol);
}

TEST(Multistream, sends_a_peer_away_that_guesses_on_and_on) {
  Multistream right = speaks("/x");
  Bytes bytes = kHeader;
  ASSERT_TRUE(feed(right, bytes));
  Status last;
  for (std::size_t i = 0; i <= kMaxProposals && last; ++i) {
    Bytes guess = message("/guess");
    last = feed(right, guess);
  }
  EXPECT_EQ(last.error().code, Errc::protocol);
}

}  // namespace
}  // namespace accel::libp2p
