// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/hamt.hpp"

#include <algorithm>
#include <bit>

#include "accel/ipld/dag_pb.hpp"
#include "hamt_parts.hpp"
#include "views.hpp"

namespace accel::ipld {
namespace {

constexpr std::size_t kHashBits = 64;

tl::unexpected<Error> bad_shard(const Cid& cid, std::string_view why) {
  return fail(Errc::corrupt, "The shard {} of a directory cannot be read: {}.", cid, why);
}

// The slots whose bits are set. The field is one big-endian number; leading zeros may be absent.
std::vector<std::uint32_t> used_slots(ByteView field) {
  std::vector<std::uint32_t> slots;
  for (std::size_t byte = 0; byte < field.size(); ++byte) {
    for (unsigned rest = field[field.size() - 1 - byte]; rest != 0; rest &= rest - 1) {
      slots.push_back(static_cast<std::uint32_t>(8 * byte) +
                      static_cast<std::uint32_t>(std::countr_zero(rest)));
    }
  }
  return slots;
}

Result<HamtSlot> read_slot(const Cid& cid, std::uint32_t fanout, std::uint32_t index, PbLink link) {
  const std::string prefix = detail::hamt_prefix(fanout, index);
  if (!link.name.starts_with(prefix)) {
    return bad_shard(cid, fmt::format("its bit field has slot {} and its links have not", prefix));
  }
  HamtSlot slot{index, link.name.size() == prefix.size(), {{}, std::move(link.cid), link.tsize}};
  if (slot.is_shard) {
    if (slot.entry.cid.codec() == Codec::dag_pb) return slot;
    return bad_shard(cid, fmt::format("its sub-shard {} is {}, not dag-pb", slot.entry.cid,
                                      codec_name(slot.entry.cid.codec())));
  }
  slot.entry.name = link.name.substr(prefix.size());
  if (auto good = check_entry_name(slot.entry.name); !good) {
    return fail(Errc::corrupt, "The shard {} of a directory has a bad entry. {}", cid,
                good.error().message);
  }
  return slot;
}

// Level by level; whatever a walk and a lookup both demand of a shard below another.
Result<HamtShard> load_shard(const Cid& cid, ByteView block, std::uint32_t fanout_above) {
  ACCEL_TRY(HamtShard shard, decode_hamt_shard(cid, block));
  if (fanout_above == 0) return shard;
  if (shard.fanout != fanout_above) {
    return bad_shard(cid,
                     fmt::format("its fan-out is {} below one of {}", shard.fanout, fanout_above));
  }
  if (shard.slots.empty()) return bad_shard(cid, "it is empty");
  return shard;
}

class Walk {
 public:
  Walk(const BlockGetter& get, const HamtVisitor& visitor) : get_(get), visitor_(visitor) {}

  Status run(const Cid& root) { return visit(root, 0, {}); }

 private:
  // Where a shard hangs: names below it have hashes that begin with these slots.
  struct Place {
    std::uint64_t prefix = 0;
    std::uint32_t fanout = 0;  // 0: the root, whose fan-out holds for all.
  };

  Status visit(const Cid& cid, std::size_t level, Place place) {
    ACCEL_TRY(const HamtShard shard, load(cid, place.fanout));
    place.fanout = shard.fanout;
    const auto bits = static_cast<unsigned>(std::countr_zero(shard.fanout));
    const std::size_t used = bits * (level + 1);
    if (used > kHashBits) return bad_shard(cid, "it lies deeper than its hashes are long");
    for (const HamtSlot& slot : shard.slots) {
      const Place below{(place.prefix << bits) | slot.index, shard.fanout};
      if (slot.is_shard) {
        ACCEL_CHECK(visit(slot.entry.cid, level + 1, below));
        continue;
      }
      if (murmur3_x64_64(as_bytes(slot.entry.name)) >> (kHashBits - used) != below.prefix) {
        return bad_shard(cid, fmt::format("the name in slot {} belongs elsewhere",
                                          detail::hamt_prefix(shard.fanout, slot.index)));
      }
      ACCEL_CHECK(found(slot.entry));
    }
    return {};
  }

  // The block is gone before the walk goes deeper.
  Result<HamtShard> load(const Cid& cid, std::uint32_t fanout_above) {
    ACCEL_TRY(const Bytes block, get_(cid));
    ACCEL_TRY(HamtShard shard, load_shard(cid, block, fanout_above));
    if (visitor_.on_shard) ACCEL_CHECK(visitor_.on_shard(cid, block));
    return shard;
  }

  Status found(const DirectoryEntry& entry) {
    if (++entries_ > visitor_.max_entries) {
      return fail(Errc::resource_exhausted, "The directory has more than {} entries, the limit.",
                  visitor_.max_entries);
    }
    return visitor_.on_entry ? visitor_.on_entry(entry) : Status{};
  }

