// SPDX-License-Identifier: Apache-2.0
#pragma once
// Content addressable archives: blocks in a row, each behind its CID. Used by the dag commands, the
// trustless gateway and its client. No I/O: the reader is fed bytes as they come, the writer gives
// bytes to send. One thread at a time.
// Spec: ipld/specs transport/car/{carv1,carv2}; where carv2 is silent about the index (the number
// of its buckets), what go-car v2 writes.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/ipld/cid.hpp"
#include "accel/ipld/dag_pb.hpp"

namespace accel::ipld {

struct CarLimits {
  std::size_t max_header_bytes = 1U << 20U;  // Some 25,000 roots.
  std::size_t max_block_bytes = kMaxBlockBytes;
  std::uint64_t max_padding_bytes = 16U << 20U;  // Before the data of a CARv2.
};

// What a CARv2 puts in front of its data, which is a whole CARv1.
struct CarV2Header {
  bool fully_indexed = false;  // The index names blocks with identity CIDs, too.
  std::uint64_t data_offset = 0;
  std::uint64_t data_size = 0;
  std::uint64_t index_offset = 0;  // 0: no index.

  friend bool operator==(const CarV2Header&, const CarV2Header&) = default;
};
inline constexpr std::size_t kCarV2HeadBytes = 51;  // The pragma and the header.

struct CarHeader {
  std::vector<Cid> roots{};  // None, one or several; the archive need not hold them.
  std::optional<CarV2Header> v2{};
};

struct CarBlock {
  Cid cid{};
  ByteView data{};           // Borrows from the reader, until the next feed() or room().
  std::uint64_t offset = 0;  // Of its section, from the start of the CARv1.
};

// Whether the bytes are what the CID names: the reader hands on what it finds.
// Errors: corrupt, unsupported, as verify_block().
inline Status verify_car_block(const CarBlock& block) {
  return verify_block(block.cid, block.data);
}

// Reads CARv1 and CARv2. The index of a CARv2 is not looked at: read_car_index() reads one.
//   reader.feed(bytes); for (;;) { next() gives a block, or nothing: then feed more, or finish() }
// It keeps what it was fed and has not handed out: take all blocks before you feed more, and it
// never holds more than one block and one piece.
class CarReader {
 public:
  explicit CarReader(CarLimits limits = {}) : limits_(limits) {}

  void feed(ByteView bytes);
  // feed() without a copy: read into the front of room(), which has at least so many bytes, and say
  // how many came.
  std::span<std::uint8_t> room(std::size_t bytes);
  void filled(std::size_t bytes);
  // Gives away the memory that the blocks handed out so far borrow from, so that they live on with
  // it, and goes on in `other` (whatever it holds; its memory is used again).
  Bytes exchange(Bytes other);
  // No more bytes will come: from then on next() says when the archive is cut off.
  void finish() { finished_ = true; }

  // Nothing until enough was fed. Errors: as next().
  Result<std::optional<CarHeader>> header();
  // Nothing when it needs more bytes, or when the archive is at its end: done() tells which.
  // After an error it gives that error again.
  // Errors: corrupt (the message says where: no CAR, a broken header or CID, a section of no bytes
  // as some writers pad with, one that is cut off), unsupported (another version),
  // resource_exhausted (above a limit).
  Result<std::optional<CarBlock>> next();
  // All blocks were handed out. A CARv1 knows it only after finish().
  bool done() const { return state_ == State::done; }

 private:
  enum class State : std::uint8_t { start, v2_header, padding, v1_header, sections, done, failed };

  Status advance();
  Status step(bool& moved);
  Status read_start(bool& moved);
  Status read_v2_header(bool& moved);
  Status skip_padding(bool& moved);
  Status read_v1_header(bool& moved);
  Result<std::optional<CarBlock>> read_section();
  // The piece behind the varint at the front; nothing if it is not there as a whole.
  struct Piece {
    ByteView bytes{};
    std::size_t size = 0;  // With the varint.
  };
  Result<std::optional<Piece>> read_piece(std::size_t most, std::string_view what) const;
  Status want_more(std::string_view what) const;
  tl::unexpected<Error> bad(std::string_view why) const;
  template <class T>
  Result<T> keep_error(Result<T> result);

  bool is_open() const { return state_ != State::done && state_ != State::failed; }
  ByteView rest() const;
  void consume(std::size_t bytes);

  CarLimits limits_;
  State state_ = State::start;
  bool finished_ = false;
  CarHeader header_;
  std::optional<Error> error_;
  Bytes buffer_;        // Memory; what was fed lies before end_.
  std::size_t at_ = 0;  // Of buffer_: what lies before was consumed.
  std::size_t end_ = 0;
  std::uint64_t position_ = 0;       // Of the archive, at at_.
  std::uint64_t payload_start_ = 0;  // Of the CARv1.
  std::uint64_t payload_left_ = UINT64_MAX;
};

struct CarIndexEntry {
  Multihash hash{};
  std::uint64_t offset = 0;  // Of the block's section, from the start of the CARv1.

  friend bool operator==(const CarIndexEntry&, const CarIndexEntry&) = default;
};

// The index of a CARv2, from index_offset to the end of the archive: MultihashIndexSorted (0x0401).
// Trust it no further than the bytes that it leads to.
// Errors: corrupt, unsupported (another format).
Result<std::vector<CarIndexEntry>> read_car_index(ByteView index);
// Sorts as the format asks. The index of an archive is right if this gives the same bytes for the
// blocks that a CarReader found.
Bytes encode_car_index(std::vector<CarIndexEntry> entries);

// Writes a CARv1, piece by piece; what it appends is to be sent before the next piece. For a CARv2:
// car_v2_head(), the CARv1, index().
class CarWriter {
 public:
  // `with_index` remembers each block: some 80 bytes.
  explicit CarWriter(bool with_index = false) : with_index_(with_index) {}

  // Errors: resource_exhausted (more roots than kMaxBlockBytes hold).
  Status start(std::span<const Cid> roots, Bytes& out);
  // What stands in front of a block; its bytes follow, and need not go through memory.
  void begin_block(const Cid& cid, std::size_t block_bytes, Bytes& out);
  void add_block(const Cid& cid, ByteView block, Bytes& out);

  std::uint64_t size_bytes() const { return size_bytes_; }  // Of the CARv1 so far.
  Bytes index() const;  // Without identity CIDs, as the spec asks.

  // Bytes that a block takes, so that the length of an archive can be told before it is sent.
  static std::uint64_t section_bytes(const Cid& cid, std::size_t block_bytes);

 private:
  bool with_index_;
  std::uint64_t size_bytes_ = 0;
  std::vector<CarIndexEntry> entries_;
};

// The first kCarV2HeadBytes of a CARv2.
Bytes car_v2_head(const CarV2Header& header);

}  // namespace accel::ipld
