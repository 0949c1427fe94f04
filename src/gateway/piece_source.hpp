// SPDX-License-Identifier: Apache-2.0
#pragma once
// Bodies that are made while they are sent: a source gives pieces, text or slices of files, on the
// OffloadPool, and each lot is sent before the next is made. So a body of any size takes the memory
// of one lot.

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "accel/blockstore/store.hpp"
#include "accel/core/async/offload.hpp"
#include "accel/net/header_values.hpp"
#include "accel/net/message.hpp"

namespace accel::gateway {

using Piece = std::variant<std::string, net::FileSlice>;
using Pieces = std::vector<Piece>;

class PieceSource {
 public:
  virtual ~PieceSource() = default;
  // The next lot; empty at the end. Blocks. An error cuts the connection: the client can tell.
  virtual Result<Pieces> next() = 0;
};

// The pool outlives the body.
net::StreamBody stream_of(OffloadPool& pool, std::unique_ptr<PieceSource> source,
                          std::optional<std::uint64_t> length);

// Texts and ranges of one file, one after another.
class FileSource final : public PieceSource {
 public:
  using Part = std::variant<std::string, net::ByteRange>;
  // place: where the file lies in one piece; without it ranges are read, piece_bytes at a time.
  struct File {
    ipld::Cid cid;
    std::optional<net::FileSlice> place;
  };
  FileSource(const blockstore::Store& store, File file, std::vector<Part> parts,
             std::uint64_t piece_bytes);

  Result<Pieces> next() override;
  std::uint64_t length() const;  // Of all parts.

 private:
  Result<Piece> take(net::ByteRange& range);

  const blockstore::Store& store_;
  File file_;
  std::vector<Part> parts_;
  std::size_t at_ = 0;
  std::uint64_t piece_bytes_;
};

// Bytes of a stored file. Errors: as Store::read().
Result<std::string> read_text(const blockstore::Store& store, const ipld::Cid& cid,
                              const net::ByteRange& range);

}  // namespace accel::gateway
