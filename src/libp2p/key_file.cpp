// SPDX-License-Identifier: Apache-2.0
#include "accel/libp2p/key_file.hpp"

#include "accel/core/file.hpp"
#include "accel/core/private_file.hpp"
#include "accel/ipld/protobuf.hpp"

namespace accel::libp2p {
namespace {

constexpr std::uint32_t kType = 1;
constexpr std::uint32_t kData = 2;
constexpr std::size_t kKeyBytes = 64;
constexpr std::size_t kOldKeyBytes = 96;  // The public half twice.
constexpr std::size_t kMaxFileBytes = 4096;

tl::unexpected<Error> broken() { return fail(Errc::corrupt, "This is no private key of libp2p."); }

}  // namespace

Bytes encode_private_key(const crypto::Ed25519Key& key) {
  crypto::Secret<kKeyBytes> data;
  std::ranges::copy(key.seed().view(), data.writable().begin());
  std::ranges::copy(key.public_key(), data.writable().begin() + crypto::kEd25519SeedBytes);
  Bytes out;
  ipld::put_varint_field(out, kType, static_cast<std::uint64_t>(crypto::KeyType::ed25519));
  ipld::put_bytes_field(out, kData, data.view());
  return out;
}

Result<crypto::Ed25519Key> decode_private_key(ByteView protobuf) {
  std::uint64_t type = ~std::uint64_t{0};
  ByteView data;
  for (ipld::PbReader reader(protobuf); !reader.done();) {
    const auto field = reader.next();
    if (!field) return broken();
    if (field->number == kType) type = field->value;
    if (field->number == kData) data = field->bytes;
  }
  if (type != static_cast<std::uint64_t>(crypto::KeyType::ed25519)) {
    return fail(Errc::unsupported, "Private keys of type {} are not used here; Ed25519 is.", type);
  }
  if (data.size() != kKeyBytes && data.size() != kOldKeyBytes) return broken();
  const crypto::Secret32 seed(data.first<crypto::kEd25519SeedBytes>());
  auto key = crypto::Ed25519Key::from_seed(seed);
  const ByteView half = data.subspan(crypto::kEd25519SeedBytes, crypto::kEd25519PublicBytes);
  if (!std::ranges::equal(half, key.public_key())) return broken();
  return key;
}

Result<crypto::Ed25519Key> load_key(const std::filesystem::path& file) {
  ACCEL_TRY(Bytes bytes, read_private_file(file, {.max_bytes = kMaxFileBytes}));
  auto key = decode_private_key(bytes);
  crypto::wipe(bytes);
  if (!key) key.error().message = fmt::format("{}: {}", file.string(), key.error().message);
  return key;
}

Status save_key(const std::filesystem::path& file, const crypto::Ed25519Key& key) {
  Bytes bytes = encode_private_key(key);
  Status written = write_file_atomic(file, bytes);
  crypto::wipe(bytes);
  return written;
}

Result<crypto::Ed25519Key> load_or_make_key(const std::filesystem::path& file, Random& random) {
  auto found = load_key(file);
  if (found || found.error().code != Errc::not_found) return found;
  const auto lock_path = std::filesystem::path(file) += ".lock";
  ACCEL_TRY(const FileLock lock, FileLock::acquire(lock_path, FileLock::Mode::exclusive, true));
  found = load_key(file);
  if (found || found.error().code != Errc::not_found) return found;
  const auto key = crypto::Ed25519Key::generate(random);
  ACCEL_CHECK(save_key(file, key));
  return key;
}

}  // namespace accel::libp2p
