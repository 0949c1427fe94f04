// SPDX-License-Identifier: Apache-2.0
#pragma once
// The bitmap beside a partial file: which leaves are written, and which of them were synced to disk
// since. Pure values over bytes; the parser takes any bytes. Private to blockstore.
// Spec: docs/formats/store.md, "Partial files".

#include <cstdint>
#include <vector>

#include "accel/blockstore/reports.hpp"
#include "accel/core/bytes.hpp"
#include "accel/crypto/sha256.hpp"

namespace accel::blockstore {

inline constexpr std::size_t kMapHeaderBytes = 64;
inline constexpr std::uint64_t kMaxSlots = 1ULL << 24U;  // 16 TiB in leaves of 1 MiB.

// What the bits are about; a map of other slots is of no use.
struct MapSubject {
  std::uint64_t file_bytes = 0;
  std::uint64_t slot_count = 0;
  crypto::Sha256Digest slots_digest{};  // Over CID, offset and length of each slot.

  static MapSubject of(std::uint64_t file_bytes, const std::vector<LeafSlot>& slots);
  friend bool operator==(const MapSubject&, const MapSubject&) = default;
};

class PartialMap {
 public:
  explicit PartialMap(const MapSubject& subject);
  // Errors: corrupt (not a map, or of the wrong size), unsupported (a newer format).
  static Result<PartialMap> parse(ByteView bytes);

  const MapSubject& subject() const { return subject_; }
  bool written(std::uint64_t index) const { return bit(written_, index); }
  bool synced(std::uint64_t index) const { return bit(synced_, index); }
  void set_written(std::uint64_t index) { set(written_, index); }
  void clear(std::uint64_t index);
  // What is written by now has been synced (`written` is a copy taken before the sync).
  void set_all_synced(const Bytes& written) { synced_ = written; }
  void set_synced(std::uint64_t index) { set(synced_, index); }
  const Bytes& written_bits() const { return written_; }

  // Where the byte with a leaf's bit lies in the file.
  std::uint64_t written_offset(std::uint64_t index) const { return kMapHeaderBytes + index / 8; }
  std::uint8_t written_byte(std::uint64_t index) const { return written_[index / 8]; }
  std::uint64_t synced_offset() const { return kMapHeaderBytes + written_.size(); }
  static std::uint64_t file_size(std::uint64_t slot_count) {
    return kMapHeaderBytes + 2 * ((slot_count + 7) / 8);
  }
  Bytes encode() const;

 private:
  static bool bit(const Bytes& bits, std::uint64_t index) {
    return (bits[index / 8] >> (index % 8) & 1U) != 0;
  }
  static void set(Bytes& bits, std::uint64_t index) {
    bits[index / 8] = static_cast<std::uint8_t>(bits[index / 8] | (1U << (index % 8)));
  }

  MapSubject subject_;
  Bytes written_;
  Bytes synced_;
};

}  // namespace accel::blockstore
