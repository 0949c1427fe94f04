// SPDX-License-Identifier: Apache-2.0
#include "accel/libp2p/framed.hpp"

#include <gtest/gtest.h>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/ipld/varint.hpp"
#include "memory_stream.hpp"

namespace accel::libp2p {
namespace {

using test::MemoryStream;

ipld::PeerId peer(std::uint8_t seed) { return ipld::PeerId::of_public_key(Bytes(36, seed)); }

Task<std::vector<Bytes>> read_everything(std::unique_ptr<Stream> stream, std::size_t limit) {
  FramedReader reader(*stream, limit);
  std::vector<Bytes> messages;
  for (;;) {
    const auto message = co_await reader.read();
    ACCEL_CO_CHECK(message);
    if (!*message) co_return messages;
    messages.push_back(**message);
  }
}

Task<void> write_raw(Stream& stream, Bytes bytes) {
  const Status sent = co_await stream.write_all(bytes);
  ACCEL_CO_CHECK(sent);
  co_return co_await stream.close_write();
}

Task<std::vector<Bytes>> send_and_read(Executor executor, Bytes bytes, std::size_t limit) {
  auto pair = MemoryStream::make_pair(executor, peer(1), peer(2), "/test");
  const Status sent = co_await write_raw(*pair.first, std::move(bytes));
  ACCEL_CO_CHECK(sent);
  auto reading = read_everything(std::move(pair.second), limit);
  co_return co_await std::move(reading);
}

Result<std::vector<Bytes>> deliver(Bytes bytes, std::size_t limit = 1000) {
  IoThread io;
  return sync_wait(io.executor(), send_and_read(io.executor(), std::move(bytes), limit));
}

TEST(FramedReader, reads_messages_one_after_the_other_and_the_end) {
  Bytes bytes;
  const std::vector<Bytes> sent{Bytes{1, 2, 3}, Bytes{}, Bytes(300, 7)};
  for (const Bytes& message : sent) {
    ipld::put_uvarint(bytes, message.size());
    bytes.insert(bytes.end(), message.begin(), message.end());
  }
  EXPECT_EQ(deliver(bytes).value(), sent);
  EXPECT_TRUE(deliver({}).value().empty());
}

TEST(FramedReader, refuses_what_is_too_long_cut_off_or_no_varint) {
  EXPECT_EQ(deliver({0xe9, 0x07}).error().code, Errc::protocol);  // 1001 bytes.
  EXPECT_EQ(deliver({5, 1, 2}).error().code, Errc::protocol);
  EXPECT_EQ(deliver({0x80, 0x00}).error().code, Errc::protocol);  // Not the shortest form.
  EXPECT_EQ(deliver(Bytes(12, 0xff)).error().code, Errc::protocol);
  EXPECT_EQ(deliver({0x80}).error().code, Errc::protocol);
}

Task<std::size_t> write_then_read(Executor executor) {
  auto pair = MemoryStream::make_pair(executor, peer(1), peer(2), "/test");
  const Status sent = co_await write_framed(*pair.first, Bytes(200, 9));
  ACCEL_CO_CHECK(sent);
  const Status closed = co_await pair.first->close_write();
  ACCEL_CO_CHECK(closed);
  auto reading = read_everything(std::move(pair.second), 200);
  const auto read = co_await std::move(reading);
  ACCEL_CO_CHECK(read);
  co_return read->at(0).size();
}

Task<Bytes> trickle(Executor executor) {
  auto pair = MemoryStream::make_pair(executor, peer(1), peer(2), "/test");
  const Bytes begun{100, 1, 2};
  const Status sent = co_await pair.first->write_all(begun);
  ACCEL_CO_CHECK(sent);
  FramedReader reader(*pair.second, 1000, std::chrono::milliseconds(50));
  const auto message = co_await reader.read();
  ACCEL_CO_CHECK(message);
  co_return **message;
}

TEST(FramedReader, gives_up_on_a_message_that_does_not_end) {
  IoThread io;
  const auto message = sync_wait(io.executor(), trickle(io.executor()));
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().code, Errc::timeout);
}

TEST(FramedReader, reads_a_message_that_is_much_larger_than_a_read) {
  Bytes bytes;
  ipld::put_uvarint(bytes, 200'000);
  bytes.insert(bytes.end(), 200'000, 5);
  ipld::put_uvarint(bytes, 1);
  bytes.push_back(6);
  const auto messages = deliver(bytes, 200'000).value();
  EXPECT_EQ(messages, (std::vector<Bytes>{Bytes(200'000, 5), Bytes{6}}));
}

TEST(FramedReader, reads_what_write_framed_wrote) {
  IoThread io;
  EXPECT_EQ(sync_wait(io.executor(), write_then_read(io.executor())).value(), 200U);
}

}  // namespace
}  // namespace accel::libp2p
