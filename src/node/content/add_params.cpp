// SPDX-License-Identifier: Apache-2.0
#include "content/add_params.hpp"

#include <charconv>

namespace accel::node {
namespace {

constexpr std::int64_t kMaxThreshold = 2 << 20;  // A larger folder would be no block that travels.
constexpr std::uint32_t kMaxMode = 07777;
constexpr std::int64_t kUsualInlineBytes = 32;  // As Kubo.

// All of `text` as a number; nothing if it is none.
std::optional<std::uint64_t> number_in(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Octal and marked as such: 644 by itself means one thing to chmod and another to `ipfs add`.
Result<std::uint32_t> mode_of(std::string_view text) {
  const auto mode = text.starts_with('0') ? number_in(text, 8) : std::optional<std::uint64_t>();
  if (mode && *mode > 0 && *mode <= kMaxMode) return static_cast<std::uint32_t>(*mode);
  return fail(Errc::invalid_argument,
              "A mode is an octal number with a leading zero, from 0001 to 07777, such as 0644; "
              "\"{}\" is none.",
              text);
}

struct MetaParams {
  std::string mode;
  std::optional<std::int64_t> seconds;
  std::int64_t nanoseconds = 0;
};

Result<ipld::UnixFsMeta> meta_of(const MetaParams& given) {
  ipld::UnixFsMeta meta;
  if (!given.mode.empty()) {
    ACCEL_TRY(meta.mode, mode_of(given.mode));
  }
  if (given.seconds) meta.mtime = ipld::UnixFsTime{*given.seconds, {}};
  if (given.nanoseconds == 0) return meta;
  if (!meta.mtime) {
    return fail(Errc::invalid_argument, "mtime_nsecs is a part of mtime, which is not given.");
  }
  meta.mtime->nanoseconds = static_cast<std::uint32_t>(given.nanoseconds);
  return meta;
}

// What was said of the shape of blocks, in the order in which one thing follows from another.
struct ShapeParams {
  std::string profile;
  std::string hash;
  std::optional<std::int64_t> cid_version;
  std::optional<bool> raw_leaves;
  std::string chunker;
  bool trickle = false;
  bool inlined = false;
  std::int64_t inline_limit = kUsualInlineBytes;
};

// As Kubo has it: another hash asks for CIDv1; a CID version that is asked for decides about raw
// leaves, unless metadata, which they have no room for, is kept.
Result<ipld::ImportProfile> shape_of(const ShapeParams& given, bool keeps_metadata) {
  ACCEL_TRY(ipld::ImportProfile profile, ipld::profile_by_name(given.profile));
  if (!given.hash.empty()) {
    ACCEL_TRY(profile.hash, ipld::hash_by_name(given.hash));
  }
  std::optional<std::int64_t> version = given.cid_version;
  if (!version && profile.hash != ipld::HashCode::sha2_256 && profile.cid_version == 0) version = 1;
  if (version) {
    profile.cid_version = static_cast<int>(*version);
    profile.raw_leaves = *version == 1 && !keeps_metadata;
  }
  if (given.raw_leaves) profile.raw_leaves = *given.raw_leaves;
  if (!given.chunker.empty()) ACCEL_CHECK(ipld::set_chunker(profile, given.chunker));
  if (given.trickle) profile.shape = ipld::FileShape::trickle;
  if (given.inlined) profile.inline_limit = static_cast<std::uint32_t>(given.inline_limit);
  return profile;
}

// A number that was given goes in the place of the profile's.
struct LimitParams {
  std::optional<std::int64_t> file_links, directory_links, fanout, threshold;

  explicit LimitParams(Params& params) {
    const auto read = [&](std::string_view name, std::int64_t most) {
      return params.given(name) ? std::optional(params.integer_in(name, 0, 0, most)) : std::nullopt;
    };
    file_links = read("max_file_links", UINT32_MAX);
    directory_links = read("max_directory_links", UINT32_MAX);
    fanout = read("max_hamt_fanout", UINT32_MAX);
    threshold = read("hamt_threshold", kMaxThreshold);
  }

  void apply(ipld::ImportProfile& profile) const {
    if (file_links) profile.max_links = static_cast<std::uint32_t>(*file_links);
    if (directory_links) profile.max_directory_links = static_cast<std::uint32_t>(*directory_links);
    if (fanout) profile.hamt_fanout = static_cast<std::uint32_t>(*fanout);
    if (threshold) profile.hamt_threshold = static_cast<std::uint64_t>(*threshold);
  }
};

}  // namespace

Result<blockstore::AddOptions> read_add_options(Params& params) {
  blockstore::AddOptions options;
  options.only_hash = params.flag("only_hash");
  options.hidden = params.flag("hidden");
  options.dereference = params.flag("dereference");
  options.reference = params.flag("reference");
  options.is_private = params.flag("private");
  options.wrap = params.flag("wrap");
  options.preserve_mode = params.flag("preserve_mode");
  options.preserve_mtime = params.flag("preserve_mtime");
  ShapeParams shape;
  shape.profile = params.text("profile", ipld::unixfs_v1_2025().name);
  shape.hash = params.text("hash", {});
  shape.chunker = params.text("chunker", {});
  if (params.given("cid_version")) shape.cid_version = params.integer_in("cid_version", 1, 0, 1);
  if (params.given("raw_leaves")) shape.raw_leaves = params.flag("raw_leaves");
  MetaParams meta;
  meta.mode = params.text("mode", {});
  if (params.given("mtime")) meta.seconds = params.integer("mtime", 0);
  meta.nanoseconds = params.integer_in("mtime_nsecs", 0, 0, 999'999'999);
  shape.trickle = params.flag("trickle");
  shape.inlined = params.flag("inline");
  shape.inline_limit =
      params.integer_in("inline_limit", kUsualInlineBytes, 1, ipld::kMaxDigestBytes);
  const LimitParams limits(params);
  ACCEL_TRY(options.meta, meta_of(meta));
  const bool keeps_metadata =
      options.preserve_mode || options.preserve_mtime || !options.meta.empty();
  ACCEL_TRY(options.profile, shape_of(shape, keeps_metadata));
  limits.apply(options.profile);
  return options;
}

}  // namespace accel::node
