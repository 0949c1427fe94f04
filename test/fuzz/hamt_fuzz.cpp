// SPDX-License-Identifier: Apache-2.0
// Any bytes as the shards of a directory: pieces behind a 16-bit length each, of which a CID names
// one by its digest, so that shards link to each other, to themselves and to nothing. Every walk
// ends; what is listed is found; what is put in is found and can be taken out again.
#include <cstdlib>
#include <map>
#include <vector>

#include "accel/ipld/folder.hpp"

namespace {

using namespace accel;        // NOLINT(google-build-using-namespace): a fuzz target.
using namespace accel::ipld;  // NOLINT(google-build-using-namespace)

constexpr std::uint64_t kMaxEntries = 2000;

void require(bool condition) {
  if (!condition) std::abort();
}

std::vector<Bytes> pieces_of(ByteView input) {
  std::vector<Bytes> pieces;
  while (input.size() >= 2) {
    const std::size_t size = std::min<std::size_t>(input[0] << 8U | input[1], input.size() - 2);
    pieces.push_back(to_bytes(input.subspan(2, size)));
    input = input.subspan(2 + size);
  }
  return pieces;
}

struct Trie {
  std::vector<Bytes> pieces;
  std::map<Cid, Bytes> made;

  BlockGetter getter() {
    return [this](const Cid& cid) -> Result<Bytes> {
      if (const auto found = made.find(cid); found != made.end()) return found->second;
      const ByteView digest = cid.hash().digest();
      if (pieces.empty() || digest.empty()) return fail(Errc::not_found, "No block {}.", cid);
      return pieces[digest.back() % pieces.size()];
    };
  }
  OnBlock keep() {
    return [this](const Cid& cid, ByteView block) -> Status {
      made.insert_or_assign(cid, to_bytes(block));
      return {};
    };
  }
};

// A canonical trie with these entries, as far as a shard of the input can be read at all.
void change(Trie& trie, const Cid& root) {
  ImportProfile profile = unixfs_v1_2025();
  profile.hamt_threshold = 200;
  const FolderAccess access{profile, trie.getter(), trie.keep()};
  const auto put = put_entry(access, root, {"a new name", root, 1});
  if (!put) return;
  const auto found = find_in_hamt(put->cid, "a new name", access.get);
  if (put->sharded) require(found && found->entry && found->entry->cid == root);
  const auto removed = remove_entry(access, put->cid, "a new name");
  if (put->sharded) require(removed || removed.error().code != Errc::not_found);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Trie trie{pieces_of({data, size}), {}};
  Bytes digest(32, 0);
  const Cid root = Cid::v1(Codec::dag_pb, *Multihash::wrap(HashCode::sha2_256, digest));
  if (!trie.pieces.empty()) {
    const auto shard = decode_hamt_shard(root, trie.pieces.front());
    if (shard) require(decode_hamt_shard(root, encode_hamt_shard(*shard)).has_value());
  }
  std::vector<DirectoryEntry> listed;
  const auto take = [&](const DirectoryEntry& entry) -> Status {
    if (listed.size() < 32) listed.push_back(entry);
    return {};
  };
  const Status walked =
      walk_hamt(root, trie.getter(), {.on_entry = take, .max_entries = kMaxEntries});
  for (const DirectoryEntry& entry : listed) {
    const auto found = find_in_hamt(root, entry.name, trie.getter());
    require(found && found->entry && found->entry->name == entry.name);
  }
  if (walked) change(trie, root);
  return 0;
}
