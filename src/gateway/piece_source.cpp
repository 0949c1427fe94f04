// SPDX-License-Identifier: Apache-2.0
#include "piece_source.hpp"

#include <algorithm>

namespace accel::gateway {
namespace {

Task<void> send_pieces(OffloadPool& pool, PieceSource& source, net::BodyWriter& writer) {
  for (;;) {
    const auto make = [&source](std::stop_token) { return source.next(); };
    Result<Pieces> pieces = co_await pool.run(make);
    if (!pieces) co_return fail(std::move(pieces).error());
    if (pieces->empty()) co_return Status{};
    for (Piece& piece : *pieces) {
      Status sent;
      if (auto* text = std::get_if<std::string>(&piece)) {
        sent = co_await writer.write(std::move(*text));
      } else {
        sent = co_await writer.send(std::move(std::get<net::FileSlice>(piece)));
      }
      if (!sent) co_return sent;
    }
  }
}

}  // namespace

net::StreamBody stream_of(OffloadPool& pool, std::unique_ptr<PieceSource> source,
                          std::optional<std::uint64_t> length) {
  // Shared because a std::function must be copyable; its only owner is the response's body.
  std::shared_ptr<PieceSource> owned = std::move(source);
  auto write = [&pool, owned](net::BodyWriter& writer) {
    return send_pieces(pool, *owned, writer);
  };
  return {std::move(write), length};
}

FileSource::FileSource(const blockstore::Store& store, File file, std::vector<Part> parts,
                       std::uint64_t piece_bytes)
    : store_(store), file_(std::move(file)), parts_(std::move(parts)), piece_bytes_(piece_bytes) {}

std::uint64_t FileSource::length() const {
  std::uint64_t total = 0;
  for (const Part& part : parts_) {
    const auto* text = std::get_if<std::string>(&part);
    total += text != nullptr ? text->size() : std::get<net::ByteRange>(part).length;
  }
  return total;
}

Result<Pieces> FileSource::next() {
  Pieces pieces;
  while (at_ < parts_.size() && pieces.empty()) {
    if (auto* text = std::get_if<std::string>(&parts_[at_])) {
      if (!text->empty()) pieces.emplace_back(std::move(*text));
      ++at_;
      continue;
    }
    auto& range = std::get<net::ByteRange>(parts_[at_]);
    if (range.length > 0) {
      ACCEL_TRY(Piece piece, take(range));
      pieces.push_back(std::move(piece));
    }
    if (range.length == 0) ++at_;
  }
  return pieces;
}

Result<Piece> FileSource::take(net::ByteRange& range) {
  if (file_.place) {
    const std::uint64_t length = std::exchange(range.length, 0);
    return net::FileSlice{file_.place->fd, file_.place->offset + range.first, length};
  }
  const net::ByteRange part{range.first, std::min(range.length, piece_bytes_)};
  ACCEL_TRY(std::string text, read_text(store_, file_.cid, part));
  range.first += part.length;
  range.length -= part.length;
  return text;
}

Result<std::string> read_text(const blockstore::Store& store, const ipld::Cid& cid,
                              const net::ByteRange& range) {
  std::string text;
  text.reserve(range.length);
  ACCEL_CHECK(store.read(cid, range.first, range.length, [&text](ByteView bytes) {
    text += as_text(bytes);
    return Status{};
  }));
  return text;
}

}  // namespace accel::gateway
