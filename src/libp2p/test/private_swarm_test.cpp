// SPDX-License-Identifier: Apache-2.0
#include "private_swarm.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/file.hpp"
#include "accel/libp2p/host.hpp"
#include "accel/libp2p/swarm_key.hpp"

namespace accel::libp2p {
namespace {

constexpr std::string_view kHex =
    "6189c5cf0b87fb800c1a9feeda73c6ab5e998db48fb9e6a978575c770ceef683";

crypto::Secret32 key(std::uint64_t seed) {
  SeededRandom random(seed);
  return make_swarm_key(random);
}

Result<crypto::Secret32> parse(std::string_view text) { return parse_swarm_key(as_bytes(text)); }

TEST(SwarmKey, is_read_in_all_encodings_and_written_in_one) {
  const std::string head = "/key/swarm/psk/1.0.0/\n";
  const std::string plain = head + "/base16/\n" + std::string(kHex);
  const auto parsed = parse(plain).value();
  EXPECT_EQ(to_hex(parsed.view()), kHex);
  EXPECT_EQ(write_swarm_key(parsed), plain + "\n");
  EXPECT_TRUE(parse("/key/swarm/psk/1.0.0/\r\n/base16/\r\n" + std::string(kHex) + "\r\n"));
  const std::string base64 = "YYnFzwuH+4AMGp/u2nPGq16ZjbSPueapeFdcdwzu9oM=";
  EXPECT_EQ(to_hex(parse(head + "/base64/\n" + base64).value().view()), kHex);
  const Bytes raw = from_hex(kHex).value();
  EXPECT_EQ(to_hex(parse(head + "/bin/\n" + std::string(as_text(raw))).value().view()), kHex);
}

TEST(SwarmKey, says_what_is_wrong_with_a_file) {
  const std::string head = "/key/swarm/psk/1.0.0/\n";
  for (const std::string& text :
       {std::string(), std::string("hello"), head, head + "/base16/\n", head + "/base16/\nzz",
        head + "/base16/\n" + std::string(kHex) + "00", head + "/base58/\n" + std::string(kHex),
        head + "/bin/\nshort"}) {
    EXPECT_EQ(parse(text).error().code, Errc::invalid_argument) << text;
  }
}

TEST(SwarmKey, is_not_taken_from_a_file_that_others_may_read) {
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("accel-psk-" + random_hex(system_random(), 8));
  ASSERT_TRUE(write_file_atomic(file, to_bytes(write_swarm_key(key(1)))));
  EXPECT_TRUE(load_swarm_key(file));
  ::chmod(file.c_str(), 0644);
  EXPECT_EQ(load_swarm_key(file).error().code, Errc::permission_denied);
  std::filesystem::remove(file);
  EXPECT_EQ(load_swarm_key(file).error().code, Errc::not_found);
}

TEST(PrivateSwarm, reveals_what_was_hidden_however_the_wire_cuts_it) {
  SeededRandom random(3);
  PrivateSwarm sender(key(1), random);
  PrivateSwarm receiver(key(1), random);
  Bytes sent;
  RawBuffer wire;
  for (int i = 0; i < 10; ++i) {
    Bytes piece(random.below(300));
    random.fill(piece);
    sent.insert(sent.end(), piece.begin(), piece.end());
    RawBuffer out;
    out.append(piece);
    sender.hide(out);
    wire.append(out.view());
  }
  RawBuffer in;
  while (!wire.empty()) {
    const std::size_t part = std::min<std::size_t>(wire.size(), 1 + random.below(40));
    in.append(wire.view().first(part));
    wire.consume(part);
    receiver.reveal(in, part);
  }
  EXPECT_EQ(to_bytes(in.view()), sent);
}

struct Member {
  explicit Member(std::optional<crypto::Secret32> swarm_key) {
    HostOptions options;
    options.listen = {Multiaddr::parse("/ip4/127.0.0.1/tcp/0").value()};
    options.swarm_key = std::move(swarm_key);
    options.limits.handshake_timeout = std::chrono::milliseconds(1500);
    host = Host::start(io.executor(), std::move(options)).value();
  }
  ~Member() {
    EXPECT_TRUE(sync_wait(io.executor(), host->shutdown()));
    host.reset();
    io.stop();
  }
  Status reach(const Member& other) {
    const auto address = other.host->addresses().at(0).with_peer(other.host->id());
    ACCEL_TRY(const PeerId peer, sync_wait(io.executor(), host->connect(address)));
    ACCEL_TRY([[maybe_unused]] const Duration took, sync_wait(io.executor(), host->ping(peer)));
    return {};
  }

  IoThread io;
  std::unique_ptr<Host> host;
};

TEST(PrivateSwarm, joins_members_and_nobody_else) {
  Member one(key(1));
  Member two(key(1));
  Member other(key(2));
  Member open(std::nullopt);
  EXPECT_TRUE(two.reach(one));
  EXPECT_FALSE(other.reach(one));
  EXPECT_FALSE(open.reach(one));
  EXPECT_FALSE(one.reach(open));
  EXPECT_TRUE(one.reach(two));
}

}  // namespace
}  // namespace accel::libp2p
