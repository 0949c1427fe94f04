// SPDX-License-Identifier: Apache-2.0
#include "accel/libp2p/swarm_key.hpp"

#include "accel/core/private_file.hpp"
#include "accel/ipld/multibase.hpp"

namespace accel::libp2p {
namespace {

constexpr std::string_view kHead = "/key/swarm/psk/1.0.0/";
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kMaxFileBytes = 4096;

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string_view without_padding(std::string_view text) {
  return text.substr(0, text.find_last_not_of('=') + 1);
}

Result<Bytes> decode(std::string_view encoding, std::string_view rest) {
  if (encoding == "/bin/") return to_bytes(as_bytes(rest));
  const std::string_view line = take_line(rest);
  if (encoding == "/base16/") return from_hex(line);
  if (encoding == "/base64/") {
    return ipld::multibase_decode("m" + std::string(without_padding(line)));
  }
  return fail(Errc::invalid_argument, "its encoding is none of /base16/, /base64/ and /bin/");
}

}  // namespace

Result<crypto::Secret32> parse_swarm_key(ByteView text) {
  std::string_view rest = as_text(text);
  if (take_line(rest) != kHead) {
    return fail(Errc::invalid_argument,
                "This is no key of a private swarm: its first line is not {}.", kHead);
  }
  const std::string_view encoding = take_line(rest);
  auto bytes = decode(encoding, rest);
  if (!bytes || bytes->size() != kKeyBytes) {
    const std::string why =
        bytes ? fmt::format("it has {} bytes, not 32", bytes->size()) : bytes.error().message;
    return fail(Errc::invalid_argument, "The key of the private swarm can't be read: {}.", why);
  }
  crypto::Secret32 key{ByteView(*bytes).first<kKeyBytes>()};
  crypto::wipe(*bytes);
  return key;
}

std::string write_swarm_key(const crypto::Secret32& key) {
  return fmt::format("{}\n/base16/\n{}\n", kHead, to_hex(key.view()));
}

Result<crypto::Secret32> load_swarm_key(const std::filesystem::path& file) {
  ACCEL_TRY(Bytes text, read_private_file(file, {.max_bytes = kMaxFileBytes}));
  auto key = parse_swarm_key(text);
  crypto::wipe(text);
  if (!key) key.error().message = fmt::format("{}: {}", file.string(), key.error().message);
  return key;
}

crypto::Secret32 make_swarm_key(Random& random) {
  crypto::Secret32 key;
  random.fill(key.writable());
  return key;
}

}  // namespace accel::libp2p
