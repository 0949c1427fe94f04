// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/profile.hpp"

#include <charconv>
#include <optional>

#include "accel/ipld/hamt.hpp"

namespace accel::ipld {
namespace {

constexpr std::uint64_t kMinRabinBytes = 16;  // One window.
constexpr std::uint64_t kUsualRabinAverage = 256U << 10U;
constexpr std::uint64_t kMaxBuzhashBytes = 512U << 10U;

// All of `text` as a number; nothing if it is none.
std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "16-32-64" as numbers; none when one of them is none, or there are more than three.
std::vector<std::uint64_t> numbers_in(std::string_view text) {
  std::vector<std::uint64_t> numbers;
  while (numbers.size() < 3) {
    const std::size_t dash = text.find('-');
    const auto number = number_in(text.substr(0, dash));
    if (!number) return {};
    numbers.push_back(*number);
    if (dash == std::string_view::npos) return numbers;
    text.remove_prefix(dash + 1);
  }
  return {};
}

void set_rabin(ImportProfile& profile, std::uint64_t least, std::uint64_t average,
               std::uint64_t most) {
  profile.chunking = Chunking::rabin;
  profile.rabin_min = least;
  profile.rabin_average = average;
  profile.chunk_size = most;
}

}  // namespace

const ImportProfile& unixfs_v1_2025() {
  static const ImportProfile profile{.name = "unixfs-v1-2025"};
  return profile;
}

const ImportProfile& unixfs_v0_2015() {
  static const ImportProfile profile{
      .name = "unixfs-v0-2015",
      .cid_version = 0,
      .raw_leaves = false,
      .chunk_size = 256U << 10U,
      .max_links = 174,
      .hamt_threshold = 256U << 10U,
      .directory_size = DirectorySize::links_bytes,
  };
  return profile;
}

const std::vector<std::string>& profile_names() {
  static const std::vector<std::string> names{unixfs_v1_2025().name, unixfs_v0_2015().name};
  return names;
}

Result<ImportProfile> profile_by_name(std::string_view name) {
  if (name == unixfs_v1_2025().name) return unixfs_v1_2025();
  if (name == unixfs_v0_2015().name) return unixfs_v0_2015();
  return fail(Errc::invalid_argument, "There is no import profile {}; there are {}.", name,
              fmt::join(profile_names(), " and "));
}

Status set_chunker(ImportProfile& profile, std::string_view text) {
  const std::size_t dash = text.find('-');
  const std::string_view kind = text.substr(0, dash);
  const auto numbers = dash == std::string_view::npos ? std::vector<std::uint64_t>()
                                                      : numbers_in(text.substr(dash + 1));
  if (kind == "size" && numbers.size() == 1) {
    profile.chunking = Chunking::fixed;
    profile.chunk_size = numbers[0];
    return {};
  }
  if (text == "buzhash") {
    profile.chunking = Chunking::buzhash;
    profile.chunk_size = kMaxBuzhashBytes;
    return {};
  }
  if (text == "rabin" || (kind == "rabin" && numbers.size() == 1)) {
    const std::uint64_t average = numbers.empty() ? kUsualRabinAverage : numbers[0];
    if (average <= kMaxChunkBytes) {
      set_rabin(profile, average / 3, average, average + average / 2);
      return {};
    }
  }
  if (kind == "rabin" && numbers.size() == 3) {
    set_rabin(profile, numbers[0], numbers[1], numbers[2]);
    return {};
  }
  return fail(Errc::invalid_argument,
              "A chunker is size-N, with N bytes in a chunk, rabin, rabin-AVERAGE, "
              "rabin-MIN-AVERAGE-MAX or buzhash, not \"{}\".",
              text.substr(0, 100));
}

Status check_profile(const ImportProfile& profile) {
  if (profile.chunk_size == 0 || profile.chunk_size > kMaxChunkBytes) {
    return fail(Errc::invalid_argument, "A chunk has 1 to {} bytes, not {}.", kMaxChunkBytes,
                profile.chunk_size);
  }
  if (profile.chunking == Chunking::rabin &&
      (profile.rabin_min < kMinRabinBytes || profile.rabin_min >= profile.rabin_average ||
       profile.rabin_average >= profile.chunk_size)) {
    return fail(Errc::invalid_argument,
                "Rabin's chunks have a least size from {} on, below the average, below the most; "
                "not {}, {} and {}.",
                kMinRabinBytes, profile.rabin_min, profile.rabin_average, profile.chunk_size);
  }
  if (profile.inline_limit > kMaxDigestBytes) {
    return fail(Errc::invalid_argument, "A block inside its CID has at most {} bytes, not {}.",
                kMaxDigestBytes, profile.inline_limit);
  }
  if (profile.max_links < 2 || profile.max_links > kMaxFileLinks) {
    return fail(Errc::invalid_argument, "A node of a file has 2 to {} links, not {}.",
                kMaxFileLinks, profile.max_links);
  }
  if (!is_hamt_fanout(profile.hamt_fanout)) {
    return fail(Errc::invalid_argument,
                "The fan-out of a sharded folder is a power of two from {} to {}, not {}.",
                kMinHamtFanout, kMaxHamtFanout, profile.hamt_fanout);
  }
  if (profile.cid_version != 0 && profile.cid_version != 1) {
    return fail(Errc::invalid_argument, "CIDs have the version 0 or 1, not {}.",
                profile.cid_version);
  }
  if (profile.hash == HashCode::identity) {
    return fail(Errc::unsupported, "Files are not cut into blocks that are their own names.");
  }
  if (profile.cid_version == 0 && profile.hash != HashCode::sha2_256) {
    return fail(Errc::invalid_argument, "CIDv0 knows sha2-256 only, not {}; take CIDv1.",
                hash_name(profile.hash));
  }
  return {};
}

Multihash hash_block(const ImportProfile& profile, ByteView block) {
  const bool is_inlined = profile.inline_limit > 0 && block.size() <= profile.inline_limit;
  return *hash_with(is_inlined ? HashCode::identity : profile.hash,
                    block);  // check() let no other function pass.
}

}  // namespace accel::ipld
