// SPDX-License-Identifier: Apache-2.0
// The test fixtures of IPIP-0499 ("UnixFS CID profiles", section "Test fixtures"). Its inputs are
// described by the test of Kubo that minted them, test/cli/cid_profiles_test.go.
#include <gtest/gtest.h>

#include "accel/ipld/folder.hpp"
#include "import_support.hpp"

namespace accel::ipld {
namespace {

using testing::import_bytes;
using testing::SeededStream;

struct FileCase {
  const ImportProfile& profile;
  std::string_view seed;
  std::size_t size;
  std::string_view cid;
};

// One-byte files "x" whose names are spelled by the stream of the seed.
std::vector<DirectoryEntry> spelled_entries(const ImportProfile& profile, std::size_t count,
                                            std::size_t name_size, std::size_t last_name_size) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz01234567890-_";
  SeededStream stream("hamt-" + profile.name);
  const Built file = import_bytes(profile, as_bytes("x"));
  std::vector<DirectoryEntry> entries;
  for (std::size_t i = 0; i < count; ++i) {
    std::string name;
    for (const std::uint8_t byte : stream.take(i + 1 == count ? last_name_size : name_size)) {
      name += kLetters[byte % kLetters.size()];
    }
    entries.push_back(testing::entry_of(std::move(name), file));
  }
  return entries;
}

TEST(Ipip0499, hello_world_gets_the_published_cids) {
  EXPECT_EQ(import_bytes(unixfs_v0_2015(), as_bytes("hello world")).root.to_string(),
            "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD");
  EXPECT_EQ(import_bytes(unixfs_v1_2025(), as_bytes("hello world")).root.to_string(),
            "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
}

TEST(Ipip0499, files_at_and_over_the_limits_get_the_published_cids) {
  constexpr std::size_t kV0Full = std::size_t{174} * 262144;
  const FileCase cases[] = {
      {unixfs_v0_2015(), "chunk-v0-seed", 262144, "QmWmRj3dFDZdb6ABvbmKhEL6TmPbAfBZ1t5BxsEyJrcZhE"},
      {unixfs_v0_2015(), "chunk-v0-seed", 262145, "QmYyLxtzZyW22zpoVAtKANLRHpDjZtNeDjQdJrcQNWoRkJ"},
      {unixfs_v0_2015(), "v0-seed", kV0Full, "QmUbBALi174SnogsUzLpYbD4xPiBSFANF4iztWCsHbMKh2"},
      {unixfs_v0_2015(), "v0-seed", kV0Full + 1, "QmV81WL765sC8DXsRhE5fJv2rwhS4icHRaf3J9Zk5FdRnW"},
      {unixfs_v1_2025(), "chunk-v1-seed", 1048576,
       "bafkreiacndfy443ter6qr2tmbbdhadvxxheowwf75s6zehscklu6ezxmta"},
      {unixfs_v1_2025(), "chunk-v1-seed", 1048577,
       "bafybeigmix7t42i6jacydtquhet7srwvgpizfg7gjbq7627d35mjomtu64"},
  };
  for (const FileCase& c : cases) {
    EXPECT_EQ(import_bytes(c.profile, SeededStream(c.seed).take(c.size)).root.to_string(), c.cid)
        << c.size << " bytes of " << c.seed;
  }
}

TEST(Ipip0499, directories_at_the_threshold_stay_one_block) {
  EXPECT_EQ(build_directory(unixfs_v0_2015(), spelled_entries(unixfs_v0_2015(), 4096, 30, 30))
                .value()
                .cid.to_string(),
            "QmX5GtRk3TSSEHtdrykgqm4eqMEn3n2XhfkFAis5fjyZmN");
  const auto v1 =
      build_directory(unixfs_v1_2025(), spelled_entries(unixfs_v1_2025(), 4766, 11, 21)).value();
  EXPECT_EQ(v1.block.size(), unixfs_v1_2025().hamt_threshold);
  EXPECT_EQ(v1.cid.to_string(), "bafybeic3h7rwruealwxkacabdy45jivq2crwz6bufb5ljwupn36gicplx4");
}

TEST(Ipip0499, directories_one_byte_over_the_threshold_are_sharded) {
  const OnBlock ignore = [](const Cid&, ByteView) -> Status { return {}; };
  const auto v0 =
      build_folder(unixfs_v0_2015(), spelled_entries(unixfs_v0_2015(), 4033, 31, 31), {}, ignore);
  ASSERT_TRUE(v0) << v0.error().message;
  EXPECT_TRUE(v0->sharded);
  EXPECT_EQ(v0->cid.to_string(), "QmeMiJzmhpJAUgynAcxTQYek5PPKgdv3qEvFsdV3XpVnvP");
  const auto v1 =
      build_folder(unixfs_v1_2025(), spelled_entries(unixfs_v1_2025(), 4766, 11, 22), {}, ignore);
  ASSERT_TRUE(v1) << v1.error().message;
  EXPECT_TRUE(v1->sharded);
  EXPECT_EQ(v1->cid.to_string(), "bafybeiegvuterwurhdtkikfhbxcldohmxp566vpjdofhzmnhv6o4freidu");
}

}  // namespace
}  // namespace accel::ipld
