// SPDX-License-Identifier: Apache-2.0
#pragma once
// Small DAGs in memory for tests: files of any profile, folders, links, and nodes made by hand.

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "accel/core/random.hpp"
#include "accel/ipld/dag_pb.hpp"
#include "accel/ipld/directory.hpp"
#include "accel/ipld/file_layout.hpp"
#include "accel/ipld/hamt.hpp"
#include "accel/ipld/unixfs.hpp"

namespace accel::exchange::testing {

// Bytes that differ for each seed.
inline Bytes noise(std::uint64_t seed, std::size_t size) {
  SeededRandom random(seed);
  Bytes bytes(size);
  random.fill(bytes);
  return bytes;
}

// A profile with tiny leaves, so that a few kB make a deep tree.
inline ipld::ImportProfile tiny_profile(bool raw_leaves = true) {
  ipld::ImportProfile profile = ipld::unixfs_v1_2025();
  profile.name = "tiny";
  profile.raw_leaves = raw_leaves;
  profile.chunk_size = 1024;
  profile.max_links = 4;
  return profile;
}

class TestDag {
 public:
  // A file or folder in the DAG, fit to be an entry of another folder.
  struct Item {
    ipld::Cid cid;
    std::uint64_t tsize = 0;
  };

  Item add_file(ByteView bytes, const ipld::ImportProfile& profile = tiny_profile()) {
    const auto layout =
        ipld::make_layout(profile, [this](const ipld::Cid& cid, ByteView block) -> Status {
          put(cid, block);
          return {};
        });
    for (std::size_t at = 0; at < bytes.size(); at += profile.chunk_size) {
      const auto size = std::min<std::size_t>(profile.chunk_size, bytes.size() - at);
      const ByteView payload = bytes.subspan(at, size);
      const ipld::Leaf leaf = ipld::make_leaf(profile, payload);
      put(leaf.cid, ipld::leaf_block(profile, payload));
      leaves_.push_back(leaf.cid);
      EXPECT_TRUE(layout->add_leaf(leaf));
    }
    const auto built = layout->finish({});
    EXPECT_TRUE(built);
    return {built->root, built->dag_bytes};
  }
  Item add_folder(const std::vector<std::pair<std::string, Item>>& entries) {
    std::vector<ipld::DirectoryEntry> list;
    for (const auto& [name, item] : entries) list.push_back({name, item.cid, item.tsize});
    const auto built = ipld::build_directory(ipld::unixfs_v1_2025(), list);
    EXPECT_TRUE(built);
    put(built->cid, built->block);
    return {built->cid, built->dag_bytes};
  }
  // A sharded folder of two entries: the first file of the name 470.txt in a sub-shard (its hash
  // begins with 006e), the second of the name "a" in the root.
  Item add_sharded(const Item& in_sub_shard, const Item& in_root) {
    const auto shard = [this](std::vector<ipld::PbLink> links, Bytes bits) {
      return add_node({.type = ipld::NodeType::hamt_shard,
                       .data = std::move(bits),
                       .hash_type = ipld::kHamtHash,
                       .fanout = 256},
                      std::move(links));
    };
    Bytes bits(0x6e / 8 + 1, 0);
    bits.front() = 1U << (0x6eU % 8);
    const Item below = shard({{in_sub_shard.cid, "6E470.txt", in_sub_shard.tsize}}, bits);
    const auto slot = *ipld::hamt_slot(ipld::murmur3_x64_64(as_bytes("a")), 256, 0);
    bits.assign(slot / 8 + 1, 0);
    bits.front() = static_cast<std::uint8_t>(1U << (slot % 8));
    bits.back() |= 1U;
    return shard({{below.cid, "00", below.tsize},
                  {in_root.cid, fmt::format("{:02X}a", slot), in_root.tsize}},
                 bits);
  }
  Item add_symlink(const std::string& target) {
    const auto built = ipld::build_symlink(ipld::unixfs_v1_2025(), target);
    EXPECT_TRUE(built);
    put(built->cid, built->block);
    return {built->cid, built->dag_bytes};
  }
  // A node of any content, whatever it claims.
  Item add_node(const ipld::UnixFsNode& unixfs, std::vector<ipld::PbLink> links) {
    const Bytes block = ipld::encode_pb({std::move(links), ipld::encode_unixfs(unixfs)});
    return add_block(ipld::Codec::dag_pb, block);
  }
  Item add_block(ipld::Codec codec, ByteView block) {
    const auto cid = ipld::Cid::v1(codec, ipld::sha2_256(block));
    put(cid, block);
    return {cid, block.size()};
  }
  void put(const ipld::Cid& cid, ByteView block) { blocks_[cid] = to_bytes(block); }
  void drop(const ipld::Cid& cid) { blocks_.erase(cid); }

  const Bytes* find(const ipld::Cid& cid) const {
    const auto found = blocks_.find(cid);
    return found == blocks_.end() ? nullptr : &found->second;
  }
  const std::map<ipld::Cid, Bytes>& blocks() const { return blocks_; }
  // Of all files, in the order in which they were added.
  const std::vector<ipld::Cid>& leaves() const { return leaves_; }
  std::uint64_t bytes() const {
    std::uint64_t sum = 0;
    for (const auto& [cid, block] : blocks_) sum += block.size();
    return sum;
  }

 private:
  std::map<ipld::Cid, Bytes> blocks_;
  std::vector<ipld::Cid> leaves_;
};

}  // namespace accel::exchange::testing
