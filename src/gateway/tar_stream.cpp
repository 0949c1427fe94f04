// SPDX-License-Identifier: Apache-2.0
#include "accel/gateway/tar_stream.hpp"

#include "tar_source.hpp"

namespace accel::gateway {
namespace {

constexpr std::uint64_t kPieceBytes = 256U << 10U;

}  // namespace

Status write_tar(const blockstore::Store& store, const ipld::Cid& root, std::string name,
                 const std::function<Status(ByteView)>& sink) {
  const TarRules rules{.piece_bytes = kPieceBytes, .for_owner = true};
  ACCEL_TRY(const auto source, TarSource::open(store, root, std::move(name), rules));
  std::string ready;  // Heads of small files travel together.
  while (true) {
    ACCEL_TRY(const Pieces pieces, source->next());
    for (const Piece& piece : pieces) ready += std::get<std::string>(piece);
    const bool ended = pieces.empty();
    if (ready.size() < kPieceBytes && !ended) continue;
    if (!ready.empty()) ACCEL_CHECK(sink(as_bytes(ready)));
    if (ended) return {};
    ready.clear();
  }
}

}  // namespace accel::gateway
