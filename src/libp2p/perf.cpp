// SPDX-License-Identifier: Apache-2.0
#include "accel/libp2p/perf.hpp"

#include <array>
#include <vector>

#include "accel/core/async/task_group.hpp"

namespace accel::libp2p {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{256} << 10U;
constexpr std::size_t kLengthBytes = 8;  // Big-endian.

Task<void> send_zeros(Stream& stream, std::uint64_t count) {
  const Bytes piece(std::min<std::uint64_t>(count, kPieceBytes));
  while (count > 0) {
    const ByteView part = ByteView(piece).first(std::min<std::uint64_t>(count, piece.size()));
    const Status sent = co_await stream.write_all(part);
    ACCEL_CO_CHECK(sent);
    count -= part.size();
  }
  co_return co_await stream.close_write();
}

// The bytes of the stream up to its end, or one more than `most`.
Task<std::uint64_t> drain(Stream& stream, std::uint64_t most) {
  std::vector<std::byte> buffer(kPieceBytes);
  std::uint64_t total = 0;
  while (total <= most) {
    const auto read = co_await stream.read_some(buffer);
    ACCEL_CO_CHECK(read);
    if (*read == 0) break;
    total += *read;
  }
  co_return total;
}

Task<std::uint64_t> read_length(Stream& stream) {
  std::array<std::byte, kLengthBytes> bytes{};
  for (std::size_t done = 0; done < bytes.size();) {
    const auto read = co_await stream.read_some(std::span(bytes).subspan(done));
    ACCEL_CO_CHECK(read);
    if (*read == 0) co_return fail(Errc::protocol, "A measurement ended before it said its size.");
    done += *read;
  }
  std::uint64_t value = 0;
  for (const std::byte byte : bytes) value = value << 8U | std::to_integer<std::uint64_t>(byte);
  co_return value;
}

Bytes length_bytes(std::uint64_t value) {
  Bytes bytes(kLengthBytes);
  for (auto at = bytes.rbegin(); at != bytes.rend(); ++at, value >>= 8U) {
    *at = static_cast<std::uint8_t>(value & 0xffU);
  }
  return bytes;
}

Task<void> upload(Stream& stream, std::uint64_t wanted_back, std::uint64_t count) {
  const Bytes head = length_bytes(wanted_back);
  const Status sent = co_await stream.write_all(head);
  ACCEL_CO_CHECK(sent);
  co_return co_await send_zeros(stream, count);
}

}  // namespace

Task<void> answer_perf(std::unique_ptr<Stream> stream) {
  const auto wanted = co_await read_length(*stream);
  ACCEL_CO_CHECK(wanted);
  const auto got = co_await drain(*stream, kMaxPerfBytes);
  ACCEL_CO_CHECK(got);
  if (*wanted > kMaxPerfBytes || *got > kMaxPerfBytes) {
    stream->reset();
    co_return fail(Errc::resource_exhausted, "A measurement may have {} bytes at most.",
                   kMaxPerfBytes);
  }
  co_return co_await send_zeros(*stream, *wanted);
}

Task<PerfReport> measure(Host& host, PeerId peer, std::uint64_t upload_bytes,
                         std::uint64_t download_bytes) {
  if (upload_bytes > kMaxPerfBytes || download_bytes > kMaxPerfBytes) {
    co_return fail(Errc::invalid_argument, "A measurement may have {} bytes at most.",
                   kMaxPerfBytes);
  }
  std::vector<std::string> protocols{std::string(kPerfProtocol)};
  const auto opened = co_await host.open(std::move(peer), std::move(protocols));
  if (!opened) co_return fail(opened.error());
  Stream& stream = **opened;
  const std::uint64_t wanted = std::max<std::uint64_t>(download_bytes, 1);
  PerfReport report;
  report.uploaded_bytes = upload_bytes;
  const SteadyTime begun = system_clock().now();
  const Status sent = co_await upload(stream, wanted, upload_bytes);
  ACCEL_CO_CHECK(sent);
  std::array<std::byte, 1> first{};
  const auto answered = co_await stream.read_some(first);
  ACCEL_CO_CHECK(answered);
  const SteadyTime turned = system_clock().now();
  const auto rest = co_await drain(stream, wanted);
  ACCEL_CO_CHECK(rest);
  if (*answered + *rest != wanted) {
    co_return fail(Errc::protocol, "The peer sent {} bytes instead of {}.", *answered + *rest,
                   wanted);
  }
  report.downloaded_bytes = wanted;
  report.upload = turned - begun;
  report.download = system_clock().now() - turned;
  co_return report;
}

}  // namespace accel::libp2p