  const BlockGetter& get_;
  const HamtVisitor& visitor_;
  std::uint64_t entries_ = 0;
};

}  // namespace

std::string detail::hamt_prefix(std::uint32_t fanout, std::uint32_t index) {
  // As many hexadecimal digits as the highest slot has.
  const int digits = (std::bit_width(fanout - 1) + 3) / 4;
  return fmt::format("{:0{}X}", index, digits);
}

bool is_hamt_fanout(std::uint64_t fanout) {
  return fanout >= kMinHamtFanout && fanout <= kMaxHamtFanout && std::has_single_bit(fanout);
}

std::optional<std::uint32_t> hamt_slot(std::uint64_t hash, std::uint32_t fanout,
                                       std::size_t level) {
  const auto bits = static_cast<std::size_t>(std::countr_zero(fanout));
  const std::size_t used = bits * (level + 1);
  if (used > kHashBits) return std::nullopt;
  return static_cast<std::uint32_t>(hash >> (kHashBits - used)) & (fanout - 1);
}

const HamtSlot* HamtShard::find(std::uint32_t index) const {
  const auto found = std::ranges::lower_bound(slots, index, {}, &HamtSlot::index);
  return found != slots.end() && found->index == index ? &*found : nullptr;
}

Result<HamtShard> decode_hamt_shard(const Cid& cid, ByteView block) {
  if (cid.codec() != Codec::dag_pb) return bad_shard(cid, "it is not dag-pb");
  ACCEL_TRY(detail::PbView pb, detail::view_pb(block));
  if (!pb.data) return bad_shard(cid, "it has no UnixFS data");
  ACCEL_TRY(const detail::UnixFsView unixfs, detail::view_unixfs(*pb.data));
  const UnixFsNode& node = unixfs.node;
  if (node.type != NodeType::hamt_shard) return bad_shard(cid, "it is no shard");
  if (node.hash_type.value_or(0) != kHamtHash) {
    return bad_shard(cid, fmt::format("its names are hashed by function {:#x}, not murmur3-x64-64",
                                      node.hash_type.value_or(0)));
  }
  const std::uint64_t fanout = node.fanout.value_or(0);
  if (!is_hamt_fanout(fanout)) {
    return bad_shard(cid, fmt::format("its fan-out is {}; a power of two from {} to {} is meant",
                                      fanout, kMinHamtFanout, kMaxHamtFanout));
  }
  const ByteView field = unixfs.data.value_or(ByteView{});
  if (field.size() > fanout / 8) return bad_shard(cid, "its bit field is longer than its fan-out");
  const std::vector<std::uint32_t> used = used_slots(field);
  if (used.size() != pb.links.size()) {
    return bad_shard(cid, fmt::format("its bit field has {} slots and it has {} links", used.size(),
                                      pb.links.size()));
  }
  HamtShard shard{static_cast<std::uint32_t>(fanout), {}, {node.mode, node.mtime}};
  shard.slots.reserve(used.size());
  for (std::size_t i = 0; i < used.size(); ++i) {
    ACCEL_TRY(HamtSlot slot, read_slot(cid, shard.fanout, used[i], std::move(pb.links[i])));
    shard.slots.push_back(std::move(slot));
  }
  return shard;
}

Bytes encode_hamt_shard(const HamtShard& shard) {
  PbNode node;
  Bytes field(shard.fanout / 8, 0);
  for (const HamtSlot& slot : shard.slots) {
    field[field.size() - 1 - slot.index / 8] |= static_cast<std::uint8_t>(1U << (slot.index % 8));
    node.links.push_back({slot.entry.cid,
                          detail::hamt_prefix(shard.fanout, slot.index) + slot.entry.name,
                          slot.entry.tsize});
  }
  field.erase(field.begin(), std::ranges::find_if(field, [](auto byte) { return byte != 0; }));
  UnixFsNode data{.type = NodeType::hamt_shard, .hash_type = kHamtHash, .fanout = shard.fanout};
  if (!field.empty()) data.data = std::move(field);
  data.mode = shard.meta.mode;
  data.mtime = shard.meta.mtime;
  node.data = encode_unixfs(data);
  return encode_pb(node);
}

Result<HamtLookup> find_in_hamt(const Cid& root, std::string_view name, const BlockGetter& get) {
  const std::uint64_t hash = murmur3_x64_64(as_bytes(name));
  HamtLookup lookup{{}, {root}};
  std::uint32_t fanout = 0;
  for (std::size_t level = 0;; ++level) {
    const Cid here = lookup.passed.back();
    ACCEL_TRY(const Bytes block, get(here));
    ACCEL_TRY(const HamtShard shard, load_shard(here, block, fanout));
    fanout = shard.fanout;
    const auto index = hamt_slot(hash, fanout, level);
    if (!index) return bad_shard(here, "it lies deeper than its hashes are long");
    const HamtSlot* const slot = shard.find(*index);
    if (slot == nullptr) return lookup;
    if (!slot->is_shard) {
      if (slot->entry.name == name) lookup.entry = slot->entry;
      return lookup;
    }
    lookup.passed.push_back(slot->entry.cid);
  }
}

Status walk_hamt(const Cid& root, const BlockGetter& get, const HamtVisitor& visitor) {
  return Walk(get, visitor).run(root);
}

}  // namespace accel::ipld
