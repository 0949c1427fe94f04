// SPDX-License-Identifier: Apache-2.0
#pragma once
// What tests of whole DAGs share: an importer and a reader over blocks in memory, and the byte
// streams that the vectors are made of. Test code only.

#include <openssl/evp.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>

#include "accel/crypto/sha256.hpp"
#include "accel/ipld/directory.hpp"
#include "accel/ipld/chunker.hpp"
#include "accel/ipld/file_layout.hpp"
#include "accel/ipld/node_view.hpp"

namespace accel::ipld::testing {

using Blocks = std::map<Cid, Bytes>;

inline OnFileNode collect_into(Blocks* blocks) {
  return [blocks](const Cid& cid, ByteView block) -> Status {
    if (blocks != nullptr) blocks->emplace(cid, to_bytes(block));
    return {};
  };
}

// Cuts a file into leaves and lays them out; `blocks` may be nullptr.
inline Built import_bytes(const ImportProfile& profile, ByteView file, Blocks* blocks = nullptr) {
  const auto layout = make_layout(profile, collect_into(blocks));
  while (!file.empty()) {
    const ByteView payload = file.first(next_leaf_bytes(profile, file));
    file = file.subspan(payload.size());
    const Leaf leaf = make_leaf(profile, payload);
    if (blocks != nullptr) blocks->emplace(leaf.cid, leaf_block(profile, payload));
    if (!layout->add_leaf(leaf)) throw std::runtime_error("a leaf was refused");
  }
  return layout->finish({}).value();
}

inline DirectoryEntry entry_of(std::string name, const Built& built) {
  return {std::move(name), built.root, built.dag_bytes};
}

inline DirectoryEntry entry_of(std::string name, const BuiltBlock& built) {
  return {std::move(name), built.cid, built.dag_bytes};
}

// Reads a file back as the modules above do: each block verified, each promise checked.
inline Status read_back(const Cid& cid, const Blocks& blocks, Bytes& out, std::size_t depth = 0) {
  if (depth > kMaxDagDepth) return fail(Errc::corrupt, "too deep");
  const auto block = blocks.find(cid);
  if (block == blocks.end()) return fail(Errc::not_found, "no block {}", cid);
  ACCEL_CHECK(verify_block(cid, block->second));
  ACCEL_TRY(const NodeView view, decode_node(cid, block->second));
  out.insert(out.end(), view.inline_data.begin(), view.inline_data.end());
  for (const FileChild& child : view.children) {
    const std::size_t before = out.size();
    ACCEL_CHECK(read_back(child.cid, blocks, out, depth + 1));
    if (out.size() - before != child.length) return fail(Errc::corrupt, "a child lied");
  }
  return {};
}

// The stream of kubo_cids.json: sha256(le64(i)) for i = 0, 1, 2, …
inline Bytes hash_stream(std::size_t size) {
  Bytes bytes;
  bytes.reserve(size + crypto::kSha256Bytes);
  for (std::uint64_t i = 0; bytes.size() < size; ++i) {
    std::array<std::uint8_t, 8> counter{};
    for (std::size_t k = 0; k < 8; ++k) counter[k] = static_cast<std::uint8_t>(i >> (8 * k));
    const auto digest = crypto::sha256(counter);
    bytes.insert(bytes.end(), digest.begin(), digest.end());
  }
  bytes.resize(size);
  return bytes;
}

// The streams of IPIP-0499: the ChaCha20 key stream of sha256(seed), a zero nonce and counter.
class SeededStream {
 public:
  explicit SeededStream(std::string_view seed) : context_(EVP_CIPHER_CTX_new()) {
    const auto key = crypto::sha256(as_bytes(seed));
    const std::array<std::uint8_t, 16> counter_and_nonce{};
    if (EVP_EncryptInit_ex(context_, EVP_chacha20(), nullptr, key.data(),
                           counter_and_nonce.data()) != 1) {
      throw std::runtime_error("OpenSSL has no ChaCha20");
    }
  }
  SeededStream(const SeededStream&) = delete;
  SeededStream& operator=(const SeededStream&) = delete;
  ~SeededStream() { EVP_CIPHER_CTX_free(context_); }

  void fill(Bytes& out) {
    std::ranges::fill(out, std::uint8_t{0});
    int written = 0;
    if (EVP_EncryptUpdate(context_, out.data(), &written, out.data(),
                          static_cast<int>(out.size())) != 1) {
      throw std::runtime_error("OpenSSL failed in ChaCha20");
    }
  }
  Bytes take(std::size_t size) {
    Bytes out(size);
    fill(out);
    return out;
  }

 private:
  EVP_CIPHER_CTX* context_;
};

}  // namespace accel::ipld::testing
