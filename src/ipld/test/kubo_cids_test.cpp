// SPDX-License-Identifier: Apache-2.0
// "A CID is a CID only if Kubo computes the same one." Vectors: test/data/ipld/kubo_cids.json,
// minted by Kubo 0.43.1; the file says with which flags, and how its inputs are made.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "accel/core/file.hpp"
#include "accel/ipld/folder.hpp"
#include "import_support.hpp"

namespace accel::ipld {
namespace {

using nlohmann::json;
using testing::entry_of;
using testing::import_bytes;

constexpr std::size_t kMiB = 1U << 20U;

const json& vectors() {
  static const json loaded = [] {
    const auto text = read_text_file(std::string(ACCEL_TEST_DATA) + "/ipld/kubo_cids.json", kMiB);
    if (!text) throw std::runtime_error(text.error().message + " Run from the project's root.");
    return json::parse(*text);
  }();
  return loaded;
}

// The profile that a flag set of the file stands for, read from its name and flags.
ImportProfile profile_of(const std::string& flag_set) {
  if (flag_set == "unixfs-v1-2025") return unixfs_v1_2025();
  ImportProfile profile = unixfs_v0_2015();
  profile.name = flag_set;
  for (const std::string flag : vectors()["flag_sets"][flag_set]["flags"]) {
    const std::string value = flag.substr(flag.find('=') + 1);
    if (flag.starts_with("--cid-version=")) profile.cid_version = std::stoi(value);
    if (flag.starts_with("--raw-leaves")) profile.raw_leaves = value != "false";
    if (flag.starts_with("--chunker=size-")) profile.chunk_size = std::stoull(value.substr(5));
    if (flag.starts_with("--max-file-links=")) {
      profile.max_links = static_cast<std::uint32_t>(std::stoul(value));
    }
  }
  return profile;
}

Bytes file_input(const std::string& name) {
  if (name == "empty") return {};
  if (name.starts_with("zeros_")) return Bytes(std::stoull(name.substr(6)), 0);
  if (name == "stream_10MiB") return testing::hash_stream(10 * kMiB);
  throw std::runtime_error("no generator for " + name);
}

Result<BuiltBlock> import_dir3(const ImportProfile& profile) {
  const Built c = import_bytes(profile, testing::hash_stream(2 * kMiB));
  const Built b = import_bytes(profile, as_bytes("world\n"));
  const Built a = import_bytes(profile, as_bytes("hello\n"));
  ACCEL_TRY(const BuiltBlock deep, build_directory(profile, {entry_of("c.bin", c)}));
  ACCEL_TRY(const BuiltBlock sub,
            build_directory(profile, {entry_of("deep", deep), entry_of("b.txt", b)}));
  return build_directory(profile, {entry_of("sub", sub), entry_of("a.txt", a)});
}

Result<BuiltFolder> import_many_files(const ImportProfile& profile, int count) {
  std::vector<DirectoryEntry> entries;
  for (int i = 0; i < count; ++i) {
    const std::string content = fmt::format("file {}\n", i);
    entries.push_back(
        entry_of(fmt::format("file-{:05}.txt", i), import_bytes(profile, as_bytes(content))));
  }
  const OnBlock ignore = [](const Cid&, ByteView) -> Status { return {}; };
  return build_folder(profile, std::move(entries), {}, ignore);
}

TEST(KuboCids, files_get_the_cids_of_kubo_under_every_flag_set) {
  int compared = 0;
  for (const json& row : vectors()["table"]) {
    const std::string input = row["input"];
    if (input.starts_with("dir")) continue;
    const Bytes file = file_input(input);
    ASSERT_EQ(to_hex(crypto::sha256(file)), row["sha256"]) << "the generator of " << input;
    for (const auto& [flag_set, cid] : row["cids"].items()) {
      const Built built = import_bytes(profile_of(flag_set), file);
      EXPECT_EQ(built.root.to_string(), cid) << input << " under " << flag_set;
      EXPECT_EQ(built.file_bytes, file.size());
      ++compared;
    }
  }
  EXPECT_EQ(compared, 30);
}

TEST(KuboCids, a_nested_directory_gets_the_cid_of_kubo_under_every_flag_set) {
  int compared = 0;
  for (const json& row : vectors()["table"]) {
    if (row["input"] != "dir3") continue;
    for (const auto& [flag_set, cid] : row["cids"].items()) {
      EXPECT_EQ(import_dir3(profile_of(flag_set)).value().cid.to_string(), cid) << flag_set;
      ++compared;
    }
  }
  EXPECT_EQ(compared, 6);
}

TEST(KuboCids, five_thousand_files_are_sharded_where_kubo_shards_them) {
  int compared = 0;
  int sharded = 0;
  for (const json& row : vectors()["table"]) {
    const std::string input = row["input"];
    if (input != "dir5000") continue;
    for (const auto& [flag_set, cid] : row["cids"].items()) {
      const auto built = import_many_files(profile_of(flag_set), 5000);
      ASSERT_TRUE(built) << built.error().message;
      EXPECT_EQ(built->cid.to_string(), cid) << input << " under " << flag_set;
      sharded += built->sharded ? 1 : 0;
      ++compared;
    }
  }
  EXPECT_EQ(compared, 6);
  EXPECT_EQ(sharded, 1);
}

}  // namespace
}  // namespace accel::ipld
